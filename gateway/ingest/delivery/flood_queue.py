"""Readings of devices that flood, kept apart from the live lane while InfluxDB cannot take all.

They go to the journal, are acknowledged once they are there, and are drained after the readings of the others.
Their messages are owed with the batch they came with, as all messages are. That batch waits for the one in which their readings
travel, so PUBACKs keep their order.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from gateway.core.batching.batch import Batch
from gateway.core.batching.fair_shares import Floods
from gateway.core.message import Reading
from gateway.ingest.events import Events

_APART_S: Final = 60.0
"""Time for which floods are kept apart. Then all readings use the live lane again, which shows if InfluxDB keeps up."""
_LOOK_EVERY_S: Final = 1.0


@dataclass(slots=True)
class FloodQueue:
    """Readings that are kept apart, now those of the topics ``apart``; ``batches`` are not stored in the journal yet."""

    flooding: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    batches: list[Batch] = field(default_factory=list)
    _until_s: float = 0.0

    def set_flooding(self, topics: frozenset[str], now_s: float) -> None:
        """Set the topics that flood now."""
        self.flooding = topics
        self.apart = topics if now_s < self._until_s else frozenset()

    def keep_apart(self, now_s: float) -> None:
        """Keep floods apart for a while, because InfluxDB cannot keep up."""
        self._until_s = now_s + _APART_S
        self.apart = self.flooding

    def add(self, readings: list[Reading], arrival_s: float, came_with: Batch, max_readings: int) -> int:
        """Add readings whose message is owed with ``came_with``; return the memory they take, in bytes."""
        if not self.batches or len(self.batches[-1].readings) >= max_readings:
            self.batches.append(Batch())
        batch = self.batches[-1]
        if not batch.behind or batch.behind[-1] is not came_with:
            came_with.asked += 1
            batch.behind.append(came_with)
        return batch.add(readings, arrival_s)

    def pop_all(self) -> list[Batch]:
        """Take all batches out."""
        batches, self.batches = self.batches, []
        return batches


@dataclass(frozen=True, slots=True)
class FloodWatch:
    """Reports devices that flood, by intake's counts of messages, to people and to the queue that keeps floods apart."""

    _flood_queue: FloodQueue
    _events: Events
    floods: Floods = field(default_factory=Floods)

    async def run(self) -> None:
        """Check until cancelled."""
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now_s = loop.time()
            found = self.floods.find(now_s - last_s)
            last_s = now_s
            self._events.flooded(found)
            self._flood_queue.set_flooding(frozenset(flood.topic for flood in found), now_s)
