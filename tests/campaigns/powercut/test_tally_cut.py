"""The count beside the journal never says more than the journal holds, whatever the disk does and whenever the power goes."""

from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

import pytest

from gateway.ingest.storage.recovery.tally import Tally
from tests.campaigns.powercut.file_keeper import NOW_MS
from tests.campaigns.powercut.recorded_disk import IO_ERROR, Fault, Operation, RecordedDisk
from tests.campaigns.powercut.replay import Image, Platter, lay_down, seeded

NAME: Final = "journal.db"


class Walk:
    """Random days of a journal that is only a number here.

    :ivar least: readings the journal may hold at least, by the number of its mark.
    """

    def __init__(self, folder: Path, random: Random, steps: int) -> None:
        self.least = [0]
        self._folder = folder
        self._random = random
        self._holds = 0
        with RecordedDisk(folder) as self._disk:
            self._start()
            for _ in range(steps):
                self._disk.fault = Fault(IO_ERROR, random.randrange(1, 4)) if random.random() < 0.1 else None
                random.choices([self._add, self._remove, self._fail_to_remove, self._restart, self._delete], [5, 5, 1, 1, 0.3])[
                    0
                ]()
        self.operations: list[Operation] = self._disk.operations

    def _start(self) -> None:
        self._tally = Tally(self._folder / NAME)
        self._tally.load()
        self._tally.compare(self._holds)
        assert self._tally.give_up(NOW_MS) == 0

    def _mark(self, least: int) -> None:
        self._disk.mark(len(self.least))
        self.least.append(least)

    def _commits(self, added: int, removed: int) -> bool:
        """Tell if the tally lets a transaction commit."""
        self._tally.begin()
        self._tally._change(added, removed)  # noqa: SLF001 - as its triggers do
        with suppress(OSError):
            self._tally.before_commit()
            return True
        return False

    def _change(self, added: int, removed: int) -> None:
        if self._commits(added, removed):
            self._holds += added - removed
            self._mark(self._holds)
            self._tally.committed()

    def _add(self) -> None:
        self._change(self._random.randrange(1, 100), 0)

    def _remove(self) -> None:
        self._change(self._random.randrange(2) * 7, self._random.randrange(self._holds + 1))

    def _fail_to_remove(self) -> None:
        """The commit failed; until another is written in its place it may yet be found done, whatever is read meanwhile."""
        removed = self._random.randrange(self._holds + 1)
        if self._commits(0, removed):
            self._mark(self._holds - removed)
            if self._commits(0, 0):
                self._tally.committed()
            if removed and self._commits(0, 1):
                self._holds -= 1
                self._mark(self._holds)
                self._tally.committed()

    def _restart(self) -> None:
        """After a kill: SQLite has settled what became of a failed commit."""
        self._mark(self._holds)
        self._start()

    def _delete(self) -> None:
        """Somebody removes it."""
        path = self._folder / f"{NAME}.tally"
        with suppress(OSError):
            path.unlink()


def _says(image: Image, folder: Path) -> int:
    lay_down(image, folder)
    tally = Tally(folder / NAME)
    tally.load()
    tally.compare(0)
    return tally.give_up(NOW_MS)


@pytest.mark.parametrize("seed", range(6))
def test_the_tally_says_at_most_what_the_journal_holds(folder: Path, seed: int) -> None:
    walk, random = Walk(folder, seeded(seed), 60), seeded(seed)
    platter, least = Platter({}), 0
    for operation in walk.operations:
        if operation.kind == "mark":
            least = walk.least[operation.offset]
        platter.do(operation)
        for image in (platter.synced(), platter.written(), *(platter.torn(random) for _ in range(4))):
            assert _says(image, folder / "after") <= least, operation


def test_a_torn_write_leaves_the_number_before_it(folder: Path) -> None:
    tally = Tally(folder / NAME)
    tally.compare(100)
    for removed in (10, 20):
        tally.begin()
        tally._change(0, removed)  # noqa: SLF001 - as its triggers do
        tally.before_commit()
        tally.committed()
    path = folder / f"{NAME}.tally"
    content = bytearray(path.read_bytes())
    numbers = {at: int.from_bytes(content[at + 16 : at + 24]) for at in (0, 4096)}
    assert sorted(numbers.values()) == [70, 90]
    newest = min(numbers, key=lambda at: numbers[at])
    content[newest + 20] ^= 1
    path.write_bytes(content)
    again = Tally(folder / NAME)
    again.load()
    again.compare(0)
    assert again.give_up(NOW_MS) == 90


def test_a_damaged_row_that_claims_less_than_nothing_adds_nothing(folder: Path) -> None:
    tally = Tally(folder / NAME)
    tally.compare(100)
    tally.begin()
    tally._change(0, -5000)  # noqa: SLF001 - as its triggers do
    tally.before_commit()
    tally.committed()
    tally.compare(0)
    assert tally.give_up(NOW_MS) == 100


def test_the_alarm_says_when_the_first_was_missed(folder: Path) -> None:
    tally = Tally(folder / NAME)
    for now_ms in (1_000_000, 2_000_000):
        tally.note_lost(5, now_ms)
    assert (tally.missing, tally.since_ms) == (10, 1_000_000)
