"""The live lane and its numbers: what may wait at a stop, what a refusal or a late answer does, how much memory is taken."""

import asyncio

import pytest

from gateway.core.batching.write_result import Answer
from gateway.core.message import Outcome, Reading, Refusal
from schemas.rejects import RejectReason
from tests.ingest.delivery.delivering import numbered, rig, until
from tests.waiting import Stopwatch

AWAY, TOO_OLD, REFUSED, WRITTEN = Answer(503), Answer(400, "beyond retention policy"), Answer(400, "bad"), Answer(204)


def test_what_waits_is_posted_when_the_gateway_stops() -> None:
    async def story() -> None:
        async with rig(max_delay_s=3600.0) as gate:
            gate.come("first")
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer_all()
            gate.come("second")
            stopping = asyncio.create_task(gate.live_lane.finish(5.0))
            await until(lambda: gate.posted == ["first", "second"])
            assert not stopping.done()
            gate.influxdb.answer_all()
            await stopping
            assert gate.acknowledged == [1, 2]

    asyncio.run(story())


def test_a_stop_waits_no_longer_than_it_may_and_not_at_all_for_an_influxdb_in_trouble() -> None:
    async def story() -> None:
        async with rig() as gate:
            loop = asyncio.get_running_loop()
            gate.come("q1")
            began_s, stopwatch = loop.time(), Stopwatch()
            await gate.live_lane.finish(0.05)
            assert loop.time() - began_s >= 0.05
            assert stopwatch.took_s < 1.0
            gate.breaker.open(AWAY)
            await gate.live_lane.finish(60.0)
            assert stopwatch.took_s < 2.0
            gate.breaker.close()

    asyncio.run(story())


def test_readings_older_than_influxdb_keeps_have_expired_and_are_acknowledged() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come("q1", "q2")
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer(TOO_OLD)
            await until(lambda: gate.acknowledged)
            assert (gate.ledger.outcomes["expired"], gate.journal.stored) == ({"water": 2}, [])

    asyncio.run(story())


@pytest.mark.parametrize("answer", [REFUSED, Answer(413)], ids=lambda answer: answer.describe())
def test_a_batch_that_is_refused_goes_to_the_journal_alone_for_the_drain_lane(answer: Answer) -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.come("q1", "q2")
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer(answer)
            await until(lambda: gate.acknowledged)
            assert (gate.journal.refused, gate.ledger.pending["journal"]) == (["q1", "q2"], 2)
            assert not gate.breaker.is_open

    asyncio.run(story())


