"""The tables of the one SQLite file, and how it is opened.

Pages are small because a commit writes whole pages twice. Rows of the journal and the quarantine are found again by the
kinds of their columns when nothing else of a file is left (:mod:`gateway.ingest.storage.recovery.salvage`): a new column goes
to the end.
"""

import sqlite3
from pathlib import Path
from typing import Final

from gateway.ingest.storage.beside import beside
from gateway.ingest.storage.recovery.salvage import PAGE_BYTES
from gateway.ingest.storage.recovery.set_aside import keep_forgotten_frames, set_newer_aside
from gateway.support.private_files import make_empty

_PRIMARY_CODE: Final = 0xFF
_INCREMENTAL: Final = 2
SCHEMA_VERSION: Final = 8
_LOOKED_AT: Final = (
    "rejects",
    "reject_counts",
    "kept",
    "quarantine_keys",
    "quarantine_shares",
    "quarantine_prefixes",
    "device_state",
)
_ROWS_LOOKED_AT: Final = 1000
"""At each end of the journal when the file is opened."""

PREFIX_STEP_BYTES: Final = 65_536
KEY_STEP_BYTES: Final = 4096
"""In these steps the sizes of topic prefixes and keys in quarantine are compared
(:mod:`gateway.ingest.storage.quarantine`)."""

_BEFORE: Final = "substr({row}.topic, 1, instr(lower(substr({row}.topic, 1, 200)), lower({row}.device)) - 1)"
PREFIX: Final = (
    "CASE WHEN {row}.device = '' OR instr(lower(substr({row}.topic, 1, 200)), lower({row}.device)) = 0 "
    "THEN substr({row}.topic, 1, instr(substr({row}.topic, 1, 200), '/')) "
    f"ELSE rtrim({_BEFORE}, replace({_BEFORE}, '/', '')) END"
)
"""The topic prefix of a row of the quarantine, as :func:`gateway.core.devices.places.topic_prefix` tells it."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS journal (
    id INTEGER PRIMARY KEY, created_ms INTEGER NOT NULL, readings INTEGER NOT NULL, domains TEXT NOT NULL,
    pairs TEXT NOT NULL, refused INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS refused ON journal (id) WHERE refused;
CREATE INDEX IF NOT EXISTS stock ON journal (created_ms, readings);
CREATE TABLE IF NOT EXISTS rejects (
    id INTEGER PRIMARY KEY, arrival_ms INTEGER NOT NULL, topic TEXT NOT NULL, device TEXT NOT NULL, domain TEXT NOT NULL,
    stage TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, payload BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS of_device ON rejects (device);
CREATE INDEX IF NOT EXISTS of_reason ON rejects (reason);
CREATE TABLE IF NOT EXISTS rejects_stock (id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL) STRICT;
CREATE TRIGGER IF NOT EXISTS rejected AFTER INSERT ON rejects BEGIN
    UPDATE rejects_stock SET bytes = bytes + length(NEW.payload) + length(NEW.detail) + length(NEW.topic) + 200;
END;
CREATE TRIGGER IF NOT EXISTS reject_removed AFTER DELETE ON rejects BEGIN
    UPDATE rejects_stock SET bytes = bytes - length(OLD.payload) - length(OLD.detail) - length(OLD.topic) - 200;
END;
INSERT OR IGNORE INTO rejects_stock
    SELECT 1, coalesce(sum(length(payload) + length(detail) + length(topic) + 200), 0) FROM rejects;
CREATE TABLE IF NOT EXISTS reject_counts (
    day INTEGER NOT NULL, reason TEXT NOT NULL, device TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (day, reason, device)
) STRICT, WITHOUT ROWID;
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
CREATE TABLE IF NOT EXISTS alarm_states (
    alarm TEXT NOT NULL, place TEXT NOT NULL, state TEXT NOT NULL, held_back INTEGER NOT NULL, PRIMARY KEY (alarm, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarm_history (id INTEGER PRIMARY KEY, place TEXT NOT NULL, transition TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS history_of_place ON alarm_history (place);
CREATE TABLE IF NOT EXISTS alarm_notices (id INTEGER PRIMARY KEY, receiver TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS planned_work (id INTEGER PRIMARY KEY, until_ms INTEGER NOT NULL, work TEXT NOT NULL) STRICT;
"""
_SHARES: Final = f"""
CREATE INDEX IF NOT EXISTS oldest_of_key ON quarantine ({PREFIX.format(row="quarantine").replace("quarantine.", "")}, key);
CREATE TABLE IF NOT EXISTS quarantine_shares (
    prefix TEXT NOT NULL, key TEXT NOT NULL, bytes INTEGER NOT NULL, newest INTEGER NOT NULL, PRIMARY KEY (prefix, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS largest_key ON quarantine_shares (prefix, bytes / {KEY_STEP_BYTES} DESC, newest);
CREATE TABLE IF NOT EXISTS quarantine_prefixes (
    prefix TEXT PRIMARY KEY, bytes INTEGER NOT NULL, newest INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS largest_prefix ON quarantine_prefixes (bytes / {PREFIX_STEP_BYTES} DESC, newest);
CREATE TRIGGER IF NOT EXISTS shared AFTER INSERT ON quarantine BEGIN
    INSERT INTO quarantine_shares VALUES ({PREFIX.format(row="NEW")}, NEW.key, NEW.bytes, NEW.id)
    ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, newest = excluded.newest;
    INSERT INTO quarantine_prefixes VALUES ({PREFIX.format(row="NEW")}, NEW.bytes, NEW.id)
    ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, newest = excluded.newest;
END;
CREATE TRIGGER IF NOT EXISTS unshared AFTER DELETE ON quarantine BEGIN
    UPDATE quarantine_shares SET bytes = bytes - OLD.bytes WHERE prefix = {PREFIX.format(row="OLD")} AND key = OLD.key;
    DELETE FROM quarantine_shares WHERE prefix = {PREFIX.format(row="OLD")} AND key = OLD.key AND bytes <= 0;
    UPDATE quarantine_prefixes SET bytes = bytes - OLD.bytes WHERE prefix = {PREFIX.format(row="OLD")};
    DELETE FROM quarantine_prefixes WHERE prefix = {PREFIX.format(row="OLD")} AND bytes <= 0;
END;
INSERT OR IGNORE INTO quarantine_shares
    SELECT {PREFIX.format(row="quarantine")}, key, sum(bytes), max(id) FROM quarantine GROUP BY 1, 2;
INSERT OR IGNORE INTO quarantine_prefixes SELECT prefix, sum(bytes), max(newest) FROM quarantine_shares GROUP BY 1;
"""  # noqa: S608 - constants


