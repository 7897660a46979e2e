"""Intake: the connection to the broker, from bytes on the socket to messages in the core, and PUBACKs back.

Theory of operation
-------------------
:class:`Intake` keeps one connection alive: connect, subscribe, hand chunks to the sans-I/O session, reconnect with backoff and
jitter when anything ends it. Messages are processed in the callback that received them, without a task or a queue between; so
the only thing that can wait is a batch, and what bounds memory is simply not reading the socket.

TCP_QUICKACK is set again after every chunk: the gateway withholds PUBACK, so the kernel would hold back its TCP
acknowledgement for up to 40 ms, and a broker with Nagle's algorithm on (Mosquitto's default) waits for it before the next small
packet.

A subscription the broker refuses is an error people must see, and no reason to stop: what else is subscribed goes on.
"""

import asyncio
import logging
import os
import socket
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import random
from typing import Final, cast

import mqtt5

from gateway.core.delivery.acknowledgements import Acknowledger
from gateway.core.delivery.backoff import Backoff
from gateway.core.delivery.floods import Floods
from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.message import Message, StoredMessage
from gateway.core.mqtt_session import (
    DISCONNECT,
    PING,
    Connected,
    Event,
    Oversized,
    ProtocolFault,
    Session,
    Subscribed,
    pubacks,
)
from gateway.core.process import Processor
from gateway.delivery.live_lane import Delivery
from gateway.events import Events
from gateway.intake.side_effects import SideEffectRunner
from gateway.tls import PLAIN_PORT_ASKED, handshake_fault

log = logging.getLogger("gateway.intake.intake")

