"""Everybody who means harm, at once: ``python -m tests.system.besiegers HTTP-PORT MQTT-PORT [ATTACK]``, until its input ends.

A program of its own, so that what it costs is not paid by those who measure. Each attack goes on at its own pace and from an
address of its own; in the end it prints as JSON how often each was carried out. One that is named goes on alone.
"""

import json
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.system.door import RESET_AT_CLOSE
from tests.system.makes import Frame

BURST: Final = 200
"""Connections that come at once."""
_HELD_S: Final = 0.05
LARGE_BYTES: Final = 240_000
CODEC_PORTS: Final = range(100, 106)
"""LoRaWAN ports of the devices ``bad-PORT``, whose codecs are hostile."""
_HOSTILE_HEADERS: Final = [
    b"Authorization: Bearer \xff\xfe\x80",
    b"Cookie: gateway_session=\xff; \xc3\x28=1",
    b"X: " + b"a" * 9000,
    b"\x00\xff",
]
_PATIENCE_S: Final = 2.0


@dataclass(frozen=True)
class Target:
    """The two doors of a gateway: its pages, and its broker."""

    port: int
    broker: paho.Client

    def send(self, source: str, data: bytes) -> None:
        """Send bytes to the pages from an address of this machine, and look at the beginning of the answer."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), _PATIENCE_S, (source, 0)) as connection:
            connection.sendall(data)
            connection.recv(4096)

    def ask(self, source: str, head: str, *headers: bytes, body: bytes = b"") -> None:
        """Send a request."""
        lines = [head.encode() + b" HTTP/1.1", b"Connection: close", b"Content-Length: %d" % len(body), *headers]
        self.send(source, b"\r\n".join([*lines, b"", body]))

    @property
    def host(self) -> bytes:
        """The header that names the gateway as it names itself."""
        return b"Host: 127.0.0.1:%d" % self.port

    def publish(self, device: str, payload: bytes, site: str = "site") -> None:
        """Publish as a device."""
        self.broker.publish(f"iot/v1/{site}/water/{device}/readings", payload, qos=1)


def flood_connections(target: Target, _: int) -> None:
    """Open many connections at once, and break them."""
    with ExitStack() as opened, suppress(OSError):
        for _ in range(BURST):
            connection = opened.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            connection.bind(("127.0.1.1", 0))
            connection.setblocking(False)  # noqa: FBT003 - as sockets have it
            connection.connect_ex(("127.0.0.1", target.port))
        time.sleep(_HELD_S)


def invent_ids(target: Target, number: int) -> None:
    """Send a sound reading under a name that nobody knows."""
    target.publish(f"invented-{number}", b'{"flow_m3_h": 1.5}', site="flooded")


def send_large(target: Target, number: int) -> None:
    """Send a message of the largest size, not a reading, under a new name each time."""
    target.publish(f"large-{number}", b"[" + os.urandom(LARGE_BYTES // 2).hex().encode(), site="large")


def send_hostile_headers(target: Target, number: int) -> None:
    """Send headers that are no text, or none at all."""
    bad = [
        b"Authorization: Bearer \xff\xfe\x80",
        b"Cookie: gateway_session=\xff; \xc3\x28=1",
        b"X: " + b"a" * 9000,
        b"\x00\xff",
    ]
    target.ask("127.0.1.2", "GET /api/status", target.host, bad[number % len(bad)])


def guess_token(target: Target, number: int) -> None:
    """Try a token."""
    form = b"Content-Type: application/x-www-form-urlencoded"
    origin = b"Origin: http://127.0.0.1:%d" % target.port
    target.ask("127.0.1.3", "POST /login", target.host, origin, form, body=b"token=guess-%d" % number)


def post_from_elsewhere(target: Target, number: int) -> None:
    """Send a change from a page of another site, or by another name of this one."""
    names = [target.host, b"Host: evil.example"]
    target.ask("127.0.1.4", "POST /api/rejects/purge", names[number % 2], b"Origin: http://evil.example")


def run_codecs(target: Target, number: int) -> None:
    """Send a frame of a device with a hostile codec."""
    port = CODEC_PORTS[number % len(CODEC_PORTS)]
    frame = Frame(f"bad-{port}", number, time.time_ns() // 1_000_000, number % 1000, port)
    target.broker.publish(frame.topic, frame.payload(frame.two_bytes), qos=1)


def repeat_keys(target: Target, number: int) -> None:
    """Say two things under one name."""
    target.publish("twice", b'{"seq": %d, "flow_m3_h": 1, "flow_m3_h": 2}' % number)


def send_control_characters(target: Target, number: int) -> None:
    """Send what would move the cursor of who reads it."""
    target.publish("escapes", b'{"seq": %d, "\\u001b[2J\\u0007": "\\u009b31m\\r\\n<script>"}' % number)


ATTACKS: Final[dict[Callable[[Target, int], None], float]] = {
    flood_connections: 4.0,
    invent_ids: 100.0,
    send_large: 4.0,
    send_hostile_headers: 20.0,
    guess_token: 10.0,
    post_from_elsewhere: 10.0,
    run_codecs: 5.0,
    repeat_keys: 20.0,
    send_control_characters: 20.0,
}
"""Attack → how often a second."""


@dataclass
class Siege:
    """All of them, each in a thread.

    :ivar done: how often each was carried out.
    """

    target: Target
    done: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def go_on(self, attack: Callable[[Target, int], None], every_s: float) -> None:
        """Carry out one, until it is over; what is late is not caught up."""
        while not self.over.wait(every_s * random.uniform(0.5, 1.5)):  # noqa: S311 - only so that they do not fall together
            attack(self.target, self.done[attack.__name__])
            self.done[attack.__name__] += 1


def main(http_port: int, mqtt_port: int, only: str = "") -> None:
    """Besiege."""
    broker = paho.Client(CallbackAPIVersion.VERSION2, client_id="besieger")
    broker.max_inflight_messages_set(1000)
    broker.connect("127.0.0.1", mqtt_port)
    broker.loop_start()
    siege = Siege(Target(http_port, broker))
    chosen = {attack: rate for attack, rate in ATTACKS.items() if only in {"", attack.__name__}}
    threads = [threading.Thread(target=siege.go_on, args=(attack, 1 / rate)) for attack, rate in chosen.items()]
    for thread in threads:
        thread.start()
    print("they begin", flush=True)  # noqa: T201 - for who started it
    sys.stdin.read()
    siege.over.set()
    for thread in threads:
        thread.join()
    broker.disconnect()
    broker.loop_stop()
    print(json.dumps(siege.done))  # noqa: T201 - for who started it


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
