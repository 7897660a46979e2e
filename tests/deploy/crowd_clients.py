"""Clients of a crowded broker, each kind a process of its own: ``python -m tests.deploy.crowd_clients TASK`` (crowd.py).

They speak MQTT 3.1.1 over TLS by themselves. Honest ones write into a ledger what the broker has confirmed to them: a line of
device, time and value for each reading. Whoever judges compares that with what the database holds.
"""

import asyncio
import csv
import json
import random
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

BACKLOG = 60
"""Readings of each meter that comes back: one of each minute."""

_NAME = "localhost"
_CONNACK = b"\x20\x02\x00\x00"
_ACK_BYTES = 4
_WRITE_BYTES = 16_384
_MINUTE_MS = 60_000
_PATIENCE_S = 120.0
_ENDED = (OSError, asyncio.IncompleteReadError)


@dataclass(frozen=True)
class Task:
    """Work for clients.

    :ivar authority: who signed the broker's certificate.
    :ivar accounts: the table that `gateway devices enroll` wrote; they have those from ``first`` to before ``last``.
    :ivar together: readings in a message of a backlog.
    :ivar size_bytes: of a flooder's message.
    :ivar messages_each: a flooder comes again after so many; 0: it stays.
    """

    kind: str
    host: str
    port: int
    authority: str
    accounts: str
    first: int
    last: int
    ledger: str = ""
    seconds: int = 0
    together: int = BACKLOG
    size_bytes: int = 240_000
    messages_each: int = 0

    @property
    def context(self) -> ssl.SSLContext:
        """As devices have it."""
        return ssl.create_default_context(cafile=self.authority)


@dataclass(frozen=True)
class Account:
    """A device's name and password."""

    name: str
    password: str

    @property
    def topic(self) -> bytes:
        """Its own."""
        return f"iot/v1/ward-1/water/{self.name}/readings".encode()

    @property
    def connect(self) -> bytes:
        """A clean session, without keep-alive."""
        words = (self.name, self.name, self.password)
        body = b"\x00\x04MQTT\x04\xc2\x00\x00" + b"".join(struct.pack(">H", len(word)) + word.encode() for word in words)
        return b"\x10" + _length(len(body)) + body


def _length(size: int) -> bytes:
    found = bytearray()
    while size > 0x7F:
        found.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*found, size])


def publish(topic: bytes, packet_id: int, payload: bytes) -> bytes:
    """A PUBLISH at QoS 1."""
    body = struct.pack(">H", len(topic)) + topic + struct.pack(">H", packet_id) + payload
    return b"\x32" + _length(len(body)) + body


@dataclass(frozen=True)
class Reading:
    """A reading of a device; each of a device has a number of its own."""

    device: str
    time_ms: int
    number: int

    @property
    def volume_m3(self) -> float:
        """Its value."""
        return self.number + 0.5


@dataclass(frozen=True)
class Due:
    """Readings that are sent in one message at a time."""

    readings: Sequence[Reading]
    due_s: float

    @property
    def payload(self) -> bytes:
        """As a device writes it."""
        documents = [{"ts": one.time_ms, "seq": one.number, "volume_m3": one.volume_m3} for one in self.readings]
        return json.dumps(documents[0] if len(documents) == 1 else documents).encode()


