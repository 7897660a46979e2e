"""The way into the journal: what goes into one commit, how far commits are apart, and what becomes of what it does not take."""

import asyncio
from collections import Counter

import pytest

from gateway.core.batching.batch import Body
from gateway.core.batching.write_result import Answer
from gateway.ingest.delivery.backlog import Appended
from tests.ingest.delivery.delivering import Rig, numbered, rig, until
from tests.waiting import Stopwatch

AWAY, REFUSED = Answer(503), Answer(400, "unable to parse")


def now_s() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("apart", "queued", "rows"),
    [
        pytest.param(2, 2, [4], id="as-many-as-fit"),
        pytest.param(2, 3, [2, 3], id="one-too-many"),
        pytest.param(5, 5, [4, 1, 4, 1], id="full-ones-between"),
        pytest.param(0, 9, [4, 4, 1], id="none-apart"),
    ],
)
def test_what_only_waited_is_merged_up_to_the_size_of_a_batch(apart: int, queued: int, rows: list[int]) -> None:
    async def story() -> None:
        async with rig(max_readings=4) as gate:
            gate.breaker.open(AWAY)
            gate.journal.works.clear()
            flood = numbered(apart, "mad")
            gate.come(*flood, *numbered(queued), floods=flood)
            gate.journal.works.set()
            await until(lambda: not gate.acknowledger.owed)
            assert [len(row) for row in gate.journal.stored] == rows
            assert sorted(line for row in gate.journal.stored for line in row) == sorted([*flood, *numbered(queued)])
            assert gate.journal.refused == []
            gate.breaker.close()

    asyncio.run(story())


def test_a_batch_larger_than_batches_may_be_now_is_one_row() -> None:
    async def story() -> None:
        async with rig(receive_maximum=10_000) as gate:
            gate.breaker.open(AWAY)
            gate.journal.works.clear()
            gate.come(*numbered(300))
            gate.queue.shrink_batches(200)
            gate.journal.works.set()
            await until(lambda: gate.acknowledged)
            assert gate.journal.stored == [numbered(300)]
            gate.breaker.close()

    asyncio.run(story())


def test_while_influxdb_is_away_commits_are_a_second_apart_unless_the_broker_presses() -> None:
    """Small commits gain nothing, and each costs flash."""

    async def story() -> None:
        async with rig() as gate:
            gate.breaker.open(AWAY)
            gate.come("q1")
            await until(lambda: gate.acknowledged == [1])
            began_s = now_s()
            gate.come("q2")
            await until(lambda: gate.acknowledged == [1, 2])
            assert now_s() - began_s > 0.8
            gate.come("q3")
            stopwatch = Stopwatch()
            gate.come(*numbered(10, "more"))  # half of what may be owed
            await until(lambda: not gate.acknowledger.owed)
            assert stopwatch.took_s < 0.8
            assert gate.journal.commits == 3
            gate.breaker.close()

    asyncio.run(story())


def test_a_journal_that_has_room_again_gets_what_waits_although_nothing_else_comes() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.breaker.open(AWAY)
            gate.journal.full = True
            gate.come("q1")
            await until(lambda: gate.journal.commits)
            await asyncio.sleep(0.05)
            commits = gate.journal.commits
            assert (commits, gate.acknowledged, gate.backlog.grew.is_set()) == (1, [], False)
            gate.journal.full = False
            await until(lambda: gate.acknowledged)
            assert gate.backlog.grew.is_set()
            gate.breaker.close()

    asyncio.run(story())


def test_what_a_commit_could_not_store_is_posted_when_influxdb_came_back_meanwhile() -> None:
    """Nothing could be started when the breaker closed, for the commit held the batch."""

    async def story() -> None:
        async with rig() as gate:
            gate.breaker.open(AWAY)
            gate.journal.full = True
            gate.journal.works.clear()
            gate.come("q1")
            await until(lambda: gate.journal.commits)
            gate.breaker.close()
            assert gate.posted == []
            stopwatch = Stopwatch()
            gate.journal.works.set()
            await until(lambda: gate.posted == ["q1"])
            assert stopwatch.took_s < 0.8

    asyncio.run(story())


def test_what_waits_at_a_stop_is_stored() -> None:
    async def story() -> None:
        async with rig(max_delay_s=3600.0, receive_maximum=10_000) as gate:
            gate.come(*numbered(900))
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer_all()
            await until(lambda: gate.ledger.total("written") == 900)
            gate.come("waits")
            gate.spool_task.cancel()
            await gate.spool.finish()
            assert gate.journal.stored == [["waits"]]

    asyncio.run(story())


