"""The points of many devices around an instant. Most are near; only the few others are searched for farther away."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from typing import Any, Final, TypeVar

from gateway.ingest.database.store import Counter, Side, Store, StoredSeries, SumPoint, batches
from gateway.monitoring.reports.roster import Roster

_One = TypeVar("_One")
_Other = TypeVar("_Other")

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
REACHES_MS: Final = (2 * _HOUR_MS, _DAY_MS, 40 * _DAY_MS)
"""Distances at which a report searches for a reading. A boundary between readings farther away than the last is not covered."""
NEWEST_MS: Final = (2 * _HOUR_MS, 40 * _DAY_MS, 3660 * _DAY_MS)
"""Distances at which the newest sum of a device is searched for: it may come back after years in a storeroom."""


async def nearest_points(
    store: Store,
    counter: Counter,
    side: Side,
    at_ms: int,
    devices: Collection[str],
    known: Iterable[StoredSeries] = (),
    reaches_ms: Iterable[int] = REACHES_MS,
) -> dict[StoredSeries, SumPoint]:
    """The points with a sum that are nearest to an instant on one side.

    :param devices: the devices to ask about.
    :param known: series that must be found, even farther away than others of their device.
    """
    found: dict[StoredSeries, SumPoint] = {}
    wanted = set(devices)
    must = [series for series in known if series.device in wanted]
    missing: Collection[str] = wanted
    for reach_ms in reaches_ms:
        if missing:
            found |= {series: point async for series, point in store.nearest(counter, side, at_ms, reach_ms, missing)}
            answered = {series.device for series in found}
            missing = (wanted - answered) | {series.device for series in must if series not in found}
    return found


async def newest_points(store: Store, counter: Counter, now_ms: int, devices: Collection[str]) -> dict[StoredSeries, SumPoint]:
    """The newest points with a sum, not later than an instant, however old they are."""
    return await nearest_points(store, counter, Side.UP_TO, now_ms, devices, reaches_ms=NEWEST_MS)


async def devices_in(store: Store, measurement: str, now_ms: int, devices: Collection[str]) -> set[str]:
    """The devices that have points in a measurement, not later than an instant, however old they are."""
    missing = set(devices)
    for reach_ms in NEWEST_MS:
        if missing:
            missing -= {device async for device, _ in store.heard(measurement, Side.UP_TO, now_ms, reach_ms, missing)}
    return set(devices) - missing


async def nearest_heard(store: Store, roster: Roster, side: Side, at_ms: int, devices: Collection[str]) -> dict[str, int]:
    """The time of the point of each device, in any domain, that is nearest to an instant; by id of the registry."""
    nearest: dict[str, int] = {}
    nearer = max if side is Side.UP_TO else min
    for domain in roster.domains():
        for some in batches(roster.of_domain(domain).keys() & devices):
            async for name, time_ms in store.heard(domain, side, at_ms, REACHES_MS[-1], roster.names(some)):
                if (id_ := roster.id_of(name)) is not None:
                    nearest[id_] = nearer(time_ms, nearest.get(id_, time_ms))
    return nearest


async def both(one: Coroutine[Any, Any, _One], other: Coroutine[Any, Any, _Other]) -> tuple[_One, _Other]:
    """Ask two questions at once; when one fails the other is given up.

    :raises StoreFault: the first fault of the two.
    """
    try:
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(one), group.create_task(other)
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from None
    return asked[0].result(), asked[1].result()
