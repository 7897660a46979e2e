"""The drain lane: every reading of the journal comes to one end, whatever happens to its row meanwhile."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from gateway.core.message import Outcome, Reading
from gateway.core.write_result import Answer
from tests.shells.delivering import until
from tests.shells.draining import OWN, rig, story

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
            gate.delivery.take(outcome, 0.0)
            gate.delivery.pump()
            await gate.posted("a")
            await gate.to_journal.commit_all()
            assert await gate.make_room() == 1
            gate.influxdb.answer(WRITTEN)
            await until(lambda: not gate.delivery.rows_in_flight() and gate.events.requests)
            assert gate.account == {"expired": 1}

    story(work)


def test_a_row_that_was_written_and_only_waited_to_be_removed_does_not_expire(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path, drains=False) as gate:
            await gate.put(["a"], ["b1", "b2"])
            gate.ledger.settle("written", Counter(water=1), "journal")
            gate.drain.settled_late(1)
            assert await gate.make_room(2) == 2
            assert gate.account == {"written": 1, "expired": 2}

    story(work)


def test_a_row_that_is_settled_during_the_commit_of_a_removal_is_removed_by_the_next(tmp_path: Path) -> None:
    """Forgotten with those of the commit it would stand in the journal, and be written and counted again."""

    async def work() -> None:
        async with rig(tmp_path, drains=False) as gate:
            await gate.put(["a"], ["b"])
            gate.ledger.settle("written", Counter(water=2), "journal")
            gate.drain.settled_late(1)
            works = gate.block_disk()
            removal = asyncio.create_task(gate.drain.remove_settled())
            await asyncio.sleep(0)
            gate.drain.settled_late(2)
            works.set()
            await removal
            assert (await gate.file.run(_rows)) == [2]
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
            gate.ledger.settle("written", Counter(water=1), "journal")
            gate.drain.settled_late(2)
            works = gate.block_disk()
            removal = asyncio.create_task(gate.drain.remove_settled())
            await asyncio.sleep(0)
            gate.influxdb.answer(REFUSED)
            await until(lambda: gate.ledger.total("rejected"))
            works.set()
            await removal
            await gate.empty()
            assert [refusal.device for refusal in await gate.kept()] == ["d"]
            assert gate.account == {"written": 1, "rejected": 1}

    story(work)


@pytest.mark.parametrize("answer", [NO_RIGHTS, Answer(404), Answer(400, "max-series-per-database")], ids=lambda a: a.describe())
def test_a_faulty_database_that_the_drain_finds_opens_the_breaker_and_its_row_is_the_probe(
    tmp_path: Path, answer: Answer
) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await gate.posted("a")
            gate.influxdb.answer(answer)
            await until(lambda: gate.breaker.is_open)
            probe = asyncio.create_task(gate.breaker.run_probe(gate.influxdb.write, lambda: OWN))
            await gate.posted("a")
            gate.influxdb.answer(WRITTEN)
            await until(lambda: not gate.breaker.is_open)
            probe.cancel()
            await gate.posted("a")  # nothing is settled by a probe
            gate.influxdb.answer(WRITTEN)
            await gate.empty()

    story(work)


@pytest.mark.parametrize("answer", [AWAY, Answer(0), Answer(429), Answer(500), REFUSED], ids=lambda a: a.describe())
def test_what_influxdb_has_against_a_row_or_cannot_do_now_opens_no_breaker(tmp_path: Path, answer: Answer) -> None:
    """The live lane finds out for itself whether InfluxDB is away."""

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await gate.posted("a")
            gate.influxdb.answer(answer)
            await until(lambda: gate.influxdb.waits)
            assert not gate.breaker.is_open
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 1}

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
            probe = asyncio.create_task(gate.breaker.run_probe(gate.influxdb.write, lambda: OWN))
            await gate.posted("own")
            probe.cancel()
            assert gate.account == {"expired": 1}

    story(work)


BROKEN = Answer(500, "panic")


def test_a_row_that_draws_three_server_errors_is_split(tmp_path: Path) -> None:
    """Something in it may trip the server; our own point shows that it is not the server alone."""

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a", "b"])
            for _ in range(3):
                await gate.posted("a", "b")
                gate.influxdb.answer(BROKEN)
            for line in ("own", "a", "b"):
                await gate.posted(line)
                gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 2}

    story(work)


def test_a_server_that_fails_for_our_own_point_too_splits_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a", "b"])
            for _ in range(3):
                await gate.posted("a", "b")
                gate.influxdb.answer(BROKEN)
            await gate.posted("own")
            gate.influxdb.answer(BROKEN)
            await gate.posted("a", "b")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 2}

    story(work)


def test_server_errors_of_one_row_are_not_counted_for_another(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            for name in "ab":
                await gate.put([f"{name}1", f"{name}2"])
                for answer in (BROKEN, BROKEN, WRITTEN):
                    await gate.posted(f"{name}1", f"{name}2")
                    gate.influxdb.answer(answer)
            await gate.empty()
            assert gate.account == {"written": 4}

    story(work)


@pytest.mark.parametrize("answer", [REFUSED, BROKEN, Answer(413)], ids=lambda a: a.describe())
def test_rows_that_are_refused_together_are_judged_alone(tmp_path: Path, answer: Answer) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"], ["b"])
            await gate.posted("a", "b")
            gate.influxdb.answer(answer)
            for line in "ab":
                await gate.posted(line)
                gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 2}

    story(work)


def test_what_is_older_than_influxdb_keeps_expires_alone(tmp_path: Path) -> None:
    too_old = Answer(400, "points beyond retention policy")

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a1", "a2"], ["b"])
            await gate.posted("a1", "a2", "b")
            gate.influxdb.answer(too_old)
            await gate.posted("a1", "a2")
            gate.influxdb.answer(too_old)
            await gate.posted("b")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 1, "expired": 2}

    story(work)


def test_readings_of_a_damaged_row_are_lost_and_the_others_come_in(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path, drains=False) as gate:
            await gate.put(["a1", "a2"], ["b"])
            await gate.file.run(lambda connection: connection.execute("UPDATE journal SET crc = crc + 1 WHERE id = 1"))
            drain = asyncio.create_task(gate.drain.run())
            await gate.posted("b")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            drain.cancel()
            assert gate.account == {"written": 1, "lost": 2}

    story(work)


def test_a_row_whose_first_write_still_flies_is_left_to_it(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            outcome = Outcome("water")
            outcome.readings.append(Reading("a", "water"))
            gate.delivery.take(outcome, 0.0)
            gate.delivery.pump()
            await gate.posted("a")
            await gate.to_journal.commit_all()
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


def _rows(connection: object) -> list[int]:
    return [row for (row,) in connection.execute("SELECT id FROM journal ORDER BY id")]  # type: ignore[attr-defined]
