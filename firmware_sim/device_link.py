"""One connection per device, as real devices have it: its will says offline, one message is under way at a time.

A device that loses its network is cut off without a word, so that the broker sends its will; one that sleeps says goodbye after
each message, and connects again for the next.
"""

import asyncio
import logging
import random
import socket
from collections import deque
from contextlib import AsyncExitStack
from typing import Final

import aiomqtt

from firmware_sim.firmware import OutgoingMessage
from firmware_sim.fleet import SimDevice
from firmware_sim.publish import ANSWER_S, KEEPALIVE_S, Account, BrokerAccess, pauses

CONNECTING_AT_ONCE: Final = 50
ONLINE: Final = b'{"state":"online"}'
OFFLINE: Final = b'{"state":"offline"}'

_SILENT: Final = logging.getLogger("firmware_sim.mqtt")
_SILENT.addHandler(logging.NullHandler())  # what goes wrong is told once, in the line of progress


class DeviceLink:
    """The connection of one device.

    :ivar waiting: what the broker has not acknowledged, oldest first; the first one may be under way.
    :ivar connected: set while the connection stands, or the device sleeps.
    :ivar trouble: why the last attempt failed.
    """

    def __init__(
        self,
        device: SimDevice,
        broker: BrokerAccess,
        account: Account,
        connecting: asyncio.Semaphore,
        *,
        sleeps: bool = False,
    ) -> None:
        self.waiting: deque[OutgoingMessage] = deque()
        self.connected = asyncio.Event()
        self.trouble = ""
        self._device = device
        self._broker = broker
        self._account = account
        self._connecting = connecting
        self._sleeps = sleeps
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
            await self._say(client, ONLINE)
            self.connected.set()
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(_watch(client))
                await self._send(client)
                watch.cancel()
            await self._say(client, OFFLINE)

    def _new_client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            identifier=self._device.name,
            username=self._broker.username,
            password=self._broker.password,
            tls_context=self._broker.tls,
            will=aiomqtt.Will(self._device.status_topic, OFFLINE, qos=1, retain=True),
            logger=_SILENT,
            timeout=ANSWER_S,
            keepalive=KEEPALIVE_S,
        )

    async def _say(self, client: aiomqtt.Client, state: bytes) -> None:
        await client.publish(self._device.status_topic, state, qos=1, retain=True)

    async def _send(self, client: aiomqtt.Client) -> None:
        while (self.waiting or not self._sleeps) and (message := await self._next()) is not None:
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


def _cut(client: aiomqtt.Client | None) -> None:
    """Take the connection away as a network does: the broker learns of it by the end of the stream, and sends the will."""
    connection = client._client.socket() if client is not None else None  # noqa: SLF001 - aiomqtt knows orderly ends only
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)


async def _watch(client: aiomqtt.Client) -> None:
    """Nothing is subscribed to: this only raises when the connection is lost, so that an idle device connects again too."""
    async for _ in client.messages:
        pass
