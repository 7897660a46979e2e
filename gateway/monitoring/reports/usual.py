"""The usual hours of devices: the mean of each local hour over the last days, from the roll-ups."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.alarms.views import UsualHours
from gateway.core.alarms.watch import FLOW, VOLUME
from gateway.ingest.database.store import PointValues, Store, TimeSpan, batches
from gateway.monitoring.reports.boundaries import midnight_ms
from gateway.monitoring.reports.roster import Roster, stored_periods
from schemas.quantities import SPREAD_OF, USED_OF

_DAYS: Final = 14
_DAYS_LEAST: Final = 3
_AT_ONCE: Final = 20
"""Devices whose hours are held in memory at a time."""
_HOURS: Final = 24

_ByHour = dict[str, list[list[tuple[int, float]]]]
"""Field → for each local hour its means, each with its day."""


async def usual_hours(
    store: Store, roster: Roster, fields: Collection[str], end_ms: int, zone: ZoneInfo
) -> AsyncIterator[tuple[str, UsualHours]]:
    """Yield for each device its usual hours as far as they are known, by the id of the registry.

    The flow of a meter that sends none is its consumption of an hour.

    :param fields: the fields to read.
    :param end_ms: the midnight up to which days count.
    """
    last = datetime.fromtimestamp(end_ms // 1000, zone).date()
    window = TimeSpan(midnight_ms(last - timedelta(days=_DAYS), zone), end_ms)
    for domain in roster.domains():
        wanted = {SPREAD_OF[domain][name][1]: name for name in fields if name in SPREAD_OF[domain]}
        if not wanted:
            continue
        if FLOW in wanted.values():
            wanted[USED_OF[VOLUME]] = FLOW  # behind the mean of the flow itself, which goes first
        for some in batches(roster.of_domain(domain), _AT_ONCE):
            found: dict[str, _ByHour] = defaultdict(lambda: defaultdict(lambda: [[] for _ in range(_HOURS)]))
            async for series, hours in stored_periods(store, roster, "hourly", list(wanted), window, some):
                _take(found[series.device], wanted, hours, zone)
            for device, means in found.items():
                yield device, {name: [_mean(values) for values in by_hour] for name, by_hour in means.items()}


def _take(found: _ByHour, wanted: Mapping[str, str], hours: Mapping[int, PointValues], zone: ZoneInfo) -> None:
    for minute, values in hours.items():
        local = datetime.fromtimestamp(minute * 60, zone)
        taken = set()
        for name, value in zip(wanted.values(), values, strict=True):
            if value is not None and name not in taken:
                taken.add(name)
                found[name][local.hour].append((local.toordinal(), float(value)))


def _mean(values: list[tuple[int, float]]) -> float | None:
    days = {day for day, _ in values}
    return sum(value for _, value in values) / len(values) if len(days) >= _DAYS_LEAST else None
