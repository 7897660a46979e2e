"""The writer of roll-ups leaves the loop to readings: lines are made some at a time, and bodies are small."""

import asyncio
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.batching.write_result import Answer
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.events import Events
from gateway.ingest.storage.database import Database
from gateway.monitoring.reports.rollup_points import RollupPoint
from gateway.runtime.jobs.periods.sinks import Postponed, RollupWriter
from gateway.runtime.pipeline.build import Parts
from schemas.quantities import SPREAD_OF
from tests.clocks import SetClock
from tests.core.making import NOW_MS
from tests.runtime.jobs.closing_rig import config_of

METERS = 500


class Taking:
    """A database that takes everything."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    async def write(self, gzip: bytes) -> Answer:
        """Take a body."""
        self.bodies.append(zlib.decompress(gzip, wbits=31).decode())
        return Answer(204)


class Busy(BatchQueue):
    """A queue of readings, as busy as a test has it."""

    under_pressure = saturated = False

    def __init__(self) -> None:
        pass


@pytest.mark.parametrize("busy", ["under_pressure", "saturated"])
def test_roll_ups_wait_for_readings_and_are_written_once_those_leave_room(busy: str) -> None:
    async def story() -> None:
        influxdb, queue, looks = Taking(), Busy(), 0

        def asked(_: Busy) -> bool:
            nonlocal looks
            looks += 1
            return looks < 3

        writer = RollupWriter(influxdb, CircuitBreaker(Events()), queue)
        await writer.add([RollupPoint("daily", ",device=m1", {"ph_mean": 7.0}, NOW_MS)], 0)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Busy, busy, property(asked))
            await writer.flush()
        assert (looks, writer.written, len(influxdb.bodies)) == (3, 1, 1)

    asyncio.run(story())


def test_while_the_database_is_away_roll_ups_are_not_even_tried() -> None:
    async def story() -> None:
        influxdb, breaker = Taking(), CircuitBreaker(Events())
        breaker.open(Answer(503))
        writer = RollupWriter(influxdb, breaker, Busy())
        await writer.add([RollupPoint("daily", ",device=m1", {"ph_mean": 7.0}, NOW_MS)], 0)
        with pytest.raises(Postponed):
            await writer.flush()
        assert influxdb.bodies == []

    asyncio.run(story())


async def written(folder: Path, made_in: Counter[int]) -> list[str]:
    """Write a day of meters of three phases; count the points that each turn of the loop makes."""
    (folder / "devices.yaml").write_text(json.dumps({"devices": [{"id": "d1"}]}))
    database, influxdb, turn = Database(folder / "journal.db"), Taking(), 0
    database.open()
    delivery = Parts(config_of(folder, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh"), database, SetClock(NOW_MS)).delivery
    writer = RollupWriter(influxdb, delivery.destination.breaker, delivery.queue)
    fields = {name: 230.123456789 for names in SPREAD_OF["power"].values() for name in names}

    async def turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def points() -> Iterator[RollupPoint]:
        for number in range(METERS):
            made_in[turn] += 1
            yield RollupPoint("daily", f",device=m{number}", fields, NOW_MS)

    turning = asyncio.create_task(turns())
    await writer.add(points(), 0)
    await writer.flush()
    turning.cancel()
    database.close()
    return influxdb.bodies


def test_no_turn_of_the_loop_makes_many_lines_and_no_body_is_large(tmp_path: Path) -> None:
    made_in: Counter[int] = Counter()
    bodies = asyncio.run(written(tmp_path, made_in))
    lines = "\n".join(bodies).split("\n")
    assert [line.partition(" ")[0] for line in lines] == [f"daily,device=m{number}" for number in range(METERS)]
    assert max(made_in.values()) <= 11
    assert max(map(len, bodies)) < 300_000