_CONNECT_PATIENCE_S: Final = 10.0
_CONNACK_PATIENCE_S: Final = 20.0
"""The answer to the first packet; a link that takes 5 s each way is slow and not dead."""
_LONGEST_WAIT_S: Final = 2.0
"""Between two attempts: a broker as Debian ships it keeps 1,000 messages for who is away."""
_LOOKS: Final = 10
"""How often in a keep-alive interval the connection is looked after."""
_TAKEN_OVER: Final = "session taken over"
_QUICK_ACK: Final = getattr(socket, "TCP_QUICKACK", None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


@dataclass(slots=True)
class Subscriptions:
    """What is subscribed now and what must not be any more.

    :ivar wanted: topic filter → retain handling.
    :ivar stale: filters that an earlier run subscribed and the configuration no longer names.
    """

    wanted: dict[str, mqtt5.RetainHandling]
    stale: list[str] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One connection: bytes in, bytes out, and a future that says why it ended."""

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self._receive = receive
        self._socket: socket.socket | None = None
        self.transport: asyncio.Transport | None = None
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._made_s = self.last_received_s = self.last_sent_s = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        handle = transport.get_extra_info("socket")
        if handle is not None:
            with suppress(OSError):
                # A descriptor of our own: setting an option through uvloop's stand-in costs more than reading a packet.
                self._socket = socket.socket(fileno=os.dup(handle.fileno()))
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self.last_received_s = time.monotonic()
        self._receive(data)
        if _QUICK_ACK is not None and self._socket is not None:
            with suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def send(self, data: bytes) -> None:
        """Send, unless the connection is gone: then nobody waits for it."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)
            self.last_sent_s = time.monotonic()

    def end(self, why: str) -> None:
        """Close; ``why`` is said to people."""
        if not self.ended.done():
            self.ended.set_result(why)
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self.ended.done():
            return
        if exc is None or isinstance(exc, OSError):
            self.ended.set_result(self._lost(exc))
        else:
            self.ended.set_exception(
                exc
            )  # a fault of our own, raised in data_received: it must end the gateway, not be retried

    def _lost(self, error: OSError | None) -> str:
        why = str(error) if error else "the broker closed the connection"
        is_tls = self.transport is not None and self.transport.get_extra_info("ssl_object") is not None
        answered = self.last_received_s > self._made_s
        return why if answered or is_tls else f"{why} before it answered; {PLAIN_PORT_ASKED}"


class Intake:
    """Keeps the session with the broker and feeds what it brings into the core."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        address: BrokerAddress,
        session: Session,
        subscriptions: Subscriptions,
        processor: Processor,
        delivery: Delivery,
        acknowledger: Acknowledger,
        events: Events,
        side_effects: SideEffectRunner,
        shares: Floods,
        subscribed: Callable[[list[str]], None],
    ) -> None:
        self._address = address
        self._session = session
        self.subscriptions = subscriptions
        self._processor = processor
        self._delivery = delivery
        self._acknowledger = acknowledger
        self._events = events
        self._side_effects = side_effects
        self._shares = shares
        self._subscribed = subscribed
        self._connection: _Connection | None = None
        self._keep_alive_s = session.options.keep_alive_s
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        self._resting = False
        self._chunks = 0

    async def run(self) -> None:
        """Stay connected until cancelled or stopped."""
        backoff, waited_s = Backoff(0.2, _LONGEST_WAIT_S), 0.0
        while not self._stopping:
            try:
                why, lasted_s = await self._connect_once()
                if lasted_s > waited_s and _TAKEN_OVER not in why:  # another gateway of this name would come back as quickly
                    backoff.reset()
            except TimeoutError:
                why = f"{self._address} does not answer"
            except OSError as error:
                why = f"{self._address}: {handshake_fault(error, tls=self._address.tls is not None)}"
            self._connection = None
            self._acknowledger.disconnected()
            if self._stopping:
                return
            self._events.disconnected(why)
            waited_s = backoff.next_s(random())  # noqa: S311 - jitter is no secret
            await asyncio.sleep(waited_s)

    async def _connect_once(self) -> tuple[str, float]:
        """One connection from beginning to end: why it ended, and how many seconds the broker kept it."""
        connection = _Connection(self._received)
        async with asyncio.timeout(_CONNECT_PATIENCE_S):
            await self._loop.create_connection(
                lambda: connection,
                self._address.host,
                self._address.port,
                ssl=self._address.tls,
                server_hostname=self._address.host if self._address.tls else None,
            )
        self._connection = connection
        self._resting = False
        connection.send(self._session.connect())
        began_s = self._loop.time()
        try:
            while not connection.ended.done():
                await asyncio.wait([connection.ended], timeout=self._keep_alive_s / _LOOKS)
                self._keep_alive(connection)
            return connection.ended.result(), self._loop.time() - began_s if self._session.connected else 0.0
        finally:
            connection.end("the gateway stops")

    def _keep_alive(self, connection: _Connection) -> None:
        now_s = time.monotonic()
        silence_s = now_s - connection.last_received_s
        patience_s = self._keep_alive_s if self._session.connected else _CONNACK_PATIENCE_S
        ping_after_s = self._keep_alive_s / 3
        if silence_s > patience_s and not self._resting:
            connection.end(f"{self._address} is silent for {silence_s:.0f} s")
        elif self._session.connected and (now_s - connection.last_sent_s > ping_after_s or silence_s > ping_after_s):
            connection.send(PING)

    def _received(self, data: bytes) -> None:
        fault: ProtocolFault | None = None
        try:
            events = self._session.receive(data)
        except ProtocolFault as raised:
            fault, events = raised, raised.events
        now_ms = time.time_ns() // 1_000_000
        arrival_s = self._loop.time()
        self._processor.trust.see_time(now_ms, time.monotonic_ns() // 1_000_000)
        for event in events:
            if type(event) is mqtt5.PublishPacket:
                self._message(event, event.packet_id, now_ms, arrival_s)
            else:
                self._control(event, now_ms, arrival_s)
        if events:
            self._chunks += 1
            event = events[self._chunks % len(events)]  # another place each time: the last may always be the same device's
            if type(event) is mqtt5.PublishPacket:
                self._shares.note(event.topic, len(events))
        self._side_effects.flush()
        self._delivery.pump()
        if self._delivery.above_high_water:
            self._rest()
        if fault is not None and self._connection is not None:
            self._connection.end(str(fault))

    def _message(self, message: Message, packet_id: int | None, now_ms: int, arrival_s: float, size_bytes: int = 0) -> None:
        acknowledger = self._acknowledger
        fingerprint = 0
        if packet_id is not None:
            fingerprint = hash((message.topic, message.payload))
            if message.duplicate and acknowledger.is_second_copy(packet_id, fingerprint):
                acknowledger.owe(self._delivery.open_batch, packet_id, fingerprint)
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
        aside = self._delivery.aside.topics
        if aside and message.topic in aside:
            batch = self._delivery.take(outcome, arrival_s, floods=True)
        else:
            batch = self._delivery.take(outcome, arrival_s)
        if outcome.side_effects is not None:
            self._side_effects.do(outcome.side_effects, batch, arrival_s)
        if packet_id is not None:
            acknowledger.owe(batch, packet_id, fingerprint)

    def _control(self, event: Event, now_ms: int, arrival_s: float) -> None:
        if isinstance(event, Oversized):
            message = StoredMessage(event.topic, event.payload, event.retain, event.duplicate)
            self._message(message, event.packet_id, now_ms, arrival_s, event.size_bytes)
        elif isinstance(event, Connected):
            self._on_connected(event)
        elif isinstance(event, Subscribed):
            refused = {pattern: why for pattern, why in event.refused.items() if pattern != BROKER_DROPPED}
            self._events.subscribed(len(self.subscriptions.wanted), refused)
            self._subscribed(list(self.subscriptions.wanted))

    def _on_connected(self, event: Connected) -> None:
        self._acknowledger.connected(session_present=event.session_present)
        self._events.connected(str(self._address), session_present=event.session_present)
        if event.keep_alive_s is not None:
            self._keep_alive_s = event.keep_alive_s or self._keep_alive_s
        self.subscribe()

    def subscribe(self) -> None:
        """Ask for what is wanted and give up what is not; also after a change of configuration."""
        connection = self._connection
        if connection is None or not self._session.connected:
            return
        if self.subscriptions.wanted:
            also = {BROKER_DROPPED: mqtt5.RetainHandling.SEND_ALWAYS}  # where the broker tells it, and we may read it
            connection.send(self._session.subscribe(self.subscriptions.wanted | also))
        if self.subscriptions.stale:
            connection.send(self._session.unsubscribe(self.subscriptions.stale))

    def want(self, filters: dict[str, mqtt5.RetainHandling]) -> None:
        """Subscribe to these from now on, and give up what is not among them."""
        before = dict.fromkeys([*self.subscriptions.stale, *self.subscriptions.wanted])
        stale = [pattern for pattern in before if pattern not in filters]
        self.subscriptions = Subscriptions(filters, stale)
        self.subscribe()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message, if the broker is there: it is a command that is repeated when it gets lost."""
        if self._connection is not None and self._session.connected:
            self._connection.send(self._session.publish(topic, payload))

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Send the PUBACKs of these messages, in this order."""
        if self._connection is not None:
            self._connection.send(pubacks(packet_ids))

    def _rest(self) -> None:
        """Memory is at its limit: leave the rest in the socket."""
        connection = self._connection
        if connection is not None and connection.transport is not None and not self._resting:
            self._resting = True
            connection.transport.pause_reading()

    def resume_reading(self) -> None:
        """Memory has room again."""
        connection = self._connection
        if self._resting and connection is not None and connection.transport is not None and not self._stopping:
            self._resting = False
            connection.last_received_s = time.monotonic()
            connection.transport.resume_reading()

    def stop_reading(self) -> None:
        """Take no more messages; what is owed can still be acknowledged."""
        self._stopping = True
        self._rest()

    async def disconnect(self) -> None:
        """Say goodbye; the broker keeps the session."""
        connection = self._connection
        if connection is not None and connection.transport is not None:
            connection.send(DISCONNECT)
            connection.transport.close()
            await asyncio.wait([connection.ended], timeout=0.5)
