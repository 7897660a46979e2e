"""Sums are asked for and worked out again in a database in memory: who is held back, and what is left when it breaks off."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from gateway.core.batching.write_result import Answer
from gateway.core.devices.device import Device
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import FoundSum, Register, StoredExchange, SumsMode, ToldExchange
from gateway.ingest.database.store import StoreFault
from gateway.ingest.events import Events
from gateway.monitoring.reports import take_over as module
from gateway.monitoring.reports.resum import ResumProgress, work_out
from gateway.monitoring.reports.stored_counters import exchange_lines, newest_sums, replays_of, stored_exchanges
from gateway.monitoring.reports.take_over import SumsTakeOver
from gateway.support.config.model import Config
from tests.clocks import SetClock
from tests.core.making import pipeline
from tests.monitoring.reports.memory import MemoryStore
from tests.monitoring.reports.points import DAY, EVERY, HOUR, START, point
from tests.monitoring.reports.test_take_over import comes, none_awaits, once, sums

NOW_MS = START + DAY


class Asking:
    """A take-over whose database is in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: MemoryStore, hindrance: Callable[[], str] = lambda: "") -> None:
        self.into, self.events, self.asked = pipeline(sums=SumsMode.ASKED), Events(), 0

        @asynccontextmanager
        async def opened(*_: object) -> AsyncIterator[MemoryStore]:
            self.asked += 1
            yield store

        monkeypatch.setattr(module, "open_store", opened)
        for name in ("_TOGETHER_S", "_FIRST_WAIT_S"):
            monkeypatch.setattr(module, name, 0.001)
        streams, clock = self.into.streams, SetClock(NOW_MS)
        self.taking = SumsTakeOver(Config(), streams, self.into.restore_sums, self.events, clock, hindrance)

    def run(self, story: Callable[[], Awaitable[None]]) -> None:
        """Run it beside a story."""

        async def both() -> None:
            running = asyncio.create_task(self.taking.run())
            await story()
            running.cancel()

        asyncio.run(both())


