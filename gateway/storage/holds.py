"""Holds of batches: a batch is not acknowledged before each who holds it has stored its part."""

from typing import Protocol

from gateway.core.delivery.batch import Batch


class BatchHolds(Protocol):
    """The queue of batches, as it is seen by those who store a part of what came with one."""

    @property
    def under_pressure(self) -> bool:
        """True when the broker will soon hand over nothing more."""

    def release(self, batch: Batch) -> None:
        """Release one hold. The last release acknowledges the batch and those queued behind it."""
