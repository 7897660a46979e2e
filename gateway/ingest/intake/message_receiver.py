"""The receiver of messages: from whoever brings them into the core, and from there into the queue of batches.

:meth:`MessageReceiver.take` is the door for all, and tells who brought a message when it is durable. The broker is its first
user. Messages are processed in the callback that received them, without a task or a queue in between. So only a batch can wait,
and memory is bounded simply by not reading the socket.
"""

from collections.abc import Callable, Iterable, Sequence
from random import choices
from typing import Final

import mqtt5

from gateway.core.batching.acknowledgements import Acknowledger
from gateway.core.batching.batch import Batch
from gateway.core.batching.fair_shares import Floods
from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.ledger import ReadingSource
from gateway.core.message import Core, Message
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
        self._flood_queue = live_lane.queue.flood_queue
        self._live_lane = live_lane
        self._acknowledger = acknowledger
        self._events = events
        self._side_effects = side_effects
        self._floods = floods
        self._fence = fence

    def receive(self, messages: Iterable[mqtt5.PublishPacket | Oversized], now_ms: int, arrival_s: float) -> None:
        """Take messages of the broker that were read together. It is told of many at once: by their acknowledgements."""
        take, acknowledger, queue = self.take, self._acknowledger, self._queue
        for message in messages:
            packet_id = message.packet_id
            if packet_id is None:
                take(message, "mqtt", None, now_ms, arrival_s)
                continue
            fingerprint = hash((message.topic, message.payload))
            if message.duplicate and acknowledger.is_second_copy(packet_id, fingerprint):
                acknowledger.owe(queue.open_batch, packet_id, fingerprint)
                continue
            acknowledger.owe(take(message, "mqtt", None, now_ms, arrival_s), packet_id, fingerprint)

    def take(
        self,
        message: Message | Oversized,
        source: ReadingSource,
        tell: Callable[[], None] | None,
        now_ms: int,
        arrival_s: float,
    ) -> Batch:
        """Take a message; return the batch that it is durable with. After the last that came together, :meth:`end_chunk`.

        :param source: the way it came, under which its readings are counted.
        :param tell: called once, when all that came of it is durable: in the database, the journal, the quarantine or the
            rejects, and so is what was taken before. If the gateway is killed earlier it is not, so whoever brings messages
            keeps them until then. None: who calls looks after that.
        """
        events = self._events
        events.messages_received += 1
        if type(message) is Oversized:
            outcome = self._processor.too_large(message, now_ms, message.size_bytes)
        else:
            outcome = self._processor.process(message, now_ms)
        if outcome.dropped or outcome.ignored is not None:
            if message.topic == BROKER_DROPPED:
                events.broker_told(message.payload, now_ms, retained=message.retain)
            elif message.topic == self._fence.topic:
                self._fence.came(message.payload)
            else:
                events.processed(outcome)
        apart = self._flood_queue.apart
        if apart and message.topic in apart:
            batch = self._queue.add(outcome, arrival_s, source, floods=True)
        else:
            batch = self._queue.add(outcome, arrival_s, source)
        if outcome.side_effects is not None:
            self._side_effects.do(outcome.side_effects, batch, arrival_s, source)
        if tell is not None:
            batch.tells.append(tell)
        return batch

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
