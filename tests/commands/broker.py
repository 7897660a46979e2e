"""A broker in this process, for commands that come as guests."""

import socket
from collections.abc import Iterator
from typing import TypeVar

import mqtt5

from tests.system.talker import Talker

_P = TypeVar("_P", mqtt5.ConnectPacket, mqtt5.SubscribePacket, mqtt5.PublishPacket)


class GuestBroker(Talker):
    """Lets everybody in, gives back what is published, and notes what came.

    :ivar came: the packets, over all connections.
    :ivar refuses: no subscription is allowed.
    :ivar ends_at: the connection is closed when such a packet comes.
    """

    def __init__(
        self, messages: bytes = b"", *, refuses: bool = False, ends_at: type | None = None, expiry_s: int | None = None
    ) -> None:
        super().__init__(messages=messages)
        self.came: list[mqtt5.Packet] = []
        self.refuses, self.ends_at = refuses, ends_at
        self._greeting = mqtt5.ConnAckPacket(session_expiry_interval=expiry_s).write()

    def of_kind(self, kind: type[_P]) -> list[_P]:
        """The packets of a kind."""
        return [packet for packet in self.came if isinstance(packet, kind)]

    def _talk(self, connection: socket.socket) -> None:
        data = b""
        while more := connection.recv(65536):
            data += more
            for packet in self._packets(data):
                self.came.append(packet)
                if isinstance(packet, mqtt5.DisconnectPacket) or (self.ends_at and isinstance(packet, self.ends_at)):
                    return
                connection.sendall(self._answer(packet))
            data = b""

    def _packets(self, data: bytes) -> Iterator[mqtt5.Packet]:
        at = 0
        while at < len(data):
            packet, length = mqtt5.read(memoryview(data)[at:])
            at += length
            yield packet

    def _answer(self, packet: mqtt5.Packet) -> bytes:
        match packet:
            case mqtt5.ConnectPacket():
                return self._greeting
            case mqtt5.SubscribePacket():
                code = (
                    mqtt5.SubAckReasonCode.NOT_AUTHORIZED if self.refuses else mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
                )
                answer = mqtt5.SubAckPacket(packet.packet_id, [code] * len(packet.topic_filters))
                return answer.write() + (b"" if self.refuses else self._messages)
            case mqtt5.PublishPacket():
                return mqtt5.PublishPacket(packet.topic, payload=packet.payload, qos=mqtt5.QoS.AT_MOST_ONCE).write()
        return b""
