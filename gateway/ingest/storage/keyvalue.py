"""Small values that must outlive the process, by name: the newest time, subscriptions, births."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.core.batching.batch import Batch
from gateway.ingest.storage.database import Database, DatabaseFault

log = logging.getLogger("gateway.storage")

NEWEST_TIME: Final = "newest_time_ms"
DROPPED: Final = "broker_dropped"


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


@dataclass(slots=True)
class KeptValueWriter:
    """Saves values that messages bring: births of Sparkplug nodes, and counters that took a step. Many go in one commit.

    The batch of a message with such a value is held until the value is saved. A disk that does not take it costs no reading: a
    node is asked for its birth later, and a counter goes on from its last snapshot.
    """

    _database: Database
    _release: Callable[[Batch], None]
    _values: dict[str, str | None] = field(default_factory=dict)
    _batches: list[Batch] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def save(self, values: Mapping[str, str | None], batch: Batch | None) -> None:
        """Save values by name, or forget those of None; ``batch`` is held until then."""
        if not values:
            return
        self._values.update(values)
        if batch is not None:
            batch.holds += 1
            self._batches.append(batch)
        self._came.set()

    async def run(self) -> None:
        """Save until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            values, self._values = self._values, {}
            batches, self._batches = self._batches, []
            try:
                await self._database.run(put_all, values)
            except DatabaseFault as fault:
                kinds = ", ".join(sorted({name.partition(" ")[0] for name in values}))
                log.warning("%s of devices cannot be saved: %s", kinds, fault)
            for batch in batches:
                self._release(batch)
