"""The point of the gateway itself, the log of deliveries over a restart, and the watch of floods."""

import asyncio
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from gateway import __version__
from gateway.core.batching.batch import Batch
from gateway.core.batching.deliveries import ReadingPlace
from gateway.core.ledger import Ledger
from gateway.core.message import Reading
from gateway.ingest.delivery import delivery_log, flood_queue
from gateway.ingest.delivery.circuit_breaker import SelfPoint
from gateway.ingest.delivery.delivery_log import DeliveryLog
from gateway.ingest.delivery.flood_queue import FloodQueue, FloodWatch
from gateway.ingest.events import Events
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from tests.clocks import SetClock
from tests.core.making import NOW_MS, trusted_clock
from tests.ingest.delivery.delivering import until


def _lines(body: bytes) -> list[str]:
    return zlib.decompress(body, wbits=31).decode().split("\n")


def test_the_gateways_own_point_tells_what_is_pending_and_its_version() -> None:
    ledger = Ledger(since_ms=0)
    ledger.receive(3, "mqtt")
    ledger.receive(4, "mqtt", "journal")
    point = SelfPoint("gate 1", ledger, trusted_clock(), SetClock(NOW_MS))
    head = f'gateway,gateway=gate\\ 1 clock=True,journal=4.0,pending=7.0,version="{__version__}"'
    assert _lines(point.body()) == [f"{head} {NOW_MS}"]
    assert _lines(point.report({"up": True, "cpu": 0.5})) == [
        f"{head},up=True,cpu=0.5 {NOW_MS}",
        f"build,gateway=gate\\ 1,version={__version__} value=1.0 {NOW_MS}",
    ]
    trust = trusted_clock(built_ms=NOW_MS + 10**10)
    trust.judge(NOW_MS)
    assert "clock=False" in _lines(SelfPoint("g", ledger, trust, SetClock(NOW_MS)).body())[0]


def _batch(*arrivals_s: float) -> Batch:
    batch = Batch()
    for arrival_s in arrivals_s:
        batch.add([Reading("a", "water")], arrival_s)
    return batch


def test_where_the_readings_of_a_time_are_outlives_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SetClock(NOW_MS)
    file = Database(tmp_path / "journal.db")
    file.open()
    log = DeliveryLog(clock)
    first, second, third = _batch(100.0, 101.0), _batch(103.0), _batch(105.0)
    log.posted(Batch(), 106.0)
    log.posted(first, 106.0)  # its readings came 6 and 5 s ago
    assert log.find(NOW_MS - 5500).place is ReadingPlace.MEMORY
    clock.at_ms += 2000
    log.settled(first, written=True)
    found = log.find(NOW_MS - 5500)
    assert (found.place, found.late_ms) == (ReadingPlace.WRITTEN, 8000)
    log.posted(second, 108.0)
    log.settled(second, written=False)
    assert log.find(NOW_MS - 3000).place is not ReadingPlace.MEMORY
    log.stored(third, 7, 108.0)
    assert log.find(NOW_MS - 1000).place is ReadingPlace.JOURNAL
    with closing(file):
        asyncio.run(log.save(file))
        again = DeliveryLog(clock)
        again.restore(file)
        assert again.find(NOW_MS - 1000).place is ReadingPlace.JOURNAL
        again.row_settled(7, written=False)
        assert again.find(NOW_MS - 1000).place is ReadingPlace.GIVEN_UP
        again.restore(file)
        again.row_settled(7, written=True)
        assert again.find(NOW_MS - 1000).place is ReadingPlace.WRITTEN
        again.restore(file)
        again.drained()
        assert again.find(NOW_MS - 1000).place is ReadingPlace.WRITTEN
        file.run_here(keyvalue.put, "deliveries", "[]")
        new = DeliveryLog(clock)
        new.restore(file)
        assert new.find(NOW_MS - 1000).place is ReadingPlace.UNKNOWN

        async def story() -> None:
            monkeypatch.setattr(delivery_log, "_SAVE_EVERY_S", 0.0)
            monkeypatch.setattr(clock, "sleep", asyncio.sleep)
            task = asyncio.create_task(log.run(file))
            while await file.run(keyvalue.get, "deliveries") == "[]":  # noqa: ASYNC110 - the file tells nobody
                await asyncio.sleep(0)
            task.cancel()

        asyncio.run(story())


def test_devices_that_flood_are_told_and_kept_apart_when_they_must(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flood_queue, "_LOOK_EVERY_S", 0.01)

    async def story() -> None:
        queue, events = FloodQueue(), Events()
        watch = FloodWatch(queue, events)
        for number in range(2000):
            watch.floods.count("loud", 100)
            if number % 100 == 0:
                watch.floods.count("calm", 1)
        task = asyncio.create_task(watch.run())
        await until(lambda: queue.flooding)
        assert (queue.flooding, queue.apart) == (frozenset({"loud"}), frozenset())
        assert [flood.topic for flood in events.floods] == ["loud"]
        queue.keep_apart(asyncio.get_running_loop().time())
        assert queue.apart == queue.flooding
        await until(lambda: not queue.flooding)
        task.cancel()

    asyncio.run(story())


def test_floods_are_kept_apart_for_a_minute() -> None:
    queue, loud = FloodQueue(), frozenset({"loud"})
    queue.set_flooding(loud, 100.0)
    assert queue.apart == frozenset()
    queue.keep_apart(100.0)
    for now_s, apart in ((159.9, loud), (160.0, frozenset()), (161.0, frozenset())):
        queue.set_flooding(loud, now_s)
        assert queue.apart == apart
