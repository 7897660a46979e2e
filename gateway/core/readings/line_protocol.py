"""Line protocol: where a reading becomes text for InfluxDB, and is read back; and the part of a series that devices share.

A province has some thousand devices at each site. Of a series each of them keeps only its name, and the pattern: measurement
and tags without that name. Fleets have a few dozen sets of fields that come together in a reading, so the properties of each
are computed once (:class:`FieldSet`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from msgspec.json import Encoder, decode

from schemas.quantities import GROWTH, HEALTH, QUANTITIES, SUM_OF, Quality
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
    """One value of a point; lanes, channels and classes of a device differ in its ``series`` alone: measurement and tags."""

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
    """The series of devices in one domain, at one site and area, with the same tags of their own."""

    domain: str
    site: str
    text_tags: str  # the tags that the readings bring themselves, such as their channel: each has registers of its own
    head: str  # the beginning of a line up to the name of the device
    health_head: str  # the same of a point of device health
    rest: str  # the tags behind the name of the device
    quality: int
    key: int  # stands for domain and tags in the window of duplicates; the same number in every process


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


SHAPES_MAX: Final = 1 << 12
KEY_HEAD: Final = Struct("<HqHB")
"""Of a key in the window of duplicates: second of arrival, fingerprint, number of its field set, quality."""
_HEALTH_FIELDS: Final = frozenset(QUANTITIES[HEALTH])
_ORDER: Final = list(
    dict.fromkeys(field for quantities in QUANTITIES.values() for field in quantities if field not in _HEALTH_FIELDS)
)
_PLACES: Final = {field: place for place, field in enumerate([*_ORDER, *QUANTITIES[HEALTH]])}
"""Field → its place in a point. Fields outside the tables come first."""


def in_order(fields: Iterable[str]) -> tuple[str, ...]:
    """Fields in the order of the table, as a field set has them."""
    return tuple(sorted(fields, key=lambda field: _PLACES.get(field, -1)))


class FieldSet:
    """One set of fields, in the order of the table: those of the domain first, then those of device health.

    :ivar number: small number that stands for it; 0 for sets beyond the limit.
    :ivar values_of: takes the values of these fields, in this order, out of a reading that has them in any.
    :ivar key: the form of a key in the window of duplicates: its head, and 16 bits for each field, or 16 bits in all for a set
        beyond the limit.
    :ivar _pieces: the text of its fields: before the place of each value the key that belongs to it.
    :ivar _split: the place among them where device health begins, which is a point of its own; 0: it has none, or nothing else.
    :ivar _measures: False: there is only device health.
    :ivar counters: for each counter among the fields its position, its name, its greatest growth, and the key of its sum as
        it stands in a line.
    """

    __slots__ = ("_measures", "_pieces", "_split", "counters", "fields", "key", "names", "number", "values_of")

    def __init__(self, number: int, fields: tuple[str, ...]) -> None:
        self.number = number
        self.names = fields
        self.values_of: Callable[[Mapping[str, Value]], tuple[Value, ...]] = (
            itemgetter(*fields) if len(fields) > 1 else lambda values: tuple([values[name] for name in fields])
        )  # of one key alone, ``itemgetter`` gives no tuple
        self.fields = frozenset(fields)
        own = [field for field in fields if field not in _HEALTH_FIELDS]
        self.key = Struct(f"{KEY_HEAD.format}{len(fields) if number else 1}H")
        self._measures = bool(own)
        self._split = 2 * len(own) if len(own) < len(fields) else 0
        self._pieces = [*field_pieces(own), *field_pieces(fields[len(own) :])]
        self.counters = [(at, field, GROWTH[field], f",{SUM_OF[field]}=") for at, field in enumerate(own) if field in GROWTH]

    def lines(self, pattern: SeriesPattern, device: str, texts: Sequence[str], quality: int, seq: object, time_ms: int) -> str:
        """A reading as line protocol: its point, and behind it the one of device health, where it has them.

        :param device: the name of the device; no letter of an id needs to be escaped.
        :param texts: its values, in the order of the fields; behind the one of a counter its sum, where that is known.
        """
        tail = f",quality={quality}i {time_ms}" if seq is None else f",quality={quality}i,seq={seq}i {time_ms}"
        pieces, split = self._pieces.copy(), self._split
        pieces[1::2] = texts
        if split:
            pieces[split] = f"{tail}\n{pattern.health_head}{device}{pattern.rest}{pieces[split]}"
        head = pattern.head if self._measures else pattern.health_head
        return f"{head}{device}{pattern.rest}{''.join(pieces)}{tail}"


class FieldSets:
    """All field sets met so far; a flood of new ones is served, but not remembered.

    :ivar by_fields: fields, in the order in which some device sends them → their field set, at hand for each reading;
        :meth:`of` finds the others.
    :ivar by_number: number of a field set → the field set; an empty one for those beyond the limit.
    """

    def __init__(self) -> None:
        self.by_fields: dict[tuple[str, ...], FieldSet] = {}
        self._by_names: dict[tuple[str, ...], FieldSet] = {}
        self.by_number: list[FieldSet] = [FieldSet(0, ())]

    def of(self, fields: tuple[str, ...]) -> FieldSet:
        """The field set of these fields, in whatever order they come."""
        known = self.by_fields.get(fields)
        if known is not None:
            return known
        names = in_order(fields)
        field_set = self._by_names.get(names)
        if field_set is None:
            if len(self.by_number) >= SHAPES_MAX:
                return FieldSet(0, names)
            field_set = self._by_names[names] = FieldSet(len(self.by_number), names)
            self.by_number.append(field_set)
        if len(self.by_fields) < SHAPES_MAX:
            self.by_fields[fields] = field_set
        return field_set