@pytest.mark.parametrize("pressed_before", [True, False])
def test_a_refused_batch_takes_nothing_into_the_journal_that_flies_beside_it(pressed_before: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        async with rig() as gate:
            if pressed_before:
                gate.spool_requests.wake()
                await asyncio.sleep(0.01)
            gate.come("bad")
            await until(lambda: gate.influxdb.waits)
            await asyncio.sleep(0.15)  # slow: a second may start
            gate.come("good")
            await until(lambda: len(gate.posted) == 2)
            gate.influxdb.answer(REFUSED)
            await until(lambda: gate.journal.stored)
            await asyncio.sleep(0.01)
            assert (gate.journal.stored, gate.journal.refused, gate.journal.commits) == ([["bad"]], ["bad"], 1)

    asyncio.run(story())


@pytest.mark.parametrize("full", [True, False])
def test_refused_batches_are_split_from_memory_only_when_the_journal_does_not_take_them(full: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        async with rig() as gate:
            gate.journal.full = full
            gate.come("bad")
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer(REFUSED)
            await until(lambda: gate.unspooled.batches or gate.acknowledged)
            assert [batch.readings[0].lines for batch in gate.unspooled.batches] == ["bad"] * full
            for batch in gate.unspooled.batches:  # as those who split from memory do
                gate.ledger.settle("written", {"water": 1})
                gate.queue.release(batch)

    asyncio.run(story())


def test_rows_that_made_room_are_given_up_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.breaker.open(AWAY)
            gate.come("q1")
            await until(lambda: gate.acknowledged)
            assert gate.backlog.given_up == []
            removed = {7: Counter(water=2)}
            append = gate.journal.append

            async def makes_room(bodies: list[Body], *, refused: bool = False) -> Appended:
                appended = await append(bodies, refused=refused)
                return Appended(appended.rows, removed, appended.size_bytes)

            monkeypatch.setattr(gate.journal, "append", makes_room)
            gate.come("q2")
            await until(lambda: len(gate.acknowledged) == 2)
            assert gate.backlog.given_up == [removed]
            gate.breaker.close()

    asyncio.run(story())


@pytest.fixture
def an_hour_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits are, unless something presses."""
    monkeypatch.setattr("gateway.ingest.delivery.spool._COMMIT_EVERY_S", 3600.0)


@pytest.mark.usefixtures("an_hour_apart")
def test_what_presses_during_a_commit_is_stored_by_the_next_at_once() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.breaker.open(AWAY)
            gate.journal.works.clear()
            gate.come("q1")
            await until(lambda: gate.journal.commits)
            gate.come(*numbered(10, "more"))  # half of what may be owed
            gate.journal.works.set()
            await until(lambda: not gate.acknowledger.owed)
            assert gate.journal.stored == [["q1"], numbered(10, "more")]
            gate.breaker.close()

    asyncio.run(story())


@pytest.mark.usefixtures("an_hour_apart")
@pytest.mark.parametrize("during_a_commit", [True, False])
def test_a_batch_refused_when_influxdb_is_back_does_not_wait_for_the_time_of_a_commit(during_a_commit: bool) -> None:  # noqa: FBT001
    """The live lane never waits for the journal; only its acknowledgement would."""

    async def story() -> None:
        async with rig() as gate:
            gate.breaker.open(AWAY)
            if during_a_commit:
                gate.journal.works.clear()
            gate.come("q1")
            await until(lambda: gate.journal.commits if during_a_commit else gate.acknowledged)
            gate.breaker.close()
            gate.come("bad")
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer(REFUSED)
            await until(lambda: not gate.queue.unspooled())
            gate.journal.works.set()
            await until(lambda: gate.journal.refused == ["bad"])

    asyncio.run(story())


@pytest.mark.usefixtures("an_hour_apart")
def test_refused_batches_that_the_journal_takes_one_after_the_other_do_not_wait() -> None:
    async def story() -> None:
        async with rig() as gate:
            for bad in ("bad1", "bad2"):
                gate.come(bad)
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer(REFUSED)
                await until(lambda bad=bad: bad in gate.journal.refused)

    asyncio.run(story())


@pytest.mark.usefixtures("an_hour_apart")
def test_a_journal_that_takes_nothing_is_not_asked_without_a_pause_however_much_presses() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.breaker.open(AWAY)
            gate.journal.full = True
            gate.come(*numbered(10))  # half of what may be owed
            await until(lambda: gate.journal.commits)
            for _ in range(100):
                await asyncio.sleep(0)
            assert gate.journal.commits == 1
            gate.breaker.close()

    asyncio.run(story())


async def _nothing_to_store(gate: Rig) -> tuple[bool, int, bool]:
    took = await gate.spool.commit_all()
    return took, gate.journal.commits, gate.backlog.grew.is_set()


def test_nothing_to_store_is_no_commit_and_no_trouble() -> None:
    async def story() -> None:
        async with rig() as gate:
            assert await _nothing_to_store(gate) == (True, 0, False)

    asyncio.run(story())
