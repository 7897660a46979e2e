"""An MQTT 5 client that does nothing by itself: it acknowledges what it is told to, and hears each answer of the broker."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import mqtt5

from gateway.commands.demo.services import Service
from tests.waiting import PATIENCE_S

P = TypeVar("P")

WEEK_S = 7 * 86400
KEPT, NOBODY, REFUSED = 0x00, 0x10, 0x83
"""Reason codes of a PUBACK: accepted; no matching subscribers; an error that has no code of its own."""


class Wire:
    """A connection.

    :ivar accepted: the broker's CONNACK.
    """

    def __init__(self, broker: Service, client_id: str, *, clean: bool = False, expiry_s: int = WEEK_S) -> None:
        self._socket = socket.create_connection((broker.host, broker.port), PATIENCE_S)
        self._socket.settimeout(PATIENCE_S)
        self._rest = b""
        self._read: list[mqtt5.Packet] = []
        self._next_id = 0
        asks = mqtt5.ConnectPacket(client_id, clean_start=clean, session_expiry_interval=expiry_s, receive_max=2000)
        try:
            self._socket.sendall(asks.write())
            self.accepted = self._next(mqtt5.ConnAckPacket)
        except OSError:
            self.cut()
            raise

    def subscribe(self, *patterns: str) -> None:
        """Subscribe at QoS 1, and wait for the answer."""
        filters = [mqtt5.TopicFilter(pattern, max_qos=mqtt5.QoS.AT_LEAST_ONCE) for pattern in patterns]
        self._socket.sendall(mqtt5.SubscribePacket(self._id(), filters).write())
        answer = self._next(mqtt5.SubAckPacket)
        assert all(int(code) == 1 for code in answer.reason_codes), answer

    def publish(self, topic: str, payload: bytes) -> int:
        """Publish at QoS 1; return the reason code of the PUBACK."""
        self._socket.sendall(mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=self._id()).write())
        return int(self._next(mqtt5.PubAckPacket).reason_code)

    def message(self) -> mqtt5.PublishPacket:
        """Wait for a message; it is not acknowledged."""
        return self._next(mqtt5.PublishPacket)

    def acknowledge(self, message: mqtt5.PublishPacket) -> None:
        """Acknowledge a message."""
        assert message.packet_id is not None
        self._socket.sendall(mqtt5.PubAckPacket(message.packet_id).write())

    def ping(self) -> None:
        """Wait until the broker has answered what it was sent before."""
        self._socket.sendall(mqtt5.PingReqPacket().write())
        self._next(mqtt5.PingRespPacket)

    def waiting(self) -> list[mqtt5.PublishPacket]:
        """The messages that came and were not asked for yet."""
        return [packet for packet in self._read if isinstance(packet, mqtt5.PublishPacket)]

    def cut(self) -> None:
        """End it without a word."""
        self._socket.close()

    def _id(self) -> int:
        self._next_id = self._next_id % 65535 + 1
        return self._next_id

    def _next(self, kind: type[P]) -> P:
        """Wait for the next packet of a kind; others are kept."""
        while True:
            for at, packet in enumerate(self._read):
                if isinstance(packet, kind):
                    del self._read[at]
                    return packet
            data = self._socket.recv(65536)
            assert data, f"the broker closed the connection; {self._read}"
            self._rest += data
            while self._rest:
                try:
                    packet, size = mqtt5.read(memoryview(self._rest))
                except IndexError:
                    break
                self._read.append(packet)
                self._rest = self._rest[size:]


@contextmanager
def wire(broker: Service, client_id: str, *, clean: bool = False, expiry_s: int = WEEK_S) -> Iterator[Wire]:
    """A connection for a while, then cut off: the session stays, as long as it was asked to."""
    made = Wire(broker, client_id, clean=clean, expiry_s=expiry_s)
    try:
        yield made
    finally:
        with suppress(OSError):
            made.cut()
