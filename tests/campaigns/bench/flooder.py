"""A device gone mad: ``python -m tests.campaigns.bench.flooder PORT KIND RATE SECONDS`` publishes so many messages a second.

Prints ``published N`` at the end. What the broker did not take in time is not published: it took no more from this device.
"""

import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Final

from tests.campaigns.bench.messages import ACK_BYTES, CONNECT, PACKET_IDS, payload
from tests.campaigns.bench.messages import topic as quiet_topic

DEVICE: Final = "flooder"
_TOPIC: Final = b"iot/v1/bench/water/%s/readings" % DEVICE.encode()
_TICK_S: Final = 0.005
_WINDOW: Final = 1000
"""Most messages in flight."""
_LARGE_BYTES: Final = 120_000
_MANY: Final = 1000

Message = Callable[[int, int], tuple[bytes, bytes]]


def _reading(at: int, first_ms: int) -> tuple[bytes, bytes]:
    """Each has a millisecond of its own, in the past, so that none is another's duplicate."""
    return _TOPIC, payload(first_ms + at, at, 0, at % 1000)


def _conflict(at: int, first_ms: int) -> tuple[bytes, bytes]:
    return _TOPIC, b'{"ts":%d,"seq":%d,"ph":7.0}' % (first_ms + at, at)


def _stranger(at: int, first_ms: int) -> tuple[bytes, bytes]:
    return b"iot/v1/bench/water/%s-%d/readings" % (DEVICE.encode(), at), payload(first_ms + at, at, 0, 0)


def _site(at: int, first_ms: int) -> tuple[bytes, bytes]:
    return b"iot/v1/site-%d/water/%s/readings" % (at, DEVICE.encode()), payload(first_ms + at, at, 0, 0)


KINDS: Final[dict[str, Message]] = {
    "readings": _reading,
    "garbage": lambda _at, _: (_TOPIC, b"no JSON"),
    "garbage-of-many": lambda at, _: (quiet_topic(at % _MANY), b"no JSON"),
    "large": lambda at, _: (_TOPIC, b'{"seq":%d,"flow_m3_h":1.5,"note":"%s"}' % (at, b"x" * _LARGE_BYTES)),
    "conflicts": _conflict,
    "strangers": _stranger,
    "sites": _site,
}
"""What the device sends. For ``conflicts`` InfluxDB must know ``ph`` of another type already."""


def flood(port: int, kind: str, rate: int, seconds: float) -> int:
    """Publish; how many messages the broker has acknowledged."""
    messages = round(rate * seconds)
    first_ms = time.time_ns() // 1_000_000 - messages
    packets = [_packet(at, *KINDS[kind](at, first_ms)) for at in range(messages)]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(CONNECT)
        connection.recv(ACK_BYTES)
        connection.settimeout(None)  # with one, Python would wait where it is told not to
        began_s = time.monotonic()
        sent = acknowledged_bytes = 0
        while (passed_s := time.monotonic() - began_s) < seconds:
            due = min(round(passed_s * rate), acknowledged_bytes // ACK_BYTES + _WINDOW)
            if due > sent:
                connection.sendall(b"".join(packets[sent:due]))
                sent = due
            time.sleep(_TICK_S)
            acknowledged_bytes += _received_bytes(connection, socket.MSG_DONTWAIT)
        while acknowledged_bytes < sent * ACK_BYTES:
            acknowledged_bytes += _received_bytes(connection)
        return sent


def _packet(at: int, topic: bytes, body: bytes) -> bytes:
    rest = struct.pack(">H", len(topic)) + topic + struct.pack(">H", at % PACKET_IDS + 1) + body
    size, length = len(rest), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"\x32" + length + rest


def _received_bytes(connection: socket.socket, flags: int = 0) -> int:
    try:
        received = len(connection.recv(65536, flags))
    except BlockingIOError:
        return 0
    if not received:
        raise SystemExit("the broker closed the flooder's connection")
    return received


if __name__ == "__main__":
    port, kind, rate, seconds = sys.argv[1:]
    os.nice(5)  # a device has a processor of its own
    sys.stdout.write(f"published {flood(int(port), kind, int(rate), float(seconds))}\n")
