"""The hours that must be worked out again because of late readings, day by day.

The boundaries of an hour are interpolated between the readings around it. So a late reading changes all hours from the reading
before it to the one after it.
"""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from itertools import chain, starmap
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.core.readings.late_readings import HOUR_MS, HourRun
from gateway.ingest.database.store import Side, Store, TimeSpan
from gateway.monitoring.reports.boundaries import hours, midnight_ms
from gateway.monitoring.reports.nearest import nearest_heard
from gateway.monitoring.reports.roster import Roster

Marks = Mapping[str, Collection[HourRun]]
"""Device → its hours."""


class LateDay(NamedTuple):
    """A local day with hours that must be worked out again.

    :ivar hours: the local hours, without gaps.
    :ivar devices: the devices that have a late hour in it.
    """

    day: TimeSpan
    hours: list[TimeSpan]
    devices: set[str]


def day_of(at_ms: int, zone: ZoneInfo) -> TimeSpan:
    """The local day of an instant."""
    day = datetime.fromtimestamp(at_ms // 1000, zone).date()
    return TimeSpan(midnight_ms(day, zone), midnight_ms(day + timedelta(days=1), zone))


def month_of(at_ms: int, zone: ZoneInfo) -> TimeSpan:
    """The local month of an instant."""
    first = datetime.fromtimestamp(at_ms // 1000, zone).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return TimeSpan(midnight_ms(first, zone), midnight_ms(following, zone))


def late_days(marks: Marks, zone: ZoneInfo, closed_ms: int) -> list[LateDay]:
    """The days to work out again, the oldest first, with those of their hours that are closed."""
    found: dict[TimeSpan, tuple[set[int], set[str]]] = {}
    days: dict[int, list[TimeSpan]] = {}
    for device, marked in marks.items():
        for hour in chain.from_iterable(starmap(range, marked)):
            if hour not in days:
                ends = (hour * HOUR_MS, (hour + 1) * HOUR_MS - 1)
                days[hour] = sorted({day_of(at_ms, zone) for at_ms in ends})
            for day in days[hour]:
                late, devices = found.setdefault(day, (set(), set()))
                late.add(hour)
                devices.add(device)
    return [
        LateDay(day, spans, devices)
        for day, (late, devices) in sorted(found.items())
        if (spans := _local(day, late, closed_ms))
    ]


def _local(day: TimeSpan, late: Collection[int], closed_ms: int) -> list[TimeSpan]:
    first_ms, last_ms = min(late) * HOUR_MS, (max(late) + 1) * HOUR_MS
    return [span for span in hours(day) if span.start_ms < last_ms and span.end_ms > first_ms and span.end_ms <= closed_ms]


async def with_neighbours(
    store: Store, roster: Roster, marks: Marks, zone: ZoneInfo, closed_ms: int
) -> dict[str, list[HourRun]]:
    """Add the hours up to the readings on both sides of each late hour.

    :param marks: the late hours, by id of the registry.
    :raises StoreFault: the database does not answer.
    """
    found = {device: list(marked) for device, marked in marks.items()}
    for late in await asyncio.to_thread(late_days, marks, zone, closed_ms):
        span = TimeSpan(late.hours[0].start_ms, late.hours[-1].end_ms)
        before = await nearest_heard(store, roster, Side.UP_TO, span.start_ms - 1, late.devices)
        after = await nearest_heard(store, roster, Side.AFTER, span.end_ms - 1, late.devices)
        for device in late.devices:
            first_ms, last_ms = before.get(device, span.start_ms), after.get(device, span.end_ms - 1)
            if first_ms < span.start_ms - HOUR_MS or last_ms >= span.end_ms + HOUR_MS:
                found[device].append((first_ms // HOUR_MS, last_ms // HOUR_MS + 1))
            else:
                found[device] += [(at_ms // HOUR_MS, at_ms // HOUR_MS + 1) for at_ms in (first_ms, last_ms)]
    return found
