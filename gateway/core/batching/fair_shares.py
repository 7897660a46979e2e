"""Fair shares: which devices send so much, and which codecs take so long, that they would starve the others.

Devices are counted at next to no cost: of a large chunk the topics of some messages, each with the number of messages it stands
for. Over some seconds that estimates how many come on each topic. A topic floods when all of this holds:

- it was counted at least 10 times, and at least a tenth of all times, so that no few large chunks make a flood;
- at least 100 messages a second come on it;
- they are at least a tenth of all;
- they are at least 20 times as many as on the median of the other topics. Without other topics, nobody is starved.

Few large messages fill a broker's queue as well. So a topic floods too with 48 kB a second over some seconds, or with 400 kB at
once, until it is down to 16: less than ``deploy/nftables`` lets through on a connection, and more than a day's readings of each
minute.

A device that is meant to send much is named too; nothing else happens to it while InfluxDB keeps up
(:mod:`gateway.ingest.delivery.flood_queue`).

Messages for an overloaded codec wait on disk and delay no others: a message that waits for an answer is not acknowledged, and a
broker hands over only a limited number of those. All codecs share one queue. When its head has waited too long, the cause is
the codecs that fill at least their share of it.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from math import exp, inf
from statistics import median_low
from typing import Final

from schemas.topics import parse_topic

_COUNTED_LEAST: Final = 10
_PER_S_LEAST: Final = 100.0
_SHARE_LEAST: Final = 0.1
_TIMES_OTHERS_LEAST: Final = 20
_COUNTED_MAX: Final = 20_000
_OVER_S: Final = 8.0
_FLOOD_BYTES_S: Final = 48_000.0
_ENDED_BYTES_S: Final = 16_000.0
_FORGOTTEN_BYTES_S: Final = 4_000.0
_SOME_MOST_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Flood:
    """Messages on one topic that would starve the others: how many a second, their share of all, 0 to 1; or their size."""

    topic: str
    per_s: float
    share: float
    bytes_per_s: float = 0.0

    @property
    def device(self) -> str:
        """The device; empty if the topic does not name one."""
        parts = parse_topic(self.topic)
        return "" if parts is None else parts.device

    @property
    def who(self) -> str:
        """The device, or the topic if it does not name one."""
        return f"device {self.device}" if self.device else f"topic {self.topic[:200]}"

    def describe(self) -> str:
        """Describe the fault for people."""
        if self.bytes_per_s:
            return f"{self.who} sends about {self.bytes_per_s / 1000:,.0f} kB a second: check the device"
        return f"{self.who} sends about {self.per_s:,.0f} messages a second, {self.share:.0%} of all: check the device"


@dataclass(slots=True)
class _ByteRates:
    """Bytes a second by topic, over about the last eight seconds; of topics that sent much in one."""

    _rates: dict[str, float] = field(default_factory=dict)
    _flooding: set[str] = field(default_factory=set)

    def find(self, sizes: Counter[str], seconds: float) -> list[Flood]:
        """Add what came in so many seconds; return who floods, the worst first."""
        kept = exp(-seconds / _OVER_S)
        share = (1 - kept) / seconds
        rates = {topic: rate * kept for topic, rate in self._rates.items() if rate >= _FORGOTTEN_BYTES_S}
        for topic, size_bytes in sizes.items():
            if topic in rates or size_bytes * share >= _FORGOTTEN_BYTES_S:
                rates[topic] = rates.get(topic, 0.0) + size_bytes * share
        least = {topic: _ENDED_BYTES_S if topic in self._flooding else _FLOOD_BYTES_S for topic in rates}
        self._rates, self._flooding = rates, {topic for topic, rate in rates.items() if rate >= least[topic]}
        return [Flood(topic, 0.0, 0.0, rates[topic]) for topic in sorted(self._flooding, key=lambda topic: -rates[topic])]


@dataclass(slots=True)
class Floods:
    """Messages and bytes counted by topic since the last check."""

    _counted: deque[tuple[str, int, int]] = field(default_factory=lambda: deque(maxlen=_COUNTED_MAX))
    _rates: _ByteRates = field(default_factory=_ByteRates)

    def count(self, topic: str, messages: int, size_bytes: int = 0) -> None:
        """Count a message of this size on ``topic``, which stands for so many.

        They need not be of its size. So a large one among many small ones stands for no more than 64 KiB or itself.
        """
        all_bytes = messages * size_bytes
        self._counted.append((topic, messages, min(all_bytes, max(size_bytes, _SOME_MOST_BYTES))))

    def find(self, seconds: float) -> list[Flood]:
        """Return who flooded in the ``seconds`` since the last check, the worst first, and reset the counts."""
        notes, messages, sizes = Counter(topic for topic, _, _ in self._counted), Counter[str](), Counter[str]()
        for topic, number, size_bytes in self._counted:
            messages[topic] += number
            sizes[topic] += size_bytes
        self._counted.clear()
        many = _by_number(notes, messages, seconds)
        named = {flood.topic for flood in many}
        return many + [flood for flood in self._rates.find(sizes, seconds) if flood.topic not in named]


def _by_number(notes: Counter[str], messages: Counter[str], seconds: float) -> list[Flood]:
    """The floods of messages, by how often each topic was noted, and for how many messages."""
    enough = max(_PER_S_LEAST * seconds, _SHARE_LEAST * messages.total())
    often_enough = max(_COUNTED_LEAST, _SHARE_LEAST * notes.total())
    return [
        Flood(topic, number / seconds, number / messages.total())
        for topic, number in messages.most_common(round(1 / _SHARE_LEAST))
        if number >= enough and notes[topic] >= often_enough and number >= _TIMES_OTHERS_LEAST * _usual(messages, topic)
    ]


def _usual(messages: Counter[str], topic: str) -> float:
    """The median count over the other topics."""
    others = [number for other, number in messages.items() if other != topic]
    return median_low(others) if others else inf


PATIENCE_S: Final = 0.2


class CodecBackpressure:
    """All codec calls that are not answered yet."""

    def __init__(self) -> None:
        self._asked: dict[int, tuple[str, float]] = {}
        self._count: Counter[str] = Counter()
        self._behind: set[str] = set()
        self._last_number = 0

    def may_ask(self, codec: str, now_s: float) -> bool:
        """Tell if one more call of ``codec`` would be answered soon."""
        if self._asked and codec not in self._behind:
            _, oldest_s = next(iter(self._asked.values()))
            if now_s - oldest_s > PATIENCE_S and self._count[codec] * len(self._count) >= len(self._asked):
                self._behind.add(codec)
        return codec not in self._behind

    def ask(self, codec: str, now_s: float) -> int:
        """Register a call; return its number, for :meth:`answered`."""
        self._last_number += 1
        self._asked[self._last_number] = codec, now_s
        self._count[codec] += 1
        return self._last_number

    def answered(self, number: int) -> bool:
        """Note an answer; return True if its codec has caught up with that and may be called again."""
        codec, _ = self._asked.pop(number)
        self._count[codec] -= 1
        if self._count[codec]:
            return False
        del self._count[codec]
        caught_up = codec in self._behind
        self._behind.discard(codec)
        return caught_up


def to_give_up(held: Mapping[str, int], most: int) -> Counter[str]:
    """Share out who gives up how much so that all together hold ``most``: always the one that holds the most, one by one."""
    over, given_up = sum(held.values()) - most, Counter[str]()
    if over <= 0:
        return given_up
    largest = [(-number, name) for name, number in held.items()]
    heapify(largest)
    for _ in range(over):
        number, name = largest[0]
        heapreplace(largest, (number + 1, name))
        given_up[name] += 1
    return given_up
