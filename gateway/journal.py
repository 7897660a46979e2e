"""The journal: bodies that InfluxDB could not take, in order, on disk.

A row is a body exactly as it was posted and will be posted again, with its count and a CRC. Every function here gets the
connection inside a transaction (:meth:`gateway.database.Database.run`).
"""

import json
import sqlite3
import sys
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

from gateway.core.batching import Body

_ROW_OVERHEAD_BYTES: Final = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal."""

    row: int
    created_ms: int
    refused: bool
    body: Body

    @property
    def intact(self) -> bool:
        """Whether the bytes are the ones that were stored."""
        return zlib.crc32(self.body.gzip) == self.body.crc


@dataclass(frozen=True, slots=True)
class Stock:
    """What stands in the journal."""

    batches: int
    readings: int
    oldest_ms: int | None


_COLUMNS: Final = "id, created_ms, refused, readings, domains, pairs, crc, body"


def append(connection: sqlite3.Connection, bodies: list[Body], now_ms: int, *, refused: bool) -> list[int]:
    """Store bodies; the numbers of their rows."""
    rows = []
    for body in bodies:
        cursor = connection.execute(
            f"INSERT INTO journal ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
            (now_ms, refused, body.readings, json.dumps(body.domains), json.dumps(body.pairs), body.crc, body.gzip),
        )
        rows.append(cursor.lastrowid or 0)
    return rows


def first(connection: sqlite3.Connection, skip: frozenset[int]) -> Entry | None:
    """The next row to write: one that InfluxDB refused before the rest, since that is quickly settled; else the oldest."""
    for only_refused in ("WHERE refused", ""):
        query = f"SELECT {_COLUMNS} FROM journal {only_refused} ORDER BY id LIMIT ?"  # noqa: S608 - constants
        for row in connection.execute(query, (len(skip) + 1,)):
            if row[0] not in skip:
                return _entry(row)
    return None


def everything(connection: sqlite3.Connection, after: int = 0, most: int = 100) -> list[Entry]:
    """Rows in order, for an export."""
    query = f"SELECT {_COLUMNS} FROM journal WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608 - a constant
    return [_entry(row) for row in connection.execute(query, (after, most))]


def remove(connection: sqlite3.Connection, rows: list[int]) -> None:
    """Forget rows that are settled."""
    connection.executemany("DELETE FROM journal WHERE id = ?", [(row,) for row in rows])


def remove_oldest(connection: sqlite3.Connection, size_bytes: int) -> Counter[str]:
    """Make room of about ``size_bytes`` for newer ones; what was given up, by domain."""
    given_up: Counter[str] = Counter()
    freed_bytes, rows = 0, []
    for row, domains, body_bytes in connection.execute("SELECT id, domains, length(body) FROM journal ORDER BY id"):
        if freed_bytes >= size_bytes:
            break
        freed_bytes += body_bytes + _ROW_OVERHEAD_BYTES
        given_up.update(json.loads(domains))
        rows.append(row)
    remove(connection, rows)
    return given_up


def stock(connection: sqlite3.Connection) -> Stock:
    """Count what stands in the journal."""
    batches, readings, oldest = connection.execute("SELECT count(*), sum(readings), min(created_ms) FROM journal").fetchone()
    return Stock(batches, readings or 0, oldest)


def drop(connection: sqlite3.Connection) -> Counter[str]:
    """Throw everything away; what that was, by domain."""
    return remove_oldest(connection, sys.maxsize)


def _entry(row: tuple[int, int, int, int, str, str, int, bytes]) -> Entry:
    number, created_ms, refused, readings, domains, pairs, crc, body = row
    return Entry(
        number, created_ms, bool(refused), Body(body, readings, Counter(json.loads(domains)), crc, tuple(json.loads(pairs)))
    )
