"""Parts of every connection to the broker: its address, the messages that wait, acknowledgements, retries.

A message stays with its connection until its PUBACK; a connection that is lost is made again, with growing pauses, and what was
not acknowledged is published again. A repeated reading carries the same ts, so it is the same point.
"""

import asyncio
import random
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from firmware_sim.outgoing import OutgoingMessage

ANSWER_S: Final = 10.0
"""How long the broker may take to answer."""
KEEPALIVE_S: Final = 30
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class BrokerAccess:
    """The broker's address and credentials."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    @classmethod
    def parse(cls, url: str, ca: str | None = None) -> "BrokerAccess":
        """The broker at ``mqtt://[user:password@]host[:port]``, or ``mqtts://`` for TLS.

        :raises ValueError: with a sentence for people.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise ValueError(f"{url}: write mqtt://host:1883 or mqtts://host:8883")
        if parts.path.strip("/"):
            raise ValueError(f"{url}: a broker has no path ({parts.path})")
        secure = parts.scheme == "mqtts"
        try:
            port = parts.port or (8883 if secure else 1883)
        except ValueError as error:
            raise ValueError(f"{url}: {error}") from None
        try:
            tls = ssl.create_default_context(cafile=ca) if secure else None
        except OSError as error:
            raise ValueError(f"{url}: the certificate authority {ca}: {error.strerror or error}") from None
        username, password = (unquote(text) if text else None for text in (parts.username, parts.password))
        return cls(parts.hostname, port, username, password, tls)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


@dataclass(slots=True)
class FateTally:
    """Counts of readings by their fate so far."""

    measured: int = 0
    acknowledged: int = 0
    lost: int = 0
    refused: int = 0
    by_domain: Counter[str] = field(default_factory=Counter)

    @property
    def waiting(self) -> int:
        """Readings the broker has not acknowledged yet."""
        return self.measured - self.acknowledged - self.lost - self.refused


def pauses(chance: random.Random) -> Iterator[float]:
    """Seconds between one attempt to connect and the next: doubling, none like the other, at most LONGEST_PAUSE_S."""
    pause_s = FIRST_PAUSE_S
    while True:
        yield pause_s * chance.uniform(0.5, 1.0)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


class Link(Protocol):
    """A connection of one or more devices."""

    waiting: deque[OutgoingMessage]
    connected: asyncio.Event
    trouble: str

    def put(self, message: OutgoingMessage) -> None:
        """Take a message to send."""

    def reach(self, *, is_online: bool) -> None:
        """Tell it if the device has a network; a connection that others share too stands in any case."""

    def close(self) -> None:
        """No more messages will come: end once all are acknowledged."""

    async def run(self) -> None:
        """Keep the connection and send, until closed."""


def now_ms() -> int:
    """Return the time, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Account:
    """State that links share: the tally, the limit on waiting messages, the receiver of PUBACKs, and the time."""

    tally: FateTally
    on_acknowledged: Callable[[OutgoingMessage, int], None]
    limit: int
    now_ms: Callable[[], int] = now_ms

    def admit(self, message: OutgoingMessage, held: int) -> bool:
        """Tell if a link that holds ``held`` messages may take one more: a device whose memory is full keeps what it has."""
        self.tally.measured += len(message.rows)
        if held >= self.limit:
            self.tally.lost += len(message.rows)
            return False
        return True

    def acknowledged(self, message: OutgoingMessage) -> None:
        """The broker has it."""
        self.tally.acknowledged += len(message.rows)
        self.tally.by_domain[message.domain] += len(message.rows)
        self.on_acknowledged(message, self.now_ms())

    def refused(self, message: OutgoingMessage) -> None:
        """The broker does not want it, and says so."""
        self.tally.refused += len(message.rows)
