"""Events asked once: what people and alarms told of devices, for work that asks about thousands of them a hundred at a time.

Such events are few. VictoriaMetrics takes as long to find none for twenty meters as for all, and a closed hour asks three times
about each meter: if its register was stuck, its clock wrong, and what people told.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Final

from gateway.ingest.database.store import Store, StoredSeries, TimedRows, TimedValues, TimeSpan
from gateway.monitoring.alarms.documents import EVENT

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
