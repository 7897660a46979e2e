"""Duplicates: the last keys of a device, small enough to keep for every device of a province.

A key is (domain, tags, time) of a reading; what is remembered of it is a fingerprint of its values, which fields it had, and
when it came. Two 64-bit words a key, 32 keys, ten minutes, and one word in front:

    first    the newest time among the keys: what is newer needs no comparing

    word 0   fingerprint of the key
    word 1   fingerprint of the values (32 bits) · shape: which fields (12 bits) · second of arrival (20 bits)

The values' fingerprint decides only between a duplicate and a conflict once the 64 bits of the key agree.
"""

from array import array
from enum import Enum
from typing import Final, Self, cast

from gateway.core.shapes import SHAPES_MAX, Shape, Shapes
from schemas.readings import Value

KEYS_MAX: Final = 32
WINDOW_S: Final = 600
_WORD: Final = (1 << 64) - 1
_HALF: Final = (1 << 32) - 1
_SECONDS: Final = (1 << 20) - 1
_SHAPE_BITS: Final = 20


class Twin(Enum):
    """What a reading is to those before it."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


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

    def see(
        self, series: tuple[str, str], time_ms: int, values: tuple[Value, ...], shape: Shape, now_ms: int, shapes: Shapes
    ) -> Twin:
        """Judge a reading and remember it when it is new.

        ``series`` is its domain and its tags, ``values`` its values without quality and sequence.
        """
        key = hash((series, time_ms)) & _WORD
        fingerprint = hash(repr(values) if -1.0 in values else values) & _HALF  # to Python, -1.0 and -2.0 have one hash
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
