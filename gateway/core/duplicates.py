"""Duplicates: the last keys of a device, small enough to keep for every device of a province.

A key is (domain, tags, time) of a reading; what is remembered of it is a fingerprint of its values, which fields it had, and
when it came. Two 64-bit words a key, 32 keys, ten minutes, and one word in front:

    first    the newest time among the keys: what is newer needs no comparing

    word 0   fingerprint of the key
    word 1   fingerprint of the values (32 bits) · shape: which fields (12 bits) · second of arrival (20 bits)

The values' fingerprint decides only between a duplicate and a conflict once the 64 bits of the key agree.

The words mean the same in every process, so a window outlives a restart: only numbers are hashed by Python, whose hash of
text differs from run to run; the series goes in by its CRC. The number of a shape alone belongs to the process.
"""

from array import array
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final, NamedTuple, Self, cast
from zlib import crc32

from gateway.core.shapes import SHAPES_MAX, Shape, Shapes
from schemas.readings import Value

KEYS_MAX: Final = 32
WINDOW_S: Final = 600
_WORD: Final = (1 << 64) - 1
_HALF: Final = (1 << 32) - 1
_SECONDS: Final = (1 << 20) - 1
_SHAPE_BITS: Final = 20
_MINUS_ONE: Final = -1e300
"""Hashed in place of -1.0, which to Python has the hash of -2.0; no quantity is as low."""


def series_key(domain: str, tags: str) -> int:
    """A number for a series, the same in every process. Two series of a device that differ in few letters never share it."""
    return crc32(tags.encode(), crc32(domain.encode()))


class Twin(Enum):
    """What a reading is to those before it."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


class Key(NamedTuple):
    """One key of a window, for those who store it.

    :ivar fields: which fields the reading had, in their order.
    :ivar age_s: seconds since it came.
    """

    key: int
    fingerprint: int
    fields: tuple[str, ...]
    age_s: int


class RecentKeys(array):  # type: ignore[type-arg] # it is its words: an object around them would cost every device 100 bytes
    """The window of one device."""

    __slots__ = ()

    def __new__(cls) -> Self:
        """An empty window."""
        return cast("Self", super().__new__(cls, "Q", (0,)))

    @property
    def newest_ms(self) -> int:
        """The newest time of a reading of this device; 0 before the first."""
        return int(self[0])

    def see(self, series: int, time_ms: int, values: tuple[Value, ...], shape: Shape, now_ms: int, shapes: Shapes) -> Twin:
        """Judge a reading and remember it when it is new.

        ``series`` is the :func:`series_key` of its domain and tags, ``values`` its values without quality and sequence.
        """
        if -1.0 in values:
            values = tuple([_MINUS_ONE if value == -1.0 else value for value in values])
        key = hash((series, time_ms)) & _WORD
        fingerprint = hash(values) & _HALF
        if time_ms > self[0]:
            self[0] = time_ms
        else:
            twin = self._compare(key, fingerprint, shape, now_ms, shapes)
            if twin is not Twin.NEW:
                return twin
        second = now_ms // 1000
        if len(self) > 2 * KEYS_MAX or (len(self) > 1 and (second - self[2]) & _SECONDS > WINDOW_S):
            del self[1:3]
        self.append(key)
        self.append(fingerprint << 32 | shape.number << _SHAPE_BITS | (second & _SECONDS))
        return Twin.NEW

    def young(self, now_ms: int, shapes: Shapes) -> Iterator[Key]:
        """The keys that still count, the oldest first; those whose shape was one too many are left out."""
        for at in range(1, len(self), 2):
            about = self[at + 1]
            age_s = (now_ms // 1000 - about) & _SECONDS
            fields = shapes.fields_of(about >> _SHAPE_BITS & (SHAPES_MAX - 1))
            if age_s <= WINDOW_S and fields:
                yield Key(self[at], about >> 32, fields, age_s)

    def restore(self, newest_ms: int, keys: Iterable[Key], now_ms: int, shapes: Shapes) -> None:
        """Take back a stored window into an empty one; the ages of ``keys`` are those of ``now_ms``."""
        self[0] = newest_ms
        for key, fingerprint, fields, age_s in keys:
            if age_s <= WINDOW_S and len(self) < 2 * KEYS_MAX:
                shape, second = shapes.of(fields), now_ms // 1000 - age_s
                self.extend((key, fingerprint << 32 | shape.number << _SHAPE_BITS | (second & _SECONDS)))

    def _compare(self, key: int, fingerprint: int, shape: Shape, now_ms: int, shapes: Shapes) -> Twin:
        for at in range(1, len(self), 2):
            if self[at] != key:
                continue
            about = self[at + 1]
            if (now_ms // 1000 - about) & _SECONDS > WINDOW_S:
                continue
            other = about >> _SHAPE_BITS & (SHAPES_MAX - 1)
            if about >> 32 == fingerprint and other in {shape.number, 0}:
                return Twin.DUPLICATE
            if shapes.share_a_field(shape, other):
                return Twin.CONFLICT
        return Twin.NEW
