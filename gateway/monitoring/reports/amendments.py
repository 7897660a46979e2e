"""Amendments of sums, where the database does not replace points: worked out while a report reads.

It is the code of `gateway devices resum` (:mod:`gateway.monitoring.reports.resum`), which writes nothing there. Of a counter
only the times are held at which what is to be added changes: at an exchange, at a step, and where the gateway went on right;
and the few readings that got no sum when they came, as those behind a step that nobody had told of yet.
"""

from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Final, NamedTuple

from gateway.core.devices.device import Device
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import StepState
from gateway.ingest.database.store import Counter, Devices, Side, Store, StoredSeries, StoreOver, SumPoint, TimeSpan, within
from gateway.monitoring.reports.stored_counters import (
    WorkedSum,
    columns_of,
    fields_of,
    measured_in,
    newest_sums,
    replays_of,
    series_name,
    stored_exchanges,
    stored_steps,
    worked_out,
)

_DAY_MS: Final = 86_400_000
_TOLERANCE: Final = 1e-9


class LateSums(NamedTuple):
    """The counters of a device whose sums are wrong since a time."""

    since_ms: int
    counters: CounterState


class _Amended(NamedTuple):
    """An amount that is added to sums from a time on."""

    from_ms: int
    by: float


def late_sums_of(devices: Iterable[Device]) -> dict[str, LateSums]:
    """Devices whose sums are wrong in the database, by name."""
    found = {}
    for device in devices:
        since_ms = device.counters.past.wrong_since_ms if device.counters is not None else None
        if device.counters is not None and since_ms is not None:
            found[device.name] = LateSums(int(since_ms), device.counters)
    return found


async def late_exchanges(store: Store, devices: Collection[str], now_ms: int) -> dict[str, LateSums]:
    """Find the devices whose sums are wrong by what people told late, by the name that they have in the database.

    A report that does not find them in the file of a gateway, which was lost or is on another machine, knows them from here.
    """
    exchanges, steps = await stored_exchanges(store, devices, now_ms), await stored_steps(store, devices, now_ms)
    late = {device for device, told in exchanges.items() if any(exchange.is_late for exchange in told)}
    used = {device: [step for step in some if step.state is StepState.USED] for device, some in steps.items()}
    late |= {device for device, some in used.items() if some}
    sums = await newest_sums(store, late, now_ms) if late else {}
    found = []
    for name in sorted(late):
        device = Device(name, None)
        counters = device.counters = CounterState()
        counters.take_over(sums.get(name, {}), exchanges.get(name, ()), steps.get(name, ()))
        for step in used.get(name, ()):
            counters.note_wrong(step.from_ms)
        found.append(device)
    return late_sums_of(found)


class _Amendment:
    """The right sums of one counter, as far as they are not those in the database.

    :ivar added: amounts that are added to sums, in the order of time.
    :ivar given: readings without a sum in the database, with the one they should have, in the order of time.
    """

    def __init__(self) -> None:
        self.added: list[_Amended] = []
        self.given: list[SumPoint] = []

    def read(self, time_ms: int, worked: WorkedSum) -> None:
        """Take in the next reading: the sum that stands in the database, and the one that was worked out."""
        if worked.stored is None:
            if worked.total is not None:
                self.given.append(SumPoint(time_ms, worked.total, worked.register))
            return
        by, before = 0.0 if worked.total is None else worked.total - worked.stored, self.added[-1].by if self.added else 0.0
        if abs(by - before) > _TOLERANCE:
            self.added.append(_Amended(time_ms, by))

    def amended(self, point: SumPoint) -> SumPoint:
        """Return a point of the database with the right sum."""
        place = bisect_right(self.added, point.time_ms, key=attrgetter("from_ms"))
        return point._replace(sum=round(point.sum + self.added[place - 1].by, 6)) if place else point

    def nearest_given(self, side: Side, window: TimeSpan) -> SumPoint | None:
        """Return the reading without a sum in the database that is nearest to the instant at the edge of a window."""
        first, end = (bisect_left(self.given, at_ms, key=attrgetter("time_ms")) for at_ms in window)
        return self.given[end - 1 if side is Side.UP_TO else first] if first < end else None


_Amendments = Mapping[tuple[StoredSeries, str], _Amendment]


class AmendedStore(StoreOver):
    """A database that does not replace points, with the right sums at the points that reports look for."""

    def __init__(self, store: Store, found: _Amendments) -> None:
        super().__init__(store)
        self.rows = store.rows
        self._found = found

    async def nearest(
        self, counter: Counter, side: Side, at_ms: int, reach_ms: int, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, SumPoint]]:
        """Yield for each series the point with a sum that is nearest to an instant, also one that the database has none for."""
        given = dict(self._given(counter, side, within(side, at_ms, reach_ms), devices))
        async for series, point in self._store.nearest(counter, side, at_ms, reach_ms, devices):
            amendment, other = self._found.get((series, counter.field)), given.pop(series, None)
            if other is not None and abs(at_ms - other.time_ms) < abs(at_ms - point.time_ms):
                yield series, other
            else:
                yield series, point if amendment is None else amendment.amended(point)
        for series, point in given.items():
            yield series, point

    def _given(
        self, counter: Counter, side: Side, window: TimeSpan, devices: Devices
    ) -> Iterator[tuple[StoredSeries, SumPoint]]:
        for (series, name), amendment in self._found.items():
            if name == counter.field and (devices is None or series.device in devices):
                point = amendment.nearest_given(side, window)
                if point is not None:
                    yield series, point


async def amended_store(store: Store, late: Mapping[str, LateSums], until_ms: int) -> Store:
    """Work out the amendments of devices, ``late`` by their name in the database; return the database with them."""
    found: dict[tuple[StoredSeries, str], _Amendment] = {}
    for device, sums in late.items():
        for measurement in sorted({measured_in(register.name) for register in sums.counters.registers()}):
            await _amend(store, device, sums, measurement, until_ms, found)
    return AmendedStore(store, found) if found else store


async def _amend(
    store: Store,
    device: str,
    late: LateSums,
    measurement: str,
    until_ms: int,
    found: dict[tuple[StoredSeries, str], _Amendment],
) -> None:
    begun = await replays_of(store, device, late.counters, measurement, late.since_ms)
    fields = fields_of(begun.replays)
    for start_ms in range(begun.start_ms, until_ms, _DAY_MS):
        window = TimeSpan(start_ms, min(start_ms + _DAY_MS, until_ms))
        async for series, rows in store.rows(measurement, columns_of(fields), window, [device]):
            name = series_name(series._asdict())
            for time_ms, values in rows:
                for worked in worked_out(begun.replays, fields, name, time_ms, values):
                    found.setdefault((series, worked.field), _Amendment()).read(time_ms, worked)
