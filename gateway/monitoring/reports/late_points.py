"""Hours that late readings changed, told by one of several gateways to the one that closes hours, in the measurement ``late``.

A point has the device as its tag, and as its fields the first hour of a run and the one behind its last, hours since 1970 in
UTC. It stands at the time when it was told, a millisecond after the one before.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from gateway.core.readings.late_readings import HourRun
from gateway.core.readings.line_protocol import tag_text
from gateway.ingest.database.store import Store, TimeSpan

LATE: Final = "late"
_FIELDS: Final = ("first_hour", "end_hour")


def late_lines(runs: Mapping[str, Iterable[HourRun]], at_ms: int) -> Iterator[str]:
    """The points of runs of hours, by device."""
    for device, hours in runs.items():
        for told_ms, (first, end) in enumerate(hours, at_ms):
            yield f"{LATE}{tag_text([('device', device)])} first_hour={float(first)!r},end_hour={float(end)!r} {told_ms}"


async def late_hours(store: Store, devices: Collection[str], told: TimeSpan) -> dict[str, list[HourRun]]:
    """Read the hours that others told within a span of time, by device.

    :raises StoreFault: the database does not answer.
    """
    found: dict[str, list[HourRun]] = defaultdict(list)
    async for series, rows in store.rows(LATE, _FIELDS, told, devices):
        for _, (first, end) in rows:
            if first is not None and end is not None:
                found[series.device].append((int(first), int(end)))
    return found
