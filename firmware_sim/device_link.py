"""One connection per device, as real devices have it: its will says offline, one message is under way at a time.

A device that loses its network is cut off without a word, so that the broker sends its will; one that sleeps says goodbye after
each message, and connects again for the next.
"""

import asyncio
import logging
import random
import socket
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Final, Protocol

import aiomqtt

from firmware_sim.firmware import OutgoingMessage
from firmware_sim.publish import ANSWER_S, KEEPALIVE_S, Account, BrokerAccess, pauses
from firmware_sim.wire.presence import BrokerPresence

CONNECTING_AT_ONCE: Final = 50

_SILENT: Final = logging.getLogger("firmware_sim.mqtt")
_SILENT.addHandler(logging.NullHandler())  # what goes wrong is told once, in the line of progress


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
        self._client: aiomqtt.Client | None = None

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
            _cut(self._client)

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
            except* aiomqtt.MqttError as group:
                self.trouble = str(group.exceptions[0])
                if self.connected.is_set():
                    attempts = pauses(random.Random())  # noqa: S311 - as above
                    self.connected.clear()
                if self._network.is_set():
                    await asyncio.sleep(next(attempts))
            else:
                if await self._next() is None:  # a sleeper is woken by its next message
                    return

    async def _session(self) -> None:
        async with AsyncExitStack() as stack:
            async with self._connecting:
                self._client = client = await stack.enter_async_context(self._new_client())
            stack.callback(setattr, self, "_client", None)
            await self._greet(client)
            self.connected.set()
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._watch(client))
                await self._send(client)
                watch.cancel()
            if self._presence is not None:
                await self._say(client, self._presence, self._presence.offline)

    def _new_client(self) -> aiomqtt.Client:
        will = self._presence
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            identifier=self._name,
            username=self._broker.username,
            password=self._broker.password,
            tls_context=self._broker.tls,
            will=aiomqtt.Will(will.topic, will.offline, qos=1, retain=will.retain) if will is not None else None,
            logger=_SILENT,
            timeout=ANSWER_S,
            keepalive=KEEPALIVE_S,
        )

    async def _greet(self, client: aiomqtt.Client) -> None:
        """Say that it is here, and begin with births where it has them."""
        if self._presence is None:
            return
        if self._presence.online:
            await self._say(client, self._presence, self._presence.online)
        if self._presence.commands:
            await client.subscribe(self._presence.commands, qos=1)
        if self._be_born is not None:
            self._be_born()

    async def _say(self, client: aiomqtt.Client, presence: BrokerPresence, state: bytes) -> None:
        await client.publish(presence.topic, state, qos=1, retain=presence.retain)

    async def _send(self, client: aiomqtt.Client) -> None:
        while (self.waiting or not self._sleeps) and (message := await self._next()) is not None:
            await self._network.wait()  # one that was cut off takes no more, though it may not know yet
            message.sent += 1
            await client.publish(message.topic, message.payload, qos=1, retain=message.retain)
            self.waiting.popleft()
            self._account.acknowledged(message)

    async def _next(self) -> OutgoingMessage | None:
        """The oldest message, left where it is until acknowledged; None when closed and empty."""
        while not self.waiting:
            if self._closing:
                return None
            self._news.clear()
            await self._news.wait()
        return self.waiting[0]

    async def _watch(self, client: aiomqtt.Client) -> None:
        """Take commands, if any. It raises when the connection is lost, so that an idle device connects again too."""
        async for _ in client.messages:
            if self._be_born is not None:
                self._be_born()


def _cut(client: aiomqtt.Client | None) -> None:
    """Take the connection away as a network does: the broker learns of it by the end of the stream, and sends the will."""
    connection = client._client.socket() if client is not None else None  # noqa: SLF001 - aiomqtt knows orderly ends only
    if isinstance(connection, socket.socket):
        with suppress(OSError):  # it was lost already
            connection.shutdown(socket.SHUT_RDWR)
