"""Rejects on their way to disk: a few commits a second at most, and no good reading is held up by a poison one.

A reject that is not kept waits for no disk: of a flood of garbage all but the first of each minute are counted and released at
once.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from gateway.core.delivery.batch import Batch
from gateway.core.delivery.rate_limit import RateLimit, StrangersRateLimit
from gateway.core.devices.places import topic_prefix
from gateway.core.ledger import Ledger
from gateway.core.message import Refusal
from gateway.delivery.batch_queue import BatchQueue
from gateway.events import Events
from gateway.storage import rejects
from gateway.storage.database import Database, DatabaseFault

_COMMIT_EVERY_S: Final = 0.2
_PATIENCE_S: Final = 1.0
"""Time after which a reject is counted and released: the disk is full or stands still."""


class RejectWriter:
    """Stores the refusals of batches, and releases the batches then."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        events: Events,
        queue: BatchQueue,
        *,
        max_bytes: int,
        is_registered: Callable[[str], bool] = lambda _device: True,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._events = events
        self._queue = queue
        self._max_bytes = max_bytes
        self._rate_limit = RateLimit()
        self._strangers_limit = StrangersRateLimit(max_bytes)
        self._is_registered = is_registered
        self._waiting: list[tuple[Batch, list[Refusal]]] = []
        self._wake = asyncio.Event()

    def keep_refusals(self, batch: Batch) -> None:
        """Store the refusals that came with the messages of ``batch``, which is held until then."""
        if batch.refusals:
            refusals, batch.refusals = batch.refusals, []
            self.keep(batch, refusals)

    def keep(self, batch: Batch, refusals: list[Refusal]) -> None:
        """Store refusals; ``batch`` is held until then."""
        chosen = self.choose(refusals)
        if len(chosen) < len(refusals):
            kept = frozenset(map(id, chosen))
            self._settle([refusal for refusal in refusals if id(refusal) not in kept], kept=False)
        if chosen:
            batch.holds += 1
            self._waiting.append((batch, chosen))
            self._wake.set()

    def choose(self, refusals: list[Refusal]) -> list[Refusal]:
        """Return those that may be kept: a flood of one fault of one device, or of strangers, is counted and not stored."""
        now_ms = time.time_ns() // 1_000_000
        usual = [r for r in refusals if self._rate_limit.allow(r.device or r.topic, r.reason.value, now_ms)]
        chosen = [r for r in usual if self._is_registered(r.device) or self._strangers_limit.allow(*_share(r), now_ms)]
        if len(usual) < len(refusals):
            self._events.rejects_not_kept(len(refusals) - len(usual), "more than 20 a minute of one device and reason")
        if len(chosen) < len(usual):
            self._events.strangers_not_kept(len(usual) - len(chosen), _share(usual[-1])[0])
        return chosen

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            await asyncio.sleep(_COMMIT_EVERY_S)

    async def flush(self) -> None:
        """Store all refusals that wait now."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        refusals = [refusal for _, own in waiting for refusal in own]
        self._settle(refusals, kept=await self._store(refusals))
        for batch, _ in waiting:
            self._queue.release(batch)

    def _settle(self, refusals: list[Refusal], *, kept: bool) -> None:
        for refusal in refusals:
            self._events.rejected(refusal, kept=kept)
            self._ledger.settle("rejected", {refusal.domain: 1})

    async def _store(self, chosen: list[Refusal]) -> bool:
        """Store refusals; tell if they are on disk: all, or none when the disk does not take them in time."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._database.run(rejects.add, chosen, self._max_bytes)
        except TimeoutError:
            self._events.rejects_not_kept(len(chosen), f"the disk did not take them within {_PATIENCE_S:g} s")
            return False
        except DatabaseFault as fault:
            self._events.rejects_not_kept(len(chosen), str(fault))
            return False
        return True


def _share(refusal: Refusal) -> tuple[str, int]:
    """Return the topic prefix of a reject, and the bytes that it takes."""
    return topic_prefix(refusal.topic, refusal.device), rejects.size_of(refusal)
