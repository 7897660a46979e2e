"""The drain lane on a file of its own, before an InfluxDB that a test answers for; seconds are short."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.core.batching.batch import encode
from gateway.core.message import Reading, Refusal
from gateway.core.readings.replay import LateReadings
from gateway.ingest.delivery.backlog import BoundedJournal
from gateway.ingest.storage import journal
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.hours_again import HoursAgain
from gateway.support.clock import WallClock
from gateway.support.config.model import JournalSection
from tests.campaigns.powercut.hasty import HastyLoop
from tests.ingest.delivery.delivering import Influxdb, Unspooled, until
from tests.ingest.delivery.far_broker import FarBroker
from tests.ingest.delivery.joined import JoinedLanes
from tests.stored_rejects import stored_rejects


class NoBroker(FarBroker):
    """Nobody is acknowledged anything."""

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Acknowledge nothing."""

    def resume_reading(self) -> None:
        """Read nothing."""


class Rig(JoinedLanes):
    """A journal and its drain lane."""

    def __init__(self, file: Database) -> None:
        self.file, self.influxdb, self.late = file, Influxdb(), LateReadings()
        store = BoundedJournal(file, JournalSection(path=file.path, max_bytes=2**20, min_free_bytes=0), WallClock())
        self.hours_again = HoursAgain(file, self.late, lambda _: True)
        super().__init__(self.influxdb, store, NoBroker(), hours_again=self.hours_again, unspooled=Unspooled())
        self.progress = self.backlog.progress

    async def put(self, *rows: list[str], refused: bool = False) -> None:
        """Rows that an earlier run left, each of readings that are their lines."""
        bodies = [encode([Reading(line, "water") for line in lines]) for lines in rows]
        await self.store.append(bodies, refused=refused)
        self.ledger.receive(sum(map(len, rows)), "journal", "journal")
        self.backlog.grew.set()

    async def make_room(self, rows: int = 1) -> int:
        """The oldest rows are given up, as the store does it; how many readings expired."""

        def remove(connection: Any) -> journal.Removed:  # noqa: ANN401 - passed on
            removed: journal.Removed = {}
            while len(removed) < rows:
                removed |= journal.remove_oldest(connection, 1)
            return removed

        return self.backlog.give_up(await self.file.run(remove))

    async def posted(self, *lines: str) -> None:
        """Return when InfluxDB is asked to write exactly this, and nothing of it is answered."""
        await until(lambda: self.influxdb.waits)
        assert self.influxdb.asked[-1][0] == list(lines)

    async def empty(self) -> None:
        """Return when the lane has come to the end of the journal, and has said so; then all balances."""
        while self.progress.began_s is not None or (await self.file.run(journal.stock)).batches:  # noqa: ASYNC110 - the file tells nobody
            await asyncio.sleep(0.1)
        assert (self.ledger.pending["journal"], self.ledger.imbalance) == (0, 0)

    async def kept(self) -> list[Refusal]:
        """The rejects on disk, the newest first."""
        return [refusal for _, refusal in await self.file.run(stored_rejects)]

    def block_disk(self) -> threading.Event:
        """Hold all work of the disk from now on until the event is set."""
        works = threading.Event()
        self.blocked = asyncio.create_task(self.file.run(lambda _: works.wait(10.0)))
        return works

    @property
    def account(self) -> dict[str, int]:
        """Return the number of readings by where they ended."""
        return {outcome: counts.total() for outcome, counts in self.ledger.outcomes.items() if counts}


@asynccontextmanager
async def rig(folder: Path, *, drains: bool = True) -> AsyncIterator[Rig]:
    """A rig, with its lane at work."""
    file = Database(folder / "journal.db")
    file.open()
    made = Rig(file)
    made.store.stock()
    work: list[Coroutine[Any, Any, None]] = [made.live_lane.run(), *([made.drain_lane.run()] if drains else [])]
    tasks = [asyncio.create_task(each) for each in work]
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(500.0):
            yield made
        assert not any(task.done() for task in tasks)
        assert made.ledger.imbalance == 0
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        file.close()


def story(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it in a loop whose seconds are short."""
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        runner.run(work())
