"""Small values that must outlive the process, by name: the newest time, subscriptions, births."""

import sqlite3
from collections.abc import Mapping


def put(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Write a small thing that must outlive the process."""
    connection.execute("INSERT INTO kept VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value))


def put_all(connection: sqlite3.Connection, values: Mapping[str, str | None]) -> None:
    """Write several, or forget those that are None."""
    for name, value in values.items():
        if value is None:
            connection.execute("DELETE FROM kept WHERE name = ?", (name,))
        else:
            put(connection, name, value)


def get_prefix(connection: sqlite3.Connection, prefix: str) -> dict[str, str]:
    """All whose name begins so."""
    return dict(connection.execute("SELECT name, value FROM kept WHERE substr(name, 1, ?) = ?", (len(prefix), prefix)))


def get(connection: sqlite3.Connection, name: str) -> str | None:
    """Read it back."""
    row = connection.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
    return row[0] if row else None
