"""The drain lane: every reading of the journal comes to one end, whatever happens to its row meanwhile."""

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from gateway.core.batching.batch import encode
from gateway.core.batching.rates import Histogram
from gateway.core.batching.write_result import Answer
from gateway.core.message import Outcome, Reading
from gateway.ingest.delivery.drain_lane import _LiveAnswers
from gateway.ingest.storage import journal
from gateway.ingest.storage.database import DatabaseFault
from tests.ingest.delivery.delivering import OWN, probe, until
from tests.ingest.delivery.draining import rig, story

WRITTEN, AWAY, REFUSED, NO_RIGHTS = Answer(204), Answer(503), Answer(400, "unable to parse"), Answer(401)


def test_a_row_that_is_given_up_while_it_is_written_counts_once(tmp_path: Path) -> None:
    """It was said to have expired; that InfluxDB took it after all changes nothing."""

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a1", "a2"], ["b"])
            await gate.posted("a1", "a2", "b")
            assert await gate.make_room() == 2
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 1, "expired": 2}

    story(work)


@pytest.mark.parametrize(
    "answer", [REFUSED, Answer(400, "points beyond retention policy"), AWAY, NO_RIGHTS], ids=lambda a: a.describe()
)
def test_a_row_that_is_given_up_while_it_is_written_and_refused_counts_once(tmp_path: Path, answer: Answer) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await gate.posted("a")
            assert await gate.make_room() == 1
            gate.influxdb.answer(answer)
            await gate.empty()
            await gate.put(["b"])
            await gate.posted("b")  # nothing of the other was tried again
            assert not gate.breaker.is_open
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 1, "expired": 1}

    story(work)


def test_a_row_that_is_given_up_while_it_is_split_counts_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a", "b"], refused=True)
            await gate.posted("a", "b")
            gate.influxdb.answer(REFUSED)
            await gate.posted("a")
            gate.influxdb.answer(WRITTEN)
            await gate.posted("b")
            assert await gate.make_room() == 2
            gate.influxdb.answer(WRITTEN)
            await gate.put(["c"])
            await gate.posted("c")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 1, "expired": 2}

    story(work)


def test_a_row_that_is_given_up_while_its_first_write_still_flies_counts_once(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path, drains=False) as gate:
            outcome = Outcome("water")
            outcome.readings.append(Reading("a", "water"))
            gate.queue.add(outcome, 0.0)
            gate.live_lane.pump()
            await gate.posted("a")
            await gate.spool.commit_all()
            assert await gate.make_room() == 1
            gate.influxdb.answer(WRITTEN)
            await until(lambda: not gate.queue.rows_in_flight() and gate.events.requests)
            assert gate.account == {"expired": 1}

    story(work)


def test_a_row_that_was_written_and_only_waited_to_be_removed_does_not_expire(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path, drains=False) as gate:
            await gate.put(["a"], ["b1", "b2"])
            gate.backlog.settle(1, {"written": Counter(water=1)})
            assert await gate.make_room(2) == 2
            assert gate.account == {"written": 1, "expired": 2}

    story(work)


def test_a_row_that_is_settled_during_the_commit_of_a_removal_is_removed_by_the_next(tmp_path: Path) -> None:
    """Forgotten with those of the commit it would stay in the journal, and be written and counted again."""

    async def work() -> None:
        async with rig(tmp_path, drains=False) as gate:
            await gate.put(["a"], ["b"])
            gate.backlog.settle(1, {"written": Counter(water=2)})
            works = gate.block_disk()
            removal = asyncio.create_task(gate.backlog.remove_settled())
            await asyncio.sleep(0)
            gate.backlog.settle(2, {})
            works.set()
            await removal
            assert (await gate.file.run(_rows)) == [2]
            await gate.backlog.remove_settled()
            await gate.empty()
            assert gate.account == {"written": 2}

    story(work)


def test_a_reject_that_comes_of_a_split_during_the_commit_of_a_removal_is_kept(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["bad,device=d ph=x"], refused=True)
            for answer in (REFUSED, REFUSED, WRITTEN):  # alone, alone again, and a point of our own
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer(answer)
            await gate.posted("bad,device=d ph=x")
            await gate.put(["late"])
            gate.backlog.settle(2, {"written": Counter(water=1)})
            works = gate.block_disk()
            removal = asyncio.create_task(gate.backlog.remove_settled())
            await asyncio.sleep(0)
            gate.influxdb.answer(REFUSED)
            await until(lambda: gate.ledger.total("rejected"))
            works.set()
            await removal
            await gate.empty()
            assert [refusal.device for refusal in await gate.kept()] == ["d"]
            assert gate.events.rejects_kept.total() == 1
            await gate.put(["later"])
            await gate.posted("later")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 2, "rejected": 1}
            assert len(await gate.kept()) == 1

    story(work)


def test_readings_that_were_given_up_are_not_probed_with_any_more(tmp_path: Path) -> None:
    """They are counted as expired; the database may take them the next time."""

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await gate.posted("a")
            gate.influxdb.answer(NO_RIGHTS)
            await until(lambda: gate.breaker.is_open)
            await gate.make_room()
            probing = probe(gate.breaker, gate.influxdb.write, OWN)
            await gate.posted("own")
            probing.cancel()
            assert gate.account == {"expired": 1}

    story(work)


