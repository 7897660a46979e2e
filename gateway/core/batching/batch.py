"""Batches: points that travel together, with the acknowledgements owed for them, and the order in which these leave.

PUBACKs leave in the order of receipt [MQTT-4.6.0-2], so batches are acknowledged in the order in which they were begun: one
that is done waits for those before it. Acknowledgements end with their connection: after a reconnect identifiers may mean other
messages. While the first copy of a message still waits here, the broker sends it again; that copy is recognised by identifier
and content, is not processed, and its acknowledgement waits behind the first. RabbitMQ does not keep identifiers
[MQTT-4.4.0-1] but counts from 1 on each connection. There another message of equal bytes could have the identifier of a first
copy, so nothing is recognised, and what comes again carries bit 64.
"""

import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.core.message import Reading, Refusal

try:
    from isal.igzip import compress as _gzip
except ImportError:  # no wheel for this processor: the same format, at two to six times the cost
    from gzip import compress as _gzip  # type: ignore[assignment]

_LEVEL: Final = 1
_DENSE_LEVEL: Final = 6
_GZIP_WBITS: Final = 31
_READING_OVERHEAD_BYTES: Final = 120
"""Memory that Python needs beside the text of a reading."""


@dataclass(frozen=True, slots=True)
class Body:
    """Points, encoded once; ``pairs``: numbers, from 1, of the lines that belong to the reading before them, its health."""

    gzip: bytes
    readings: int
    domains: Counter[str]
    crc: int
    pairs: tuple[int, ...] = ()


def encode(readings: Sequence[Reading], *, dense: bool = False) -> Body:
    """The body of some readings. ``dense`` spends two microseconds a reading to save flash, for bodies that go to disk."""
    texts, pairs = [reading.lines for reading in readings], list[int]()
    for number, lines in enumerate(texts, start=2):
        if "\n" in lines:
            pairs.append(number + len(pairs))
    domains = Counter([reading.domain for reading in readings])
    text = "\n".join(texts).encode()
    body = zlib.compress(text, _DENSE_LEVEL, wbits=_GZIP_WBITS) if dense else _gzip(text, _LEVEL)
    return Body(body, len(texts), domains, zlib.crc32(body), tuple(pairs))


def packed(lines: Iterable[str]) -> bytes:
    """Points that no account has to know, ready to post: figures, reports, what is copied."""
    return _gzip("\n".join(lines).encode(), _LEVEL)


def joined(bodies: Sequence[Body]) -> bytes:
    """Several bodies as one that can be posted.

    Compressed again: a gzip file may have several members (RFC 1952, 2.2), but InfluxDB 3 reads the first one only, and answers
    as if it had read all.
    """
    if len(bodies) == 1:
        return bodies[0].gzip
    return _gzip(b"\n".join([zlib.decompress(body.gzip, wbits=_GZIP_WBITS) for body in bodies]), _LEVEL)


def text_of(body: Body) -> str:
    """The line protocol of a body."""
    return zlib.decompress(body.gzip, wbits=_GZIP_WBITS).decode()


def decode(body: Body) -> list[Reading]:
    """The readings of a body, in their order. Their domain is the measurement of their first line."""
    readings: list[Reading] = []
    if not body.readings:
        return readings
    pairs = frozenset(body.pairs)
    for number, text in enumerate(text_of(body).split("\n"), start=1):
        if number in pairs:
            readings[-1].lines += "\n" + text
        else:
            readings.append(Reading(text, text.partition(",")[0]))
    return readings


