"""Intake: from bytes of the broker to messages in the core.

Theory of operation
-------------------
:class:`Intake` keeps the connection alive: connect, subscribe, hand chunks to the sans-I/O session, reconnect with backoff and
jitter when anything ends it. Messages are processed in the callback that received them, without a task or a queue between; so
the only thing that can wait is a batch, and what bounds memory is simply not reading the socket.

A subscription the broker refuses is an error people must see, and no reason to stop: what else is subscribed goes on.
"""

import asyncio
import logging
from random import random
from typing import Final

import mqtt5

from gateway.clock import WallClock
from gateway.core.delivery.acknowledgements import Acknowledger
from gateway.core.delivery.backoff import Backoff
from gateway.core.delivery.floods import Floods
from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.message import Message, StoredMessage
from gateway.core.mqtt_session import (
    Connected,
    Event,
    Oversized,
    ProtocolFault,
    Session,
    Subscribed,
)
from gateway.core.process import Processor
from gateway.delivery.live_lane import LiveLane
from gateway.events import Events
from gateway.intake.connection import Connection
from gateway.intake.side_effects import SideEffectRunner
from gateway.intake.subscriptions import Subscriptions
from gateway.tls import handshake_fault

log = logging.getLogger("gateway.intake.intake")

_LONGEST_WAIT_S: Final = 2.0
"""Between two attempts: a broker as Debian ships it keeps 1,000 messages for who is away."""
_TAKEN_OVER: Final = "session taken over"


class Intake:
    """Keeps the session with the broker and feeds what it brings into the core."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        connection: Connection,
        session: Session,
        subscriptions: Subscriptions,
        processor: Processor,
        live_lane: LiveLane,
        acknowledger: Acknowledger,
        events: Events,
        side_effects: SideEffectRunner,
        floods: Floods,
        clock: WallClock,
    ) -> None:
        self._connection = connection
        self._session = session
        self._subscriptions = subscriptions
        self._processor = processor
        self._queue = live_lane.queue
        self._live_lane = live_lane
        self._acknowledger = acknowledger
        self._events = events
        self._side_effects = side_effects
        self._floods = floods
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        self._chunks = 0

    async def run(self) -> None:
        """Stay connected until cancelled or stopped."""
        backoff, waited_s, address = Backoff(0.2, _LONGEST_WAIT_S), 0.0, self._connection.address
        while not self._stopping:
            try:
                why, lasted_s = await self._connection.run_once(self._received)
                if lasted_s > waited_s and _TAKEN_OVER not in why:  # another gateway of this name would come back as quickly
                    backoff.reset()
            except TimeoutError:
                why = f"{address} does not answer"
            except OSError as error:
                why = f"{address}: {handshake_fault(error, tls=address.tls is not None)}"
            self._acknowledger.disconnected()
            if self._stopping:
                return
            self._events.disconnected(why, self._clock.now_ms())
            waited_s = backoff.next_s(random())  # noqa: S311 - jitter is no secret
            await asyncio.sleep(waited_s)

    def _received(self, data: bytes) -> None:
        fault: ProtocolFault | None = None
        try:
            events = self._session.receive(data)
        except ProtocolFault as raised:
            fault, events = raised, raised.events
        now_ms, steady_ms = self._clock.now_and_steady_ms()
        arrival_s = self._loop.time()
        self._processor.trust.see_time(now_ms, steady_ms)
        for event in events:
            if type(event) is mqtt5.PublishPacket:
                self._message(event, event.packet_id, now_ms, arrival_s)
            else:
                self._control(event, now_ms, arrival_s)
        if events:
            self._chunks += 1
            event = events[self._chunks % len(events)]  # another place each time: the last may always be the same device's
            if type(event) is mqtt5.PublishPacket:
                self._floods.count(event.topic, len(events))
        self._side_effects.flush()
        self._live_lane.pump()
        if self._queue.above_high_water:
            self._connection.rest()
        if fault is not None:
            self._connection.end(str(fault))

    def _message(self, message: Message, packet_id: int | None, now_ms: int, arrival_s: float, size_bytes: int = 0) -> None:
        acknowledger = self._acknowledger
        fingerprint = 0
        if packet_id is not None:
            fingerprint = hash((message.topic, message.payload))
            if message.duplicate and acknowledger.is_second_copy(packet_id, fingerprint):
                acknowledger.owe(self._queue.open_batch, packet_id, fingerprint)
                return
        events = self._events
        events.messages_received += 1
        if size_bytes:
            outcome = self._processor.too_large(message, now_ms, size_bytes)
        else:
            outcome = self._processor.process(message, now_ms)
        if outcome.dropped or outcome.ignored is not None:
            if message.topic == BROKER_DROPPED:
                events.broker_told(message.payload, now_ms, retained=message.retain)
            else:
                events.processed(outcome)
        apart = self._queue.flood_queue.apart
        if apart and message.topic in apart:
            batch = self._queue.add(outcome, arrival_s, floods=True)
        else:
            batch = self._queue.add(outcome, arrival_s)
        if outcome.side_effects is not None:
            self._side_effects.do(outcome.side_effects, batch, arrival_s)
        if packet_id is not None:
            acknowledger.owe(batch, packet_id, fingerprint)

    def _control(self, event: Event, now_ms: int, arrival_s: float) -> None:
        if isinstance(event, Oversized):
            message = StoredMessage(event.topic, event.payload, event.retain, event.duplicate)
            self._message(message, event.packet_id, now_ms, arrival_s, event.size_bytes)
        elif isinstance(event, Connected):
            self._on_connected(event, now_ms)
        elif isinstance(event, Subscribed):
            refused = {pattern: why for pattern, why in event.refused.items() if pattern != BROKER_DROPPED}
            self._events.subscribed(len(self._subscriptions.wanted), refused)
            self._subscriptions.confirm()

    def _on_connected(self, event: Connected, now_ms: int) -> None:
        self._acknowledger.connected(session_present=event.session_present)
        self._events.connected(str(self._connection.address), now_ms, session_present=event.session_present)
        self._connection.accepted(event.keep_alive_s)
        self.subscribe()

    def subscribe(self) -> None:
        """Ask for what is wanted and give up what is not; also after a change of configuration."""
        if not self._session.connected:
            return
        connection, subscriptions = self._connection, self._subscriptions
        if subscriptions.wanted:
            also = {BROKER_DROPPED: mqtt5.RetainHandling.SEND_ALWAYS}  # where the broker tells it, and we may read it
            connection.send(self._session.subscribe(subscriptions.wanted | also))
        if subscriptions.stale:
            connection.send(self._session.unsubscribe(subscriptions.stale))

    def want(self, filters: dict[str, mqtt5.RetainHandling]) -> None:
        """Subscribe to these from now on, and give up what is not among them."""
        self._subscriptions.replace(filters)
        self.subscribe()

    def stop_reading(self) -> None:
        """Take no more messages; what is owed can still be acknowledged."""
        self._stopping = True
        self._connection.stop_reading()
