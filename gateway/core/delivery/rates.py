"""Counts of the last minutes and rates of the last seconds, for the status page."""

from collections import Counter, deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

Counted = TypeVar("Counted", bound=Hashable)

_MINUTE_S: Final = 60.0
_ORIGINS_SAID: Final = 3
RATES_KEPT: Final = 120
"""Seconds of rates that a page shows when it is opened."""


class RecentCounts(Generic[Counted]):
    """Counts over a window of minutes, to the minute."""

    def __init__(self, minutes: int) -> None:
        self._minutes = minutes
        self._counts: deque[tuple[float, Counter[Counted]]] = deque()

    def count(self, key: Counted, now_s: float, number: int = 1) -> None:
        """Count one more, or ``count``."""
        minute = now_s // _MINUTE_S
        if not self._counts or self._counts[-1][0] != minute:
            self._forget(minute)
            self._counts.append((minute, Counter()))
        self._counts[-1][1][key] += number

    def counts(self, now_s: float) -> Counter[Counted]:
        """Count each."""
        self._forget(now_s // _MINUTE_S)
        return sum((counts for _, counts in self._counts), Counter())

    def _forget(self, minute: float) -> None:
        while self._counts and minute - self._counts[0][0] >= self._minutes:
            self._counts.popleft()


class RecentOrigins(RecentCounts[str]):
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
