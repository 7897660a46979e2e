"""Sums that are worked out again, where the database does not take them: each question gets the right ones."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from gateway.core.devices.device import Device
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import Register, StoredExchange, ToldExchange
from gateway.ingest.database.store import Counter, Side, StoredSeries
from gateway.monitoring.reports.amendments import AmendedStore, amended_store, late_exchanges, late_sums_of
from gateway.monitoring.reports.stored_counters import exchange_lines
from tests.monitoring.reports.memory import MemoryStore
from tests.monitoring.reports.points import DAY, EVERY, HOUR, START, point

T = TypeVar("T")
VOLUME = Counter("water", "volume_m3")
M = StoredSeries("m")


async def _all(answers: AsyncIterator[T]) -> list[T]:
    return [answer async for answer in answers]


def readings(*registers: tuple[int, float, float | None]) -> MemoryStore:
    return MemoryStore([point("m", START + at, register, total) for at, register, total in registers], is_overwritten=False)


EXCHANGED_MS = START + HOUR + 1
TOLD_LATE = StoredExchange(ToldExchange(None, EXCHANGED_MS, 101.0, 0.0), is_late=True)
STEPPED = readings(
    (0, 100.0, 100.0),
    (EVERY, 100.5, 100.5),
    (HOUR, 101.0, 101.0),
    (HOUR + EVERY, 0.5, None),
    (HOUR + 2 * EVERY, 1.0, None),
    (HOUR + 3 * EVERY, 1.5, 101.0),
    (2 * HOUR, 2.0, 101.5),
)
STEPPED.write([exchange_lines("m", None, TOLD_LATE, START + 3 * HOUR)])


def amended(until_ms: int = START + DAY) -> AmendedStore:
    async def found() -> AmendedStore:
        late = await late_exchanges(STEPPED, {"m", "other"}, START + DAY)
        assert set(late) == {"m"}
        assert late["m"].since_ms == EXCHANGED_MS
        store = await amended_store(STEPPED, late, until_ms)
        assert isinstance(store, AmendedStore)
        return store

    return asyncio.run(found())


def nearest(store: AmendedStore, side: Side, at: int, reach: int = DAY, devices: set[str] | None = None) -> dict[int, float]:
    found = asyncio.run(_all(store.nearest(VOLUME, side, START + at, reach, devices)))
    assert [series for series, _ in found] == [M] * len(found)
    return {point.time_ms - START: point.sum for _, point in found}


def test_sums_behind_an_exchange_that_was_told_late_go_on_from_the_old_meter() -> None:
    store = amended()
    assert not store.is_overwritten
    for side, at, expected in (
        (Side.UP_TO, HOUR, (HOUR, 101.0)),
        (Side.UP_TO, HOUR + EVERY, (HOUR + EVERY, 101.5)),
        (Side.UP_TO, HOUR + EVERY - 1, (HOUR, 101.0)),
        (Side.AFTER, HOUR, (HOUR + EVERY, 101.5)),
        (Side.AFTER, HOUR + EVERY, (HOUR + 2 * EVERY, 102.0)),
        (Side.UP_TO, HOUR + 3 * EVERY - 1, (HOUR + 2 * EVERY, 102.0)),
        (Side.AFTER, HOUR + 2 * EVERY, (HOUR + 3 * EVERY, 102.5)),
        (Side.UP_TO, 2 * HOUR, (2 * HOUR, 103.0)),
        (Side.AFTER, 0, (EVERY, 100.5)),
    ):
        assert nearest(store, side, at) == dict([expected]), (side, at)
    assert nearest(store, Side.UP_TO, HOUR + 2 * EVERY, reach=EVERY) == {HOUR + 2 * EVERY: 102.0}, (
        "the database has none so near"
    )
    assert nearest(store, Side.UP_TO, HOUR + 2 * EVERY, reach=EVERY, devices={"x"}) == {}
    assert nearest(store, Side.UP_TO, HOUR + 2 * EVERY, reach=EVERY, devices={"m"}) == {HOUR + 2 * EVERY: 102.0}
    assert asyncio.run(_all(store.nearest(Counter("power", "energy_import_kwh"), Side.UP_TO, START + DAY, DAY))) == []


def test_readings_behind_the_end_of_a_report_are_not_read() -> None:
    assert nearest(amended(START + HOUR + 2 * EVERY), Side.AFTER, HOUR + EVERY) == {HOUR + 3 * EVERY: 101.0}


def test_all_other_questions_go_to_the_database_itself() -> None:
    store = amended()
    for name in ("rows", "placed_rows", "heard", "newest_reports", "newest", "flagged", "spread", "sampled"):
        assert getattr(store, name) == getattr(STEPPED, name)


def test_without_a_late_device_the_database_is_asked_as_it_is() -> None:
    on_time = MemoryStore([exchange_lines("m", None, TOLD_LATE._replace(is_late=False), START)])
    assert asyncio.run(late_exchanges(on_time, {"m"}, START + DAY)) == {}
    assert asyncio.run(amended_store(on_time, {}, START)) is on_time


def test_devices_are_late_from_the_time_since_which_their_sums_are_wrong() -> None:
    fresh, right, wrong = Device("a", None), Device("b", None), Device("c", None)
    right.counters, wrong.counters = CounterState(), CounterState()
    wrong.counters.restore(Register("volume_m3", 5.0, START))
    wrong.counters.note_wrong(START + 5)
    found = late_sums_of([fresh, right, wrong])
    assert {name: late.since_ms for name, late in found.items()} == {"c": START + 5}
    assert found["c"].counters is wrong.counters
