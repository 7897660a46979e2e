"""Rates: counts of the last minutes and seconds and of durations, for the status page; and limits for stored rejects.

A flood of one fault of one device must not push out the rest.
"""

from bisect import bisect_left
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final

_MINUTE_S: Final = 60.0
_ORIGINS_SAID: Final = 3
RATES_KEPT: Final = 120
"""Seconds of rates that a page shows when it is opened."""

_MINUTE_MS: Final = 60_000
_PAIRS_MAX: Final = 10_000
_STRANGERS_SHARE: Final = 8
_REFILL_MS: Final = 4 * 3_600_000
_PREFIXES_MAX: Final = 1000


class RecentCounts:
    """Counts over a window of minutes, to the minute."""

    def __init__(self, minutes: int) -> None:
        self._minutes = minutes
        self._counts: deque[tuple[float, Counter[str]]] = deque()

    def count(self, key: str, now_s: float, number: int = 1) -> None:
        """Count one more, or ``count``."""
        minute = now_s // _MINUTE_S
        if not self._counts or self._counts[-1][0] != minute:
            self._forget(minute)
            self._counts.append((minute, Counter()))
        self._counts[-1][1][key] += number

    def counts(self, now_s: float) -> Counter[str]:
        """Count each."""
        self._forget(now_s // _MINUTE_S)
        return sum((counts for _, counts in self._counts), Counter())

    def _forget(self, minute: float) -> None:
        while self._counts and minute - self._counts[0][0] >= self._minutes:
            self._counts.popleft()


class RecentOrigins(RecentCounts):
    """Messages by the topic prefix that they came from."""

    def count_origins(self, origins: Counter[str], now_s: float) -> list[tuple[str, int]]:
        """Count the main origins, and the rest as one, since origins can be invented too; return the largest."""
        most = origins.most_common(_ORIGINS_SAID)
        for prefix, number in [*most, ("", origins.total() - sum(number for _, number in most))]:
            if number:
                self.count(prefix, now_s, number)
        return most


class Rates:
    """Readings received and written a second, over the last two minutes."""

    def __init__(self) -> None:
        self._received: deque[float] = deque(maxlen=RATES_KEPT)
        self._written: deque[float] = deque(maxlen=RATES_KEPT)
        self._before: tuple[float, int, int] | None = None

    def sample(self, now_s: float, received: int, written: int) -> None:
        """Take the counts of this moment, about a second after the last."""
        if self._before is not None and now_s > self._before[0]:
            then_s, received_then, written_then = self._before
            self._received.append(round((received - received_then) / (now_s - then_s), 1))
            self._written.append(round((written - written_then) / (now_s - then_s), 1))
        self._before = now_s, received, written

    def document(self) -> dict[str, list[float]]:
        """The rates of each second, the newest last."""
        return {"received": list(self._received), "written": list(self._written)}


@dataclass(slots=True)
class RateLimit:
    """Limit of ``per_minute`` for each device and reason."""

    per_minute: int = 20
    _minute: int = 0
    _taken: dict[tuple[str, str], int] = field(default_factory=dict)

    def allow(self, device: str, reason: str, now_ms: int) -> bool:
        """Tell if one more may be kept. False too for a device beyond the number of devices tracked in this minute."""
        minute = now_ms // _MINUTE_MS
        if minute != self._minute:
            self._minute = minute
            self._taken.clear()
        taken = self._taken.get((device, reason), 0)
        if taken >= self.per_minute or (not taken and len(self._taken) >= _PAIRS_MAX):
            return False
        self._taken[device, reason] = taken + 1
        return True


@dataclass(slots=True)
class Bucket:
    """Token bucket of bytes: many may be spent at once, and the bucket fills again with time."""

    most_bytes: int
    left_bytes: float = field(init=False)
    _at_ms: int = 0

    def __post_init__(self) -> None:
        self.left_bytes = self.most_bytes

    def fill(self, now_ms: int) -> None:
        """Add the tokens of the time since the last call."""
        elapsed_ms, self._at_ms = max(0, now_ms - self._at_ms), now_ms
        self.left_bytes = min(self.most_bytes, self.left_bytes + self.most_bytes * elapsed_ms / _REFILL_MS)


class StrangersRateLimit:
    """Byte limits for rejects of unregistered devices, in total and by topic prefix.

    Each invented name would have a quota of its own, and a flood of them would push out every other reject within minutes. So
    an eighth of the store is theirs at once, of which no prefix takes more than half, and that much again in four hours: what
    registered devices left stays for longer than a day.
    """

    def __init__(self, max_bytes: int) -> None:
        self._all = Bucket(max_bytes // _STRANGERS_SHARE)
        self._by_prefix: dict[str, Bucket] = {}

    def allow(self, prefix: str, size_bytes: int, now_ms: int) -> bool:
        """Tell if a reject of an unregistered device may be kept."""
        if prefix not in self._by_prefix and len(self._by_prefix) >= _PREFIXES_MAX:
            prefix = ""
        bucket = self._by_prefix.get(prefix)
        if bucket is None:
            bucket = self._by_prefix[prefix] = Bucket(self._all.most_bytes // 2)
        self._all.fill(now_ms)
        bucket.fill(now_ms)
        if min(bucket.left_bytes, self._all.left_bytes) <= 0:
            return False
        bucket.left_bytes -= size_bytes
        self._all.left_bytes -= size_bytes
        return True


DELIVERY_BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Histogram:
    """Counts by upper bound, in seconds."""

    bounds_s: tuple[float, ...] = DELIVERY_BUCKETS_S
    counts: list[int] = field(default_factory=list)
    sum_s: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds_s) + 1)

    def observe(self, seconds: float, times: int = 1) -> None:
        """Add ``times`` observations of ``seconds``."""
        self.counts[bisect_left(self.bounds_s, seconds)] += times
        self.sum_s += seconds * times
