"""Work of a gateway on its file in days of trouble, each commit noted as soon as it is done."""

import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Concatenate, Final

from gateway.core.batching.batch import Body, encode
from gateway.core.message import Reading
from gateway.ingest.delivery.backlog import BoundedJournal
from gateway.ingest.storage import journal, keyvalue
from gateway.ingest.storage.database import Database, P, T
from gateway.ingest.storage.recovery.salvage import PAGE_BYTES
from gateway.support.clock import WallClock
from gateway.support.config.model import JournalSection
from tests.campaigns.powercut.file_keeper import NOW_MS, Contents, FileKeeper, contents, readings, refusal, waiting
from tests.campaigns.powercut.recorded_disk import RecordedDisk

MAX_BYTES: Final = 36 * 1024


class NotedFile(Database):
    """A file whose contents are noted, and marked in the recording, whenever a commit has returned.

    :ivar noted: contents after each commit, by the number of its mark.
    """

    def __init__(self, path: Path, disk: RecordedDisk, noted: list[Contents]) -> None:
        super().__init__(path)
        self.noted = noted
        self._disk = disk
        self._looking = False

    def run_here(self, do: Callable[Concatenate[sqlite3.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do it; then it is done."""
        result = super().run_here(do, *args, **kwargs)
        if not self._looking:
            self.note()
        return result

    def note(self) -> None:
        """Note the contents of the file now: they are durable."""
        self._looking = True
        now = contents(self)
        self._looking = False
        if not self.noted or now != self.noted[-1]:
            self.noted.append(now)
            self._disk.mark(len(self.noted) - 1)


Story = Callable[[NotedFile, Random], Coroutine[Any, Any, None]]
"""What is done to an open file."""


async def first_days(file: NotedFile, random: Random) -> None:
    """Some of everything."""
    cabinet = FileKeeper(file, quarantine_max_bytes=1500, rejects_max_bytes=1500)
    cabinet.find_backlog()
    await _outage(cabinet, random)
    await _rejects_and_quarantine(cabinet)
    await _rare_things(cabinet, random)
    await _drain(cabinet, file)
    await file.give_pages_back()


async def long_outage(file: NotedFile, random: Random) -> None:
    """The WAL outgrows its limit again and again, and the journal its own, so that the oldest must make room."""
    cabinet = FileKeeper(file)
    cabinet.find_backlog()
    store = BoundedJournal(file, JournalSection(max_bytes=MAX_BYTES, min_free_bytes=0, when_full="drop_oldest"), WallClock())
    store.stock()
    file.limit_wal(12 * PAGE_BYTES)
    for _ in range(10):
        await store.append([_noise(random, 2500)])
    await _drain(cabinet, file)
    await file.give_pages_back()
    await outage(file, random)


async def outage(file: NotedFile, random: Random) -> None:
    """Some commits."""
    await _outage(FileKeeper(file), random)


async def one_row(file: NotedFile, random: Random) -> None:
    """A row comes and is settled."""
    cabinet = FileKeeper(file)
    cabinet.find_backlog()
    await cabinet.store.append([encode(readings(random.random()))], refused=False)
    await _drain(cabinet, file)


async def _outage(cabinet: FileKeeper, random: Random) -> None:
    """Commits of one body, of a large one that takes many pages, and of several."""
    for sizes in ((1,), (600,), (30, 1, 80)):
        bodies = [encode(readings(*(random.random() for _ in range(size)))) for size in sizes]
        await cabinet.store.append(bodies, refused=len(sizes) == 1)
    cabinet.message(good=readings(random.random()))
    await cabinet.spool.commit_all()


async def _rejects_and_quarantine(cabinet: FileKeeper) -> None:
    """Both in, beyond their limits, and out."""
    for number in range(0, 9, 3):
        cabinet.message(
            bad=[refusal(number + n, bytes(200)) for n in range(3)],
            wait=[waiting(number + n, f"q{n}", bytes(200)) for n in range(2)],
        )
        await cabinet.spool.commit_all()
        await cabinet.reject_writer.flush()
        await cabinet.quarantine_in.flush()
    cabinet.released.release("q0")
    await cabinet.quarantine_out._release_free()  # noqa: SLF001 - as its task does


async def _rare_things(cabinet: FileKeeper, random: Random) -> None:
    """Births come and go, subscriptions, the newest time; states of few devices, of many, and of few of the many."""
    await cabinet.file.run(keyvalue.put_all, {"birth:g/n1": "x" * 900, "birth:g/n2": "y"})
    await cabinet.file.run(keyvalue.put_all, {"birth:g/n1": None, "subscriptions": "[]"})
    for devices in (range(3), range(150), range(2, 120)):
        for number in devices:
            cabinet.hear(f"m{number}", random.random())
        await cabinet.device_snapshots.save_at_stop(windows=True)


async def _drain(cabinet: FileKeeper, file: NotedFile) -> None:
    """Rows are settled a few at a time, some with a reject."""
    rows = list(file.noted[-1].journal)
    for at in range(0, len(rows), 4):
        await cabinet.store.settle(rows[at : at + 4], [refusal(100)] if at == 4 else [], 1500)


def _noise(random: Random, size_bytes: int) -> Body:
    """A body that does not compress."""
    return encode([Reading(f'water,device=m1 x="{random.randbytes(size_bytes // 2).hex()}" {NOW_MS}', "water")])


def file_of_version_1(path: Path) -> None:
    """A file as the first version of the gateway made it, with a row, a reject and a thing that was kept."""
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript(f"""
            PRAGMA page_size={PAGE_BYTES}; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;
            CREATE TABLE journal (
                id INTEGER PRIMARY KEY, created_ms INTEGER NOT NULL, readings INTEGER NOT NULL, domains TEXT NOT NULL,
                pairs TEXT NOT NULL, refused INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL
            ) STRICT;
            CREATE INDEX refused ON journal (id) WHERE refused;
            CREATE TABLE rejects (
                id INTEGER PRIMARY KEY, arrival_ms INTEGER NOT NULL, topic TEXT NOT NULL, device TEXT NOT NULL,
                domain TEXT NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, payload BLOB NOT NULL
            ) STRICT;
            CREATE TABLE kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
            PRAGMA user_version=1;
        """)
        journal.append(old, [encode(readings(1, 2, 3))], 1, NOW_MS, refused=False)
        old.execute("INSERT INTO rejects VALUES (1, 0, 't/r1', 'r1', 'water', 'decode', 'bad_json', 'not JSON', x'3f')")
        keyvalue.put(old, "subscriptions", '["a/#"]')
