"""The pace of the live lane: few readings wait little, many share a write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.core.batching import pacing
from gateway.core.message import Outcome
from tests.ingest.delivery.delivering import Rig, numbered, rig, until

MANY = 900
"""After a write of so many the next may start 4.5 s later."""


@asynccontextmanager
async def wrote_many(max_delay_s: float = 3600.0, **limits: Any) -> AsyncIterator[Rig]:  # noqa: ANN401 - of any limit
    """A rig that has just written many readings."""
    async with rig(max_delay_s=max_delay_s, **({"receive_maximum": 10_000} | limits)) as gate:
        gate.come(*numbered(MANY, "first"))
        await until(lambda: gate.influxdb.waits)
        gate.influxdb.answer_all()
        await until(lambda: gate.ledger.total("written") == MANY)
        yield gate
        stopping = asyncio.create_task(gate.live_lane.finish(5.0))
        while not stopping.done():
            gate.influxdb.answer_all()
            await asyncio.sleep(0.001)


def test_the_first_reading_after_a_pause_goes_at_once_and_the_next_share_a_write() -> None:
    async def story() -> None:
        async with wrote_many() as gate:
            gate.come("second")
            gate.come("third")
            for _ in range(5):
                await asyncio.sleep(0)
            assert len(gate.influxdb.asked) == 1
            stopping = asyncio.create_task(gate.live_lane.finish(5.0))
            await until(lambda: gate.influxdb.waits)
            assert gate.influxdb.asked[1][0] == ["second", "third"]
            gate.influxdb.answer_all()
            await stopping

    asyncio.run(story())


def test_few_readings_make_the_next_wait_little() -> None:
    async def story() -> None:
        async with rig(max_delay_s=3600.0) as gate:
            for line in ("first", "second"):
                gate.come(line)
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer_all()
            assert gate.posted == ["first", "second"]

    asyncio.run(story())


def test_no_reading_waits_longer_than_it_may() -> None:
    async def story() -> None:
        async with wrote_many(max_delay_s=0.5) as gate:
            began_s = asyncio.get_running_loop().time()
            gate.come("second")
            await until(lambda: gate.posted[-1] == "second")
            assert asyncio.get_running_loop().time() - began_s < 4.0

    asyncio.run(story())


def test_a_full_batch_does_not_wait_for_its_time() -> None:
    async def story() -> None:
        async with rig(max_delay_s=3600.0, max_readings=4) as gate:
            gate.come("first")
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer_all()
            gate.come(*numbered(9))
            while len(gate.posted) < 9:
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer_all()
            assert [len(lines) for lines, _ in gate.influxdb.asked] == [1, 4, 4]

    asyncio.run(story())


def test_a_batch_that_fills_while_its_first_reading_waits_does_not_wait_for_its_time() -> None:
    async def story() -> None:
        async with wrote_many() as gate:
            gate.come("second")
            began_s = asyncio.get_running_loop().time()
            gate.come(*numbered(1000, "more"))
            await until(lambda: gate.influxdb.waits)
            assert asyncio.get_running_loop().time() - began_s < 4.0
            assert len(gate.influxdb.asked[1][0]) == 1000

    asyncio.run(story())


def test_what_brings_no_reading_is_acknowledged_without_waiting_for_the_time_of_a_write() -> None:
    async def story() -> None:
        async with wrote_many() as gate:
            outcome = Outcome("water")
            outcome.duplicates = 1
            gate.take(outcome)
            gate.live_lane.pump()
            assert gate.acknowledged[-1] == MANY + 1

    asyncio.run(story())


def test_what_is_kept_apart_is_stored_when_the_broker_presses_although_others_wait_for_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.ingest.delivery.live_lane._FLOOD_WAITS_S", 3600.0)

    async def story() -> None:
        async with wrote_many(receive_maximum=2000) as gate:
            gate.come("second")
            began_s = asyncio.get_running_loop().time()
            flood = numbered(1000, "mad")
            gate.come(*flood, floods=flood)  # half of what may be owed
            await until(lambda: gate.journal.stored)
            assert asyncio.get_running_loop().time() - began_s < 4.0
            assert gate.journal.stored == [flood]

    asyncio.run(story())


def test_what_flies_too_long_is_stored_when_the_broker_presses_although_others_wait_for_their_time() -> None:
    async def story() -> None:
        async with rig(max_delay_s=3600.0, receive_maximum=2 * MANY + 2) as gate:
            began_s = asyncio.get_running_loop().time()
            gate.come(*numbered(MANY))
            gate.come("the half of what may be owed")
            await until(lambda: gate.journal.stored)
            assert asyncio.get_running_loop().time() - began_s < 4.0
            assert gate.journal.stored == [numbered(MANY)]
            await gate.live_lane.finish(0.0)

    asyncio.run(story())


def test_after_slow_answers_a_write_may_start_beside_another_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.batching.pacing.SLOW_ANSWER_S", 0.01)
    monkeypatch.setattr("gateway.ingest.delivery.live_lane._PATIENCE_S", 3600.0)  # nobody looks after a write

    async def story() -> None:
        async with rig() as gate:
            gate.come("first")
            await until(lambda: gate.influxdb.waits)
            await asyncio.sleep(0.1)  # an eighth of it counts
            gate.influxdb.answer_all()
            await until(lambda: gate.acknowledged)
            gate.come("second")
            gate.come("third")
            await until(lambda: gate.posted == ["first", "second", "third"])

    asyncio.run(story())


def test_behind_a_budget_live_readings_wait_for_those_before_them_but_not_for_the_backlog(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gateway that stops waits for neither."""
    monkeypatch.setattr(pacing, "LIVE_WAIT_MAX_S", 3600.0)

    async def story() -> None:
        async with rig(max_delay_s=0.0) as gate:
            gate.influxdb.link.max_bytes_per_s = 1
            gate.influxdb.link.sent(10**6, 0.0, asyncio.get_running_loop().time())  # the backlog's
            gate.come("first")
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer_all()
            await until(lambda: gate.ledger.total("written") == 1)
            gate.come("second")
            gate.come("third")
            for _ in range(5):
                await asyncio.sleep(0)
            assert gate.posted == ["first"]
            stopping = asyncio.create_task(gate.live_lane.finish(60.0))
            await until(lambda: gate.influxdb.waits)
            assert gate.influxdb.asked[-1][0] == ["second", "third"]
            gate.influxdb.answer_all()
            await stopping

    asyncio.run(story())
