"""A slow InfluxDB holds up no acknowledgement, and a device that floods no reading of the others."""

import asyncio
from math import inf

import pytest

from gateway.core.batching.batch import Batch
from gateway.core.message import Outcome, Reading
from gateway.ingest.delivery.flood_queue import FloodQueue
from tests.ingest.delivery.delivering import WINDOW, numbered, rig, until
from tests.waiting import Stopwatch


def test_readings_are_acknowledged_from_the_journal_while_a_slow_influxdb_still_writes_them() -> None:
    """Half of the window is owed. InfluxDB is not taken to be away: its answer counts, and takes the row out again."""

    async def story() -> None:
        async with rig() as gate:
            gate.come(*numbered(WINDOW // 2))
            await until(lambda: len(gate.acknowledged) == WINDOW // 2)
            assert gate.journal.stored == [numbered(WINDOW // 2)]
            assert gate.ledger.pending == {"memory": 0, "journal": WINDOW // 2, "quarantine": 0}
            assert not gate.breaker.is_open
            gate.come("next")
            await until(lambda: gate.posted[-1] == "next")  # what is stored holds no lane
            gate.influxdb.answer_all()
            await until(lambda: gate.ledger.total("written") == WINDOW // 2 + 1)
            assert gate.backlog.settled_late == [1]
            assert sum(gate.events.delivery.counts) == WINDOW // 2 + 1

    asyncio.run(story())


def test_as_long_as_the_broker_can_wait_a_slow_influxdb_sends_nothing_to_the_journal() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come(*numbered(WINDOW // 2 - 1))
            await asyncio.sleep(0.3)  # longer than its patience
            assert gate.journal.stored == []
            gate.influxdb.answer_all()
            await until(lambda: gate.ledger.total("written") == WINDOW // 2 - 1)

    asyncio.run(story())


def test_an_influxdb_that_answers_soon_keeps_the_journal_untouched_however_much_is_owed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.ingest.delivery.live_lane._PATIENCE_S", 3600.0)

    async def story() -> None:
        async with rig() as gate:
            gate.come(*numbered(WINDOW))
            for _ in range(20):
                await asyncio.sleep(0)
            gate.influxdb.answer_all()
            await until(lambda: len(gate.acknowledged) == WINDOW)
            assert gate.journal.commits == 0

    asyncio.run(story())


def test_while_a_device_floods_the_broker_is_not_kept_waiting_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.delivery.live_lane._PATIENCE_S", 3600.0)

    async def story() -> None:
        async with rig() as gate:
            gate.queue.flood_queue.set_flooding(frozenset({"mad"}), inf)
            gate.come(*numbered(WINDOW // 2))
            await asyncio.sleep(0.15)  # slow enough
            gate.live_lane.pump()
            await until(lambda: gate.journal.stored)

    asyncio.run(story())


def test_what_flies_and_is_stored_presses_for_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the way into the journal would turn in circles, and a flood be kept apart for an InfluxDB that keeps up."""
    monkeypatch.setattr("gateway.ingest.delivery.live_lane._PATIENCE_S", 0.01)
    monkeypatch.setattr("gateway.ingest.delivery.live_lane.SLOW_ANSWER_S", 0.01)

    async def story() -> None:
        async with rig() as gate:
            gate.come(*numbered(WINDOW // 2))
            await until(lambda: gate.acknowledged)
            batch = gate.queue.add(Outcome("water"), 0.0)
            gate.queue.await_codec(batch, 2**24)  # much memory is used, by what a codec is asked
            gate.queue.flood_queue.set_flooding(frozenset({"mad"}), inf)  # long after the last time it pressed
            assert gate.queue.under_pressure
            gate.live_lane.pump()
            assert not gate.queue.flood_queue.apart
            gate.queue.add_answered(batch, 2**24, Outcome("water"), 0.0)

    asyncio.run(story())


def test_a_write_that_stalls_opens_the_breaker_although_its_readings_are_stored() -> None:
    async def story() -> None:
        async with rig(stall_s=0.5) as gate:
            gate.come(*numbered(WINDOW // 2))
            await until(lambda: gate.acknowledged)
            assert not gate.breaker.is_open
            await until(lambda: gate.breaker.is_open)
            gate.come("later")
            await until(lambda: ["later"] in gate.journal.stored)
            assert "later" not in gate.posted

    asyncio.run(story())


def test_a_write_that_stalls_is_found_at_its_time_although_it_was_looked_after_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.delivery.live_lane._PATIENCE_S", 1.0)

    async def story() -> None:
        async with rig(stall_s=1.05) as gate:
            began_s, stopwatch = asyncio.get_running_loop().time(), Stopwatch()
            gate.come("q1")
            await until(lambda: gate.breaker.is_open)
            assert asyncio.get_running_loop().time() - began_s >= 1.05
            assert stopwatch.took_s < 2.5
            assert gate.events.influxdb_trouble.startswith("no answer for 1.")
            gate.breaker.close()

    asyncio.run(story())


def test_no_more_than_sixteen_writes_are_under_way_and_what_waits_behind_them_goes_to_the_journal() -> None:
    async def story() -> None:
        async with rig() as gate:
            for turn in range(20):
                gate.come(*numbered(WINDOW // 2, f"t{turn}-"))
                await until(lambda: not gate.acknowledger.owed)
            assert len(gate.influxdb.asked) == 16
            assert sum(len(row) for row in gate.journal.stored) == 20 * WINDOW // 2

    asyncio.run(story())


def test_what_flies_never_shares_a_row_of_the_journal() -> None:
    """Its 204 takes its row out again: whatever else stood there would be lost. Here the write has not even begun."""

    async def story() -> None:
        async with rig() as gate:
            gate.come("q1")
            gate.come("mad1", floods=["mad1"])
            await gate.spool.commit_all()
            assert gate.journal.stored == [["q1"], ["mad1"]]
            await until(lambda: gate.posted)
            gate.influxdb.answer_all()
            await until(lambda: gate.backlog.settled_late)
            assert (gate.backlog.settled_late, gate.ledger.pending["journal"]) == ([1], 1)

    asyncio.run(story())


def flooded(lines: list[str]) -> set[str]:
    return {line for line in lines if line.startswith("mad")}


MIXED = ["mad1", "q1", "mad2", "mad3", "q2", "mad4"]


def test_what_a_flooding_device_sends_is_kept_apart_and_acknowledged_in_its_place() -> None:
    """The readings of the others are written at once; their acknowledgements wait for those received before them."""

    async def story() -> None:
        async with rig() as gate:
            gate.come(*MIXED, floods=flooded(MIXED))
            assert gate.posted == ["q1", "q2"] or not gate.posted
            await until(lambda: gate.posted == ["q1", "q2"])
            gate.influxdb.answer_all()
            await until(lambda: gate.ledger.total("written") == 2)
            assert gate.acknowledged == []
            await until(lambda: len(gate.acknowledged) == len(MIXED))
            assert gate.journal.stored == [["mad1", "mad2", "mad3", "mad4"]]

    asyncio.run(story())


def test_batches_that_came_with_what_is_kept_apart_all_wait_for_it() -> None:
    """Each holds a message of the device that floods: acknowledged before it is stored, it could be lost."""

    async def story() -> None:
        async with rig() as gate:
            gate.journal.works.clear()
            for number in (1, 2, 3):
                gate.come(f"q{number}", f"mad{number}", floods=[f"mad{number}"])
                await until(lambda number=number: f"q{number}" in gate.posted)
                gate.influxdb.answer_all()
                await until(lambda number=number: gate.ledger.total("written") == number)
            assert gate.acknowledged == []
            gate.journal.works.set()
            await until(lambda: len(gate.acknowledged) == 6)
            assert gate.journal.stored == [["mad1", "mad2", "mad3"]]

    asyncio.run(story())


def test_what_is_kept_apart_is_cut_into_batches_and_each_is_waited_for() -> None:
    flood_queue, first, second, third = FloodQueue(), Batch(), Batch(), Batch()
    for number, came_with in enumerate([first, second, second, second, second, third, third]):
        flood_queue.add([Reading(f"mad{number}", "water")], 0.0, came_with, 4)
    assert [[reading.lines for reading in batch.readings] for batch in flood_queue.batches] == [
        ["mad0", "mad1", "mad2", "mad3"],
        ["mad4", "mad5", "mad6"],
    ]
    assert [batch.behind for batch in flood_queue.batches] == [[first, second], [second, third]]
    assert [first.asked, second.asked, third.asked] == [1, 2, 1]


def test_half_of_the_window_owed_sends_what_is_kept_apart_to_the_journal_at_once() -> None:
    async def story() -> None:
        async with rig() as gate:
            stopwatch = Stopwatch()
            many = numbered(WINDOW // 2, "mad")
            gate.come(*many, floods=many)
            await until(lambda: len(gate.acknowledged) == len(many))
            assert stopwatch.took_s < 0.9  # and not only after a second
            assert gate.posted == []

    asyncio.run(story())


def test_what_the_journal_does_not_take_of_a_flood_goes_the_way_of_all() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.journal.full = True
            gate.come(*MIXED, floods=flooded(MIXED))
            await until(lambda: gate.posted)
            gate.influxdb.answer_all()
            await until(lambda: flooded(gate.posted))
            gate.influxdb.answer_all()
            await until(lambda: len(gate.acknowledged) == len(MIXED))
            assert gate.journal.stored == []
            assert gate.ledger.total("written") == len(MIXED)

    asyncio.run(story())


@pytest.mark.parametrize("floods", [pytest.param(True, id="floods"), pytest.param(False, id="does-not")])
def test_only_a_flood_is_kept_apart_and_only_when_influxdb_is_too_slow_for_it(floods: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        async with rig() as gate:
            flood_queue = gate.queue.flood_queue
            flood_queue.set_flooding(frozenset({"mad"} if floods else ()), asyncio.get_running_loop().time())
            gate.come(*numbered(WINDOW // 2 - 1))
            await asyncio.sleep(0.15)
            gate.live_lane.pump()
            assert not flood_queue.apart  # not half of the window is owed
            gate.come("one-more")
            await until(lambda: gate.acknowledged)
            assert bool(flood_queue.apart) is floods

    asyncio.run(story())


def test_a_minute_after_influxdb_was_too_slow_all_go_the_live_way_again() -> None:
    async def story() -> None:
        async with rig() as gate:
            flood_queue = gate.queue.flood_queue
            flood_queue.set_flooding(frozenset({"mad"}), 100.0)
            flood_queue.keep_apart(100.0)
            flood_queue.set_flooding(frozenset({"mad"}), 159.0)
            assert flood_queue.apart == {"mad"}
            flood_queue.set_flooding(frozenset({"mad"}), 161.0)
            assert not flood_queue.apart

    asyncio.run(story())
