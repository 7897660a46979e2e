"""The registered devices for reports, under each name that the database may have for them; and questions about many of them.

Most points around an instant are near it; only the few others are searched for farther away.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from gateway.ingest.database.store import Counter, PointValues, Side, Store, StoredSeries, SumPoint, TimeSpan, batches
from gateway.monitoring.alarms.documents import EVENT, STUCK_FIELDS
from schemas.quantities import COUNTERS, DOMAINS, QUANTITIES
from schemas.registry import RegisteredDevice, device_key

_One = TypeVar("_One")
_Other = TypeVar("_Other")

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_STUCK_MS: Final = 400 * _DAY_MS
REACHES_MS: Final = (2 * _HOUR_MS, _DAY_MS, 40 * _DAY_MS)
"""Distances at which a report searches for a reading. A boundary between readings farther away than the last is not covered."""
NEWEST_MS: Final = (2 * _HOUR_MS, 40 * _DAY_MS, 3660 * _DAY_MS)
"""Distances at which the newest sum of a device is searched for: it may come back after years in a storeroom."""
MAIN_COUNTER: Final = {
    "water": "volume_m3",
    "power": "energy_import_kwh",
    "traffic": "vehicle_count_total",
    "urban": "people_in_total",
}
"""Domain → the counter of its balance."""
RETURNED: Final = {"water": "volume_reverse_m3", "power": "energy_export_kwh"}
"""Domain → the counter of what runs back through a meter, as the energy of a roof does: a balance takes it off."""
METERED: Final = frozenset({"water", "power"})
"""Domains whose devices are meters unless their readings say otherwise: a silent one counts as missing its main counter."""


class Roster:
    """Devices of a registry; ``by_id``: id → device."""

    def __init__(self, devices: Iterable[RegisteredDevice]) -> None:
        self.by_id = {device.id: device for device in devices}
        self._ids = {device_key(id_): id_ for id_ in self.by_id} | {id_: id_ for id_ in self.by_id}

    def of_domain(self, domain: str) -> Mapping[str, RegisteredDevice]:
        """The devices of a domain, with those for which the registry names none."""
        return {id_: device for id_, device in self.by_id.items() if device.domain in (None, domain)}

    def above(self, device: RegisteredDevice) -> Iterator[RegisteredDevice]:
        """The parents of a device that are registered."""
        return (self.by_id[self._ids[key]] for key in map(device_key, device.parents) if key in self._ids)

    def domains(self) -> Iterator[str]:
        """The domains of the devices, in the order of the table."""
        domains = {device.domain for device in self.by_id.values()}
        return (domain for domain in DOMAINS if domain in domains or None in domains)

    def customers(self) -> set[str]:
        """The devices that measure for customers, by role or as no other stands behind them, and are behind none of these."""
        parents = {above.id for one in self.by_id.values() for above in self.above(one)}
        found = {id_ for id_, one in self.by_id.items() if one.role == "use" or (one.role is None and id_ not in parents)}
        return {id_ for id_ in found if not self._is_behind(self.by_id[id_], found)}

    def _is_behind(self, device: RegisteredDevice, some: Collection[str]) -> bool:
        return any(above.id in some or self._is_behind(above, some) for above in self.above(device))

    def names(self, devices: Iterable[str]) -> set[str]:
        """The names that the database may have for devices: an EUI as on the label, or in lower case."""
        return {name for id_ in devices for name in (id_, device_key(id_))}

    def id_of(self, name: str) -> str | None:
        """The id of the device that has this name in the database; None: it is not registered."""
        return self._ids.get(name)

    def series(self, found: StoredSeries) -> StoredSeries | None:
        """The series with the id of its device; None: it is not registered."""
        id_ = self._ids.get(found.device)
        return None if id_ is None else found._replace(device=id_)


async def stored_periods(
    store: Store, roster: Roster, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Iterable[str]
) -> AsyncIterator[tuple[StoredSeries, Mapping[int, PointValues]]]:
    """Yield the hours or days that stand in the database: a series, with the id of the registry, and its values by minute."""
    async for written, rows in store.rows(measurement, fields, window, roster.names(devices)):
        series = roster.series(written)
        if series is not None:
            # A period that was written again stands some ms behind its first point: the newest counts.
            yield series, {time_ms // 60_000: values for time_ms, values in rows}


async def stuck_spans(store: Store, roster: Roster, span: TimeSpan) -> dict[str, list[TimeSpan]]:
    """The times in which registers stood still although something flowed, by device; one that goes on ends with the span."""
    found: dict[str, dict[int, int]] = {}
    window = TimeSpan(span.start_ms - _STUCK_MS, span.end_ms)
    for some in batches(roster.by_id):
        async for series, rows in store.rows(EVENT, STUCK_FIELDS, window, roster.names(some)):
            spans = found.setdefault(roster.id_of(series.device) or "", {})
            for _, (since, until) in rows:
                if since is not None:
                    ends_ms = span.end_ms if until is None else min(int(until), span.end_ms)
                    spans[int(since)] = min(ends_ms, spans.get(int(since), ends_ms))
    near = {id_: [TimeSpan(*one) for one in sorted(spans.items()) if one[1] > span.start_ms] for id_, spans in found.items()}
    return {id_: spans for id_, spans in near.items() if spans}


def counters_of(domain: str) -> list[str]:
    """The counters of a domain, in the order of the table."""
    return [field for field in QUANTITIES[domain] if field in COUNTERS]


def flow_counters(domain: str) -> list[str]:
    """The counters that tell what flowed through a meter, forwards and back."""
    return [field for field in (MAIN_COUNTER.get(domain), RETURNED.get(domain)) if field is not None]


def interval_ms(device: RegisteredDevice) -> int | None:
    """The interval of a device; None: the registry has none."""
    return None if device.interval is None else device.interval // timedelta(milliseconds=1)


async def nearest_points(
    store: Store,
    counter: Counter,
    side: Side,
    at_ms: int,
    devices: Collection[str],
    known: Iterable[StoredSeries] = (),
    reaches_ms: Iterable[int] = REACHES_MS,
) -> dict[StoredSeries, SumPoint]:
    """The points with a sum nearest to an instant on one side; ``known``: series to be found even farther than others."""
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
    for domain in roster.domains():
        for some in batches(roster.of_domain(domain).keys() & devices):
            await hear(store, roster, domain, side, at_ms, some, nearest)
    return nearest


async def hear(
    store: Store, roster: Roster, domain: str, side: Side, at_ms: int, devices: Iterable[str], nearest: dict[str, int]
) -> None:
    """Note the same of some devices in one domain, where it is nearer than what is noted already."""
    nearer = max if side is Side.UP_TO else min
    async for name, time_ms in store.heard(domain, side, at_ms, REACHES_MS[-1], roster.names(devices)):
        if (id_ := roster.id_of(name)) is not None:
            nearest[id_] = nearer(time_ms, nearest.get(id_, time_ms))


async def both(one: Coroutine[Any, Any, _One], other: Coroutine[Any, Any, _Other]) -> tuple[_One, _Other]:
    """Ask two questions at once; when one fails the other is given up, and its :class:`StoreFault` is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(one), group.create_task(other)
    except BaseExceptionGroup as faults:
        raise faults.exceptions[0] from None
    return asked[0].result(), asked[1].result()
