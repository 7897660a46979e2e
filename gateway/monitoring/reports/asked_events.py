"""Events as reports read them: asked once for all devices, and the times at which readings stand wrongly.

A point of ``event`` of the kind ``clock`` stands at the last of these times, as the device tells them, with ``clock_from_ms``,
the first of them, and ``clock_over``: 1 once the clock is right, or was corrected. While it is wrong there is one an hour.

Events are few. VictoriaMetrics takes as long to find none for twenty meters as for all, and a closed hour asks three times
about each meter: if its register was stuck, its clock wrong, and what people told.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from gateway.ingest.database.store import Store, StoredSeries, TimedRows, TimedValues, TimeSpan
from gateway.monitoring.alarms.documents import EVENT

EVENT_EVERY_MS: Final = 3_600_000
CLOCK_FIELDS: Final = ("clock_from_ms", "clock_over")
_UNTIL_NEXT_MS: Final = 2 * EVENT_EVERY_MS
"""How long behind the last event a clock that is not right yet counts as wrong."""
_AWAY_MS: Final = 26 * EVENT_EVERY_MS
"""The next event after a day without the database still tells of it."""

WrongClocks = Mapping[str, list[TimeSpan]]
"""Device, by its name in the database → the times at which its readings stand wrongly."""


async def wrong_clocks(store: Store, window: TimeSpan, devices: Collection[str]) -> WrongClocks:
    """Read at which times readings of devices stand wrongly, for devices of which any in a window may."""
    spans: dict[tuple[str, int], TimeSpan] = {}
    async for series, rows in store.rows(EVENT, CLOCK_FIELDS, TimeSpan(window.start_ms, window.end_ms + _AWAY_MS), devices):
        for time_ms, (from_ms, over) in rows:
            if from_ms is not None:  # the newest of them counts
                spans[series.device, int(from_ms)] = TimeSpan(int(from_ms), time_ms + (1 if over else _UNTIL_NEXT_MS))
    found = defaultdict(list)
    for (device, _), span in spans.items():
        if span.start_ms < window.end_ms:
            found[device].append(span)
    return found


def stands_wrongly(spans: Iterable[TimeSpan], *times_ms: int) -> bool:
    """Tell if a sum at one of these times is worked out from readings that stand at a wrong time."""
    return any(span.start_ms <= time_ms < span.end_ms for span in spans for time_ms in times_ms)


_AROUND_MS: Final = 40 * 86_400_000
"""So much more than was asked about is read: the days that are asked about next."""

_EventsOfDevice = dict[str, list[tuple[StoredSeries, list[TimedValues]]]]
"""Device → its series with their rows."""


class EventsAskedOnce:
    """A database that asks for the events of all devices at once, and answers from what it found."""

    def __init__(self, store: Store) -> None:
        """Ask nothing yet."""
        self.is_overwritten = store.is_overwritten
        self.nearest = store.nearest
        self.placed_rows = store.placed_rows
        self.heard = store.heard
        self.newest_reports = store.newest_reports
        self.newest = store.newest
        self.flagged = store.flagged
        self.spread = store.spread
        self.sampled = store.sampled
        self._store = store
        self._found: dict[tuple[str, ...], tuple[TimeSpan, _EventsOfDevice]] = {}

    async def rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Collection[str] | None
    ) -> TimedRows:
        """Yield the points of each series in order of time."""
        if measurement != EVENT or devices is None:
            async for one in self._store.rows(measurement, fields, window, devices):
                yield one
            return
        key = tuple(fields)
        known, found = self._found.get(key, (window, None))
        if found is None or window.start_ms < known.start_ms or known.end_ms < window.end_ms:
            known, found = TimeSpan(window.start_ms - _AROUND_MS, window.end_ms + _AROUND_MS), defaultdict(list)
            async for series, rows in self._store.rows(EVENT, fields, known, None):
                found[series.device].append((series, rows))
            self._found[key] = known, found
        for name in sorted(found.keys() & devices):
            for series, rows in found[name]:
                first, end = (bisect_left(rows, at_ms, key=itemgetter(0)) for at_ms in window)
                if first < end:
                    yield series, rows[first:end]
