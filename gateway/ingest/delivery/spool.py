"""The spool: stores readings that InfluxDB cannot accept now in the journal, in few and large commits.

Theory of operation
-------------------
The spool works on request (:class:`SpoolRequests`). There are three reasons:

*InfluxDB is away (breaker open).* Everything in memory is stored. Small commits would gain nothing, and each costs flash: they
are up to a second apart, less under pressure from the broker or memory.

*InfluxDB is slow, and the broker cannot wait.* What is in flight is stored as it was posted, in a row of its own, so that a
late 204 can delete exactly that row; it is acknowledged and stays in flight. Readings of floods are stored too. Queued batches
stay in the queue, unless so many writes are in flight that no other is started; then they are stored merged.

*InfluxDB refused a batch for its content.* It goes into a row of its own that is marked: the drain lane splits it. When the
journal fails too, it is split from memory (:mod:`gateway.ingest.delivery.bisect_refused`).

A failed commit changes nothing: the batches go back to the head of the queue, and the next try is a
second later.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Final

from gateway.core.batching.batch import Batch, Body, encode
from gateway.ingest.delivery.backlog import Backlog, JournalFull
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.bisect_refused import UnspooledRefusals
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.storage.reject_account import RejectWriter

_COMMIT_EVERY_S: Final = 1.0


@dataclass(slots=True)
class SpoolRequests:
    """The batches and refused bodies that the spool is to store.

    The live lane, which asks, is made before the spool, which can start the live lane.
    """

    _queue: BatchQueue
    _refused: list[Batch] = field(default_factory=list)
    _pressed: bool = False
    _came: asyncio.Event = field(default_factory=asyncio.Event)
    _urgent: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Request a commit: InfluxDB is in trouble and batches wait, or it is slow and the broker cannot wait."""
        self._pressed = True
        self._came.set()
        if self._queue.under_pressure:
            self._urgent.set()

    def add_refused(self, batch: Batch) -> None:
        """Request a row of its own for a batch that InfluxDB refused for its content: the drain lane must split it."""
        self._refused.append(batch)
        self._came.set()
        self._urgent.set()

    def retry(self) -> None:
        """Request again what a commit did not store."""
        self._came.set()

    async def wait(self) -> None:
        """Return when there is a request."""
        await self._came.wait()
        self._came.clear()
        self._urgent.clear()

    def pop_refused(self) -> list[Batch]:
        """Take the refused batches out."""
        refused, self._refused = self._refused, []
        return refused

    def pop_pressed(self) -> bool:
        """Tell, once, if a commit was requested."""
        pressed, self._pressed = self._pressed, False
        return pressed

    async def wait_urgent(self, deadline_s: float) -> None:
        """Return at the deadline, or at once under pressure since the last commit."""
        self._urgent.clear()  # it was set for what that commit has stored
        if not (self._refused or self._queue.under_pressure):
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline_s):
                    await self._urgent.wait()


@dataclass(frozen=True, slots=True)
class Spool:
    """Stores batches in the journal; ``pump`` has the live lane start what may start now."""

    _requests: SpoolRequests
    _queue: BatchQueue
    _pump: Callable[[], None]
    _breaker: CircuitBreaker
    _backlog: Backlog
    _reject_writer: RejectWriter
    _unspooled: UnspooledRefusals

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._requests.wait()
            began_s = loop.time()
            took = True
            await self._commit_refused()
            if self._requests.pop_pressed() and not self._breaker.is_open:
                took = await self.commit_all(queued=self._queue.saturated)
                self._pump()  # stored batches occupy no lane
            if self._breaker.is_open:
                took = await self.commit_all()
                await self._requests.wait_urgent(began_s + _COMMIT_EVERY_S)
            if not took:
                self._requests.retry()
                await asyncio.sleep(_COMMIT_EVERY_S)

    async def _commit_refused(self) -> None:
        refused = self._requests.pop_refused()
        if not await self._store(refused, refused=True):
            self._unspooled.add(refused)

    async def commit_all(self, *, queued: bool = True) -> bool:
        """Store the batches in flight and, unless told otherwise, the queued ones in one commit; tell if it succeeded."""
        # The batches in flight are listed under the lock: those that another commit is storing are in the journal after it.
        async with self._queue.committing() as in_flight:
            waiting = self._queue.flood_queue.pop_all() + (self._pop_queued() if queued else [])
            took = await self._store(in_flight + waiting)
        if not took:
            self._queue.requeue(waiting)
            if not self._breaker.is_open:  # it closed during the commit, and the live lane found nothing to start
                self._pump()
        return took

    def _pop_queued(self) -> list[Batch]:
        queued = []
        while self._queue.has_queued:
            batch = self._queue.pop()
            if batch.refusals:
                self._reject_writer.keep_refusals(batch)
            if batch.readings:
                queued.append(batch)
            else:
                self._queue.release(batch)
        return queued

    async def finish(self) -> None:
        """Make the last commit, when the gateway stops."""
        await self._commit_refused()
        await self.commit_all()

    async def _store(self, batches: list[Batch], *, refused: bool = False) -> bool:
        if not batches:
            return True
        together = _together(batches, self._queue.max_readings)
        try:
            rows = await self._backlog.append(list(map(_body, together)), refused=refused)
        except JournalFull:
            return False
        now_s = asyncio.get_running_loop().time()
        for row, members in zip(rows, together, strict=True):
            for batch in members:
                self._queue.spooled(batch, row, now_s)
        return True


def _together(batches: list[Batch], max_readings: int) -> list[list[Batch]]:
    """The batches of each row: a sealed one has its own, so that a late 204 can delete it; others share one while they fit."""
    rows = [[batch] for batch in batches if batch.sealed]
    readings = inf
    for batch in batches:
        if not batch.sealed:
            readings += len(batch.readings)
            if readings > max_readings:
                rows.append([])
                readings = len(batch.readings)
            rows[-1].append(batch)
    return rows


def _body(batches: list[Batch]) -> Body:
    if batches[0].sealed:
        return batches[0].body
    return encode([reading for batch in batches for reading in batch.readings], dense=True)
