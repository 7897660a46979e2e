"""The backlog: rows of the journal, from the commit that stores them to the commit that removes them.

Theory of operation
-------------------
The journal is bounded on disk; at the bound it drops the oldest rows or refuses new ones.

The spool appends rows, the drain lane brings them in, and a late 204 of the live lane may settle one in between. A row is in
one of these states:

- *waiting*: the drain lane may take it;
- *in flight*: the first write of its batch is still unanswered
  (:meth:`gateway.ingest.delivery.batch_queue.BatchQueue.rows_in_flight`). The drain lane leaves it alone until the answer has
  come;
- *being written*: the drain lane has taken it;
- *settled*: its readings are settled and counted. The row is removed later, together with others: a commit for each
  would cost flash. A crash in between brings it in a second time, which changes nothing, for the points are the same;
- *given up*: it was removed to make room. Its readings are counted as expired at once, so whoever holds the row must forget
  it, and an answer that still comes for it is not counted. A settled row that is given up was counted already.
"""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from gateway.core.batching.batch import Body
from gateway.core.batching.catch_up import Progress
from gateway.core.ledger import End, Ledger
from gateway.core.message import Refusal
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.events import Events
from gateway.ingest.storage import journal, keyvalue, rejects
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.hours_again import HoursAgain
from gateway.support.clock import WallClock
from gateway.support.config.model import JournalSection

log = logging.getLogger("gateway.delivery")

_ROW_OVERHEAD_BYTES = 300
_WAL_MAX_BYTES = 32 * 2**20
_REMOVE_EVERY_S: Final = 1.0
_ROWS_MAX: Final = 500
Ends = Mapping[End, Mapping[str, int]]
"""Outcomes of readings, with their number by domain for each."""


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


@dataclass(slots=True)
class Backlog:
    """Rows of the journal and their states."""

    _journal: BoundedJournal
    _queue: BatchQueue
    _breaker: CircuitBreaker
    _ledger: Ledger
    _events: Events
    _rejects_max_bytes: int
    hours_again: HoursAgain  # judges what was written after it had waited; its notes are saved before a row is removed
    grew: asyncio.Event = field(default_factory=asyncio.Event)  # set while the drain lane has work
    progress: Progress = field(default_factory=Progress)
    _being_written: set[int] = field(default_factory=set)
    _settled: list[int] = field(default_factory=list)
    _rejects: list[Refusal] = field(default_factory=list)
    _removal: asyncio.Lock = field(default_factory=asyncio.Lock)
    _next_removal_s: float = 0.0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    @property
    def readings(self) -> int:
        """Readings that wait in the journal."""
        return self._ledger.backlog

    def has_room(self) -> bool:
        """Tell if the journal takes what the quarantine releases. An empty one does: what fills the file is not the journal's.

        Commits of the quarantine can leave a WAL larger than ``journal.max_bytes``, and only the end of a backlog empties it.
        """
        return self._journal.has_room([]) or not self.readings

    async def append(self, bodies: list[Body], *, refused: bool = False) -> list[int]:
        """Store bodies in one commit; return their rows, or raise :class:`JournalFull` when nothing is stored."""
        try:
            appended = await self._journal.append(bodies, refused=refused)
        except JournalFull as full:
            self._events.journal_refused(str(full))
            raise
        self._events.journal_took(appended.size_bytes)
        if appended.given_up:
            self._events.given_up(self.give_up(appended.given_up))
        self.grew.set()
        return appended.rows

    async def next_rows(self, readings: int) -> list[journal.Entry]:
        """Return the rows to write next, with about ``readings`` readings; empty if only rows in flight are left."""
        async with self._queue.between_commits() as in_flight:
            skip = in_flight.union(self._settled)
            entries = await self._journal.database.run(journal.next_rows, skip, readings, _ROWS_MAX)
        self._being_written = {entry.row for entry in entries}
        return entries

    def was_given_up(self, row: int) -> bool:
        """Tell if a row that the drain lane has taken was given up meanwhile."""
        return row not in self._being_written

    def settle(self, row: int, ends: Ends, rejects: Sequence[Refusal] = ()) -> None:
        """Count the readings of a row by outcome and domain. It is removed later, and its rejects, counted already, stored."""
        for end, domains in ends.items():
            self._ledger.settle(end, domains, "journal")
        self._queue.deliveries.row_settled(row, written="written" in ends)
        self._settled.append(row)
        self._rejects += rejects
        self.grew.set()

    async def lose(self, entries: list[journal.Entry]) -> None:
        """Settle damaged rows, and raise an alarm."""
        for entry in entries:
            self._events.row_damaged(entry.row, entry.body.readings)
            self.settle(entry.row, {"lost": entry.body.domains})
        await self._journal.add_lost(sum(entry.body.readings for entry in entries))

    def give_up(self, removed: journal.Removed) -> int:
        """Count the readings of rows that were removed to make room as expired; return their number.

        A row that was settled and only waited to be removed is among them, but its readings were counted already.
        """
        unsettled = [domains for row, domains in removed.items() if row not in self._settled]
        expired = sum(unsettled, Counter[str]())
        self._queue.forget_rows(removed)
        self._breaker.refused = None  # the probe may hold a body of one of them, which must not be written any more
        self._being_written.difference_update(removed)
        for row in removed:
            self._queue.deliveries.row_settled(row, written=False)
        self._ledger.settle("expired", expired, "journal")
        return expired.total()

    @property
    def removal_due_in_s(self) -> float:
        """Seconds until settled rows are removed; 0 or less: now."""
        return self._next_removal_s - self._loop.time()

    async def remove_settled(self) -> None:
        """Remove the settled rows, and keep the rejects they left, in one commit."""
        self._next_removal_s = self._loop.time() + _REMOVE_EVERY_S
        async with self._removal:
            rows, rejects = list(self._settled), list(self._rejects)
            if rows:
                await self.hours_again.save()
                await self._journal.settle(rows, rejects, self._rejects_max_bytes)
                # Only what this commit removed: a row that was settled meanwhile is removed by the next one.
                del self._settled[: len(rows)], self._rejects[: len(rejects)]

    async def rest(self) -> bool:
        """End the backlog when nothing is left to write; tell if it has ended.

        The journal gives its pages back. A removal that is not due yet comes first, and wakes the drain lane then.
        """
        self.grew.clear()
        if (too_early_s := self.removal_due_in_s) > 0:
            self._loop.call_later(too_early_s, self.grew.set)
            return False
        await self.remove_settled()
        self._queue.deliveries.drained()
        await self._journal.database.give_pages_back()
        return True
