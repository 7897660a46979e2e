"""Duplicates: the last keys of a device, small enough to keep for every device of a province.

A key is (domain, tags, time) of a reading. A second reading of a key that only repeats what is known is a duplicate; one that
brings further fields without contradiction joins; one with another value of a known field is a conflict, and the first is kept.

Kept for each key: its fields, a 16-bit fingerprint of each value, the quality it was written with, and when
it was last added to. The window is one array of 64-bit words, for 32 keys and ten minutes:

    word 0   the newest time among the keys: what is newer needs no comparing
    word 1   how many keys follow

    and for each key, the one that was added to last behind the others
    word 0   fingerprint of the key
    word 1   quality (8 bits) · field set: which fields (12 bits) · second of arrival (20 bits)
    word 2   the fingerprints of the values, four to a word, in as many words as they need

The values' fingerprints decide only once the 64 bits of the key agree: one conflict in 65,000 is taken for a duplicate.

The words mean the same in every process, so a window outlives a restart: only numbers are hashed by Python, whose hash of
text differs from run to run; the series goes in by its CRC. The number of a field set alone belongs to the process.
"""

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple, Self, cast
from zlib import crc32

from gateway.core.readings.field_sets import SHAPES_MAX, FieldSet, FieldSets
from schemas.readings import Value

KEYS_MAX: Final = 32
WINDOW_S: Final = 600
_WORD: Final = (1 << 64) - 1
_WORD_BYTES: Final = 8
_HEAD: Final = 2
"""Words before the first key; also those of a key before its fingerprints."""

_SECONDS: Final = (1 << 20) - 1
_FORMER: Final = 1 << 19
"""Seconds that count as past; a longer distance lies ahead: the other reading is replayed and arrived earlier."""

_SHAPE_BITS: Final = 20
_SHAPES: Final = SHAPES_MAX - 1
_QUALITY_BITS: Final = 32


def series_key(domain: str, tags: str) -> int:
    """A number for a series, the same in every process. Series of a device that differ in few letters never share it."""
    return crc32(tags.encode(), crc32(domain.encode()))


class DedupVerdict(Enum):
    """Result of the duplicate check."""

    NEW = "new"
    DUPLICATE = "duplicate"
    JOINS = "joins"
    CONFLICT = "conflict"


class DedupResult(NamedTuple):
    """Result of the duplicate check.

    :ivar fields: of a reading that joins, those to write; of a conflict, those with another value.
    :ivar quality: of a reading that joins, the bits of all readings of its key.
    """

    verdict: DedupVerdict
    fields: tuple[str, ...] = ()
    quality: int = 0


NEW: Final = DedupResult(DedupVerdict.NEW)
DUPLICATE: Final = DedupResult(DedupVerdict.DUPLICATE)


class Key(NamedTuple):
    """One key of a window, to be stored.

    :ivar fingerprints: of the values of ``fields``, in their order.
    :ivar age_s: seconds since it was last added to.
    """

    key: int
    fingerprints: tuple[int, ...]
    fields: tuple[str, ...]
    quality: int
    age_s: int


