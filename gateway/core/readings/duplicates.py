"""Duplicates: the last keys of a device, small enough to keep for every device of a province.

A key is (domain, tags, time) of a reading. A second reading of a key that only repeats what is known is a duplicate; one that
brings further fields without contradiction joins; one with another value of a known field is a conflict, and the first is kept.

The window holds 32 keys and ten minutes, in one row of bytes. The key that was added to last stands behind the others, so a
new one is put at the end, and what is too old goes from the beginning. Of each key it has

    the second of its arrival, modulo 2^16 · its 64-bit fingerprint · the number of its field set: which fields · its quality
    a 16-bit fingerprint of each value

The readings of one message are compared with each other as well, all of them, whoever told their time (:class:`MessageKeys`).

What is newer than all keys needs no comparing. The values' fingerprints decide only once the 64 bits of the key agree: one
conflict in 65,000 is taken for a duplicate.

The bytes mean the same in every process, so a window outlives a restart: only numbers are hashed by Python, whose hash of
text differs from run to run; the series goes in by its CRC. The number of a field set alone belongs to the process.

A radio frame that two network gateways heard, or that was sent again, is one frame. Its copies are recognised by the profile's
key (frame counter, port, bytes ...): the network stamps each with another time (:class:`RecentFrames`).
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from gateway.core.readings.line_protocol import KEY_HEAD, FieldSet, FieldSets
from schemas.readings import Value

KEYS_MAX: Final = 32
WINDOW_S: Final = 600
_KEY: Final = Struct("<q")
_SECOND: Final = Struct("<H")
_BITS_16: Final = (1 << 16) - 1
_BITS_64: Final = (1 << 64) - 1
_HALF: Final = 1 << 15


class DedupVerdict(Enum):
    """Result of the duplicate check."""

    NEW = "new"
    DUPLICATE = "duplicate"
    JOINS = "joins"
    CONFLICT = "conflict"


class DedupResult(NamedTuple):
    """Result of the duplicate check: the fields to write, or that have another value, and all quality bits of its key."""

    verdict: DedupVerdict
    fields: tuple[str, ...] = ()
    quality: int = 0


NEW: Final = DedupResult(DedupVerdict.NEW)
DUPLICATE: Final = DedupResult(DedupVerdict.DUPLICATE)


class Key(NamedTuple):
    """One key of a window, to be stored: the fingerprints of the values of its fields, and its age since it was added to."""

    key: int
    fingerprints: tuple[int, ...]
    fields: tuple[str, ...]
    quality: int
    age_s: int


@dataclass(slots=True, eq=False)
class RecentKeys:
    """The window of one device, and a part of it: an object of its own would cost each device 60 bytes."""

    window: bytes = field(default=b"", init=False)  # its keys, of which it has ``held``
    held: int = field(default=0, init=False)
    newest_ms: int = field(default=0, init=False)  # the newest time that a reading of this device told; 0 before the first

    def see_key(
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

        ``series`` is the key of its series, ``values`` its values in the order of its field_set, without quality and sequence.
        """
        key, second = hash((series, time_ms)), now_ms // 1000 & _BITS_16
        # 65521, the largest prime below 2^16, takes something of all bits of a hash; 1.5: -1.0 and -2.0 have one hash in Python
        fingerprints = [hash(value * 1.5) % 65521 for value in values]  # type: ignore[operator] # texts are tags by now
        if time_ms > self.newest_ms:
            self.newest_ms = time_ms
        elif (at := self._find(key, second, field_sets)) >= 0:
            return self._compare(at, fingerprints, field_set, quality, second, field_sets)
        self._add(key, fingerprints, field_set, quality, second, field_sets)
        return NEW

    def young_keys(self, now_ms: int, field_sets: FieldSets) -> Iterator[Key]:
        """The keys that still count, the oldest first; those whose field set was one too many are left out."""
        at = 0
        while at < len(self.window):
            field_set = self._field_set(at, field_sets)
            second, key, number, quality, *fingerprints = field_set.key.unpack_from(self.window, at)
            age_s = _age_s(now_ms // 1000, second)
            if 0 <= age_s <= WINDOW_S and number:
                yield Key(key & _BITS_64, tuple(fingerprints), field_set.names, quality, age_s)
            at += field_set.key.size

    def restore_keys(self, newest_ms: int, keys: Iterable[Key], now_ms: int, field_sets: FieldSets) -> None:
        """Take back a stored window in place of this one; the ages of ``keys`` are those of ``now_ms``."""
        self.window, self.held, self.newest_ms = b"", 0, newest_ms
        for key, fingerprints, fields, quality, age_s in keys:
            if age_s <= WINDOW_S and len(fingerprints) == len(fields):
                known = dict(zip(fields, fingerprints, strict=True))
                signed = key - (key >> 63 << 64)
                self._add_known(signed, known, quality, now_ms // 1000 - age_s & _BITS_16, field_sets)

    def _add(
        self, key: int, fingerprints: Sequence[int], field_set: FieldSet, quality: int, second: int, field_sets: FieldSets
    ) -> None:
        """Append a key. It replaces the first one if the window is full or the first is too old."""
        window, held, number = self.window, self.held, field_set.number
        if held >= KEYS_MAX or (held and WINDOW_S < second - _SECOND.unpack_from(window)[0] & _BITS_16 < _HALF):
            window = window[self._field_set(0, field_sets).key.size :]
        else:
            self.held = held + 1
        if not number:
            fingerprints = [_whole(fingerprints, field_set)]
        self.window = window + field_set.key.pack(second, key, number, quality, *fingerprints)

    def _add_known(self, key: int, known: Mapping[str, int], quality: int, second: int, field_sets: FieldSets) -> None:
        """Put a key behind the others with these fields and fingerprints, in whatever order they are known."""
        field_set = field_sets.of(tuple(known))
        self._add(key, [known[name] for name in field_set.names], field_set, quality, second, field_sets)

    def _field_set(self, at: int, field_sets: FieldSets) -> FieldSet:
        number: int = KEY_HEAD.unpack_from(self.window, at)[2]
        return field_sets.by_number[number]

    def _remove(self, at: int, field_sets: FieldSets) -> None:
        self.window = self.window[:at] + self.window[at + self._field_set(at, field_sets).key.size :]
        self.held -= 1

    def _find(self, key: int, second: int, field_sets: FieldSets) -> int:
        """The place of a key; below 0 if it is not known. A replayed reading may have arrived before its twin.

        That the 64 bits of another key are met anywhere in the bytes is as unlikely as that two keys have the same ones.
        """
        at = self.window.find(_KEY.pack(key)) - _SECOND.size
        if at >= 0 and abs(_age_s(second, *_SECOND.unpack_from(self.window, at))) > WINDOW_S:
            self._remove(at, field_sets)
            return -1
        return at

    def _compare(
        self, at: int, fingerprints: list[int], field_set: FieldSet, quality: int, second: int, field_sets: FieldSets
    ) -> DedupResult:
        """Compare a reading with the known values of its key, and add its new ones."""
        stored = self._field_set(at, field_sets)
        _, key, number, known_quality, *known_fingerprints = stored.key.unpack_from(self.window, at)
        if not number:
            is_same = known_fingerprints == [_whole(fingerprints, field_set)]
            return DUPLICATE if is_same else DedupResult(DedupVerdict.CONFLICT, field_set.names)
        known = dict(zip(stored.names, known_fingerprints, strict=True))
        came = dict(zip(field_set.names, fingerprints, strict=True))
        seen = _compared(known, came, quality | known_quality)
        if seen.verdict is DedupVerdict.JOINS:
            self._remove(at, field_sets)
            self._add_known(key, known | came, seen.quality, second, field_sets)
        return seen


class MessageKeys:
    """The points of one message that several of its readings are for. The first stays."""

    __slots__ = ("_points",)

    def __init__(self, points: Iterable[Hashable]) -> None:
        self._points: dict[Hashable, tuple[dict[str, Value], int]] = {point: ({}, 0) for point in points}

    def __contains__(self, point: Hashable) -> bool:
        return point in self._points

    def compare(self, point: Hashable, values: Mapping[str, Value], quality: int) -> DedupResult:
        """Check a reading against those that were kept before it."""
        known, bits = self._points[point]
        return _compared(known, values, quality | bits) if known else NEW

    def keep(self, point: Hashable, values: Mapping[str, Value], quality: int) -> None:
        """Remember a reading that was not refused."""
        known, bits = self._points[point]
        self._points[point] = ({**values, **known}, quality | bits)


def _compared(known: Mapping[str, object], came: Mapping[str, object], quality: int) -> DedupResult:
    """Compare the fields of a reading with those that are known of its point."""
    wrong = tuple(field for field, value in came.items() if known.get(field, value) != value)
    if wrong:
        return DedupResult(DedupVerdict.CONFLICT, wrong)
    new = tuple(field for field in came if field not in known)
    return DedupResult(DedupVerdict.JOINS, new, quality) if new else DUPLICATE


def _age_s(second: int, before: int) -> int:
    """Seconds between two arrivals, told by their lowest 16 bits; negative if the other one came later.

    After 18 hours the count begins again: what comes a second time then may be taken for a duplicate, which it is.
    """
    return (second - before + _HALF & _BITS_16) - _HALF


def _whole(fingerprints: Sequence[int], field_set: FieldSet) -> int:
    """One fingerprint for a reading whose field set is beyond the limit."""
    return hash((crc32(",".join(field_set.names).encode()), *fingerprints)) % 65521


FRAMES_MAX: Final = 32
FRAME_WINDOW_MS: Final = 600_000
"""Time for which a radio frame is remembered by default."""

_WORD: Final = Struct(">q")
_FRAME: Final = Struct(">qq")


class RecentFrames(bytearray):
    """The window of one device: two words a frame, its hash and its time in ms. Found in bytes faster than in a list."""

    __slots__ = ()

    def see(self, key: Hashable, at_ms: int, window_ms: int) -> bool:
        """Tell if a frame was seen within the window around ``at_ms``, its time; remember it if not."""
        word = hash(key)
        packed = _WORD.pack(word)
        at = self.find(packed)
        while at >= 0:
            if at % _FRAME.size == 0 and abs(at_ms - _FRAME.unpack_from(self, at)[1]) <= window_ms:
                return True
            at = self.find(packed, at + 1)
        if len(self) >= FRAMES_MAX * _FRAME.size:
            del self[: _FRAME.size]
        self.extend(_FRAME.pack(word, at_ms))
        return False

    def knows(self, key: Hashable, at_ms: int, window_ms: int) -> bool:
        """Tell the same without remembering it."""
        return RecentFrames(self).see(key, at_ms, window_ms)

    def forget_newest(self) -> None:
        """Forget the newest frame, because it will come again."""
        del self[-_FRAME.size :]
