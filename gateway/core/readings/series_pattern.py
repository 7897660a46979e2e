"""The part of a series that devices share: its measurement and tags, all but the name of the device.

A province has some thousand devices at each site. Of a series each of them keeps only its name, and the pattern.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from zlib import crc32

from gateway.core.readings.line_protocol import Tags, tag_text
from schemas.quantities import HEALTH, Quality

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
    """The pattern of series, one object for all devices that share it.

    :param own: the tags that the readings bring themselves.
    """
    tags = [("area", area), ("site", site), *own]
    before = tag_text(tag for tag in tags if tag[0] < _DEVICE) + f",{_DEVICE}="
    rest = tag_text(tag for tag in tags if tag[0] > _DEVICE)
    quality = Quality.SIMULATED if simulated else 0
    key = series_key(domain, before + rest)
    return SeriesPattern(domain, site, tag_text(own), domain + before, HEALTH + before, rest, quality, key)


def series_key(domain: str, tags: str) -> int:
    """A number for a series, the same in every process. Series of a device that differ in few letters never share it."""
    return crc32(tags.encode(), crc32(domain.encode()))
