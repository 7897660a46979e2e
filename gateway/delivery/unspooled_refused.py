"""Batches that InfluxDB refused and the journal cannot take: split from memory, each at once.

They must not wait for the disk. PUBACKs leave in the order of receipt, so nothing that came after them could be acknowledged,
and soon the broker would hand over nothing more: one wrong reading would stop a province for as long as a disk is full.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from random import random

from gateway.core.delivery.backoff import Backoff
from gateway.core.delivery.batch import Batch
from gateway.core.ledger import Ledger
from gateway.delivery.bisect_refused import Bisector
from gateway.delivery.circuit_breaker import CircuitBreaker
from gateway.delivery.reject_writer import RejectWriter


class UnspooledRefusals:
    """Brings such batches to their end."""

    def __init__(
        self,
        splitter: Bisector,
        breaker: CircuitBreaker,
        ledger: Ledger,
        reject_writer: RejectWriter,
        *,
        release_batch: Callable[[Batch], None],
    ) -> None:
        self._splitter = splitter
        self._breaker = breaker
        self._ledger = ledger
        self._reject_writer = reject_writer
        self._let_go = release_batch
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
            self._reject_writer.keep(batch, outcome.rejected)
        self._let_go(batch)
        return True
