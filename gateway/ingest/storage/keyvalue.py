"""Small values that must outlive the process, by name: the newest time, subscriptions, births."""

import logging
import sqlite3
from collections.abc import Iterable, Mapping

from gateway.ingest.storage.database import Database, DatabaseFault

log = logging.getLogger("gateway.storage")


def put(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Write a value."""
    connection.execute("INSERT INTO kept VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value))


def put_all(connection: sqlite3.Connection, values: Mapping[str, str | None]) -> None:
    """Write several values, or delete those that are None."""
    for name, value in values.items():
        if value is None:
            connection.execute("DELETE FROM kept WHERE name = ?", (name,))
        else:
            put(connection, name, value)


def get_prefix(connection: sqlite3.Connection, prefix: str) -> dict[str, str]:
    """Return all values whose name has this prefix."""
    return dict(connection.execute("SELECT name, value FROM kept WHERE substr(name, 1, ?) = ?", (len(prefix), prefix)))


def get(connection: sqlite3.Connection, name: str) -> str | None:
    """Return a value; None when there is none."""
    row = connection.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None


async def save(database: Database, name: str, value: str) -> None:
    """Write a value; a failure is logged, and the next time is soon enough."""
    try:
        await database.run(put, name, value)
    except DatabaseFault as fault:
        log.warning("%s cannot be saved: %s", name, fault)


async def forget(database: Database, names: Iterable[str]) -> None:
    """Delete values; a failure is logged, and they are found again at the next start."""
    try:
        await database.run(put_all, dict.fromkeys(names))
    except DatabaseFault as fault:
        log.warning("what is done cannot be deleted: %s", fault)
