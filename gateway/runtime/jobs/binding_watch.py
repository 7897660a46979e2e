"""The watch over the gateway's queue on RabbitMQ: every minute the bindings that lead to it against those that it wants.

A session that was made anew without the gateway's knowledge, or a hand in the broker, leaves topics that lead nowhere: devices
are told that their messages arrived, and no gateway gets them. Here it is noticed, told, and mended by subscribing again.
Nodes that the queue does not stand on although it should are told too: nothing else shows them before one dies.
When the broker cannot be asked, that is told, and readings go on.
"""

import asyncio
from typing import Final

from gateway.ingest.broker.rabbitmq.management import ManagementApi, ManagementFault
from gateway.ingest.broker.rabbitmq.queues import compare, see
from gateway.ingest.events import Events
from gateway.ingest.intake.subscriptions import Subscriptions
from gateway.support.clock import WallClock, every
from gateway.support.config.model import Mqtt

_LOOK_EVERY_S: Final = 60.0
_FIRST_LOOK_S: Final = 10.0
"""Wait at the start: RabbitMQ counts consumers every five seconds."""


class BindingWatch:
    """Looks, tells and mends."""

    def __init__(
        self,
        api: ManagementApi,
        mqtt: Mqtt,
        subscriptions: Subscriptions,
        events: Events,
        clock: WallClock,
    ) -> None:
        self._api = api
        self._mqtt = mqtt
        self._subscriptions = subscriptions
        self._events = events
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled."""
        await every(_LOOK_EVERY_S, self._clock, self.look, first_s=_FIRST_LOOK_S)

    async def look(self) -> None:
        """Look once. What it saw while subscriptions changed is no evidence against them."""
        subscriptions, events = self._subscriptions, self._events
        before = self._settled()
        try:
            seen = await asyncio.to_thread(see, self._api, self._mqtt.client_id)
        except ManagementFault as fault:
            events.session.not_watched(str(fault))
            return
        events.session.unroutable_seen(seen.unroutable)
        events.session.cluster_seen(seen.cluster)
        if before is None or self._settled() != before:
            return
        taken = [pattern for pattern in subscriptions.wanted if pattern not in subscriptions.refused]
        missing, strange = compare(taken, subscriptions.states, seen.keys)
        events.session.window_seen(seen.window, self._mqtt.receive_maximum)
        events.session.bindings_seen(missing, strange, self._clock.now_ms())
        if missing:
            subscriptions.renew(missing)

    def _settled(self) -> int | None:
        """The number of times that subscriptions were sent; None: some were not answered yet."""
        is_settled = self._events.mqtt_connected and self._subscriptions.settled
        return self._subscriptions.sent if is_settled else None
