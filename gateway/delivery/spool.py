"""The way into the journal: what InfluxDB cannot take now becomes durable on disk, in few and large commits.

While InfluxDB is away nothing is gained by small commits, and each costs flash: they are up to a second apart, less when the
broker or the memory presses. What was posted already is stored as it was posted, in a row of its own, so that a late 204 can
take exactly that row out again; what only waited is merged.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.core.delivery.batch import Batch, Body, encode
from gateway.core.ledger import Ledger
from gateway.delivery.bounded_journal import BoundedJournal, JournalFull
from gateway.delivery.circuit_breaker import CircuitBreaker
from gateway.delivery.live_lane import Delivery
from gateway.events import Events
from gateway.storage.journal import Removed

_COMMIT_EVERY_S: Final = 1.0


class Spool:
    """Takes batches from delivery and stores them.

    :ivar backlog: set when something stands in the journal.
    :ivar give_up: called with rows that had to make room; how many readings that cost.
    :ivar split_unstored: called with batches that InfluxDB refused and the journal cannot take
        (:mod:`gateway.delivery.unspooled_refused`).
    """

    def __init__(
        self, delivery: Delivery, breaker: CircuitBreaker, store: BoundedJournal, ledger: Ledger, events: Events
    ) -> None:
        self._delivery = delivery
        self._breaker = breaker
        self._store = store
        self._ledger = ledger
        self._events = events
        self._refused: list[Batch] = []
        self._pressed = False
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self.backlog = asyncio.Event()
        self.give_up: Callable[[Removed], int] = lambda _: 0
        self.split_unstored: Callable[[list[Batch]], None] = lambda _: None

    def wake(self) -> None:
        """InfluxDB is in trouble and something waits, or it is slow and the broker cannot wait for it."""
        self._pressed = True
        self._wake.set()
        if self._delivery.under_pressure:
            self._urgent.set()

    def refused(self, batch: Batch) -> None:
        """InfluxDB refused this batch for its content: the drain lane must split it."""
        self._refused.append(batch)
        self._wake.set()
        self._urgent.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._urgent.clear()
            began_s = asyncio.get_running_loop().time()
            took = True
            await self._commit_refused()
            pressed, self._pressed = self._pressed, False
            if pressed and not self._breaker.is_open:
                took = await self.commit_all(queued=self._delivery.saturated)
                self._delivery.pump()
            if self._breaker.is_open:
                took = await self.commit_all()
                self._urgent.clear()  # it was set for what has just been stored
                if self._refused or self._delivery.under_pressure:
                    self._urgent.set()
                await self._pause_until(began_s + _COMMIT_EVERY_S)
            if not took:
                self._wake.set()
                await asyncio.sleep(_COMMIT_EVERY_S)

    async def _pause_until(self, deadline_s: float) -> None:
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._urgent.wait()
        except TimeoutError:
            pass

    async def _commit_refused(self) -> None:
        refused, self._refused = self._refused, []
        if not await self._store_batches(refused, refused=True):
            self.split_unstored(refused)

    async def commit_all(self, *, queued: bool = True) -> bool:
        """Store everything that flies, and unless told otherwise all that waits, in one commit; whether the journal took it."""
        async with self._delivery.commit_lock:  # what a commit under way stores is not unspooled once it is done
            unspooled = self._delivery.unspooled()
            waiting = self._delivery.aside.take_all() + (self._take_queued() if queued else [])
            self._delivery.committing.update(unspooled)
            took = await self._store_batches(unspooled + waiting)
            self._delivery.committing.difference_update(unspooled)
        if not took:
            self._delivery.requeue(waiting)
            if not self._breaker.is_open:  # it closed meanwhile, and found nothing to start
                self._delivery.pump()
        return took

    def _take_queued(self) -> list[Batch]:
        queued = []
        while self._delivery.has_queued:
            batch = self._delivery.pop()
            if batch.readings:
                queued.append(batch)
            else:
                self._delivery.release_batch(batch)
        return queued

    async def finish(self) -> None:
        """The last commit, when the gateway stops."""
        await self._commit_refused()
        await self.commit_all()

    async def _store_batches(self, batches: list[Batch], *, refused: bool = False) -> bool:
        if not batches:
            return True
        bodies, owners = _bodies(batches, self._delivery.max_readings)
        try:
            appended = await self._store.append(bodies, refused=refused)
        except JournalFull as full:
            self._events.journal_refused(str(full))
            return False
        self._events.journal_took(appended.size_bytes)
        if appended.given_up:
            self._events.given_up(self.give_up(appended.given_up))
        for row, members in zip(appended.rows, owners, strict=True):
            for batch in members:
                batch.row = row
                self._ledger.move(len(batch.readings), "memory", "journal")
                self._delivery.release_batch(batch)
        self.backlog.set()
        return True


def _bodies(batches: list[Batch], max_readings: int) -> tuple[list[Body], list[list[Batch]]]:
    """Bodies to store and, in step, whose they are."""
    bodies: list[Body] = []
    owners: list[list[Batch]] = []
    loose: list[Batch] = []
    for batch in batches:
        if batch.sealed:
            bodies.append(batch.body)
            owners.append([batch])
            continue
        if loose and sum(len(member.readings) for member in loose) + len(batch.readings) > max_readings:
            _merge(loose, bodies, owners)
            loose = []
        loose.append(batch)
    if loose:
        _merge(loose, bodies, owners)
    return bodies, owners


def _merge(batches: list[Batch], bodies: list[Body], owners: list[list[Batch]]) -> None:
    bodies.append(encode([reading for batch in batches for reading in batch.readings], dense=True))
    owners.append(batches)
