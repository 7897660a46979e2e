"""Detection of devices that flood, every second."""

import asyncio
from typing import Final

from gateway.core.batching.floods import Floods
from gateway.ingest.delivery.flood_queue import FloodQueue
from gateway.ingest.events import Events

_LOOK_EVERY_S: Final = 1.0


class FloodWatch:
    """Reports devices that flood to people, and to the queue that keeps floods apart.

    :ivar floods: the counts of messages by topic, from intake.
    """

    def __init__(self, flood_queue: FloodQueue, events: Events) -> None:
        self._flood_queue = flood_queue
        self._events = events
        self.floods = Floods()

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
