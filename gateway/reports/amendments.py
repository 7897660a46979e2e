"""Amendments of sums, where the database does not replace points: worked out while a report reads.

It is the code of `gateway devices resum` (:mod:`gateway.reports.resum`), which writes nothing there. Of a counter only the
times are held at which what is to be added changes: at an exchange, at a step, and where the gateway went on right.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final, NamedTuple

from gateway.core.devices.device import Device
from gateway.core.readings.counters import CounterState
from gateway.reports.replays import COUNTED_IN, replays_of, series_name
from gateway.reports.store import Counter, Devices, Side, Store, StoredSeries, SumPoint, TimeSpan
from schemas.quantities import SUM_OF

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


_Amendments = Mapping[tuple[StoredSeries, str], list[_Amended]]


class AmendedStore:
    """A database with the right sums at the points that reports look for.

    :ivar is_overwritten: False: that is why it is needed.
    """

    def __init__(self, store: Store, found: _Amendments) -> None:
        self.is_overwritten = store.is_overwritten
        self.rows = store.rows
        self.placed_rows = store.placed_rows
        self.heard = store.heard
        self.flagged = store.flagged
        self.spread = store.spread
        self.sampled = store.sampled
        self._store = store
        self._found = found

    async def nearest(
        self, counter: Counter, side: Side, at_ms: int, reach_ms: int, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, SumPoint]]:
        """Yield for each series the point with a sum that is nearest to an instant."""
        async for series, point in self._store.nearest(counter, side, at_ms, reach_ms, devices):
            amended = self._found.get((series, counter.field), ())
            place = bisect_right(amended, point.time_ms, key=_from_ms)
            yield series, point._replace(sum=round(point.sum + amended[place - 1].by, 6)) if place else point


async def amended_store(store: Store, late: Mapping[str, LateSums], until_ms: int) -> Store:
    """Work out the amendments of some devices; return the database with them.

    :param late: by the name that they have in the database.
    :raises StoreFault: the database does not answer.
    """
    found: dict[tuple[StoredSeries, str], list[_Amended]] = {}
    for device, sums in late.items():
        fields = {register.name.partition(",")[0] for register in sums.counters.registers()}
        for measurement in sorted({COUNTED_IN[field] for field in fields}):
            await _amend(store, device, sums, measurement, until_ms, found)
    return AmendedStore(store, found) if found else store


async def _amend(
    store: Store,
    device: str,
    late: LateSums,
    measurement: str,
    until_ms: int,
    found: dict[tuple[StoredSeries, str], list[_Amended]],
) -> None:
    begun = await replays_of(store, device, late.counters, measurement, late.since_ms)
    counted = sorted({name.partition(",")[0] for name in begun.replays})
    fields = [name for field in counted for name in (field, SUM_OF[field])]
    for start_ms in range(begun.start_ms, until_ms, _DAY_MS):
        window = TimeSpan(start_ms, min(start_ms + _DAY_MS, until_ms))
        async for series, rows in store.rows(measurement, fields, window, [device]):
            name = series_name(series._asdict())
            for number, field in enumerate(counted):
                replay = begun.replays.get(field + name)
                if replay is None:
                    continue
                amended = found.setdefault((series, field), [])
                for time_ms, values in rows:
                    register, stored = values[2 * number], values[2 * number + 1]
                    if register is None:
                        continue
                    total = replay.sum_of(time_ms, float(register), stored)
                    if stored is not None:
                        _add(amended, time_ms, 0.0 if total is None else total - stored)


def _add(amended: list[_Amended], time_ms: int, by: float) -> None:
    before = amended[-1].by if amended else 0.0
    if abs(by - before) > _TOLERANCE:
        amended.append(_Amended(time_ms, by))


def _from_ms(amended: _Amended) -> int:
    return amended.from_ms
