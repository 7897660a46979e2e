"""The backlog: each row of the journal comes to one end, and all are told of a row that was given up."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from gateway.core.batching.write_result import Answer
from gateway.ingest.delivery import backlog
from gateway.ingest.storage import quarantine
from tests.ingest.delivery import draining
from tests.ingest.delivery.delivering import Rig, rig, until
from tests.ingest.storage.quarantined import waiting

WRITTEN, AWAY, NO_RIGHTS = Answer(204), Answer(503), Answer(401)


async def stored_in_flight(gate: Rig) -> int:
    """Store a reading whose write is unanswered; return its row."""
    gate.come("q1")
    await until(lambda: gate.influxdb.waits)
    assert await gate.spool.commit_all()
    (row,) = gate.queue.rows_in_flight()
    return row


def test_a_late_204_to_a_row_that_was_given_up_changes_nothing() -> None:
    """Its reading was counted as expired; counted as written too, the ledger would not balance."""

    async def story() -> None:
        async with rig() as gate:
            row = await stored_in_flight(gate)
            assert gate.backlog.give_up({row: Counter(water=1)}) == 1
            gate.influxdb.answer(WRITTEN)
            await until(lambda: gate.queue.oldest_posted_s is None)
            assert gate.backlog.settled_late == []
            assert (gate.ledger.total("expired"), gate.ledger.total("written")) == (1, 0)

    asyncio.run(story())


def test_a_settled_row_that_makes_room_is_not_counted_again() -> None:
    async def story() -> None:
        async with rig() as gate:
            row = await stored_in_flight(gate)
            gate.influxdb.answer(WRITTEN)
            await until(lambda: gate.backlog.settled_late == [row])
            assert gate.backlog.give_up({row: Counter(water=1)}) == 0
            assert (gate.ledger.total("expired"), gate.ledger.total("written")) == (0, 1)

    asyncio.run(story())


def test_the_probe_forgets_readings_that_may_have_been_given_up() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.breaker.open(NO_RIGHTS, b"a body")
            assert gate.breaker.refused == b"a body"
            gate.backlog.give_up({7: Counter()})
            assert gate.breaker.refused is None
            gate.breaker.close()

    asyncio.run(story())


def test_a_row_whose_late_answer_is_no_204_wakes_the_drain_lane() -> None:
    """It may have come to the end of the journal while the row was in flight, and left it to the answer."""

    async def story() -> None:
        async with rig() as gate:
            await stored_in_flight(gate)
            gate.backlog.grew.clear()
            gate.influxdb.answer(AWAY)
            await until(gate.backlog.grew.is_set)
            assert gate.backlog.settled_late == []

    asyncio.run(story())


def test_a_settled_row_wakes_the_drain_lane_which_removes_it() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.backlog.settle(7, {})
            assert gate.backlog.grew.is_set()

    asyncio.run(story())


def test_an_empty_journal_has_room_for_the_quarantine_however_large_its_wal_is(tmp_path: Path) -> None:
    """The commits that stored the messages fill the WAL; those that release them would wait for ever."""

    async def work() -> None:
        async with draining.rig(tmp_path, drains=False) as gate:
            messages = [waiting(f"m{number % 8}", number, payload=bytes(900)) for number in range(1417)]
            await gate.file.run(quarantine.add, messages, 2**28)
            assert await gate.store.measure() > 2**20
            assert (gate.store.has_room([]), gate.backlog.has_room()) == (False, True)
            await gate.put(["a full journal waits for the drain lane"])
            assert not gate.backlog.has_room()

    draining.story(work)


def test_a_backlog_rests_when_its_last_rows_are_removed_and_no_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_REMOVE_EVERY_S", 0.5)

    async def work() -> None:
        async with draining.rig(tmp_path, drains=False) as gate:
            await gate.put(["q1"], ["q2"])
            for row in (1, 2):
                gate.backlog.settle(row, {"written": {"water": 1}})
                if row == 1:
                    await gate.backlog.remove_settled()
            assert 0 < gate.backlog.removal_due_in_s <= 0.5
            assert await gate.backlog.rest() is False
            assert gate.store.stock().batches == 1
            assert not gate.backlog.grew.is_set()
            await gate.backlog.grew.wait()
            assert gate.backlog.removal_due_in_s <= 0
            assert await gate.backlog.rest() is True
            assert gate.store.stock().batches == 0

    asyncio.run(work())


def test_the_live_lane_starts_again_when_the_breaker_closes_although_nothing_comes() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.journal.full = True
            gate.breaker.open(AWAY)
            gate.come("q1")
            await until(lambda: gate.journal.commits)
            assert gate.posted == []
            gate.breaker.close()
            await until(lambda: gate.posted == ["q1"])

    asyncio.run(story())
