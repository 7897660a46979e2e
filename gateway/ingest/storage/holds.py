"""Holds of batches: a batch is not acknowledged before each of its holders has stored its part."""

from typing import Protocol

from gateway.core.batching.batch import Batch


class BatchHolds(Protocol):
    """The queue of batches, for the parts that store something of a batch."""

    @property
    def under_pressure(self) -> bool:
        """True when the broker will soon send no more messages."""

    def release(self, batch: Batch) -> None:
        """Release one hold. The last release acknowledges the batch and those queued behind it."""