def test_devices_that_begin_together_are_asked_about_once_and_share_by_share(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore([point("m1", START, 70.0, 570.0)])
    asking = Asking(monkeypatch, store)
    wanted = [*comes(asking.into, {"volume_m3": 71}, "m1"), *comes(asking.into, {"volume_m3": 5}, "m2")]
    for name, share in {"m1": "ward-1", "m2": "ward-2"}.items():
        asking.into.streams.devices[name].share = share

    async def story() -> None:
        asking.taking.want(wanted)
        assert [asking.taking.waiting(share) for share in ("ward-1", "ward-2", "ward-3")] == [1, 1, 0]
        await none_awaits(asking.into)
        await once(lambda: asking.taking.waiting("ward-1") == 0)

    asking.run(story)
    assert asking.asked == 1
    assert sums(asking.into, {"volume_m3": 72}, "m1") == {"volume_sum_m3": 572}
    assert sums(asking.into, {"volume_m3": 6}, "m2") == {"volume_sum_m3": 6}
    assert asking.taking.pop_behind() == {}, "none was held back"


def test_devices_of_a_share_that_another_still_writes_are_held_back_and_told_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, held = Asking(monkeypatch, MemoryStore([point("m1", START, 70.0, 570.0)])), ["ward-1"]
    monkeypatch.setattr(asking.into.streams.tenures, "holds_sums_back", lambda share: share in held)
    wanted = [*comes(asking.into, {"volume_m3": 71}, "m1"), *comes(asking.into, {"volume_m3": 5}, "m2", time_ms=NOW_MS)]
    wanted += [*comes(asking.into, {"volume_m3": 5}, "m3"), "gone", "m4"]
    asking.into.streams.devices["m4"] = Device("m4", None)
    for name, share in {"m1": "ward-1", "m2": "ward-1", "m3": "ward-2", "m4": "ward-1"}.items():
        asking.into.streams.devices[name].share = share

    async def story() -> None:
        asking.taking.want(wanted)
        await once(lambda: asking.taking.waiting("ward-2") == 0)
        assert asking.taking.waiting("ward-1") == 3
        held.clear()
        asking.taking.look()
        await none_awaits(asking.into)
        await once(lambda: asking.taking.waiting("ward-1") == 0)

    asking.run(story)
    assert asking.taking.pop_behind() == {"m1": START, "m2": NOW_MS}, "its newest sum there, or its first reading here"
    assert asking.taking.pop_behind() == {}, "told once"
    counters = asking.into.streams.devices["m1"].counters
    assert counters is not None
    assert counters.past.wrong_since_ms == START


def test_who_was_asked_about_in_vain_waits_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(MemoryStore):
        broken = True

        async def heard(self, *question: Any) -> AsyncIterator[tuple[str, int]]:  # noqa: ANN401
            """Fail at first."""
            if self.broken:
                raise StoreFault("away")
            async for answer in super().heard(*question):
                yield answer

    store = Broken([point("m1", START, 70.0, 570.0)])
    asking = Asking(monkeypatch, store)
    wanted = comes(asking.into, {"volume_m3": 71}, "m1")
    asking.into.streams.devices["m1"].share = "ward-1"

    async def story() -> None:
        asking.taking.want(wanted)
        await once(lambda: asking.asked > 1)
        assert asking.taking.waiting("ward-1") == 1
        assert asking.events.sums_trouble == "away"
        store.broken = False
        await none_awaits(asking.into)

    asking.run(story)
    assert asking.events.sums_trouble == ""


def test_sums_are_read_of_each_lane_not_later_than_asked_for() -> None:
    lines = [
        f"traffic,device=t,lane=1,site=s vehicle_count_total=10,vehicle_count_sum=110 {START}",
        f"traffic,device=t,lane=2,site=s vehicle_count_total=20,vehicle_count_sum=21 {START}",
        f"traffic,device=t,lane=2,site=s vehicle_count_total=30,vehicle_count_sum=31 {START + DAY}",
        f"traffic,device=t,lane=3,site=s vehicle_count_sum=5 {START}",
    ]
    found = asyncio.run(newest_sums(MemoryStore(lines), {"t", "none"}, START + HOUR))
    assert found == {
        "t": {
            "vehicle_count_total,lane=1": FoundSum(10.0, 110.0, START),
            "vehicle_count_total,lane=2": FoundSum(20.0, 21.0, START),
        }
    }


def test_exchanges_are_read_back_as_they_were_told_last() -> None:
    one = StoredExchange(ToldExchange("volume_m3,channel=c", START, 5.0, None), is_late=True)
    other = StoredExchange(ToldExchange(None, START + HOUR, None, 1.0), is_late=False)
    lines = [exchange_lines("m", None, other, START + DAY), exchange_lines("m", None, one, START + 2 * DAY)]
    lines.append(exchange_lines("m", None, one._replace(is_late=False), START + 3 * DAY))
    store = MemoryStore(lines)
    assert asyncio.run(stored_exchanges(store, {"m"}, START + 3 * DAY)) == {"m": [one, other]}
    assert asyncio.run(stored_exchanges(store, {"m"}, START + 3 * DAY + 1)) == {"m": [one._replace(is_late=False), other]}
    assert asyncio.run(stored_exchanges(store, {"x"}, START + 9 * DAY)) == {}


def counters_of(*registers: Register) -> CounterState:
    found = CounterState()
    for register in registers:
        found.restore(register)
    return found


def test_a_counter_begins_behind_its_last_sum_and_no_further_back_than_forty_days() -> None:
    live = counters_of(Register("volume_m3", 90.0, START + DAY), Register("volume_m3,channel=c", 1.0, START))
    lines = [point("m", START - 50 * DAY, 10.0, 110.0), point("m", START - HOUR, 70.0, 570.0)]
    lines += [point("m", START + HOUR, 71.0, 571.0), point("m", START, 5.0, 6.0, tags=",channel=other")]
    begun = asyncio.run(replays_of(MemoryStore(lines), "m", live, "water", START))
    assert begun.start_ms == START - HOUR + 1
    assert set(begun.replays) == {"volume_m3", "volume_m3,channel=c"}
    seed = begun.replays["volume_m3"].register
    assert seed is not None
    assert (seed.value, seed.time_ms, seed.offset) == (70.0, START - HOUR, 500.0)
    assert begun.replays["volume_m3,channel=c"].register is None, "it has no sum yet"
    far = asyncio.run(replays_of(MemoryStore(lines[:1]), "m", live, "water", START))
    assert far.start_ms == START - 40 * DAY
    assert asyncio.run(replays_of(MemoryStore(lines), "m", live, "power", START)).replays == {}


class Live:
    """A device's counters, with what is done to them."""

    def __init__(self, counters: CounterState) -> None:
        self.device, self.counters = "m", counters
        self.done: list[str] = []

    async def save(self) -> None:
        """Note what would be on disk."""
        self.done.append(f"saved {self.counters.past.wrong_since_ms}")

    async def settle(self) -> bool:
        """All is in the database."""
        self.done.append("settled")
        return True


class Writer:
    """Writes into a store, or refuses."""

    def __init__(self, store: MemoryStore, status: int = 204) -> None:
        self.store, self.status = store, status
        self.lines: list[str] = []

    async def write(self, body: bytes) -> Answer:
        """Take a write."""
        lines = gzip.decompress(body).decode().split("\n")
        if self.status == 204:
            self.lines += lines
            self.store.write(lines)
        return Answer(self.status, "refused")


EXCHANGE = ToldExchange(None, START + HOUR + 1, 101.0, 0.0)


def wrong(*, is_overwritten: bool = True) -> tuple[MemoryStore, Live]:
    """A meter whose exchange was told when two readings of the new one stood there without sums."""
    lines = [point("m", START + at, 100 + at / HOUR, 100 + at / HOUR, tags=",area=Qu\\ 1") for at in (0, HOUR)]
    lines += [point("m", START + HOUR + at * EVERY, at / 4, None, 4, tags=",area=Qu\\ 1") for at in (1, 2)]
    counters = counters_of(Register("volume_m3", 0.5, START + HOUR + 2 * EVERY, offset=101.0))
    counters.exchange(EXCHANGE)
    counters.restore(Register("volume_m3", 0.5, START + HOUR + 2 * EVERY, offset=101.0))
    return MemoryStore(lines, is_overwritten=is_overwritten), Live(counters)


def run(store: MemoryStore, live: Live, writer: Writer) -> ResumProgress:
    progress = ResumProgress("m", START + HOUR + 1, START + 2 * HOUR)
    asyncio.run(work_out(store, cast("Any", writer), live, progress))
    return progress


def test_the_mark_of_what_is_to_be_done_is_on_disk_before_anything_is_written() -> None:
    store, live = wrong()
    writer = Writer(store, 503)
    with pytest.raises(StoreFault, match="sums cannot be written: 503 refused"):
        run(store, live, writer)
    assert live.done[0] == f"saved {START + HOUR + 1}"
    assert "settled" not in live.done
    assert writer.lines == []


def test_sums_alone_are_written_where_they_differ_and_the_last_window_is_read_twice() -> None:
    store, live = wrong()
    writer = Writer(store)
    progress = run(store, live, writer)
    sums_at = {at: f"water,area=Qu\\ 1,device=m,site=s volume_sum_m3={101 + at / 4!r}" for at in (1, 2)}
    assert writer.lines == [f"{line} {START + HOUR + at * EVERY}" for at, line in sums_at.items()]
    assert (progress.changed, progress.read, progress.is_done, progress.is_written, progress.fault) == (2, 2, True, True, "")
    assert live.done.count("settled") == 1
    assert live.done[-1] == "saved None"


def test_where_points_are_not_replaced_none_is_written_and_the_gateway_goes_on() -> None:
    store, live = wrong(is_overwritten=False)
    writer = Writer(store)
    progress = run(store, live, writer)
    assert (writer.lines, progress.changed, progress.is_written, progress.is_done) == ([], 0, False, True)
    assert progress.read == 2
