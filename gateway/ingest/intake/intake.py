"""Intake: the connection to the broker through its life, and the messages that arrive over it: to the core, into batches.

Theory of operation
-------------------
:class:`Intake` keeps the connection alive: connect, subscribe, hand chunks to the sans-I/O session, reconnect after any end
as :mod:`gateway.core.gateways.standby` says. Messages go to the receiver, answers of the broker are handled here.

:meth:`MessageReceiver.take` is the door for whoever brings messages, and tells who brought one when it is durable. The broker
is its first user. Messages are processed in the callback that received them, without a task or a queue in between. So only a
batch can wait, and memory is bounded simply by not reading the socket.

A subscription that the broker refuses is an error people must see, but no reason to stop: the other subscriptions go on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from random import choices
from typing import Final, cast

import mqtt5

from gateway.core.batching.batch import Acknowledger, Batch
from gateway.core.batching.fair_shares import Floods
from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.ledger import ReadingSource
from gateway.core.message import Core, Message
from gateway.core.mqtt_session import Connected, Event, Oversized, ProtocolFault, Subscribed, Unsubscribed
from gateway.core.readings.clock_trust import ClockTrust
from gateway.ingest.delivery.live_lane import LiveLane
from gateway.ingest.events import Events
from gateway.ingest.intake.connection import Connection
from gateway.ingest.intake.session_cut import SessionCut
from gateway.ingest.intake.side_effects import SideEffectRunner
from gateway.ingest.intake.subscriptions import Fence, Subscriptions
from gateway.support.clock import WallClock

_COUNTED: Final = 16
"""Messages of a chunk that are counted by topic; of fewer, all."""


@dataclass(slots=True)
class MessageReceiver:
    """Feeds messages into the core and passes on the outcomes."""

    _processor: Core
    _live_lane: LiveLane
    _acknowledger: Acknowledger
    _events: Events
    _side_effects: SideEffectRunner
    _floods: Floods
    _fence: Fence

    def receive(self, messages: Iterable[mqtt5.PublishPacket | Oversized], now_ms: int, arrival_s: float) -> None:
        """Take messages of the broker that were read together. It is told of many at once: by their acknowledgements."""
        take, acknowledger, queue = self.take, self._acknowledger, self._live_lane.queue
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

        ``tell`` is called once, when all that came of it is durable: in the database, the journal, the quarantine or the
        rejects, and so is what was taken before. If the gateway is killed earlier it is not, so whoever brings messages keeps
        them until then. None: who calls looks after that.
        """
        events, queue = self._events, self._live_lane.queue
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
        apart = queue.flood_queue.apart
        if apart and message.topic in apart:
            batch = queue.add(outcome, arrival_s, source, floods=True)
        else:
            batch = queue.add(outcome, arrival_s, source)
        if outcome.side_effects is not None:
            self._side_effects.do(outcome.side_effects, batch, arrival_s, source)
        if tell is not None:
            batch.tells.append(tell)
        return batch

    def end_chunk(self, events: Sequence[Event]) -> bool:
        """Pass on the outcomes of a chunk; return False when memory is at its limit."""
        self._count_topics(events)
        self._live_lane.pump()
        return not self._live_lane.queue.above_high_water

    def _count_topics(self, events: Sequence[Event]) -> None:
        """Count all messages of a small chunk by topic, some of a larger one.

        They are taken at random: devices that send in turn would meet any regular distance, and one stand for all.
        """
        counted = events if len(events) <= _COUNTED else choices(events, k=_COUNTED)  # noqa: S311 - no secret
        each = round(len(events) / _COUNTED) or 1
        for event in counted:
            if type(event) is mqtt5.PublishPacket:
                self._floods.count(event.topic, each, len(event.payload))
            elif type(event) is Oversized:
                self._floods.count(event.topic, each, event.size_bytes)


@dataclass(slots=True)
class Intake:
    """Keeps the session with the broker and passes its messages to the receiver."""

    _connection: Connection
    _subscriptions: Subscriptions
    _receiver: MessageReceiver
    _acknowledger: Acknowledger
    _events: Events
    _trust: ClockTrust
    _clock: WallClock
    _cut: SessionCut
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _stopping: bool = False

    async def run(self, permission: Callable[[], Awaitable[None]] | None = None) -> None:
        """Stay connected until cancelled or stopped; of a pair, once a ``permission`` to open the session has returned."""
        while not self._stopping:
            await self._cut.may_open.wait()
            if permission is not None:
                await permission()
            why, wait_s = await self._connection.run_to_end(self._received)
            self._acknowledger.disconnected()
            if self._stopping:
                return
            self._events.disconnected(why, self._clock.now_ms())
            if self._connection.is_rivalled and permission is None:  # the machines of a pair take it from each other
                self._events.session.taken(self._clock.now_ms())
            await asyncio.sleep(wait_s)

    def _received(self, data: bytes) -> None:
        """Take a chunk of bytes: have the session read its packets, and the receiver process each message."""
        fault: ProtocolFault | None = None
        try:
            events = self._connection.session.receive(data)
        except ProtocolFault as raised:
            fault, events = raised, raised.events
        now_ms, steady_ms = self._clock.now_and_steady_ms()
        arrival_s = self._loop.time()
        self._trust.see_time(now_ms, steady_ms)
        events = self._cut.taken(events)
        for kind, together in groupby(events, type):
            if kind is mqtt5.PublishPacket:
                self._receiver.receive(cast("Iterator[mqtt5.PublishPacket]", together), now_ms, arrival_s)
            else:
                for event in together:
                    self._control(event, now_ms, arrival_s)
        if not self._receiver.end_chunk(events):
            self._connection.rest()
        if fault is not None:
            self._connection.end(str(fault))

    def _control(self, event: Event, now_ms: int, arrival_s: float) -> None:
        if isinstance(event, Oversized):
            self._receiver.receive([event], now_ms, arrival_s)  # only its beginning was kept
        elif isinstance(event, Connected):
            self._on_connected(event, now_ms)
        elif isinstance(event, Subscribed):
            refused = {pattern: why for pattern, why in event.refused.items() if pattern != BROKER_DROPPED}
            if self._subscriptions.confirmed:
                self._events.refused_too(refused)
            else:
                self._events.subscribed(len(self._subscriptions.wanted), refused)
                self._subscriptions.confirm(refused)
            self._subscriptions.answered()
        elif isinstance(event, Unsubscribed):
            self._subscriptions.unsubscribed(event.filters)
            self._subscriptions.answered()

    def _on_connected(self, event: Connected, now_ms: int) -> None:
        self._acknowledger.connected(session_present=event.session_present)
        self._events.connected(str(self._connection.address), now_ms, session_present=event.session_present)
        self._loop.run_in_executor(None, self._events.session.look_for_standing)
        self._events.session.granted(event.session_expiry_s, self._connection.session.options.session_expiry_s)
        if self._cut.connected(session_present=event.session_present) and self._subscriptions.held:
            self._events.session.forgotten(now_ms)
        self._connection.accepted(event.keep_alive_s)
        if not self._cut.is_absent:
            self._subscriptions.send()

    def stop_reading(self) -> None:
        """Accept no more messages; owed acknowledgements can still be sent."""
        self._stopping = True
        self._connection.stop_reading()
