"""The one SQLite file, in a thread of its own: journal, rejects, quarantine and the few things that must outlive the process.

An SD card may take a second to sync; the thread keeps that away from the readings. WAL with ``synchronous=FULL``: what is
committed survives a power cut. Pages are small because a commit writes whole pages twice, and freed pages go back to the file
system.
"""

import asyncio
import fcntl
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

log = logging.getLogger("gateway.database")

P = ParamSpec("P")
T = TypeVar("T")

PAGE_BYTES: Final = 1024
ASIDE: Final = ".damaged-"
_SALVAGED: Final = ".salvaged-"
_SUFFIXES: Final = ("", "-wal", "-shm")
_PRIMARY_CODE: Final = 0xFF
_ROW_MAX: Final = (1 << 63) - 1
_PROBES_MAX: Final = 100_000
"""Row numbers tried one by one in a damaged file."""
_SCHEMA_VERSION: Final = 3
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS journal (
    id INTEGER PRIMARY KEY, created_ms INTEGER NOT NULL, readings INTEGER NOT NULL, domains TEXT NOT NULL,
    pairs TEXT NOT NULL, refused INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS refused ON journal (id) WHERE refused;
CREATE TABLE IF NOT EXISTS rejects (
    id INTEGER PRIMARY KEY, arrival_ms INTEGER NOT NULL, topic TEXT NOT NULL, device TEXT NOT NULL, domain TEXT NOT NULL,
    stage TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, payload BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS of_device ON rejects (device);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine (
    id INTEGER PRIMARY KEY, cause TEXT NOT NULL, key TEXT NOT NULL, expires_ms INTEGER, arrival_ms INTEGER NOT NULL,
    topic TEXT NOT NULL, retain INTEGER NOT NULL, device TEXT NOT NULL, domain TEXT NOT NULL, properties TEXT NOT NULL,
    crc INTEGER NOT NULL, bytes INTEGER NOT NULL, payload BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS waiting_for ON quarantine (key, arrival_ms);
CREATE INDEX IF NOT EXISTS expiring ON quarantine (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS quarantine_keys (
    key TEXT NOT NULL, cause TEXT NOT NULL, messages INTEGER NOT NULL, PRIMARY KEY (key, cause)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine_stock (
    cause TEXT PRIMARY KEY, messages INTEGER NOT NULL, bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS quarantined AFTER INSERT ON quarantine BEGIN
    INSERT INTO quarantine_keys VALUES (NEW.key, NEW.cause, 1) ON CONFLICT DO UPDATE SET messages = messages + 1;
    INSERT INTO quarantine_stock VALUES (NEW.cause, 1, NEW.bytes)
    ON CONFLICT DO UPDATE SET messages = messages + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER IF NOT EXISTS released AFTER DELETE ON quarantine BEGIN
    UPDATE quarantine_keys SET messages = messages - 1 WHERE key = OLD.key AND cause = OLD.cause;
    DELETE FROM quarantine_keys WHERE key = OLD.key AND cause = OLD.cause AND messages <= 0;
    UPDATE quarantine_stock SET messages = messages - 1, bytes = bytes - OLD.bytes WHERE cause = OLD.cause;
END;
CREATE TABLE IF NOT EXISTS device_state (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
"""


class DatabaseFault(Exception):  # noqa: N818 - the field's word
    """The file cannot be used now: full, read-only, gone or damaged. The text says which and what to do."""


class Damaged(Exception):  # noqa: N818 - says what it is
    """The file is not what was written. It must be set aside and a new one begun; what it held can be salvaged."""


class InUse(Exception):  # noqa: N818 - says what it is
    """Another process works on the file."""


class Database:
    """The file and its thread. Functions given to :meth:`run` get the connection and run one at a time, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._connection: sqlite3.Connection | None = None
        self._lock: int | None = None
        self._next_row = 1
        self._damage = asyncio.Event()

    def open(self, *, begin_anew: bool = False) -> None:
        """Lock and open the file.

        :param begin_anew: set a damaged file aside first and begin a new one.
        :raises Damaged: it was damaged already when it was opened.
        :raises InUse: another process has it.
        :raises DatabaseFault: no file can be opened at that place.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self.path)
            if begin_anew:
                log.error("%s is set aside as %s, a new one is begun", self.path, self._set_aside().name)
            self._connection = connect(self.path)
            self._next_row = 1 + look_around(self._connection)
        except (OSError, sqlite3.Error) as error:
            self.close()
            if is_damage(error):
                raise Damaged(f"{self.path} is damaged: {error}") from error
            raise DatabaseFault(f"{self.path} cannot be opened: {error}; see that its folder exists and is writable") from error

    def _set_aside(self) -> Path:
        """Rename the file and what belongs to it, so that nothing of it is lost."""
        now = f"{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() // 1_000_000 % 1000:03d}"
        aside = self.path.with_name(f"{self.path.name}{ASIDE}{now}")
        for suffix in _SUFFIXES:
            with suppress(FileNotFoundError):
                self.path.with_name(self.path.name + suffix).rename(aside.with_name(aside.name + suffix))
        return aside

    def to_salvage(self) -> list[Path]:
        """Files that were set aside and not salvaged yet, the oldest first."""
        found = self.path.parent.glob(f"{self.path.name}{ASIDE}*")
        return sorted(path for path in found if not path.name.endswith(_SUFFIXES[1:]))

    def note_salvaged(self, aside: Path) -> None:
        """A file has given what it could: of such files the last one is kept, for people to look at."""
        for old in self.path.parent.glob(f"{self.path.name}{_SALVAGED}*"):
            old.unlink()
        for suffix in _SUFFIXES:
            with suppress(FileNotFoundError):
                aside.with_name(aside.name + suffix).rename(aside.with_name(aside.name.replace(ASIDE, _SALVAGED) + suffix))

    def reserve_rows(self, count: int) -> int:
        """The first of ``count`` row numbers for the journal.

        None is given twice while this process runs, whatever was removed meanwhile: who still remembers a row must not meet
        another one under its number.
        """
        self._next_row += count
        return self._next_row - count

    async def run(self, do: Callable[Concatenate[sqlite3.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``do(connection, …)`` in the thread, in a transaction that is committed and synced when it returns.

        :raises DatabaseFault: nothing of it was done.
        :raises Damaged: nothing of it was done, and nothing more will be (:meth:`watch`).
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: self.run_here(do, *args, **kwargs))
        except Damaged:
            self._damage.set()
            raise

    async def watch(self) -> None:
        """End with the fault when the file is found damaged, whoever found it.

        :raises Damaged: it is.
        """
        await self._damage.wait()
        raise Damaged(f"{self.path} is damaged")

    def run_here(self, do: Callable[Concatenate[sqlite3.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same without the thread: for start, stop and commands."""
        connection = self._connection
        if connection is None:
            raise DatabaseFault(f"{self.path} is not open")
        try:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                return do(connection, *args, **kwargs)
        except sqlite3.Error as error:
            if is_damage(error):
                raise Damaged(f"{self.path} is damaged: {error}") from error
            raise DatabaseFault(f"{self.path}: {error}") from error

    def used_bytes(self) -> int:
        """Pages in use without the quarantine, and the WAL. Callable from any thread: the disk is asked only about the WAL."""
        return self.run_here(_pages_bytes) + self._wal_bytes()

    async def measure(self) -> int:
        """:meth:`used_bytes`, in the thread."""
        return await self.run(_pages_bytes) + self._wal_bytes()

    def free_bytes(self) -> int:
        """What the file system has left for us."""
        return shutil.disk_usage(self.path.parent).free

    def limit_wal(self, max_bytes: int) -> None:
        """Let the WAL grow to about ``max_bytes`` before its pages are written a second time, into the file.

        Most outages end before that; what is drained by then is never written twice, and the flash wears half as much.
        """
        if self._connection is not None:
            self._connection.execute(f"PRAGMA wal_autocheckpoint={max(1, max_bytes // PAGE_BYTES)}")

    async def give_back(self) -> None:
        """Give freed pages back to the file system and empty the WAL."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._give_back)

    def _give_back(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA incremental_vacuum").fetchall()
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _wal_bytes(self) -> int:
        with suppress(OSError):
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        return 0

    def close(self) -> None:
        """Finish what is under way, close, unlock."""
        self._thread.shutdown(wait=True)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def connect(path: Path) -> sqlite3.Connection:
    """Open the file as this project does, with its tables."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2.0)
    connection.text_factory = lambda raw: raw.decode(errors="replace")  # of a damaged row anything may come
    try:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if not 0 <= version <= _SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"its version is {version}, this program knows {_SCHEMA_VERSION}")
        if version < _SCHEMA_VERSION:
            # Every version so far only added tables and indexes.
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={_SCHEMA_VERSION}; COMMIT;")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def rows_of_damaged(damaged: Path, table: str, columns: str) -> Iterator[tuple[Any, ...]]:
    """Rows that can still be read in a damaged file: from both ends up to the damage, and what lies between one by one.

    :param columns: the first is the number of the row.
    """
    with suppress(sqlite3.Error), closing(sqlite3.connect(damaged, check_same_thread=False)) as connection:
        connection.text_factory = lambda raw: raw.decode(errors="replace")
        connection.execute("PRAGMA writable_schema=ON")  # reads a file that is shorter than it says
        connection.execute(f"SELECT id FROM {table} LIMIT 0")  # noqa: S608 - nothing is to be had where not even the table is known
        low, high = 0, _ROW_MAX
        for order in ("ASC", "DESC"):
            query = f"SELECT {columns} FROM {table} WHERE id > ? AND id < ? ORDER BY id {order}"  # noqa: S608 - constants
            with suppress(sqlite3.DatabaseError):
                for row in connection.execute(query, (low, high)):
                    low, high = (row[0], high) if order == "ASC" else (low, row[0])
                    yield row
                high = low + 1  # all read
        query = f"SELECT {columns} FROM {table} WHERE id = ?"  # noqa: S608 - constants
        for number in range(low + 1, min(high, low + _PROBES_MAX)):
            with suppress(sqlite3.DatabaseError):
                yield from connection.execute(query, (number,)).fetchall()


def look_around(connection: sqlite3.Connection) -> int:
    """Read what all rows of the tables are found by, so that damage there shows now; the highest row number of the journal."""
    for table in ("rejects", "kept", "quarantine_keys", "device_state"):  # the quarantine itself may be too long to read now
        connection.execute(f"SELECT count(*) FROM {table} NOT INDEXED").fetchone()  # noqa: S608 - constants
    highest, _ = connection.execute("SELECT coalesce(max(id), 0), sum(readings) FROM journal NOT INDEXED").fetchone()
    return int(highest)


def is_damage(error: Exception) -> bool:
    """Whether the file is to blame, and not the disk, its rights or its room."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_NOTADB if type(error) is sqlite3.DatabaseError else 0)
    return code & _PRIMARY_CODE in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _pages_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the pages in use, without what stands in quarantine: that has a limit of its own."""
    pages, free = connection.execute("SELECT * FROM pragma_page_count, pragma_freelist_count").fetchone()
    (quarantined_bytes,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM quarantine_stock").fetchone()
    return max(0, int(pages - free) * PAGE_BYTES - int(quarantined_bytes))


def _lock(path: Path) -> int:
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise InUse(f"{path} is in use by a running gateway") from None
    return lock


def is_in_use(path: Path) -> bool:
    """Whether a process works on the file; asked without touching it."""
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def keep(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Write a small thing that must outlive the process."""
    connection.execute("INSERT INTO kept VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value))


def keep_all(connection: sqlite3.Connection, values: Mapping[str, str | None]) -> None:
    """Write several, or forget those that are None."""
    for name, value in values.items():
        if value is None:
            connection.execute("DELETE FROM kept WHERE name = ?", (name,))
        else:
            keep(connection, name, value)


def kept_under(connection: sqlite3.Connection, prefix: str) -> dict[str, str]:
    """All whose name begins so."""
    return dict(connection.execute("SELECT name, value FROM kept WHERE substr(name, 1, ?) = ?", (len(prefix), prefix)))


def kept(connection: sqlite3.Connection, name: str) -> str | None:
    """Read it back."""
    row = connection.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None
