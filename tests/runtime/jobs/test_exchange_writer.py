"""Exchanges that were told wait in the file until the database has taken them."""

import asyncio
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gateway.core.batching.write_result import Answer
from gateway.core.devices.device import Device
from gateway.core.readings.sums import StoredExchange, ToldExchange
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.events import Events
from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.resums import ExchangeWriter
from tests.clocks import SetClock
from tests.core.making import HOUR_MS, NOW_MS

TOLD = [StoredExchange(ToldExchange("volume_m3", NOW_MS - hour * HOUR_MS, 7.0), is_late=False) for hour in (3, 2)]


class Answering:
    """A database that gives its answers in turn, and keeps silent then."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = list(answers)
        self.lines: list[str] = []

    async def write(self, gzip: bytes) -> Answer:
        """Take a body."""
        if not self._answers:
            raise asyncio.CancelledError
        self.lines += zlib.decompress(gzip, wbits=31).decode().split("\n")
        return self._answers.pop(0)


def run(path: Path, answers: Sequence[Answer], exchanges: Sequence[StoredExchange] = ()) -> list[str]:
    """Tell a gateway of exchanges, and kill it when all that was told is answered; return the lines that it wrote."""

    async def told() -> list[str]:
        database, influxdb = Database(path), Answering(answers)
        database.open()
        writer = ExchangeWriter(database, influxdb, CircuitBreaker(Events()), SetClock(NOW_MS))
        await writer.put(Device("m1", None), *exchanges)
        with suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(0.05):
                await writer.run()
        database.close()
        return influxdb.lines

    return asyncio.run(told())


def test_what_is_said_of_an_exchange_outlives_a_gateway_that_dies_before_the_database_is_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert run(path, [], TOLD) == []
    lines = run(path, [Answer(0, "gone")])
    assert [line.rpartition(" ")[2] for line in lines if "exchange_told" in line] == [str(NOW_MS), str(NOW_MS + 1)]
    assert run(path, [Answer(204)]) == lines
    assert run(path, [Answer(204)]) == []


def test_what_the_database_refuses_for_its_content_is_said_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    assert len(run(path, [Answer(400, '{"error":"partial write: field type conflict"}')], TOLD)) == 4
    assert run(path, [Answer(204)]) == []
