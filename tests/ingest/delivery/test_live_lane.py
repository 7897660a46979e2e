"""The live lane at its seams: an answer during a commit, batches given back, what a refused write leaves to the probe."""

import asyncio

from gateway.core.batching.write_result import Answer
from tests.ingest.delivery.delivering import numbered, probe, rig, until

AWAY, NO_RIGHTS, REFUSED, WRITTEN = Answer(503), Answer(401), Answer(400, "unable to parse"), Answer(204)


def test_a_late_204_during_a_commit_takes_out_the_row_that_the_commit_made() -> None:
    """Taken for one that is stored nowhere, the batch would be released twice, and its row written and counted again."""

    async def story() -> None:
        async with rig() as gate:
            gate.come("q1")
            await until(lambda: gate.influxdb.waits)
            gate.journal.works.clear()
            commit = asyncio.create_task(gate.spool.commit_all())
            await until(lambda: gate.journal.commits)
            gate.influxdb.answer(WRITTEN)
            for _ in range(5):
                await asyncio.sleep(0)
            assert (gate.ledger.total("written"), gate.backlog.settled_late) == (0, [])
            gate.journal.works.set()
            await commit
            await until(lambda: gate.backlog.settled_late == [1])
            assert (gate.ledger.total("written"), gate.acknowledged) == (1, [1])

    asyncio.run(story())


def test_batches_that_the_journal_does_not_take_are_posted_in_the_order_of_receipt() -> None:
    async def story() -> None:
        async with rig(max_readings=2) as gate:
            gate.journal.full = True
            gate.breaker.open(AWAY)
            gate.come(*numbered(6))
            await until(lambda: gate.journal.commits)
            gate.breaker.close()
            while len(gate.posted) < 6:
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer_all()
            assert gate.posted == numbered(6)

    asyncio.run(story())


def test_a_write_that_was_away_goes_first_again() -> None:
    async def story() -> None:
        async with rig(max_readings=2) as gate:
            gate.journal.full = True
            gate.come(*numbered(6))
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer(AWAY)
            await until(lambda: gate.breaker.is_open)
            gate.breaker.close()
            while len(gate.posted) < 8:
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer_all()
            assert gate.posted == [*numbered(2), *numbered(6)]

    asyncio.run(story())


def test_readings_that_a_faulty_database_refused_are_the_probe() -> None:
    """It may take a point of our own, and none of the readings."""

    async def story() -> None:
        async with rig() as gate:
            gate.come("q1")
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer(NO_RIGHTS)
            await until(lambda: gate.breaker.is_open)
            probing = probe(gate.breaker, gate.influxdb.write, b"none of our own")
            await until(lambda: gate.influxdb.waits)
            assert gate.posted == ["q1", "q1"]
            probing.cancel()
            await until(lambda: gate.acknowledged)
            gate.breaker.close()

    asyncio.run(story())


def test_a_write_that_stalls_beside_another_opens_the_breaker_only_once() -> None:
    """InfluxDB answered since: what was under way with the one that stalled says nothing new."""

    async def story() -> None:
        async with rig(stall_s=0.5) as gate:
            gate.come("q1")
            await until(lambda: gate.influxdb.waits)
            await asyncio.sleep(0.3)  # its answer takes long: a second write may start beside it
            gate.come("q2")
            await until(lambda: len(gate.posted) == 2)
            await until(lambda: gate.breaker.is_open)
            gate.breaker.close()
            opened = asyncio.create_task(gate.breaker.opened.wait())
            await asyncio.wait([opened], timeout=0.6)  # the second has been under way for longer than the stall
            assert not opened.done()
            opened.cancel()

    asyncio.run(story())


def test_nothing_is_taken_for_being_committed_once_it_is() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come("q1")
            await until(lambda: gate.influxdb.waits)
            await gate.spool.commit_all()
            assert (gate.journal.stored, gate.queue._committing) == ([["q1"]], set())  # noqa: SLF001 - nobody else tells

    asyncio.run(story())


def test_a_batch_that_was_refused_before_a_stop_is_stored_as_refused_by_the_stop() -> None:
    """The drain lane of the next run splits it. Nothing else would store it: it neither waits nor flies."""

    async def story() -> None:
        async with rig() as gate:
            gate.come("q1")
            await until(lambda: gate.influxdb.waits)
            gate.spool_task.cancel()
            gate.influxdb.answer(REFUSED)
            await until(lambda: not gate.queue.unspooled())
            await gate.spool.finish()
            assert (gate.journal.refused, gate.acknowledged) == (["q1"], [1])

    asyncio.run(story())
