"""Batches: points that travel together, with the acknowledgements owed for them."""

import zlib
from collections import Counter
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
    """Encoded points, posted and stored as they are: encoded once.

    :ivar pairs: numbers, from 1, of the lines that belong to the reading before them: its device health.
    """

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
