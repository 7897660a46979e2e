"""Readings that stand at wrong times, since the clock of their device is wrong: what reports read of the events about them.

A point of ``event`` of the kind ``clock`` stands at the last of these times, as the device tells them, with ``clock_from_ms``,
the first of them, and ``clock_over``: 1 once the clock is right, or was corrected. While it is wrong there is one an hour.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from gateway.ingest.database.store import Store, TimeSpan
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
