"""Rejects on their way to disk: a few commits a second at most, without delaying good readings.

A reject that is not kept does not wait for the disk: in a flood of garbage all but the first of each minute are counted and
released at once.
"""

import asyncio
from typing import Final

from gateway.core.batching.batch import Batch
from gateway.core.message import Refusal
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.storage import rejects
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.reject_account import RejectAccount

_COMMIT_EVERY_S: Final = 0.2
_PATIENCE_S: Final = 1.0
"""Time after which a reject is counted and released: the disk is full or hangs."""


class RejectWriter:
    """Stores the refusals of batches, and releases the batches then."""

    def __init__(self, database: Database, account: RejectAccount, queue: BatchQueue) -> None:
        self._database = database
        self._account = account
        self._queue = queue
        self._waiting: list[tuple[Batch, list[Refusal]]] = []
        self._wake = asyncio.Event()

    @property
    def has_waiting(self) -> bool:
        """True when refusals wait to be stored."""
        return bool(self._waiting)

    def keep_refusals(self, batch: Batch) -> None:
        """Store the refusals that came with the messages of ``batch``, which is held until then."""
        if batch.refusals:
            refusals, batch.refusals = batch.refusals, []
            self.keep(batch, refusals)

    def keep(self, batch: Batch, refusals: list[Refusal]) -> None:
        """Store refusals; ``batch`` is held until then."""
        chosen = self._account.choose(refusals)
        if len(chosen) < len(refusals):
            chosen_ids = frozenset(map(id, chosen))
            self._account.settle([refusal for refusal in refusals if id(refusal) not in chosen_ids], ())
        if chosen:
            batch.holds += 1
            self._waiting.append((batch, chosen))
            self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            await asyncio.sleep(_COMMIT_EVERY_S)

    async def flush(self) -> None:
        """Store all waiting refusals: all, or none if the disk does not store them in time."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        refusals = [refusal for _, own in waiting for refusal in own]
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._database.run(rejects.add, refusals, self._account.max_bytes)
            self._account.settle(refusals, refusals)
        except TimeoutError:
            self._account.not_stored(refusals, f"the disk did not store them within {_PATIENCE_S:g} s")
        except DatabaseFault as fault:
            self._account.not_stored(refusals, str(fault))
        for batch, _ in waiting:
            self._queue.release(batch)
