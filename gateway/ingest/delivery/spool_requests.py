"""Requests from the live lane to the spool, which answers with a commit.

A separate object, so that the live lane can be made before the spool, and the spool can start the live lane.
"""

import asyncio

from gateway.core.batching.batch import Batch
from gateway.ingest.delivery.batch_queue import BatchQueue


class SpoolRequests:
    """The batches and refused bodies that the spool is to store."""

    def __init__(self, queue: BatchQueue) -> None:
        self._queue = queue
        self._refused: list[Batch] = []
        self._pressed = False
        self._came = asyncio.Event()
        self._urgent = asyncio.Event()

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
        if self._refused or self._queue.under_pressure:
            return
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._urgent.wait()
        except TimeoutError:
            pass
