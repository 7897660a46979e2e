"""Turns of readers: of the loop, and of the disk."""

import asyncio
import time
from pathlib import Path

import pytest

from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.web.http.answers import Turns


def test_turns_are_short_and_leave_the_loop_to_others() -> None:
    async def longest_hold_s() -> float:
        gaps, done = [0.0], asyncio.Event()

        async def watch() -> None:
            last_s = time.thread_time()
            while not done.is_set():
                await asyncio.sleep(0)
                gaps.append(time.thread_time() - last_s)
                last_s += gaps[-1]

        turns = Turns()
        watching = asyncio.create_task(watch())

        async def work() -> int:
            return sum([1 async for _ in turns.each(sum(range(2000)) for _ in range(2000))])

        assert list(await asyncio.gather(work(), work(), work())) == [2000] * 3
        done.set()
        await watching
        return sorted(gaps)[-5]

    assert asyncio.run(longest_hold_s()) < 0.05


class HungDisk:
    """A read of it that ends when the disk goes on."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.reads = 0

    async def run(self, *_: object) -> str:
        """Read."""
        self.reads += 1
        await self.goes_on.wait()
        return "read"


def test_on_a_hung_disk_a_reader_is_told_and_no_further_reads_are_sent_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read() -> None:
        database = Database(tmp_path / "journal.db")
        disk, turns = HungDisk(), Turns(disk_patience_s=0.05)
        monkeypatch.setattr(database, "run", disk.run)
        for _ in range(3):
            with pytest.raises(DatabaseFault, match=r"the disk has not answered for 0.05 s"):
                await turns.read(database, str)
        assert disk.reads == 1
        disk.goes_on.set()
        assert await turns.read(database, str) == "read"

    asyncio.run(read())
