"""A disk that fails at each of the calls made to it in turn: once, or from then on until it is repaired.

None of the gateway's parts ends by it, the ledger balances, nothing is acknowledged that is not safe on the disk, and when the
disk works again all comes in.
"""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from gateway.core.batching.batch import decode, encode
from gateway.ingest.storage import journal, keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.recovery.tally import Tally
from tests.campaigns.powercut.file_keeper import NOW_MS, FileKeeper, contents, missing, readings, refusal, waiting
from tests.campaigns.powercut.hasty import HastyLoop, until
from tests.campaigns.powercut.recorded_disk import DISK_FULL, IO_ERROR, Call, Fault, RecordedDisk
from tests.campaigns.powercut.replay import Image, Platter, lay_down, pick_up

NAME: Final = "journal.db"
GOOD: Final = [readings(1), readings(2, 3), readings(*range(4, 300)), readings(300)]
OLD: Final = readings(1000, 1001)
FAILURES: Final = 8
"""So many calls fail before a disk that fails for ever is mended."""


class Trial:
    """A gateway at work on a file with a backlog, and its disk.

    :ivar disk: what is done to it, and what is to fail.
    """

    def __init__(self, folder: Path, begins_with: Image, fault: Fault) -> None:
        lay_down(begins_with, folder)
        self._begins_with = begins_with
        self._folder = folder
        self.fault = fault
        self.disk = RecordedDisk(folder)

    def run(self) -> None:
        """From start to stop."""
        with self.disk, asyncio.Runner(loop_factory=HastyLoop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        file = Database(self._folder / NAME)
        file.open()
        self.cabinet = FileKeeper(file, moment=lambda: len(self.disk.operations))
        self.cabinet.find_backlog()
        tasks = [asyncio.create_task(work, name=name) for name, work in self.cabinet.tasks().items()]
        tasks.append(asyncio.create_task(file.watch(), name="damage"))
        try:
            self.disk.fault = self.fault
            await self._outage()
            assert self.cabinet.ledger.imbalance == 0
            self.disk.fault = None
            await self._recovery()
        finally:
            ended = [task for task in tasks if task.done()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(DatabaseFault):
                await file.run(journal.stock)  # what was under way in its thread is over then
            self.left = contents(file)
            file.close()
            self.expected = _expected(self._folder / NAME)
        assert not ended, ended
        assert self.cabinet.ledger.imbalance == 0
        assert set(self.cabinet.ledger.pending.values()) == {0}
        assert self.expected == 0
        assert (self.left.journal, self.left.quarantine, len(self.left.devices)) == ({}, {}, 5)

    async def _outage(self) -> None:
        """Messages of all kinds come while InfluxDB is away; then it comes back."""
        cabinet = self.cabinet
        cabinet.subscriptions.confirm()
        self.good = {cabinet.message(good=lines): lines for lines in GOOD[:2]}
        await self._wait(lambda: len(cabinet.acknowledged) == 2)
        self.bad = cabinet.message(bad=[refusal(1), refusal(2)])
        self.waiting = cabinet.message(wait=[waiting(1), waiting(2, payload=bytes(3000))])
        cabinet.message(births={"birth:g/n": "x" * 2000})
        self.good |= {cabinet.message(good=lines): lines for lines in GOOD[2:]}
        await self._wait(lambda: len(cabinet.acknowledged) == 7)
        for number in range(5):
            cabinet.hear(f"m{number}", float(number))
        with suppress(DatabaseFault):
            await cabinet.device_snapshots.save()
        with suppress(DatabaseFault):
            await cabinet.file.run(keyvalue.put, "newest_time_ms", "1")
        cabinet.released.release("q1")
        await self._wait(lambda: not cabinet.account.stock.messages)
        cabinet.influxdb.up = True
        cabinet.breaker.close()
        await self._wait(self._is_in)

    async def _wait(self, condition: Callable[[], bool]) -> None:
        """Until it holds, or the disk has failed so often that it will not."""
        enough = self.fault.at + FAILURES
        await until(lambda: condition() or (self.fault.for_ever and self.fault.seen >= enough))

    async def _recovery(self) -> None:
        """The disk works: all comes in, and is remembered."""
        cabinet = self.cabinet
        await until(lambda: len(cabinet.acknowledged) == 7)
        await until(lambda: not cabinet.account.stock.messages)
        await until(self._is_in)
        await until(self._journal_is_empty)
        for number in range(5):
            cabinet.hear(f"m{number}", 10.0 + number)
        await cabinet.device_snapshots.save()

    def _journal_is_empty(self) -> bool:
        return not self.cabinet.ledger.pending["journal"] and not self.cabinet.backlog._settled  # noqa: SLF001 - nobody tells

    def check_acknowledgements(self, folder: Path) -> None:
        """Whatever was acknowledged was safe at that moment: on the disk, where only what was synced counts, or in InfluxDB."""
        platter, operations = Platter(self._begins_with), iter(self.disk.operations)
        done = 0
        for packet_id, moment in self.cabinet.acknowledged.items():
            for operation in itertools.islice(operations, moment - done):
                platter.do(operation)
            done = max(done, moment)
            lay_down(platter.synced(), folder)
            file = Database(folder / NAME)
            file.open()
            safe = contents(file)
            assert missing(file) == 0
            file.close()
            lines = {reading.lines for body in safe.journal.values() for reading in decode(body)}
            lines |= {line for line, posted in self.cabinet.influxdb.lines.items() if posted <= moment}
            assert {reading.lines for reading in self.good.get(packet_id, [])} <= lines, f"{packet_id} at {moment}"
            if packet_id == self.waiting:
                assert [message.topic for message in safe.quarantine.values()] == ["t/q1/1", "t/q1/2"]
            if packet_id == self.bad and self.cabinet.events.rejects_kept:
                assert len(safe.rejects) == 2

    def _is_in(self) -> bool:
        expected = {reading.lines for lines in (OLD, *GOOD) for reading in lines}
        return expected <= self.cabinet.influxdb.lines.keys()


def _expected(path: Path) -> int:
    """Readings that a gateway would miss that finds its journal empty now."""
    tally = Tally(path)
    tally.load()
    tally.compare(0)
    return tally.give_up(NOW_MS)


@pytest.fixture
def backlog(folder: Path) -> Image:
    """The files of a gateway that was killed with a row in its journal."""
    file = Database(folder / NAME)
    file.open()
    file.run_here(journal.append, [encode(OLD)], 1, NOW_MS, refused=False)
    image = pick_up(folder)
    file.close()
    return image


WAYS: Final = [
    pytest.param(IO_ERROR, False, id="one-call"),
    pytest.param(IO_ERROR, True, id="all-calls"),
    pytest.param(DISK_FULL, False, id="full-once"),
    pytest.param(DISK_FULL, True, id="full"),
]


def _try_each(backlog: Image, folder: Path, errors: dict[Call, int], first: int, step: int, *, for_ever: bool) -> None:
    """Fail the first call, a later one, a still later one, until a run ends before it comes to that."""
    for at in itertools.count(first, step):
        trial = Trial(folder / "run", backlog, Fault(errors, at, for_ever))
        trial.run()
        trial.check_acknowledgements(folder / "after")
        if at > trial.fault.seen:
            assert at > first
            return


@pytest.mark.parametrize(("errors", "for_ever"), WAYS)
def test_a_failing_disk_loses_nothing(backlog: Image, folder: Path, errors: dict[Call, int], *, for_ever: bool) -> None:
    """Some of its calls; the next test takes all of them."""
    _try_each(backlog, folder, errors, 1 + 2 * for_ever, 9, for_ever=for_ever)


@pytest.mark.slow
@pytest.mark.parametrize(("errors", "for_ever"), WAYS)
def test_a_disk_that_fails_at_any_call_loses_nothing(
    backlog: Image, folder: Path, errors: dict[Call, int], *, for_ever: bool
) -> None:
    _try_each(backlog, folder, errors, 1, 1, for_ever=for_ever)
