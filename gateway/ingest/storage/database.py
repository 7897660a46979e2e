"""The one SQLite file, in a thread of its own: journal, rejects, quarantine and a few values that must outlive the process.

An SD card may take a second to sync; the thread keeps that away from the readings. WAL with ``synchronous=FULL``: a
commit survives a power cut. Freed pages go back to the file system.

A gateway starts with any state of the disk (:func:`begin`). A file that is damaged, or that it may not use, is renamed and a
new one begun. If that is impossible too, for lack of room, rights or a folder, empty tables in memory replace it, which
store nothing: readings go straight to InfluxDB, and wait at the broker while it is away.
"""

import asyncio
import logging
import os
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from gateway.ingest.storage import schema
from gateway.ingest.storage.beside import beside, give_up_reserve, keep_reserve, lock
from gateway.ingest.storage.recovery.salvage import PAGE_BYTES
from gateway.ingest.storage.recovery.set_aside import (
    may_be_used,
    newer_files,
    rescue,
    set_aside,
    take_newer_back,
    to_salvage,
)
from gateway.ingest.storage.recovery.tally import Tally
from gateway.support.private_files import FolderOwner, being, make_folder, refuse_pipes, whose

log = logging.getLogger("gateway.storage")

P = ParamSpec("P")
T = TypeVar("T")

_GIVEN_BACK_TOGETHER: Final = 1000
"""Pages: as many as SQLite moves in its own memory, or it would write each of them twice."""
_ADVICE: Final = "check that the disk has room and that this user may write the folder"


class DatabaseFault(Exception):  # noqa: N818 - the field's word
    """The file cannot be used now: full, read-only, gone or damaged. The text says which, and what to do."""


class DiskFull(DatabaseFault):
    """The disk has no room for it."""


class NotOurs(DatabaseFault):
    """This user may not read and write the file; a new one can replace it if the folder allows a rename."""


class Damaged(Exception):  # noqa: N818 - says what it is
    """The file is damaged. It must be set aside and a new one begun; its readable rows can be salvaged."""


def begin(path: Path, *, damaged: bool = False) -> "Database":
    """Open the file of a gateway, whatever is at its place; :class:`InUse`, which only people can resolve: another has it.

    A missing folder is created. A directory in the file's place is removed if it is empty, else left alone: it has an owner.
    """
    file = Database(path)
    try:
        try:
            file.open(begin_anew=damaged)
        except (Damaged, NotOurs) as fault:
            log.error("%s", fault)  # noqa: TRY400 - no fault of ours
            file.open(begin_anew=True)
    except (DatabaseFault, Damaged) as fault:
        file.stand_in(str(fault))
    return file