@dataclass
class Honest:
    """A device that waits for confirmations, comes again when its connection ends, and repeats what was not confirmed."""

    task: Task
    account: Account
    context: ssl.SSLContext
    ledger: IO[str]
    connections: int = 0
    delays_s: list[float] = field(default_factory=list)

    async def send(self, messages: list[Due]) -> None:
        """Send each message once its time has come, whatever of the earlier ones is confirmed."""
        left = dict(enumerate(messages, start=1))
        while left:
            with suppress(*_ENDED):
                await self._connect(left)
            if left:
                await asyncio.sleep(random.uniform(1.0, 3.0))  # noqa: S311 - no secret

    async def _connect(self, left: dict[int, Due]) -> None:
        task = self.task
        connecting = asyncio.open_connection(
            task.host, task.port, ssl=self.context, server_hostname=_NAME, ssl_handshake_timeout=_PATIENCE_S
        )
        reader, writer = await asyncio.wait_for(connecting, _PATIENCE_S)
        try:
            writer.write(self.account.connect)
            if await reader.readexactly(len(_CONNACK)) != _CONNACK:
                raise SystemExit(f"{self.account.name} was refused")
            self.connections += 1
            await self._converse(reader, writer, left)
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: dict[int, Due]) -> None:
        sending = asyncio.create_task(self._publish(writer, dict(left)))
        try:
            while left:
                (packet_id,) = struct.unpack(">H", (await reader.readexactly(_ACK_BYTES))[2:])
                confirmed = left.pop(packet_id)
                self.delays_s.append(time.time() - confirmed.due_s)
                for one in confirmed.readings:
                    self.ledger.write(json.dumps([one.device, one.time_ms, one.volume_m3]) + "\n")
        finally:
            sending.cancel()

    async def _publish(self, writer: asyncio.StreamWriter, left: dict[int, Due]) -> None:
        for packet_id, message in left.items():
            await asyncio.sleep(max(0.0, message.due_s - time.time()))
            writer.write(publish(self.account.topic, packet_id, message.payload))
            await writer.drain()


def _steady(task: Task, name: str, share: float, now_s: float) -> Iterator[Due]:
    """A reading a second, those of all devices spread over the second."""
    for number in range(task.seconds):
        due_s = now_s + 1 + share + number
        yield Due([Reading(name, int(due_s * 1000), number)], due_s)


def _backlog(task: Task, name: str, _: float, now_s: float) -> Iterator[Due]:
    """The readings of the last hour, at once."""
    first_ms = int(now_s * 1000) - BACKLOG * _MINUTE_MS
    readings = [Reading(name, first_ms + number * _MINUTE_MS, number) for number in range(BACKLOG)]
    for at in range(0, BACKLOG, task.together):
        yield Due(readings[at : at + task.together], now_s)


_HONEST = {"steady": _steady, "backlog": _backlog}


async def _send_all(task: Task, accounts: list[Account], ledger: IO[str]) -> list[Honest]:
    """All devices of a kind at the same instant."""
    now_s, context = time.time(), task.context
    devices = [Honest(task, account, context, ledger) for account in accounts]
    messages = [list(_HONEST[task.kind](task, one.account.name, at / len(devices), now_s)) for at, one in enumerate(devices)]
    await asyncio.gather(*(device.send(some) for device, some in zip(devices, messages, strict=True)))
    return devices


def _flood(task: Task, account: Account, ends_s: float) -> None:
    """Send messages, and wait for nothing; come again when the connection ends."""
    packet = publish(account.topic, 1, b"z" * task.size_bytes)
    many = packet if task.messages_each else packet * max(1, _WRITE_BYTES // len(packet))
    while time.time() < ends_s:
        with (
            suppress(OSError),
            socket.create_connection((task.host, task.port), timeout=_PATIENCE_S) as plain,
            task.context.wrap_socket(plain, server_hostname=_NAME) as connection,
        ):
            connection.sendall(account.connect)
            connection.recv(_ACK_BYTES)
            left = task.messages_each or -1
            while left and time.time() < ends_s:
                left -= 1
                connection.settimeout(max(0.1, ends_s - time.time()))
                connection.sendall(many)


def main(task: Task) -> None:
    """Do it, and print what came of it."""
    with Path(task.accounts).open(encoding="utf-8") as opened:
        accounts = [Account(row["device"], row["password"]) for row in csv.DictReader(opened)][task.first : task.last]
    began_s = time.time()
    if task.kind == "flood":
        threads = [threading.Thread(target=_flood, args=(task, one, began_s + task.seconds), daemon=True) for one in accounts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(task.seconds + 10)
        return
    with Path(task.ledger).open("w", encoding="utf-8") as ledger:
        devices = asyncio.run(_send_all(task, accounts, ledger))
    delays_s = sorted(delay_s for device in devices for delay_s in device.delays_s)
    found = {
        "began_s": began_s,
        "ended_s": time.time(),
        "connections": sum(device.connections for device in devices),
        "p50_s": delays_s[len(delays_s) // 2],
        "longest_s": delays_s[-1],
    }
    print(json.dumps(found))  # noqa: T201 - its result


if __name__ == "__main__":
    main(Task(**json.loads(sys.argv[1])))