def test_readings_of_a_damaged_row_are_lost_and_the_others_come_in(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path, drains=False) as gate:
            await gate.put(["a1", "a2"], ["b"])
            await gate.file.run(lambda connection: connection.execute("UPDATE journal SET crc = crc + 1 WHERE id = 1"))
            drain = asyncio.create_task(gate.drain_lane.run())
            await gate.posted("b")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            drain.cancel()
            assert gate.account == {"written": 1, "lost": 2}
            assert gate.file.tally.missing == 2, "until a person knows"

    story(work)


def test_a_row_whose_first_write_still_flies_is_left_to_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            outcome = Outcome("water")
            outcome.readings.append(Reading("a", "water"))
            gate.queue.add(outcome, 0.0)
            gate.live_lane.pump()
            await gate.posted("a")
            await gate.spool.commit_all()
            await gate.put(["b"])
            await gate.posted("b")
            while gate.influxdb.waits:
                gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert len(gate.influxdb.asked) == 2
            assert gate.account == {"written": 2}

    story(work)


def test_after_an_outage_the_lane_goes_on(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            gate.breaker.open(AWAY)
            await gate.put(["a"])
            await asyncio.sleep(5.0)
            assert not gate.influxdb.asked
            gate.breaker.close()
            await gate.posted("a")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()

    story(work)


def test_rows_that_are_settled_are_removed_while_others_still_wait(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"], ["b"], ["c"], refused=True)  # each goes alone
            for line in "ab":
                await gate.posted(line)
                await asyncio.sleep(2.0)
                gate.influxdb.answer(WRITTEN)
            await gate.posted("c")
            assert await gate.file.run(_rows) == [3]
            gate.influxdb.answer(WRITTEN)
            await gate.empty()

    story(work)


def test_the_end_of_a_backlog_is_said_once_with_what_came_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def work() -> None:
        async with rig(tmp_path) as gate:
            gate.backlog.settle(77, {})  # a row of which nothing is left: no backlog
            await asyncio.sleep(5.0)
            assert not caplog.records
            await gate.put(["a1", "a2"])
            await gate.posted("a1", "a2")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            await asyncio.sleep(5.0)

    story(work)
    (said,) = [record.getMessage() for record in caplog.records if "2 readings" in record.getMessage()]
    assert float(said.split("written in ")[1].removesuffix(" s")) < 1000.0


def test_while_a_backlog_comes_in_it_is_said_how_much_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"], ["b1", "b2"], refused=True)  # each goes alone
            await gate.posted("a")
            gate.influxdb.answer(WRITTEN)
            await gate.posted("b1", "b2")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()

    story(work)
    assert "writing the backlog: 1 readings written, 2 left" in [record.getMessage() for record in caplog.records]


def test_a_row_that_was_settled_late_is_removed_although_nothing_else_comes(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await gate.posted("a")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            await gate.store.append([encode([Reading("b", "water")])])
            gate.backlog.settle(2, {})
            await gate.empty()

    story(work)


def test_a_row_that_the_disk_did_not_remove_is_removed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            settle = gate.store.settle
            tries = iter([True, True, False])

            async def fails_twice(*args: Any) -> None:  # noqa: ANN401 - passed on
                if next(tries):
                    raise DatabaseFault("disk full")
                await settle(*args)

            monkeypatch.setattr(gate.store, "settle", fails_twice)
            await gate.put(["a"])
            await gate.posted("a")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 1}
            assert len(gate.influxdb.asked) == 1

    story(work)


def test_an_empty_journal_has_given_its_pages_back(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(*[[f"{row} {number * row * 0.37}" for number in range(100)] for row in range(9)])
            while gate.ledger.pending["journal"]:
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer(WRITTEN)
                await asyncio.sleep(0)
            await gate.empty()
            assert await gate.file.run(lambda connection: connection.execute("PRAGMA freelist_count").fetchone()) == (0,)

    story(work)


def test_an_empty_journal_is_not_looked_at_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Mock(wraps=journal.next_rows)
    monkeypatch.setattr(journal, "next_rows", looks)

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await gate.posted("a")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            await asyncio.sleep(5.0)
            before = looks.call_count
            await asyncio.sleep(20.0)
            assert looks.call_count == before < 10

    story(work)


def test_how_long_live_answers_take_is_their_mean_since_the_last_look() -> None:
    answers = Histogram()
    live = _LiveAnswers(answers)
    assert live.pop_mean_s() is None
    for seconds in (0.1, 0.3):
        answers.observe(seconds)
    assert live.pop_mean_s() == pytest.approx(0.2)
    assert live.pop_mean_s() is None
    for seconds in (1.0, 2.0, 6.0):
        answers.observe(seconds)
    assert live.pop_mean_s() == pytest.approx(3.0)
    answers.observe(5.0)
    live.forget()
    assert live.pop_mean_s() is None
    assert _LiveAnswers(answers).pop_mean_s() == pytest.approx(answers.sum_s / 6), "the first look is at all"


def _rows(connection: sqlite3.Connection) -> list[int]:
    return [row for (row,) in connection.execute("SELECT id FROM journal ORDER BY id")]