class Database:
    """The file and its thread. Functions given to :meth:`run` get the connection and run one at a time, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.absence = ""  # the reason for which there is no file now, and the remedy; empty if there is one
        self.tally = Tally(path)  # the number of readings that should be in the journal, and of those that are missing
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._connection: sqlite3.Connection | None = None
        self._lock: int | None = None
        self._owner: FolderOwner | None = None
        self._next_row = 1
        self._inode = 0
        self._damage = asyncio.Event()

    def open(self, *, begin_anew: bool = False) -> None:
        """Lock and open the file, a new one if the old is to be set aside first.

        It raises :class:`Damaged` if the file was damaged already, :class:`NotOurs` if this user may not use it,
        :class:`InUse` if another process has it, and :class:`DatabaseFault` if no file can be opened at that place.
        """
        try:
            self._owner = whose(self.path)
            with being(self._owner):
                make_folder(self.path.parent)
                refuse_pipes(self.path)
                self._lock = lock(self.path)
                if begin_anew:
                    set_aside(self.path)
                _refuse_what_is_not_ours(self.path)
                self._connection = schema.connect(self.path)
                self.tally.load()
                self.tally.count(self._connection)
                self._next_row = 1 + schema.look_around(self._connection)
                self._inode = self.path.stat().st_ino
                take_newer_back(self.path, schema.SCHEMA_VERSION)
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            self._close_file()
            if schema.is_damage(error, opening=True):
                raise Damaged(f"{self.path} is damaged: {error}") from error
            why = error.strerror if isinstance(error, OSError) else error
            raise DatabaseFault(f"{self.path} cannot be opened: {why}; {_ADVICE}") from error
        except NotOurs:
            self._close_file()
            raise

    def stand_in(self, why: str) -> None:
        """Use empty tables in place of the file; every change of them fails with ``why``."""
        self.absence = why
        self.tally.load()
        self._connection = schema.connect_to_nothing()

    def to_salvage(self) -> list[Path]:
        """Files that were set aside and not salvaged yet, the oldest first."""
        return [] if self.absence else to_salvage(self.path)

    def newer(self) -> list[Path]:
        """Files of a newer release that wait for it, the oldest first."""
        return [] if self.absence else newer_files(self.path)

    def reserve_rows(self, count: int) -> int:
        """The first of ``count`` row numbers for the journal.

        None is given twice while this process runs, even after removals: whoever still remembers a row must not find
        another one under its number.
        """
        self._next_row += count
        return self._next_row - count

    async def run(self, do: Callable[Concatenate[sqlite3.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``do(connection, …)`` in the thread, in a transaction that is committed and synced when it returns.

        :raises DatabaseFault: nothing of it was done.
        :raises Damaged: nothing of it was done, and nothing more will be (:meth:`watch`).
        """
        return await self.in_thread(lambda: self.run_here(do, *args, **kwargs))

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Call in the thread, after all earlier calls."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except Damaged:
            self._damage.set()
            raise

    async def run_freeing(self, do: Callable[Concatenate[sqlite3.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for removing rows: on a full disk the reserve makes room for it."""
        try:
            return await self.run(do, *args, **kwargs)
        except DiskFull:
            if not give_up_reserve(self.path):
                raise
            return await self.run(do, *args, **kwargs)

    async def watch(self) -> None:
        """Wait until a call finds the file damaged, then raise :class:`Damaged`."""
        await self._damage.wait()
        raise Damaged(f"{self.path} is damaged")

    def run_here(self, do: Callable[Concatenate[sqlite3.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same without the thread: for start, stop and commands."""
        connection = self._connection
        if connection is None:
            raise DatabaseFault(f"{self.path} is not open")

        def commit() -> T:
            self.tally.begin()
            with connection:
                connection.execute("BEGIN" if self.absence else "BEGIN IMMEDIATE")
                result = do(connection, *args, **kwargs)
                self.tally.before_commit()
            self.tally.committed()
            return result

        try:
            with being(self._owner):
                try:
                    return commit()
                except sqlite3.OperationalError as error:
                    if not (schema.is_full(error) and schema.restart_wal(connection)):
                        raise
                    return commit()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if schema.is_damage(error):
                raise Damaged(f"{self.path} is damaged: {error}") from error
            kind = DiskFull if schema.is_full(error) else DatabaseFault
            raise kind(self.absence or f"{self.path}: {error}") from error
        except OSError as error:
            raise DatabaseFault(f"{self.tally.path} cannot be written: {error.strerror}") from error

    def used_bytes(self) -> int:
        """Pages in use without the quarantine, and the WAL; for start, stop and commands."""
        return self.run_here(_pages_bytes) + self._wal_bytes()

    async def measure(self) -> int:
        """:meth:`used_bytes`, in the thread."""
        await self.in_thread(self._look_after)
        return await self.run(_pages_bytes) + self._wal_bytes()

    def _look_after(self) -> None:
        """Check that there is a reserve, and that the file still exists: writes to a removed file are lost."""
        if self.absence or self._connection is None:
            return
        keep_reserve(self.path)
        try:
            if self.path.exists() and self.path.stat().st_ino == self._inode:
                return
            rescue(self._connection, self.path)
        except (OSError, sqlite3.Error) as error:
            raise DatabaseFault(f"{self.path} has disappeared, and its contents cannot be saved: {error}") from error
        raise Damaged(f"{self.path} was removed or replaced under the running gateway")

    def free_bytes(self) -> int:
        """The free bytes of the file system; :class:`DatabaseFault` if it is gone."""
        try:
            return shutil.disk_usage(self.path.parent).free
        except OSError as error:
            raise DatabaseFault(f"{self.path.parent}: {error.strerror}") from error

    def limit_wal(self, max_bytes: int) -> None:
        """Let the WAL grow to about ``max_bytes`` before its pages are written a second time, into the file.

        Most outages end before that; rows drained by then are never written twice, and the flash wears half as much.
        """
        if self._connection is not None:
            self._connection.execute(f"PRAGMA wal_autocheckpoint={max(1, max_bytes // PAGE_BYTES)}")

    async def give_pages_back(self) -> None:
        """Give freed pages back to the file system and empty the WAL, some megabytes at a time, since others wait."""
        while await self.in_thread(self._give_some_back):
            pass

    def _give_some_back(self) -> bool:
        """Give some back; tell if there is more."""
        if self._connection is None or self.absence:
            return False
        with being(self._owner):
            return schema.give_pages_back(self._connection, _GIVEN_BACK_TOGETHER)

    def _wal_bytes(self) -> int:
        with suppress(OSError):
            return beside(self.path, "-wal").stat().st_size
        return 0

    def close(self) -> None:
        """Finish running work, close, unlock."""
        self._thread.shutdown(wait=True)
        self._close_file()

    def _close_file(self) -> None:
        if self._connection is not None:
            with being(self._owner):  # the last one to close removes the WAL
                self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _refuse_what_is_not_ours(path: Path) -> None:
    if path.is_dir():
        path.rmdir()  # an empty one, as container engines make them for a file that is missing
    if not may_be_used(path):
        raise NotOurs(f"{path} may not be read and written by this user")


def _pages_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the pages in use, without the contents of quarantine: that has a limit of its own."""
    pages, free = connection.execute("SELECT * FROM pragma_page_count, pragma_freelist_count").fetchone()
    (quarantined_bytes,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM quarantine_stock").fetchone()
    return max(0, int(pages - free) * PAGE_BYTES - int(quarantined_bytes))
