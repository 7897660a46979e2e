"""Readings of devices that flood, kept apart from the live lane while InfluxDB cannot take all.

They go to the journal, are acknowledged like all that stands there, and are drained behind the readings of the others. Their
messages are owed with the batch they came with, as all are; that batch waits for the one their readings travel in, so PUBACKs
keep their order.
"""

from dataclasses import dataclass, field
from typing import Final

from gateway.core.delivery.batch import Batch
from gateway.core.message import Reading

_FOR_S: Final = 60.0
"""So long after InfluxDB could not keep up. Then all go the live way again, which shows whether it does now."""


@dataclass(slots=True)
class FloodQueue:
    """What is kept apart.

    :ivar flooding: topics that flood.
    :ivar topics: those whose readings are kept apart now.
    :ivar batches: readings that the journal has not taken yet.
    """

    flooding: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    batches: list[Batch] = field(default_factory=list)
    _until_s: float = 0.0

    def note(self, flooding: frozenset[str], now_s: float) -> None:
        """These topics flood now."""
        self.flooding = flooding
        self.topics = flooding if now_s < self._until_s else frozenset()

    def press(self, now_s: float) -> None:
        """InfluxDB cannot keep up: what floods is kept apart for a while."""
        self._until_s = now_s + _FOR_S
        self.topics = self.flooding

    def add(self, readings: list[Reading], arrival_s: float, came_with: Batch, max_readings: int) -> int:
        """Keep readings apart whose message is owed with ``came_with``; the memory they take, in bytes."""
        if not self.batches or len(self.batches[-1].readings) >= max_readings:
            self.batches.append(Batch())
        batch = self.batches[-1]
        if not batch.behind or batch.behind[-1] is not came_with:
            came_with.asked += 1
            batch.behind.append(came_with)
        return batch.add(readings, arrival_s)

    def take_all(self) -> list[Batch]:
        """The batches, which leave."""
        batches, self.batches = self.batches, []
        return batches