def connect(path: Path) -> sqlite3.Connection:
    """Open the file with the project's settings and tables. One of a newer release makes room for a new one."""
    _refuse_to_lose_the_wal(path)
    make_empty(path)  # SQLite gives its WAL the mode of the file
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2.0)
    connection.text_factory = lambda raw: raw.decode(errors="replace")  # a damaged row can hold anything
    try:
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        keep_forgotten_frames(path)
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        (vacuum,) = connection.execute("PRAGMA auto_vacuum").fetchone()
        if vacuum != _INCREMENTAL:  # setting it writes, and a file that has it must open on a full disk
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()  # a fault shows only when the answer is read
        if mode != "wal":  # without it a power cut could undo what was committed
            raise sqlite3.OperationalError("its file system does not let SQLite keep a WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=OFF")  # ON, Debian's default, writes whatever is removed once more
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            connection.close()
            set_newer_aside(path, version)
            return connect(path)
        if version < 0:
            raise sqlite3.DatabaseError(f"its version is {version}, this program knows {SCHEMA_VERSION}")
        if version < SCHEMA_VERSION:
            # Every version so far only added tables and indexes.
            connection.executescript(f"BEGIN; {_SCHEMA} {_SHARES} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
    except (sqlite3.Error, OSError, UnicodeDecodeError):
        connection.close()
        raise
    return connection


def connect_to_nothing() -> sqlite3.Connection:
    """Empty tables that cannot change: every change fails in SQLite."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(f"{_SCHEMA} {_SHARES} PRAGMA query_only=ON;")
    return connection


def look_around(connection: sqlite3.Connection) -> int:
    """Read the indexes of all tables, so that damage there shows now; return the highest row number of the journal.

    A gigabyte of journal is too much to read while the broker's queue fills, so only both ends of it are read.
    """
    connection.execute("DELETE FROM kept WHERE FALSE")  # a damaged header may claim that the file is read-only
    for table in _LOOKED_AT:  # the quarantine itself may be too long to read now
        connection.execute(f"SELECT count(*) FROM {table} NOT INDEXED").fetchone()  # noqa: S608 - constants
    highest = 0
    for order in ("ASC", "DESC"):
        end = f"SELECT id, readings FROM journal NOT INDEXED ORDER BY id {order} LIMIT {_ROWS_LOOKED_AT}"  # noqa: S608 - constants
        highest, _ = connection.execute(f"SELECT coalesce(max(id), 0), sum(readings) FROM ({end})").fetchone()  # noqa: S608
    return int(highest)


def give_pages_back(connection: sqlite3.Connection, most: int) -> bool:
    """Give free pages back to the file system, and finally empty the WAL; return True if there is more to do."""
    try:
        connection.execute("PRAGMA cache_spill=OFF")  # pages that are given back need not be written
        connection.execute(f"PRAGMA incremental_vacuum({most})").fetchall()
        if connection.execute("PRAGMA freelist_count").fetchone()[0]:
            return True
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error:
        restart_wal(connection)  # the disk is full
    return False


def restart_wal(connection: sqlite3.Connection) -> bool:
    """Copy the WAL into the file, so that it starts again and grows no more; return True if that succeeded."""
    try:
        busy, in_wal, _ = connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
    except sqlite3.Error:
        return False
    return not busy and bool(in_wal)


def is_damage(error: Exception, *, opening: bool = False) -> bool:
    """Tell if the file itself is faulty, not the disk, its rights or its space.

    At the ``opening`` it is to blame too for a table that is missing, and when its head says that it may not be written.
    """
    code = _code(error, sqlite3.SQLITE_NOTADB if type(error) is sqlite3.DatabaseError else 0)
    if isinstance(error, UnicodeDecodeError):  # the message of a fault quotes the contents of the file
        return True
    if opening and code in {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_READONLY}:
        return True
    return code & _PRIMARY_CODE in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_full(error: Exception) -> bool:
    """Tell if the disk is full."""
    return _code(error, 0) & _PRIMARY_CODE == sqlite3.SQLITE_FULL


def _code(error: Exception, otherwise: int) -> int:
    """Return SQLite's own code for a fault; ``otherwise`` for those that Python's module raises itself, which have none."""
    return int(getattr(error, "sqlite_errorcode", otherwise)) if isinstance(error, sqlite3.Error) else otherwise


def _refuse_to_lose_the_wal(path: Path) -> None:
    """SQLite throws a WAL away that is beside an empty file, or beside none."""
    wal = beside(path, "-wal")
    if wal.exists() and wal.stat().st_size and not (path.exists() and path.stat().st_size):
        raise sqlite3.DatabaseError("it is empty, and what stands in its WAL was written to it")