class RecentKeys(array):  # type: ignore[type-arg] # it is its words: an object around them would cost every device 100 bytes
    """The window of one device."""

    __slots__ = ()

    def __new__(cls) -> Self:
        """An empty window."""
        return cast("Self", super().__new__(cls, "Q", (0, 0)))

    @property
    def newest_ms(self) -> int:
        """The newest time of a reading of this device; 0 before the first."""
        return int(self[0])

    def see(
        self,
        series: int,
        time_ms: int,
        values: tuple[Value, ...],
        field_set: FieldSet,
        quality: int,
        now_ms: int,
        field_sets: FieldSets,
    ) -> DedupResult:
        """Check a reading, and remember its new parts.

        ``series`` is the :func:`series_key` of its domain and tags, ``values`` its values in the order of its
        field_set, without quality and sequence.
        """
        key = hash((series, time_ms)) & _WORD
        # 65521, the largest prime below 2^16, takes something of all bits of a hash; 1.5: -1.0 and -2.0 have one hash in Python
        fingerprints = [hash(value * 1.5) % 65521 for value in values]  # type: ignore[operator] # texts are tags by now
        second = now_ms // 1000
        if time_ms > self[0]:
            self[0] = time_ms
        elif at := self._find(key, second, field_sets):
            return self._compare(at, fingerprints, field_set, quality, second, field_sets)
        self._add(key, fingerprints, field_set, quality, second, field_sets)
        return NEW

    def young(self, now_ms: int, field_sets: FieldSets) -> Iterator[Key]:
        """The keys that still count, the oldest first; those whose field set was one too many are left out."""
        at = _HEAD
        while at < len(self):
            about = self[at + 1]
            number, age_s = about >> _SHAPE_BITS & _SHAPES, (now_ms // 1000 - about) & _SECONDS
            fields = field_sets.fields_of(number)
            if age_s <= WINDOW_S and fields:
                yield Key(self[at], tuple(self._fingerprints(at, len(fields))), fields, about >> _QUALITY_BITS, age_s)
            at += field_sets.words[number]

    def restore(self, newest_ms: int, keys: Iterable[Key], now_ms: int, field_sets: FieldSets) -> None:
        """Take back a stored window into an empty one; the ages of ``keys`` are those of ``now_ms``."""
        self[0] = newest_ms
        for key, fingerprints, fields, quality, age_s in keys:
            if age_s <= WINDOW_S and len(fingerprints) == len(fields):
                known = dict(zip(fields, fingerprints, strict=True))
                self._add_known(key, known, quality, now_ms // 1000 - age_s, field_sets)

    def _add(
        self, key: int, fingerprints: Sequence[int], field_set: FieldSet, quality: int, second: int, field_sets: FieldSets
    ) -> None:
        """Append a key. It replaces the first one if the window is full or the first is too old."""
        count, number = self[1], field_set.number
        if count and (count >= KEYS_MAX or WINDOW_S < (second - self[3] & _SECONDS) < _FORMER):
            del self[2 : 2 + field_sets.words[self[3] >> _SHAPE_BITS & _SHAPES]]
        else:
            self[1] = count + 1
        if not number:
            fingerprints = [_whole(fingerprints, field_set)]
        about = quality << _QUALITY_BITS | number << _SHAPE_BITS | second & _SECONDS
        self.frombytes(field_set.pack(key, about, *fingerprints))

    def _add_known(self, key: int, known: Mapping[str, int], quality: int, second: int, field_sets: FieldSets) -> None:
        """Put a key behind the others with these fields and fingerprints, in whatever order they are known."""
        field_set = field_sets.of(tuple(known))
        self._add(key, [known[name] for name in field_set.names], field_set, quality, second, field_sets)

    def _remove(self, at: int, field_sets: FieldSets) -> None:
        del self[at : at + field_sets.words[self[at + 1] >> _SHAPE_BITS & _SHAPES]]
        self[1] -= 1

    def _find(self, key: int, second: int, field_sets: FieldSets) -> int:
        """The place of a key; 0 if it is not known. A replayed reading may have arrived before its twin."""
        place = self.tobytes().find(key.to_bytes(_WORD_BYTES, sys.byteorder), _HEAD * _WORD_BYTES)
        at, is_askew = divmod(place, _WORD_BYTES)
        if place < 0 or is_askew:
            return 0
        if (second - self[at + 1] + WINDOW_S) & _SECONDS > 2 * WINDOW_S:
            self._remove(at, field_sets)
            return 0
        return at

    def _compare(
        self, at: int, fingerprints: list[int], field_set: FieldSet, quality: int, second: int, field_sets: FieldSets
    ) -> DedupResult:
        """Compare a reading with the known values of its key, and add its new ones."""
        key, about = self[at], self[at + 1]
        fields = field_sets.fields_of(about >> _SHAPE_BITS & _SHAPES)
        if not fields:
            is_same = self._fingerprints(at, 1) == [_whole(fingerprints, field_set)]
            return DUPLICATE if is_same else DedupResult(DedupVerdict.CONFLICT, field_set.names)
        known = dict(zip(fields, self._fingerprints(at, len(fields)), strict=True))
        came = dict(zip(field_set.names, fingerprints, strict=True))
        wrong = tuple(field for field, fingerprint in came.items() if known.get(field, fingerprint) != fingerprint)
        if wrong:
            return DedupResult(DedupVerdict.CONFLICT, wrong)
        new = tuple(field for field in came if field not in known)
        if not new:
            return DUPLICATE
        known |= came
        quality |= about >> _QUALITY_BITS
        self._remove(at, field_sets)
        self._add_known(key, known, quality, second, field_sets)
        return DedupResult(DedupVerdict.JOINS, new, quality)

    def _fingerprints(self, at: int, count: int) -> list[int]:
        return array("H", self[at + _HEAD : at + _HEAD + -(-count // 4)].tobytes())[:count].tolist()


def _whole(fingerprints: Sequence[int], field_set: FieldSet) -> int:
    """One fingerprint for a reading whose field set is beyond the limit."""
    return hash((crc32(",".join(field_set.names).encode()), *fingerprints)) % 65521
