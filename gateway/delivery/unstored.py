"""Batches that InfluxDB refused and the journal cannot take: split from memory, each at once.

They must not wait for the disk. PUBACKs leave in the order of receipt, so nothing that came after them could be acknowledged,
and soon the broker would hand over nothing more: one wrong reading would stop a province for as long as a disk is full.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from random import random

from gateway.core.batching import Batch
from gateway.core.ledger import Ledger
from gateway.core.retry import Backoff
from gateway.delivery.breaker import Breaker
from gateway.delivery.keeper import RejectKeeper
from gateway.delivery.splitting import Splitter


class Unstored:
    """Brings such batches to their end."""

    def __init__(
        self,
        splitter: Splitter,
        breaker: Breaker,
        ledger: Ledger,
        keeper: RejectKeeper,
        *,
        let_go: Callable[[Batch], None],
    ) -> None:
        self._splitter = splitter
        self._breaker = breaker
        self._ledger = ledger
        self._keeper = keeper
        self._let_go = let_go
        self._waiting: deque[Batch] = deque()
        self._came = asyncio.Event()

    def take(self, batches: list[Batch]) -> None:
        """Batches that are in nobody's hands now."""
        self._waiting.extend(batches)
        self._came.set()

    async def run(self) -> None:
        """Work until cancelled."""
        backoff = Backoff(0.2, 10.0)
        while True:
            await self._came.wait()
            await self._breaker.closed.wait()
            if await self._bring_in(self._waiting[0]):
                self._waiting.popleft()
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next_s(random()))  # noqa: S311 - jitter is no secret
            if not self._waiting:
                self._came.clear()

    async def _bring_in(self, batch: Batch) -> bool:
        """Split one; whether InfluxDB could judge all of it. What is begun anew is written again, and changes nothing."""
        outcome = await self._splitter.split(batch.body)
        if outcome is None:
            return False
        self._ledger.settle("written", outcome.written)
        self._ledger.settle("expired", outcome.expired)
        if outcome.rejected:
            self._keeper.keep(batch, outcome.rejected)
        self._let_go(batch)
        return True
