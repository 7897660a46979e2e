"""Refused batches that the journal cannot take: split from memory, however often InfluxDB goes away meanwhile."""

import asyncio

import pytest

from gateway.core.batching.batch import Batch
from gateway.core.batching.deliveries import ReadingPlace
from gateway.core.batching.write_result import Answer
from gateway.core.ledger import Ledger
from gateway.core.message import Reading
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.bisect_refused import UnspooledRefusals
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.delivery_log import DeliveryLog
from gateway.ingest.events import Events
from gateway.ingest.storage.reject_account import RejectAccount, RejectWriter
from gateway.support.clock import WallClock
from tests.clocks import SetClock
from tests.core.making import NOW_MS
from tests.ingest.delivery.delivering import note_waits, until
from tests.ingest.delivery.test_bisect_refused import AWAY, GOOD, REFUSED, Influxdb, bisecting
from tests.ingest.storage.test_reject_account import Disk


class Released(BatchQueue):
    """In the place of the queue: batches that were released, once for each hold."""

    def __init__(self) -> None:
        self.released: list[Batch] = []
        self.deliveries = DeliveryLog(SetClock(NOW_MS))

    def release(self, batch: Batch) -> None:
        """Release."""
        self.released.append(batch)


class Rig:
    """Such batches at work, one after the other, and an InfluxDB that answers as a test says."""

    def __init__(self, *answers: Answer) -> None:
        self.influxdb, self.disk = Influxdb(*answers), Disk()
        self.ledger, self.events = Ledger(since_ms=0), Events()
        self.breaker = CircuitBreaker(self.events)
        self.queue = Released()
        bisector = bisecting(self.influxdb, self.breaker, self.events)
        self.reject_writer = RejectWriter(
            self.disk, RejectAccount(self.ledger, self.events, WallClock(), max_bytes=1000), self.queue.release
        )
        self.unspooled = UnspooledRefusals(bisector, self.breaker, self.queue, self.ledger, self.reject_writer)

    def take(self, readings: str) -> Batch:
        """A batch comes, its readings named by letters."""
        batch = Batch()
        batch.add([Reading(f"water,device={letter} ph=7", "water") for letter in readings], 0.0)
        self.ledger.receive(len(readings), "mqtt")
        self.unspooled.add([batch])
        return batch

    async def settle(self) -> None:
        """Work until nothing is in memory; an InfluxDB that went away comes back each time."""
        task = asyncio.create_task(self.unspooled.run())
        await until(self._is_settled)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    def _is_settled(self) -> bool:
        self.breaker.close()
        return not self.ledger.pending["memory"]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.delivery.bisect_refused.random", lambda: 0.0)


def test_a_batch_that_nobody_could_judge_is_tried_again_and_let_go_once() -> None:
    """InfluxDB goes away after the first half was written: writing it again changes nothing, and it counts once."""

    async def story() -> None:
        rig = Rig(GOOD, AWAY, GOOD, GOOD)
        batch = rig.take("ab")
        await rig.settle()
        assert (rig.queue.released, rig.ledger.outcomes["written"], rig.ledger.imbalance) == ([batch], {"water": 2}, 0)
        assert len(rig.influxdb.asked) == 4

    asyncio.run(story())


def test_readings_that_were_written_in_parts_are_told_as_written() -> None:
    async def story() -> None:
        rig = Rig(GOOD)
        deliveries = rig.queue.deliveries
        deliveries.posted(rig.take("a"), 0.0)
        assert deliveries.find(NOW_MS).place is ReadingPlace.MEMORY
        await rig.settle()
        assert deliveries.find(NOW_MS).place is ReadingPlace.WRITTEN

    asyncio.run(story())


def test_batches_that_come_later_are_brought_in_once_influxdb_is_there() -> None:
    async def story() -> None:
        rig = Rig(GOOD, GOOD)
        task = asyncio.create_task(rig.unspooled.run())
        await asyncio.sleep(0.01)
        for letter in "ab":
            rig.breaker.open(AWAY)
            rig.take(letter)
            await asyncio.sleep(0.01)
            assert rig.ledger.pending["memory"] == 1
            rig.breaker.close()
            await until(lambda: not rig.ledger.pending["memory"])
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(rig.influxdb.asked) == 2

    asyncio.run(story())


def test_batches_come_to_their_end_in_their_order() -> None:
    async def story() -> None:
        rig = Rig(AWAY, GOOD, GOOD, GOOD)
        first, second = rig.take("a"), rig.take("bc")
        await rig.settle()
        assert rig.queue.released == [first, second]
        assert [asked.split("=")[1][0] for asked in rig.influxdb.asked] == ["a", "a", "b", "c"]

    asyncio.run(story())


def test_a_batch_with_a_reject_is_held_until_the_reject_is_kept() -> None:
    async def story() -> None:
        rig = Rig(REFUSED, GOOD, REFUSED, GOOD)
        batch = rig.take("ab")
        task = asyncio.create_task(rig.unspooled.run())
        await until(lambda: rig.queue.released)
        assert (rig.queue.released, batch.holds, rig.ledger.pending["memory"]) == ([batch], 2, 1)
        rig.disk.works.set()
        await rig.reject_writer.flush()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (rig.queue.released, [refused.device for refused in rig.disk.asked]) == ([batch, batch], ["a"])
        assert (rig.ledger.total("written"), rig.ledger.total("rejected"), rig.ledger.imbalance) == (1, 1, 0)

    asyncio.run(story())


def test_what_is_older_than_influxdb_keeps_expires() -> None:
    async def story() -> None:
        rig = Rig(GOOD, Answer(422, "points beyond retention policy"))
        batch = rig.take("ab")
        await rig.settle()
        assert (rig.queue.released, rig.ledger.total("written"), rig.ledger.outcomes["expired"]) == ([batch], 1, {"water": 1})

    asyncio.run(story())


def test_a_batch_that_influxdb_cannot_judge_is_tried_ever_less_often_and_the_next_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    waits_s = note_waits(monkeypatch)

    async def story() -> None:
        rig = Rig(AWAY, AWAY, GOOD, AWAY, GOOD)
        rig.take("a")
        rig.take("b")
        began_s = asyncio.get_running_loop().time()
        await rig.settle()
        assert waits_s == [waits_s[0], 2 * waits_s[0], waits_s[0]]
        assert asyncio.get_running_loop().time() - began_s >= sum(waits_s)

    asyncio.run(story())
