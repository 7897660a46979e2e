"""The drain lane beside a commit under way."""

import asyncio
from pathlib import Path

from gateway.core.batching.batch import encode
from gateway.core.message import Reading
from gateway.ingest.storage.database import Database
from tests.campaigns.powercut.file_keeper import FileKeeper


def test_a_row_is_not_taken_before_its_batch_knows_where_it_stands(tmp_path: Path) -> None:
    """Between the commit and the note nobody knows that the row is in flight: it would be written, and counted, twice."""
    asyncio.run(_drain_during_a_commit(tmp_path / "journal.db"))


async def _drain_during_a_commit(path: Path) -> None:
    file = Database(path)
    file.open()
    cabinet = FileKeeper(file)
    cabinet.influxdb.up = True
    await cabinet.store.append([encode([Reading("water,device=m1 ph=7.0 5", "water")])])
    cabinet.ledger.receive(1, "journal", "journal")
    async with cabinet.queue.between_commits():
        step = asyncio.create_task(cabinet.drain_lane._step())  # noqa: SLF001 - as its task does
        for _ in range(3):
            await file.run(lambda _: None)  # behind whatever the step asks for
        assert not cabinet.influxdb.lines
    await step
    assert list(cabinet.influxdb.lines) == ["water,device=m1 ph=7.0 5"]
    file.close()
