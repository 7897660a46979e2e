"""Looks every second whether a device floods, and tells those who must know."""

import asyncio
from typing import Final

from gateway.core.delivery.floods import Floods
from gateway.delivery.live_lane import Delivery
from gateway.events import Events

_LOOK_EVERY_S: Final = 1.0


class FloodWatch:
    """Keeps one device from starving the others.

    :ivar shares: where intake notes what comes.
    """

    def __init__(self, delivery: Delivery, events: Events) -> None:
        self._delivery = delivery
        self._events = events
        self.shares = Floods()

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            now_s = loop.time()
            floods = self.shares.look(now_s - last_s)
            last_s = now_s
            self._events.flooded(floods)
            self._delivery.aside.note(frozenset(flood.topic for flood in floods), now_s)