@pytest.mark.parametrize(
    ("answer", "closes"),
    [
        pytest.param(WRITTEN, True, id="written"),
        pytest.param(REFUSED, True, id="refused"),
        pytest.param(AWAY, False, id="away"),
        pytest.param(Answer(401), False, id="no-rights"),
    ],
)
def test_a_late_answer_to_a_write_whose_batch_is_stored_tells_whether_influxdb_works(answer: Answer, closes: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        async with rig(stall_s=0.1) as gate:
            gate.come("q1")
            await until(lambda: gate.acknowledged)
            assert (gate.breaker.is_open, gate.journal.stored) == (True, [["q1"]])
            gate.backlog.grew.clear()
            gate.influxdb.answer(answer)
            await until(lambda: not gate.queue.rows_in_flight())
            assert gate.breaker.is_open is not closes
            written = answer is WRITTEN
            assert gate.backlog.settled_late == [1] * written
            assert gate.backlog.grew.is_set(), "the drain lane removes it, or has it now"
            assert gate.ledger.pending["journal"] == 1 - written
            gate.breaker.close()

    asyncio.run(story())


def test_the_socket_rests_while_memory_is_at_its_limit_and_goes_on_once() -> None:
    async def story() -> None:
        async with rig(memory_bytes=600, max_readings=4, receive_maximum=10_000) as gate:
            gate.journal.full = True
            gate.come(*numbered(3))
            assert not gate.queue.above_high_water
            gate.come(*numbered(7, "more"))
            assert gate.queue.above_high_water
            while not gate.resumed:
                await until(lambda: gate.influxdb.waits)
                assert not gate.resumed
                gate.influxdb.answer(WRITTEN)
                await asyncio.sleep(0.01)
            assert not gate.queue.above_high_water
            while gate.queue.memory_bytes:
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer_all()
                await asyncio.sleep(0.01)
            assert gate.resumed == 1

    asyncio.run(story())


def test_a_quarter_of_the_memory_hurries_as_half_of_the_window_does() -> None:
    async def story() -> None:
        async with rig(memory_bytes=4000) as gate:
            gate.come("x" * 700)
            assert not gate.queue.under_pressure
            gate.come("x" * 200)
            assert gate.queue.under_pressure
            await until(lambda: gate.journal.stored)
            assert not gate.breaker.is_open

    asyncio.run(story())


def test_what_a_message_brings_is_counted_by_what_it_is() -> None:
    async def story() -> None:
        async with rig() as gate:
            outcome = Outcome("water")
            outcome.duplicates = 3
            outcome.refusals = [Refusal(RejectReason.BAD_JSON, "", "t", b"x" * 50, "decode", 1, domain="water")] * 2
            gate.take(outcome)
            assert gate.queue.memory_bytes == 100
            gate.live_lane.pump()
            assert gate.ledger.received == {"mqtt": 5}
            assert (gate.ledger.outcomes["duplicate"], len(gate.rejects.refused)) == ({"water": 3}, 2)
            assert (gate.acknowledged, gate.queue.memory_bytes) == ([1], 0)
            gate.ledger.settle("rejected", {"water": 2})  # as the writer of rejects does

    asyncio.run(story())


def test_a_reject_that_nobody_waits_for_is_kept_all_the_same() -> None:
    """It came at QoS 0."""

    async def story() -> None:
        async with rig() as gate:
            outcome = Outcome("water")
            outcome.refusals = [Refusal(RejectReason.BAD_JSON, "", "t", b"x", "decode", 1, domain="water")]
            gate.queue.add(outcome, 0.0)
            gate.live_lane.pump()
            assert len(gate.rejects.refused) == 1
            gate.ledger.settle("rejected", {"water": 1})

    asyncio.run(story())


def test_a_second_copy_is_acknowledged_behind_all_that_came_before_it() -> None:
    async def story() -> None:
        async with rig(max_readings=2) as gate:
            gate.journal.full = True
            gate.breaker.open(AWAY)
            gate.come(*numbered(5))
            assert gate.queue.open_batch.readings[0].lines == "q4"
            gate.come("q5")
            gate.acknowledger.owe(gate.queue.open_batch, 99, 0)
            assert gate.queue.open_batch.readings == [], "the last was full"
            gate.breaker.close()
            while gate.acknowledged[-1:] != [99]:
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer_all()
                await asyncio.sleep(0.001)
            assert gate.acknowledged == [1, 2, 3, 4, 5, 6, 99]
            gate.acknowledged.pop()

    asyncio.run(story())


def test_one_reading_that_is_kept_apart_waits_a_second_for_the_journal_and_no_longer() -> None:
    async def story() -> None:
        async with rig() as gate:
            began_s = asyncio.get_running_loop().time()
            gate.come("mad", floods=["mad"])
            await until(lambda: gate.acknowledged)
            assert asyncio.get_running_loop().time() - began_s >= 0.9
            assert (gate.journal.stored, gate.posted) == ([["mad"]], [])

    asyncio.run(story())


def test_what_is_kept_apart_goes_to_the_journal_at_once_while_influxdb_is_away() -> None:
    async def story() -> None:
        async with rig() as gate:
            gate.breaker.open(AWAY)
            stopwatch = Stopwatch()
            gate.come("mad", floods=["mad"])
            await until(lambda: gate.acknowledged)
            assert stopwatch.took_s < 0.9
            gate.breaker.close()

    asyncio.run(story())


def test_what_is_kept_apart_goes_to_the_journal_at_once_although_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It came at QoS 0, and InfluxDB is away."""
    monkeypatch.setattr("gateway.ingest.delivery.live_lane._FLOOD_WAITS_S", 3600.0)

    async def story() -> None:
        async with rig() as gate:
            gate.breaker.open(AWAY)
            outcome = Outcome("water")
            outcome.readings.append(Reading("mad", "water"))
            gate.queue.add(outcome, 0.0, floods=True)
            gate.live_lane.pump()
            await until(lambda: gate.journal.stored == [["mad"]])
            gate.breaker.close()

    asyncio.run(story())


def test_the_time_from_arrival_to_the_answer_of_influxdb_is_measured() -> None:
    async def story() -> None:
        async with rig() as gate:
            outcome = Outcome("water")
            outcome.readings.append(Reading("q1", "water"))
            gate.queue.add(outcome, asyncio.get_running_loop().time() - 100.0)
            gate.live_lane.pump()
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer_all()
            await until(lambda: gate.ledger.total("written"))
            assert 100.0 <= gate.events.delivery.sum_s < 110.0

    asyncio.run(story())


@pytest.mark.parametrize(
    ("found", "then"),
    [
        pytest.param([600], 300, id="half-of-what-was-too-large"),
        pytest.param([600, 500], 250, id="smaller-still"),
        pytest.param([300, 600], 150, id="never-more-again"),
        pytest.param([150, 20], 100, id="not-below-a-hundred"),
    ],
)
def test_a_body_that_was_too_large_makes_the_next_smaller(found: list[int], then: int) -> None:
    async def story() -> None:
        async with rig() as gate:
            for readings in found:
                gate.queue.shrink_batches(readings)
            assert gate.queue.max_readings == then

    asyncio.run(story())
