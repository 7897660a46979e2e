"""The receiver of messages: from the broker into the core, and from there into the queue of batches.

Messages are processed in the callback that received them, without a task or a queue in between. So only a batch can wait,
and memory is bounded simply by not reading the socket.
"""

from collections.abc import Callable, Iterable, Sequence
from random import choices
from typing import Final

import mqtt5

from gateway.core.batching.acknowledgements import Acknowledger
from gateway.core.batching.fair_shares import Floods
from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.message import Core, Message, Outcome
from gateway.core.mqtt_session import Event, Oversized
from gateway.ingest.delivery.live_lane import LiveLane
from gateway.ingest.events import Events
from gateway.ingest.intake.fence import Fence
from gateway.ingest.intake.side_effects import SideEffectRunner

_COUNTED: Final = 16
"""Messages of a chunk that are counted by topic; of fewer, all."""


class MessageReceiver:
    """Feeds messages into the core and passes on the outcomes."""

    def __init__(
        self,
        processor: Core,
        live_lane: LiveLane,
        acknowledger: Acknowledger,
        events: Events,
        side_effects: SideEffectRunner,
        floods: Floods,
        fence: Fence,
    ) -> None:
        self._processor = processor
        self._queue = live_lane.queue
        self._live_lane = live_lane
        self._acknowledger = acknowledger
        self._events = events
        self._side_effects = side_effects
        self._floods = floods
        self._fence = fence

    def receive(self, messages: Iterable[mqtt5.PublishPacket], now_ms: int, arrival_s: float) -> None:
        """Process messages that were read together."""
        self._receive(messages, self._processor.process, now_ms, arrival_s)

    def refuse(self, message: Oversized, now_ms: int, arrival_s: float) -> None:
        """Refuse a message of which only the beginning was kept."""
        too_large = self._processor.too_large
        self._receive([message], lambda head, now_ms: too_large(head, now_ms, message.size_bytes), now_ms, arrival_s)

    def _receive(
        self,
        messages: Iterable[mqtt5.PublishPacket | Oversized],
        process: Callable[[Message, int], Outcome],
        now_ms: int,
        arrival_s: float,
    ) -> None:
        acknowledger, events, queue = self._acknowledger, self._events, self._queue
        apart = queue.flood_queue.apart
        for message in messages:
            packet_id, fingerprint = message.packet_id, 0
            if packet_id is not None:
                fingerprint = hash((message.topic, message.payload))
                if message.duplicate and acknowledger.is_second_copy(packet_id, fingerprint):
                    acknowledger.owe(queue.open_batch, packet_id, fingerprint)
                    continue
            events.messages_received += 1
            outcome = process(message, now_ms)
            if outcome.dropped or outcome.ignored is not None:
                if message.topic == BROKER_DROPPED:
                    events.broker_told(message.payload, now_ms, retained=message.retain)
                elif message.topic == self._fence.topic:
                    self._fence.came(message.payload)
                else:
                    events.processed(outcome)
            if apart and message.topic in apart:
                batch = queue.add(outcome, arrival_s, floods=True)
            else:
                batch = queue.add(outcome, arrival_s)
            if outcome.side_effects is not None:
                self._side_effects.do(outcome.side_effects, batch, arrival_s)
            if packet_id is not None:
                acknowledger.owe(batch, packet_id, fingerprint)

    def end_chunk(self, events: Sequence[Event]) -> bool:
        """Pass on the outcomes of a chunk; return False when memory is at its limit."""
        self._count_topics(events)
        self._live_lane.pump()
        return not self._queue.above_high_water

    def _count_topics(self, events: Sequence[Event]) -> None:
        """Count all messages of a small chunk by topic, some of a larger one.

        They are taken at random: devices that send in turn would meet any regular distance, and one stand for all.
        """
        counted = events if len(events) <= _COUNTED else choices(events, k=_COUNTED)  # noqa: S311 - no secret
        each = round(len(events) / _COUNTED) or 1
        for event in counted:
            if type(event) is mqtt5.PublishPacket:
                self._floods.count(event.topic, each)
