"""The journal: bodies that InfluxDB could not accept, in order, on disk.

A row is a body in the exact form that is posted, with its count and a CRC over all of it. Every function here
gets the connection inside a transaction (:meth:`gateway.ingest.storage.database.Database.run`).
"""

import json
import sqlite3
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.core.batching.batch import Body
from gateway.ingest.storage.recovery.salvage import rows_of_damaged

_ROW_OVERHEAD_BYTES: Final = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the journal; the body of one that is not intact holds only the count of readings that it claims."""

    row: int
    body: Body
    intact: bool


@dataclass(frozen=True, slots=True)
class JournalUse:
    """The journal's contents."""

    batches: int
    readings: int
    oldest_ms: int | None


Removed = dict[int, Counter[str]]
"""Rows that were removed before they were written, each with its readings by domain."""

_COLUMNS: Final = "id, readings, domains, pairs, crc, body"
_KINDS: Final = "iittiib"
"""Of all columns as they are in the file, behind the number of the row (:mod:`gateway.ingest.storage.recovery.salvage`)."""
_CLAIM_MAX: Final = 1_000_000
"""Most readings that a damaged row can claim; a larger number is damage."""


def append(connection: sqlite3.Connection, bodies: list[Body], first_row: int, now_ms: int, *, refused: bool) -> list[int]:
    """Store bodies from ``first_row`` on; return their row numbers."""
    rows = list(range(first_row, first_row + len(bodies)))
    for row, body in zip(rows, bodies, strict=True):
        domains, pairs = json.dumps(body.domains), json.dumps(body.pairs)
        crc = _crc(body.crc, body.readings, domains, pairs)
        connection.execute(
            f"INSERT INTO journal ({_COLUMNS}, created_ms, refused) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - constants
            (row, body.readings, domains, pairs, crc, body.gzip, now_ms, refused),
        )
    return rows


def next_rows(connection: sqlite3.Connection, skip: frozenset[int], most_readings: int, most_rows: int) -> list[Entry]:
    """The next rows to write together: one that InfluxDB refused goes before the rest, and alone; else the oldest.

    The first row is taken however many readings it holds.
    """
    found: list[Entry] = []
    left_readings = most_readings
    for only_refused in ("refused AND", ""):
        query = f"""SELECT {_COLUMNS} FROM journal WHERE {only_refused} id NOT IN (SELECT value FROM json_each(?))
            ORDER BY id LIMIT ?"""  # noqa: S608 - constants
        for row in connection.execute(query, (json.dumps(list(skip)), 1 if only_refused else most_rows)):
            entry = _entry(row)
            left_readings -= entry.body.readings
            if found and left_readings < 0:
                break
            found.append(entry)
        if found:
            break
    return found


def everything(connection: sqlite3.Connection, after: int = 0, most: int = 100) -> list[Entry]:
    """Rows in order, for an export."""
    query = f"SELECT {_COLUMNS} FROM journal WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608 - a constant
    return [_entry(row) for row in connection.execute(query, (after, most))]


def remove(connection: sqlite3.Connection, rows: list[int]) -> None:
    """Forget rows that are settled."""
    connection.executemany("DELETE FROM journal WHERE id = ?", [(row,) for row in rows])


def remove_oldest(connection: sqlite3.Connection, size_bytes: int) -> Removed:
    """Make room of about ``size_bytes`` for newer ones."""
    removed: Removed = {}
    freed_bytes = 0
    for row, readings, domains, body_bytes in connection.execute(
        "SELECT id, readings, domains, length(body) FROM journal ORDER BY id"
    ):
        if freed_bytes >= size_bytes:
            break
        freed_bytes += body_bytes + _ROW_OVERHEAD_BYTES
        removed[row] = _domains(domains, readings)
    remove(connection, list(removed))
    return removed


def drop(connection: sqlite3.Connection) -> Removed:
    """Remove all rows."""
    return remove_oldest(connection, sys.maxsize)


def stock(connection: sqlite3.Connection) -> JournalUse:
    """Count the contents of the journal."""
    batches, readings, oldest = connection.execute("SELECT count(*), sum(readings), min(created_ms) FROM journal").fetchone()
    return JournalUse(batches, readings or 0, oldest)


def not_standing(connection: sqlite3.Connection, entries: list[Entry]) -> list[Entry]:
    """Rows of a damaged file that do not are in this one. A part of a WAL repeats rows that were in the file before it."""
    query = "SELECT 1 FROM journal WHERE id = ? AND body = ?"
    return [entry for entry in entries if connection.execute(query, (entry.row, entry.body.gzip)).fetchone() is None]


def salvage(damaged: Path) -> Iterator[Entry]:
    """Yield the rows of a damaged file; last those that are known to be lost, unless there is only a part of its WAL."""
    intact: set[int] = set()
    broken: dict[int, Entry] = {}
    for row, _created_ms, readings, domains, pairs, _refused, crc, body in rows_of_damaged(damaged, _KINDS):
        entry = _entry((row, readings, domains, pairs, crc, body))
        if not entry.intact:
            broken[row] = entry
        elif row not in intact:
            intact.add(row)
            yield entry
    if damaged.exists():
        yield from (entry for row, entry in broken.items() if row not in intact and 0 <= entry.body.readings <= _CLAIM_MAX)


def _domains(text: str, readings: int) -> Counter[str]:
    """Readings by domain, of a row whose bytes nobody checked."""
    with suppress(ValueError, TypeError, RecursionError):
        domains = Counter[str](json.loads(text))
        if domains.total() == readings:
            return domains
    return Counter({"unknown": readings})


def _crc(body_crc: int, readings: int, domains: str, pairs: str) -> int:
    return zlib.crc32(f"{readings} {domains} {pairs}".encode(), body_crc)


def _entry(row: tuple[Any, ...]) -> Entry:
    """Parse a row; a damaged file can hold anything."""
    number, readings, domains, pairs, crc, gzip = row
    if isinstance(gzip, bytes) and _crc(zlib.crc32(gzip), readings, domains, pairs) == crc:
        body = Body(gzip, readings, Counter(json.loads(domains)), zlib.crc32(gzip), tuple(json.loads(pairs)))
        return Entry(number, body, intact=True)
    claimed = readings if isinstance(readings, int) else 0
    return Entry(number, Body(b"", claimed, Counter({"unknown": claimed}), 0), intact=False)
