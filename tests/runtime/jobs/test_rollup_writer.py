"""The writer of roll-ups leaves the loop to readings: lines are made some at a time, and bodies are small."""

import asyncio
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from gateway.core.delivery.write_result import Answer
from gateway.ingest.storage.database import Database
from gateway.monitoring.reports.rollup_points import RollupPoint
from gateway.runtime.jobs.periods.writer import RollupWriter
from gateway.runtime.pipeline.build import build
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


async def written(folder: Path, made_in: Counter[int]) -> list[str]:
    """Write a day of meters of three phases; count the points that each turn of the loop makes."""
    (folder / "devices.yaml").write_text(json.dumps({"devices": [{"id": "d1"}]}))
    database, influxdb, turn = Database(folder / "journal.db"), Taking(), 0
    database.open()
    delivery = build(config_of(folder, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh"), database, SetClock(NOW_MS)).delivery
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
