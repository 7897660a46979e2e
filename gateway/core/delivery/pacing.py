"""Pacing of writes to InfluxDB: when the next may start, and how many may be in flight."""

from dataclasses import dataclass
from typing import Final

SLOW_ANSWER_S: Final = 0.1
_LANES_WHEN_SLOW: Final = 4
_MEAN_OF: Final = 8


@dataclass(slots=True)
class Pacing:
    """Balance of delay against CPU and flash, as long as InfluxDB answers quickly.

    After a write of n readings the next starts ``min(max_delay, n * 5 ms)`` after its start: few readings wait little, many
    share a write; after a pause the first goes at once. One write is under way at a time.

    While answers take long, up to four are. They start evenly apart: together they would all be answered, and start again,
    together, and readings would wait as long as an answer takes.

    On a link with a budget a write starts when the one before it has had its time on the link
    (:mod:`gateway.core.delivery.link_budget`).
    """

    max_delay_s: float
    _started_s: float = 0.0
    _delay_s: float = 0.0
    _answer_s: float = 0.0
    _link_s: float = 0.0

    PER_READING_S: Final = 0.005

    def started(self, readings: int, now_s: float, link_s: float = 0.0) -> None:
        """A write of ``readings`` started, which has the link for ``link_s``."""
        self._link_s = link_s
        self._started_s = now_s
        self._delay_s = min(self.max_delay_s, readings * self.PER_READING_S)

    def answered(self, seconds: float) -> None:
        """Note how long a write took to be answered."""
        self._answer_s += (seconds - self._answer_s) / _MEAN_OF

    def lanes(self, waited_s: float) -> int:
        """The number of writes that may be under way.

        :param waited_s: the time for which the oldest write under way has waited for its answer.
        """
        return _LANES_WHEN_SLOW if max(self._answer_s, waited_s) > SLOW_ANSWER_S else 1

    def wait_s(self, now_s: float, waited_s: float = 0.0, *, under_pressure: bool = False) -> float:
        """Seconds until the next write may start; 0 or less: now.

        :param under_pressure: do not space it from the writes in flight.
        """
        answer_s = max(self._answer_s, waited_s)
        apart_s = answer_s / _LANES_WHEN_SLOW if answer_s > SLOW_ANSWER_S else 0.0
        spaced_s = 0.0 if under_pressure else max(apart_s, self._link_s)
        return self._started_s + max(self._delay_s, spaced_s) - now_s
