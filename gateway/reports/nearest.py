"""The points around an instant, of many devices: most are near, so the few others alone are asked about from farther away."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from typing import Any, Final, TypeVar

from gateway.reports.store import Counter, Side, Store, StoredSeries, SumPoint

_One = TypeVar("_One")
_Other = TypeVar("_Other")

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
REACHES_MS: Final = (2 * _HOUR_MS, _DAY_MS, 40 * _DAY_MS)
"""How far a report looks for a reading: a boundary between readings farther away than these is not covered."""
NEWEST_MS: Final = (2 * _HOUR_MS, 40 * _DAY_MS, 3660 * _DAY_MS)
"""How far back the newest sum of a device is looked for: one may come back from years in a storeroom."""


async def nearest_points(
    store: Store,
    counter: Counter,
    side: Side,
    at_ms: int,
    devices: Collection[str],
    known: Iterable[StoredSeries] = (),
) -> dict[StoredSeries, SumPoint]:
    """The points with a sum that are nearest to an instant on one side.

    :param devices: to ask about.
    :param known: series that are looked for beside those that are found near.
    :raises StoreFault: the database does not answer.
    """
    return await _within(store, counter, side, at_ms, devices, known, REACHES_MS)


async def newest_points(store: Store, counter: Counter, now_ms: int, devices: Collection[str]) -> dict[StoredSeries, SumPoint]:
    """The newest points with a sum, not later than an instant, however old they are.

    :raises StoreFault: the database does not answer.
    """
    return await _within(store, counter, Side.UP_TO, now_ms, devices, (), NEWEST_MS)


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


async def _within(
    store: Store,
    counter: Counter,
    side: Side,
    at_ms: int,
    devices: Collection[str],
    known: Iterable[StoredSeries],
    reaches_ms: Iterable[int],
) -> dict[StoredSeries, SumPoint]:
    found: dict[StoredSeries, SumPoint] = {}
    wanted = set(devices)
    known = [series for series in known if series.device in wanted]
    missing: Collection[str] = wanted
    for reach_ms in reaches_ms:
        if not missing:
            break
        found |= {series: point async for series, point in store.nearest(counter, side, at_ms, reach_ms, missing)}
        answered = {series.device for series in found}
        missing = (wanted - answered) | {series.device for series in known if series not in found}
    return found
