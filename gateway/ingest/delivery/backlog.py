"""The backlog: rows of the journal, from the commit that stores them to the commit that removes them.

Theory of operation
-------------------
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
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.core.batching.batch import Body
from gateway.core.batching.catch_up import Progress
from gateway.core.ledger import End, Ledger
from gateway.core.message import Refusal
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.bounded_journal import BoundedJournal, JournalFull
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.events import Events
from gateway.ingest.storage import journal
from gateway.ingest.storage.hours_again import HoursAgain

_REMOVE_EVERY_S: Final = 1.0
_ROWS_MAX: Final = 500


Ends = Mapping[End, Mapping[str, int]]
"""Outcomes of readings, with their number by domain for each."""


@dataclass(slots=True)
class Backlog:
    """Rows of the journal and their states.

    :ivar grew: set while the drain lane has work.
    :ivar hours_again: judges what was written after it had waited; its notes are saved before a row is removed.
    """

    _journal: BoundedJournal
    _queue: BatchQueue
    _breaker: CircuitBreaker
    _ledger: Ledger
    _events: Events
    _rejects_max_bytes: int
    hours_again: HoursAgain
    grew: asyncio.Event = field(default_factory=asyncio.Event)
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
