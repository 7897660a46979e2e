"""The journal as delivery sees it: bounded on disk; at the bound it drops the oldest rows or refuses new ones."""

import logging
import sqlite3
from contextlib import suppress
from dataclasses import dataclass

from gateway.core.batching.batch import Body
from gateway.core.message import Refusal
from gateway.ingest.storage import journal, keyvalue, rejects
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.support.clock import WallClock
from gateway.support.config.model import JournalSection

log = logging.getLogger("gateway.delivery")

_ROW_OVERHEAD_BYTES = 300
_WAL_MAX_BYTES = 32 * 2**20


class JournalFull(Exception):  # noqa: N818 - says what it is
    """The journal cannot store more now; the text says why."""


@dataclass(frozen=True, slots=True)
class Appended:
    """Rows that were stored, and those that were removed for them."""

    rows: list[int]
    given_up: journal.Removed
    size_bytes: int


@dataclass
class BoundedJournal:
    """Adds rows to the journal and removes them, within the configured limits."""

    database: Database
    _config: JournalSection
    _clock: WallClock
    used_bytes: int = 0

    async def append(self, bodies: list[Body], *, refused: bool = False) -> Appended:
        """Store bodies in one synced commit; :class:`JournalFull` if they are not stored."""
        needed_bytes = sum(len(body.gzip) + _ROW_OVERHEAD_BYTES for body in bodies)
        try:
            over_bytes = self._over_bytes(needed_bytes)
            if over_bytes > 0 and self._config.when_full == "stop_acking":
                raise JournalFull(f"{self.database.path} is at its limit and journal.when_full is stop_acking")
            first_row, now_ms = self.database.reserve_rows(len(bodies)), self._clock.now_ms()
            is_short = self._disk_is_short(needed_bytes)

            def store(connection: sqlite3.Connection) -> tuple[list[int], journal.Removed]:
                given_up = _make_room(connection, over_bytes, disk_is_short=is_short)
                return journal.append(connection, bodies, first_row, now_ms, refused=refused), given_up

            rows, given_up = await self.database.run(store)
        except DatabaseFault as fault:
            raise JournalFull(str(fault)) from fault
        await self._measure()
        return Appended(rows, given_up, needed_bytes)

    def _over_bytes(self, needed_bytes: int) -> int:
        """Return by how much storing ``needed_bytes`` would pass a limit; 0 or less when it fits."""
        if self._disk_is_short(needed_bytes):
            return needed_bytes
        return min(self.used_bytes + needed_bytes - self._config.max_bytes, needed_bytes + _ROW_OVERHEAD_BYTES)

    def _disk_is_short(self, needed_bytes: int) -> bool:
        return self.database.free_bytes() - needed_bytes < self._config.min_free_bytes

    def has_room(self, bodies: list[Body]) -> bool:
        """Tell if bodies could be stored without removing rows."""
        try:
            return self._over_bytes(sum(len(body.gzip) + _ROW_OVERHEAD_BYTES for body in bodies)) <= 0
        except DatabaseFault:
            return False

    def room_bytes(self) -> int:
        """Bytes that the journal may still grow by: up to its own limit, or to that of the disk, if that is not gone."""
        on_disk_bytes = self.database.free_bytes() - self._config.min_free_bytes
        return max(0, min(self._config.max_bytes - self.used_bytes, on_disk_bytes))

    async def settle(self, rows: list[int], kept: list[Refusal], rejects_max_bytes: int) -> None:
        """Remove settled rows and store their rejects, in one commit."""
        await self.database.run_freeing(_settle, rows, kept, rejects_max_bytes)
        await self._measure()

    async def add_lost(self, readings: int) -> None:
        """Raise an alarm: readings in the journal are damaged."""
        await self.database.in_thread(lambda: self.database.tally.note_lost(readings, self._clock.now_ms()))

    async def measure(self) -> int:
        """Measure the bytes in use and return them; :class:`DatabaseFault` if the disk does not answer."""
        self.used_bytes = await self.database.measure()
        return self.used_bytes

    async def _measure(self) -> None:
        with suppress(DatabaseFault):  # the commit is done; the next measurement will tell
            await self.measure()

    async def takes_something(self) -> bool:
        """Tell if the journal has room and a commit succeeds."""
        try:
            await self.database.run(keyvalue.put, "last_try_ms", str(self._clock.now_ms()))
        except DatabaseFault:
            return False
        return self.has_room([])

    def stock(self) -> journal.JournalUse:
        """Count the rows of the journal; for start and stop."""
        self.database.limit_wal(min(_WAL_MAX_BYTES, self._config.max_bytes // 8))
        self.used_bytes = self.database.used_bytes()
        stock = self.database.run_here(journal.stock)
        if not self.database.absence:
            self.database.tally.compare(stock.readings)
        return stock


def _make_room(connection: sqlite3.Connection, over_bytes: int, *, disk_is_short: bool) -> journal.Removed:
    """An empty journal accepts a commit of any size: one larger than ``max_bytes`` must be stored somewhere."""
    if over_bytes <= 0:
        return {}
    given_up = journal.remove_oldest(connection, over_bytes)
    if not given_up and disk_is_short:
        raise DatabaseFault("the disk is full and the journal is empty: nothing can make room")
    return given_up


def _settle(connection: sqlite3.Connection, rows: list[int], kept: list[Refusal], rejects_max_bytes: int) -> None:
    if kept:
        rejects.add(connection, kept, rejects_max_bytes)
    journal.remove(connection, rows)