@dataclass(slots=True)
class Owed:
    """Messages of one connection that wait for their acknowledgement: identifiers and, in step, fingerprints."""

    connection: int
    packet_ids: list[int] = field(default_factory=list)
    fingerprints: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Batch:
    """Readings on their way, and the acknowledgements owed for them.

    A batch is done when nothing holds it any more: its readings are durable and its rejects are kept. It may still wait for
    others: the readings of a message whose codec is asked travel with a later batch, those of a flooding device with one that
    is kept apart. When neither is left, and the batches begun before it are acknowledged, so are its messages.

    :ivar owed: messages to acknowledge, by connection, in order of receipt.
    :ivar tells: called when its messages could be acknowledged: they came by another way than the broker.
    :ivar arrivals: monotonic instant, in s → how many readings arrived then.
    :ivar holds: number of its parts that are not durable yet: its readings, rejects, messages for the quarantine.
    :ivar asked: number of things elsewhere that it waits for: messages whose codec is asked, and batches that hold readings
        of its messages.
    :ivar behind: the batches that wait for this one, once for each message.
    """

    readings: list[Reading] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    owed: list[Owed] = field(default_factory=list)
    tells: list[Callable[[], None]] = field(default_factory=list)
    arrivals: dict[float, int] = field(default_factory=dict)
    size_bytes: int = 0
    holds: int = 1
    asked: int = 0
    behind: list["Batch"] = field(default_factory=list)
    row: int | None = None
    _body: Body | None = None

    def add(self, readings: list[Reading], arrival_s: float) -> int:
        """Add readings that arrived together; return the memory they take, in bytes."""
        self.readings += readings
        self.arrivals[arrival_s] = self.arrivals.get(arrival_s, 0) + len(readings)
        size_bytes = 0
        for reading in readings:
            size_bytes += len(reading.lines) + _READING_OVERHEAD_BYTES
        self.size_bytes += size_bytes
        return size_bytes

    @property
    def body(self) -> Body:
        """The encoded readings. From the first call on no reading may be added."""
        if self._body is None:
            self._body = encode(self.readings)
        return self._body

    @property
    def sealed(self) -> bool:
        """Tell if its body exists."""
        return self._body is not None


@dataclass(slots=True)
class Acknowledger:
    """The account of acknowledgements owed on the present connection, whose number grows by one with each."""

    connection: int = 0
    owed: int = 0
    _order: deque[Batch] = field(default_factory=deque)
    _first_copies: dict[int, int] = field(default_factory=dict)
    _oldest: int | None = None  # identifier of the oldest first copy, until the first message was sent again

    def begin(self, batch: Batch) -> None:
        """Begin a batch; it is acknowledged after all batches begun before it."""
        self._order.append(batch)

    def owe(self, batch: Batch, packet_id: int, fingerprint: int) -> None:
        """Add a message of the present connection, to be acknowledged with ``batch``, which must be the newest."""
        owed = batch.owed
        if not owed or owed[-1].connection != self.connection:
            owed.append(Owed(self.connection))
        last = owed[-1]
        last.packet_ids.append(packet_id)
        last.fingerprints.append(fingerprint)
        self.owed += 1

    def is_second_copy(self, packet_id: int, fingerprint: int) -> bool:
        """Tell if a message that is marked as sent before is one whose first copy still waits."""
        if self._oldest is not None:
            if packet_id == 1 != self._oldest:  # the broker sends the oldest first: it has numbered them anew
                self._first_copies.clear()
            self._oldest = None
        return bool(self._first_copies) and self._first_copies.get(packet_id) == fingerprint

    def connected(self, *, session_present: bool) -> None:
        """Begin a new connection. Without the old session nothing is sent again, and its identifiers become invalid."""
        self.connection += 1
        self.owed = 0
        self._first_copies.clear()
        for batch in self._order:
            if not session_present:
                batch.owed.clear()
            for owed in batch.owed:
                self._first_copies.update(zip(owed.packet_ids, owed.fingerprints, strict=True))
        self._oldest = next(iter(self._first_copies), None)

    def disconnected(self) -> None:
        """Forget the connection that ended, and the acknowledgements owed on it."""
        self.connection += 1
        self.owed = 0

    def unfinished(self) -> list[Batch]:
        """The batches that hold anything now which is not acknowledged yet."""
        return [
            batch
            for batch in self._order
            if batch.readings or batch.refusals or batch.owed or batch.asked or batch.behind or batch.tells
        ]

    def has_any(self, batches: list[Batch]) -> bool:
        """Tell if one of some batches is not acknowledged yet."""
        return any(batch in self._order for batch in batches)

    def release(self) -> list[int]:
        """Identifiers to acknowledge now, in order: those of the batches that are done. Other bringers are told."""
        ready: list[int] = []
        while self._order and not (self._order[0].holds or self._order[0].asked):
            batch = self._order.popleft()
            for tell in batch.tells:
                tell()
            for owed in batch.owed:
                if owed.connection == self.connection:
                    ready += owed.packet_ids
                elif self._first_copies:
                    for packet_id, fingerprint in zip(owed.packet_ids, owed.fingerprints, strict=True):
                        if self._first_copies.get(packet_id) == fingerprint:
                            del self._first_copies[packet_id]
        self.owed -= len(ready)
        return ready
