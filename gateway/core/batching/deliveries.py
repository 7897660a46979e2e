"""Deliveries: when the readings that arrived at some time were confirmed by InfluxDB, for the page of a device.

Nothing is kept for a reading or a device. Batches hold the readings of a span of arrival times, and it is followed where the
batch of each span is: in memory, in the journal, or in InfluxDB. A device's last reading is found by the time it arrived.

What was written is remembered exactly for the last few hundred batches, and by its greatest delay for every hour of the last
week. That, and the spans in the journal, outlive a restart.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct

_EXACT: Final = 256
_SLOT_MS: Final = 3_600_000
_SLOTS_MAX: Final = 168
_STORED_MAX: Final = 1000
_STORED_MS: Final = 60_000
"""Length to which a span of stored batches grows before the next one begins."""
_SET_BACK_MS: Final = 60_000
_ROUNDING_MS: Final = 5
"""Arrivals are kept on the monotonic clock, and told on the other."""


class ReadingPlace(StrEnum):
    """Tells where a reading is."""

    MEMORY = "memory"
    JOURNAL = "journal"
    WRITTEN = "written"
    GIVEN_UP = "given_up"
    UNKNOWN = "unknown"


class Whereabouts(NamedTuple):
    """The place of readings, and how late they were confirmed, at most; None: not written, or no longer known."""

    place: ReadingPlace
    late_ms: int | None = None


class StoredSpan(Struct):
    """Arrival times of readings in rows of the journal: how many rows are not settled yet, and if all others were written."""

    first_ms: int
    last_ms: int
    first_row: int
    last_row: int
    left: int = 1
    is_written: bool = True


class SavedDeliveries(Struct):
    """The part that outlives a restart: the newest arrival that has left the queue, and what is in the journal, in its order.

    :ivar slots: number of an hour since 1970 → the greatest delay of what arrived in it and was written, in ms.
    """

    newest_ms: int = 0
    slots: dict[int, int] = {}
    stored: list[StoredSpan] = []


@dataclass(slots=True)
class Deliveries:
    """The batches of the last days."""

    saved: SavedDeliveries = field(default_factory=SavedDeliveries)
    _flying: dict[Hashable, tuple[int, int]] = field(default_factory=dict)
    _exact: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=_EXACT))

    def post(self, batch: Hashable, first_ms: int, last_ms: int) -> None:
        """Note a batch that leaves the queue, with the arrival times of its first and last readings."""
        if batch not in self._flying:
            self._flying[batch] = first_ms, last_ms
            newest_ms = self.saved.newest_ms
            if last_ms > newest_ms or newest_ms - last_ms > _SET_BACK_MS:
                self.saved.newest_ms = last_ms

    def wrote(self, batch: Hashable, now_ms: int) -> None:
        """Note a batch that InfluxDB has confirmed."""
        if (span := self._flying.pop(batch, None)) is not None:
            self._written(*span, now_ms)

    def gave_up(self, batch: Hashable) -> None:
        """Note a batch that InfluxDB will never take."""
        self._flying.pop(batch, None)

    def store(self, batch: Hashable, row: int) -> None:
        """Note that a batch stands in a row of the journal; several may share one."""
        if (span := self._flying.pop(batch, None)) is None:
            return
        first_ms, last_ms = span
        stored = self.saved.stored
        newest = stored[-1] if stored else None
        if newest is not None and newest.last_row in {row, row - 1} and 0 <= last_ms - newest.first_ms <= _STORED_MS:
            newest.left += row - newest.last_row
            newest.first_ms, newest.last_ms, newest.last_row = min(newest.first_ms, first_ms), max(newest.last_ms, last_ms), row
        else:
            stored.append(StoredSpan(first_ms, last_ms, row, row))
            if len(stored) > _STORED_MAX:
                self.saved.stored = [_joined(*stored[at : at + 2]) for at in range(0, len(stored), 2)]

    def settle_row(self, row: int, now_ms: int, *, written: bool) -> None:
        """Note that a row of the journal was settled: written, or given up."""
        for at, span in enumerate(self.saved.stored):
            if span.first_row <= row <= span.last_row:
                span.left -= 1
                span.is_written &= written
                if span.left <= 0:
                    del self.saved.stored[at]
                    self._end(span, now_ms)
                return

    def drained(self, now_ms: int) -> None:
        """Note that the journal is empty."""
        ended, self.saved.stored = self.saved.stored, []
        for span in ended:
            self._end(span, now_ms)

    def find(self, arrival_ms: int) -> Whereabouts:
        """Tell where the readings are that arrived at this time."""
        stored = self.saved.stored
        at = bisect_left(stored, arrival_ms - _ROUNDING_MS, key=lambda span: span.last_ms)
        if at < len(stored) and _holds(stored[at].first_ms, stored[at].last_ms, arrival_ms):
            return Whereabouts(ReadingPlace.JOURNAL)
        if any(_holds(*span, arrival_ms) for span in self._flying.values()):
            return Whereabouts(ReadingPlace.MEMORY)
        if arrival_ms > self.saved.newest_ms + _ROUNDING_MS:
            return Whereabouts(ReadingPlace.MEMORY if self._exact or self._flying else ReadingPlace.UNKNOWN)
        for first_ms, last_ms, late_ms in reversed(self._exact):
            if _holds(first_ms, last_ms, arrival_ms):
                return Whereabouts(ReadingPlace.WRITTEN, late_ms) if late_ms >= 0 else Whereabouts(ReadingPlace.GIVEN_UP)
        return Whereabouts(ReadingPlace.WRITTEN, self.saved.slots.get(arrival_ms // _SLOT_MS))

    def _end(self, span: StoredSpan, now_ms: int) -> None:
        if span.is_written:
            self._written(span.first_ms, span.last_ms, now_ms)
        else:
            self._exact.append((span.first_ms, span.last_ms, -1))

    def _written(self, first_ms: int, last_ms: int, now_ms: int) -> None:
        late_ms = max(1, now_ms - first_ms)  # "at most" is never 0
        self._exact.append((first_ms, last_ms, late_ms))
        slots = self.saved.slots
        for slot in range(first_ms // _SLOT_MS, last_ms // _SLOT_MS + 1):
            slots[slot] = max(slots.get(slot, 0), late_ms)
        while len(slots) > _SLOTS_MAX:
            del slots[min(slots)]


def _holds(first_ms: int, last_ms: int, arrival_ms: int) -> bool:
    return first_ms - _ROUNDING_MS <= arrival_ms <= last_ms + _ROUNDING_MS


def _joined(one: StoredSpan, other: StoredSpan | None = None) -> StoredSpan:
    if other is None:
        return one
    times = min(one.first_ms, other.first_ms), max(one.last_ms, other.last_ms)
    rows = min(one.first_row, other.first_row), max(one.last_row, other.last_row)
    return StoredSpan(*times, *rows, one.left + other.left, one.is_written and other.is_written)
