"""Intake: the life of the connection to the broker, and the packets that arrive over it.

Theory of operation
-------------------
:class:`Intake` keeps the connection alive: connect, subscribe, hand chunks to the sans-I/O session, reconnect after any end
as :mod:`gateway.core.gateways.reconnects` says. Messages go to the receiver, answers of the broker are handled here.

A subscription that the broker refuses is an error people must see, but no reason to stop: the other subscriptions go on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from itertools import groupby
from typing import cast

import mqtt5

from gateway.core.batching.acknowledgements import Acknowledger
from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.mqtt_session import Connected, Event, Oversized, ProtocolFault, Subscribed, Unsubscribed
from gateway.core.readings.clock_trust import ClockTrust
from gateway.ingest.events import Events
from gateway.ingest.intake.connection import Connection
from gateway.ingest.intake.message_receiver import MessageReceiver
from gateway.ingest.intake.subscriptions import Subscriptions
from gateway.support.clock import WallClock

log = logging.getLogger("gateway.intake.intake")


class Intake:
    """Keeps the session with the broker and passes its messages to the receiver."""

    def __init__(
        self,
        connection: Connection,
        subscriptions: Subscriptions,
        receiver: MessageReceiver,
        acknowledger: Acknowledger,
        events: Events,
        trust: ClockTrust,
        clock: WallClock,
    ) -> None:
        self._connection = connection
        self._session = connection.session
        self._subscriptions = subscriptions
        self._receiver = receiver
        self._acknowledger = acknowledger
        self._events = events
        self._trust = trust
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._stopping = False

    async def run(self, permission: Callable[[], Awaitable[None]] | None = None) -> None:
        """Stay connected until cancelled or stopped.

        :param permission: returns when the session may be opened; None: no other machine shares it.
        """
        while not self._stopping:
            if permission is not None:
                await permission()
            why, wait_s = await self._connection.run_to_end(self._received)
            self._acknowledger.disconnected()
            if self._stopping:
                return
            self._events.disconnected(why, self._clock.now_ms())
            await asyncio.sleep(wait_s)

    def _received(self, data: bytes) -> None:
        """Take a chunk of bytes: have the session read its packets, and the receiver process each message."""
        fault: ProtocolFault | None = None
        try:
            events = self._session.receive(data)
        except ProtocolFault as raised:
            fault, events = raised, raised.events
        now_ms, steady_ms = self._clock.now_and_steady_ms()
        arrival_s = self._loop.time()
        self._trust.see_time(now_ms, steady_ms)
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
        self._events.session.granted(event.session_expiry_s, self._session.options.session_expiry_s)
        if self._subscriptions.held and not event.session_present:
            self._events.session.forgotten(now_ms)
        self._connection.accepted(event.keep_alive_s)
        self._subscriptions.send()

    def stop_reading(self) -> None:
        """Accept no more messages; owed acknowledgements can still be sent."""
        self._stopping = True
        self._connection.stop_reading()
