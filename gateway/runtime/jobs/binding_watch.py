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
from gateway.support.clock import WallClock
from gateway.support.config.model import Mqtt

LOOK_EVERY_S: Final = 60.0
FIRST_LOOK_S: Final = 10.0
"""Wait at the start: RabbitMQ counts consumers every five seconds."""


async def look_at_bindings(
    api: ManagementApi, mqtt: Mqtt, subscriptions: Subscriptions, events: Events, clock: WallClock
) -> None:
    """Look once, tell and mend. What was seen while subscriptions changed is no evidence against them."""

    def settled() -> int | None:
        """The number of times that subscriptions were sent; None: some were not answered yet."""
        return subscriptions.sent if events.mqtt_connected and subscriptions.settled else None

    before = settled()
    try:
        seen = await asyncio.to_thread(see, api, mqtt.client_id)
    except ManagementFault as fault:
        events.session.not_watched(str(fault))
        return
    events.session.unroutable_seen(seen.unroutable)
    events.session.cluster_seen(seen.cluster)
    if before is None or settled() != before:
        return
    taken = [pattern for pattern in subscriptions.wanted if pattern not in subscriptions.refused]
    missing, strange = compare(taken, subscriptions.states, seen.keys)
    events.session.window_seen(seen.window, mqtt.receive_maximum)
    events.session.bindings_seen(missing, strange, clock.now_ms())
    if missing:
        subscriptions.renew(missing)
