"""Line protocol: where a reading becomes text for InfluxDB, and is read back; and the part of a series that devices share.

A province has some thousand devices at each site. Of a series each of them keeps only its name, and the pattern: measurement
and tags without that name.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from zlib import crc32

from msgspec.json import Encoder, decode

from schemas.quantities import HEALTH, Quality
from schemas.readings import Value

Tags = tuple[tuple[str, str], ...]
"""Tags with their values, unescaped."""

_encode = Encoder().encode
_TAG_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", "=": "\\=", " ": "\\ ", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def escape_tag(text: str) -> str:
    """A tag key, tag value or field key.

    InfluxDB takes a separator behind any backslash as escaped, VictoriaMetrics one behind an odd number of them. So backslashes
    are doubled, which serves both, and one at the end, which would swallow the separator of InfluxDB, gets a mark behind it.
    """
    escaped = text.translate(_TAG_ESCAPES)
    return escaped + "_" if escaped.endswith("\\") else escaped


def tag_text(tags: Iterable[tuple[str, str | None]]) -> str:
    """Tags in the form that follows the measurement: ``,area=…,device=…``, sorted by key; empty values are left out."""
    return "".join(f",{escape_tag(key)}={escape_tag(value)}" for key, value in sorted(tags) if value)


def value_texts(values: Sequence[Value]) -> list[str]:
    """Numbers and states as line protocol has them.

    JSON has them in the same form, the shortest that is exact, and its encoder writes all of them in one call: half of the cost
    of a ``repr`` for each.
    """
    return _encode(values)[1:-1].decode().split(",")


def device_of_line(line: str) -> str | None:
    """The tag ``device`` of a point, as this gateway writes it: the grammar of devices leaves nothing to escape."""
    tags, separator = line.partition(" ")[0], ",device="
    return tags.partition(separator)[2].partition(",")[0] if separator in tags else None


_TAG: Final = re.compile(r",((?:[^\\=]|\\.)+)=((?:[^\\,]|\\.)+)")
_ESCAPED: Final = re.compile(r"\\(.)")
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t"}


class PointValue(NamedTuple):
    """One value of a point.

    :ivar series: measurement and tags as the line has them. Lanes, channels and classes of one device differ in it alone.
    """

    measurement: str
    device: str
    field: str
    value: Value
    time_ms: int
    quality: int
    series: str

    @property
    def tags(self) -> dict[str, str]:
        """All tags, read when they are asked for. A text that ended with a backslash keeps the mark that it got behind it."""
        return {_unescaped(key): _unescaped(value) for key, value in _TAG.findall(self.series)}


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: _CONTROLS.get(found[1], found[1]), text) if "\\" in text else text


def read_values(lines: Iterable[str]) -> Iterator[PointValue]:
    """The values of readings, each when it is asked for. They are numbers, and names of fields have nothing to escape."""
    for line in lines:
        series, text, time_text = line.rsplit(" ", 2)
        fields = dict(piece.split("=") for piece in text.split(","))
        quality = int(fields.pop("quality", "0i")[:-1])
        fields.pop("seq", None)
        device = series.partition(",device=")[2].partition(",")[0]
        for field, value in fields.items():
            yield PointValue(series.partition(",")[0], device, field, decode(value), int(time_text), quality, series)


def field_pieces(fields: Sequence[str]) -> list[str]:
    """The fields of a point as they follow its tags, in pieces: each key, then an empty place for the text of its value."""
    return [piece for at, field in enumerate(fields) for piece in (f"{',' if at else ' '}{escape_tag(field)}=", "")]


_DEVICE: Final = "device"


@dataclass(frozen=True, slots=True, eq=False)  # a slot is read faster than the member of a tuple
class SeriesPattern:
    """The series of devices in one domain, at one site and area, with the same tags of their own.

    :ivar text_tags: the tags that the readings bring themselves, such as their channel: each has registers of its own.
    :ivar head: the beginning of a line up to the name of the device.
    :ivar health_head: the same of a point of device health.
    :ivar rest: the tags behind the name of the device.
    :ivar quality: the quality bits that all its readings have.
    :ivar key: stands for domain and tags in the window of duplicates; the same number in every process.
    """

    domain: str
    site: str
    text_tags: str
    head: str
    health_head: str
    rest: str
    quality: int
    key: int


@lru_cache(maxsize=4096)
def series_pattern(domain: str, site: str, area: str, own: Tags = (), *, simulated: bool = False) -> SeriesPattern:
    """The pattern of series, one object for all devices that share it; ``own`` are the tags that the readings bring."""
    tags = [("area", area), ("site", site), *own]
    before = tag_text(tag for tag in tags if tag[0] < _DEVICE) + f",{_DEVICE}="
    rest = tag_text(tag for tag in tags if tag[0] > _DEVICE)
    quality = Quality.SIMULATED if simulated else 0
    key = series_key(domain, before + rest)
    return SeriesPattern(domain, site, tag_text(own), domain + before, HEALTH + before, rest, quality, key)


def series_key(domain: str, tags: str) -> int:
    """A number for a series, the same in every process. Series of a device that differ in few letters never share it."""
    return crc32(tags.encode(), crc32(domain.encode()))
