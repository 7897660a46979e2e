"""One connection per device, as real devices have it: its will says offline, one message is under way at a time.

A device that loses its network is cut off without a word, so that the broker sends its will; one that sleeps says goodbye after
each message, and connects again for the next.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final, Protocol

from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.own_connection import ConnectionFault, OwnConnection
from firmware_sim.publish import Account, BrokerAccess, pauses
from firmware_sim.wire.presence import BrokerPresence

CONNECTING_AT_ONCE: Final = 50


class LinkedDevice(Protocol):
    """A device as its connection sees it."""

    @property
    def name(self) -> str:
        """The client id."""

    @property
    def presence(self) -> BrokerPresence | None:
        """Its state at the broker; None: it tells none, and has no will."""


class DeviceLink:
    """The connection of one device.

    :ivar waiting: what the broker has not acknowledged, oldest first; the first one may be under way.
    :ivar connected: set while the connection stands, or the device sleeps.
    :ivar trouble: why the last attempt failed.
    """

    def __init__(
        self,
        device: LinkedDevice,
        broker: BrokerAccess,
        account: Account,
        connecting: asyncio.Semaphore,
        *,
        sleeps: bool = False,
        be_born: Callable[[], None] | None = None,
    ) -> None:
        """Make the link of a device; ``be_born``: called after each connect, and when the device is asked for its births."""
        self.waiting: deque[OutgoingMessage] = deque()
        self.connected = asyncio.Event()
        self.trouble = ""
        self._name, self._presence = device.name, device.presence
        self._broker = broker
        self._account = account
        self._connecting = connecting
        self._sleeps = sleeps
        self._be_born = be_born
        self._closing = False
        self._news = asyncio.Event()
        self._network = asyncio.Event()
        self._network.set()
        self._connection: OwnConnection | None = None

    def put(self, message: OutgoingMessage) -> None:
        """Take a message to send."""
        if self._account.admit(message, held=len(self.waiting)):
            self.waiting.append(message)
            self._news.set()

    def reach(self, *, is_online: bool) -> None:
        """Tell it if the device has a network: without one it is cut off, with it again it connects at once."""
        if is_online:
            self._network.set()
        elif self._network.is_set():
            self._network.clear()
            if self._connection is not None:
                self._connection.cut()

    def close(self) -> None:
        """No more messages will come: end once all are acknowledged."""
        self._closing = True
        self._network.set()
        self._news.set()

    async def run(self) -> None:
        """Connect, send, and connect again, until closed and empty."""
        attempts = pauses(random.Random())  # noqa: S311 - spreads reconnecting devices
        while True:
            await self._network.wait()
            try:
                await self._session()
            except ConnectionFault as fault:
                self.trouble = str(fault)
                if self.connected.is_set():
                    attempts = pauses(random.Random())  # noqa: S311 - as above
                    self.connected.clear()
                if self._network.is_set():
                    await asyncio.sleep(next(attempts))
            else:
                if await self._next() is None:  # a sleeper is woken by its next message
                    return

    async def _session(self) -> None:
        """Connect, and send until closed, or until there is nothing to send for a sleeper.

        :raises ConnectionFault: the connection ends first, or there is none.
        """
        about = (self._name, self._broker, self._presence, self._be_born or _nothing, self._news.set)
        async with AsyncExitStack() as stack:
            async with self._connecting:
                self._connection = connection = await stack.enter_async_context(OwnConnection.opened(*about))
            stack.callback(setattr, self, "_connection", None)
            await self._greet(connection)
            self.connected.set()
            await self._send(connection)
            if self._presence is not None:
                await connection.publish(self._presence.topic, self._presence.offline, retain=self._presence.retain)

    async def _greet(self, connection: OwnConnection) -> None:
        """Say that it is here, and begin with births where it has them."""
        if self._presence is None:
            return
        if self._presence.online:
            await connection.publish(self._presence.topic, self._presence.online, retain=self._presence.retain)
        if self._presence.commands:
            await connection.subscribe(self._presence.commands)
        if self._be_born is not None:
            self._be_born()

    async def _send(self, connection: OwnConnection) -> None:
        while (self.waiting or not self._sleeps) and (message := await self._next(connection)) is not None:
            message.sent += 1
            await connection.publish(message.topic, message.payload, retain=message.retain)
            self.waiting.popleft()
            self._account.acknowledged(message)

    async def _next(self, connection: OwnConnection | None = None) -> OutgoingMessage | None:
        """The oldest message, left where it is until acknowledged; None when closed and empty.

        :raises ConnectionFault: the connection has ended meanwhile: a device with nothing to say connects again too.
        """
        while not self.waiting:
            if connection is not None and connection.trouble:
                raise ConnectionFault(connection.trouble)
            if self._closing:
                return None
            self._news.clear()
            await self._news.wait()
        return self.waiting[0]


def _nothing() -> None:
    """Take a message that nobody asked for."""
