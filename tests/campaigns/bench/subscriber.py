"""The least that a subscriber can do: the codec ``mqtt5`` under uvloop, every message acknowledged when it is read.

``python -m tests.campaigns.bench.subscriber acknowledge PORT READINGS`` does nothing else, and reads 2 ms apart: a read costs
as much as several messages. It prints ``done NANOSECONDS`` at the last one.
``python -m tests.campaigns.bench.subscriber post PORT DOOR_PORT`` sends each payload on at once, one POST each, as it came.
"""

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import cast

import mqtt5
import uvloop

_PUBACK = 0x40020000
_APART_S = 0.002

Take = Callable[[mqtt5.PublishPacket], None]


class _Subscriber(asyncio.Protocol):
    """One MQTT 5 connection that reads, acknowledges and hands on."""

    def __init__(self, take: Take, apart_s: float) -> None:
        self._take = take
        self._apart_s = apart_s
        self._tail = b""
        self._transport: asyncio.Transport
        self._socket: socket.socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._socket = transport.get_extra_info("socket")
        self._transport.write(mqtt5.ConnectPacket("subscriber", clean_start=True, keep_alive=0, receive_max=2000).write())

    def data_received(self, data: bytes) -> None:
        view, at, acknowledgements = memoryview(self._tail + data), 0, []
        while at < len(view):
            try:
                packet, length = mqtt5.read(view[at:])
            except IndexError:
                break
            at += length
            if isinstance(packet, mqtt5.PublishPacket):
                acknowledgements.append(_PUBACK | (packet.packet_id or 0))
                self._take(packet)
            elif isinstance(packet, mqtt5.ConnAckPacket):
                wanted = mqtt5.TopicFilter("iot/v1/+/+/+/readings", max_qos=mqtt5.QoS.AT_LEAST_ONCE)
                self._transport.write(mqtt5.SubscribePacket(1, [wanted]).write())
            elif isinstance(packet, mqtt5.SubAckPacket):
                _say("subscribed")
        self._tail = bytes(view[at:])
        if acknowledgements:
            self._transport.write(struct.pack(f">{len(acknowledgements)}I", *acknowledgements))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if self._apart_s:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(self._apart_s, self._transport.resume_reading)

    def connection_lost(self, exc: Exception | None) -> None:
        raise SystemExit(f"the broker closed the subscriber's connection: {exc}")


def counter(readings: int) -> Take:
    """Only counts."""
    left = readings

    def take(_: mqtt5.PublishPacket) -> None:
        nonlocal left
        left -= 1
        if not left:
            _say(f"done {time.perf_counter_ns()}")

    return take


class _Poster(asyncio.Protocol):
    """The connection to the door; answers are not read: nothing depends on them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def take(self, packet: mqtt5.PublishPacket) -> None:
        """Post one payload."""
        body = packet.payload
        self._transport.write(b"POST /write HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def run(task: str, port: int, number: int) -> None:
    """Work until killed."""
    loop = asyncio.get_running_loop()
    take, apart_s = counter(number), _APART_S
    if task == "post":
        _, poster = await loop.create_connection(_Poster, "127.0.0.1", number)
        take, apart_s = poster.take, 0.0
    await loop.create_connection(lambda: _Subscriber(take, apart_s), "127.0.0.1", port)
    await asyncio.Event().wait()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
