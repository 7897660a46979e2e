"""A connection of one device: MQTT 5 by the codec of the gateway's own session, one packet under way at a time.

A client library keeps tasks, timers and queues for each connection. Of ten thousand, each with a message now and then, they
cost more than the messages do.
"""

import asyncio
import errno
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import mqtt5

from firmware_sim.publish import ANSWER_S, KEEPALIVE_S, BrokerAccess
from firmware_sim.wire.presence import BrokerPresence

AT_LEAST_ONCE: Final = mqtt5.QoS.AT_LEAST_ONCE
IDENTIFIER: Final = 1
"""Of the packet under way: there is only one."""
_PING: Final = mqtt5.PingReqPacket().write()
_GOODBYE: Final = mqtt5.DisconnectPacket().write()
_REFUSED: Final = 0x80


class ConnectionFault(Exception):  # noqa: N818 - the field's word
    """The broker is away, refuses, or does not answer; the text says which."""


class OwnConnection(asyncio.Protocol):
    """The connection while it stands.

    :ivar trouble: why it ended; empty while it stands.
    """

    def __init__(self, on_message: Callable[[], None], on_end: Callable[[], None]) -> None:
        self.trouble = ""
        self._on_message, self._on_end = on_message, on_end
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[None] | None = None
        self._rest = b""
        self._is_quiet = False
        self._closed: asyncio.Event | None = None
        self._tick: asyncio.TimerHandle | None = None

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        name: str,
        broker: BrokerAccess,
        presence: BrokerPresence | None,
        on_message: Callable[[], None],
        on_end: Callable[[], None],
    ) -> "AsyncIterator[OwnConnection]":
        """Connect under a name, with the device's last will; say goodbye in the end, unless there was trouble.

        :param on_message: is told of each message that arrives.
        :param on_end: is told when the connection has ended.
        :raises ConnectionFault: it is not accepted.
        """
        connection = cls(on_message, on_end)
        try:
            async with asyncio.timeout(ANSWER_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection, broker.host, broker.port, ssl=broker.tls, ssl_handshake_timeout=_handshake_s(broker.tls)
                )
            await connection._ask(_connect(name, broker, presence))
            connection._keep_alive()
            yield connection
            connection._write(_GOODBYE)
        except TimeoutError:
            raise ConnectionFault("the broker does not answer") from None
        except ConnectionRefusedError:
            raise ConnectionFault(os.strerror(errno.ECONNREFUSED)) from None
        except OSError as error:
            raise ConnectionFault(str(error)) from None
        finally:
            await connection._close()

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Send with QoS 1, and return when the broker has acknowledged it.

        :raises ConnectionFault: it does not.
        """
        packet = mqtt5.PublishPacket(topic, payload, qos=AT_LEAST_ONCE, retain=retain, packet_id=IDENTIFIER)
        await self._ask(packet.write())

    async def subscribe(self, pattern: str) -> None:
        """Have messages sent; each is told to ``on_message``.

        :raises ConnectionFault: the broker refuses.
        """
        wanted = mqtt5.TopicFilter(pattern, max_qos=AT_LEAST_ONCE)
        await self._ask(mqtt5.SubscribePacket(IDENTIFIER, [wanted]).write())

    def cut(self) -> None:
        """Take the connection away as a network does, so that the broker sends the will."""
        self._end("the network is gone")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: asyncio has connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream, as asked for
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Read the packets that are whole."""
        self._is_quiet = False
        data = self._rest + data
        view, at = memoryview(data), 0
        while at < len(data):
            try:
                packet, length = mqtt5.read(view[at:])
            except IndexError:
                break
            except ValueError as error:
                self._end(f"the broker sent no MQTT 5: {error}")
                return
            at += length
            self._take(packet)
        self._rest = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        """End: the stream is closed."""
        self._transport = None
        if self._closed is not None:
            self._closed.set()
        self._end(str(exc or "the connection was lost"))

    def _take(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PublishPacket):
            if packet.packet_id is not None:
                self._write(mqtt5.PubAckPacket(packet.packet_id).write())
            self._on_message()
        elif isinstance(packet, mqtt5.ConnAckPacket | mqtt5.PubAckPacket | mqtt5.DisconnectPacket):
            if int(packet.reason_code) >= _REFUSED or isinstance(packet, mqtt5.DisconnectPacket):
                self._end(f"the broker refused: {packet.reason_code.name.lower().replace('_', ' ')}")
            else:
                self._answered()
        elif isinstance(packet, mqtt5.SubAckPacket):
            self._answered()

    async def _ask(self, packet: bytes) -> None:
        """Send a packet and wait for its answer.

        :raises ConnectionFault: there is none, or a refusal.
        """
        if not self.trouble:
            self._answer = asyncio.get_running_loop().create_future()
            self._write(packet)
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._answer
            except TimeoutError:
                self._end("the broker does not answer")
            finally:
                self._answer = None
        if self.trouble:
            raise ConnectionFault(self.trouble)

    def _answered(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(None)

    def _write(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.write(packet)

    def _keep_alive(self) -> None:
        """Send a ping after a while without a word from the broker; one that does not answer it has gone."""
        if self._is_quiet:
            self._write(_PING)
        self._is_quiet = True
        self._tick = asyncio.get_running_loop().call_later(KEEPALIVE_S / 3, self._keep_alive)

    def _end(self, why: str) -> None:
        if not self.trouble:
            self.trouble = why
            if self._transport is not None:
                self._transport.abort()
            self._answered()
            self._on_end()

    async def _close(self) -> None:
        """Close, and wait for it: over TLS the broker says goodbye too, and a loop that ends before leaves the socket open."""
        if self._tick is not None:
            self._tick.cancel()
        if (transport := self._transport) is None:
            return
        self._closed = asyncio.Event()
        transport.close()
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._closed.wait()
        except TimeoutError:
            transport.abort()


def _connect(name: str, broker: BrokerAccess, presence: BrokerPresence | None) -> bytes:
    will = None
    if presence is not None:
        will = mqtt5.Will(presence.topic, payload=presence.offline, qos=AT_LEAST_ONCE, retain=presence.retain)
    return mqtt5.ConnectPacket(
        name,
        username=broker.username,
        password=broker.password.encode() if broker.password is not None else None,
        clean_start=True,
        will=will,
        keep_alive=KEEPALIVE_S,
    ).write()


def _handshake_s(tls: ssl.SSLContext | None) -> float | None:
    return ANSWER_S if tls is not None else None
