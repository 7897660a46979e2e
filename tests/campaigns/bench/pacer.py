"""A publisher of evenly spaced readings: ``python -m tests.campaigns.bench.pacer PORT RATE SECONDS DEVICES [FIRST [SITES]]``.

The instant of publishing rides in the payload as ``seq``: nanoseconds of the monotonic clock, which all processes of a machine
share. Prints one JSON object when the broker has acknowledged all: ``published`` and ``late_ms``, by how much the worst
reading left behind its time.
"""

import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from tests.campaigns.bench.messages import ACK_BYTES, CONNECT, PACKET_IDS, payload, publish_packet, topic

_BEGINS_AGAIN_S = 10_000_000


def pace(
    port: int,
    rate: int,
    seconds: float,
    topics: Sequence[bytes],
    first_device: int = 0,
    make: Callable[[int, int, int, float], bytes] = payload,
) -> dict[str, float]:
    """Publish ``rate`` readings a second; what the module says of the outcome."""
    readings, devices = round(rate * seconds), len(topics)
    late_ns = acknowledged_bytes = 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(CONNECT)
        connection.recv(ACK_BYTES)
        began_ns = time.perf_counter_ns()
        for at in range(readings):
            due_ns = began_ns + at * 1_000_000_000 // rate
            wait_ns = due_ns - time.perf_counter_ns()
            if wait_ns > 0:
                time.sleep(wait_ns / 1e9)
            now_ns = time.perf_counter_ns()
            late_ns = max(late_ns, now_ns - due_ns)
            device, time_ms = at % devices, time.time_ns() // 1_000_000
            turn = time_ms / 1000 % _BEGINS_AGAIN_S  # a second each: a register goes on where an earlier run left it
            packet = publish_packet(topics[device], at % PACKET_IDS + 1, make(time_ms, now_ns, first_device + device, turn))
            connection.sendall(packet)
            with suppress(BlockingIOError):
                acknowledged_bytes += len(connection.recv(65536, socket.MSG_DONTWAIT))
        while acknowledged_bytes < readings * ACK_BYTES:
            received = connection.recv(65536)
            if not received:
                raise SystemExit("the broker closed the pacer's connection")
            acknowledged_bytes += len(received)
    return {"published": readings, "late_ms": late_ns / 1e6}


if __name__ == "__main__":
    port, rate, seconds, devices, *first = sys.argv[1:]
    first_device, sites, *_ = *map(int, first), *(0, 1)[len(first) :]
    topics = [topic(first_device + number, sites) for number in range(int(devices))]
    sys.stdout.write(json.dumps(pace(int(port), int(rate), float(seconds), topics, first_device)) + "\n")
