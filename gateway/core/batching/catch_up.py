"""Catch-up: how much of InfluxDB the backlog may take while live readings go first, and how far it has come.

Theory of operation
-------------------
The drain lane has one write in flight. Two things are controlled: how many readings it holds, and the pause before the next,
as in background transport over a network (LEDBAT, RFC 6817): the backlog uses the capacity that live readings leave, and yields
when they begin to wait.

The signal is by how much answers to live writes take longer than usual. Usual is the quickest answer since the catch-up began,
so a database that is far away is not taken for one that is busy. While answers are in time the next write grows: twofold at
first, from a few readings on, then by a step. When they are late the next write holds half; when it cannot shrink further
the pause grows. Neither passes its bound, so a backlog always ends.

The answers to our own writes tell sooner, but less: a database with one worker keeps live writes waiting as long as ours take,
one with several does not. So they end the doubling, and only those that are far too late shrink the next write.
"""

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Final

_FIRST_READINGS: Final = 200
_STEP_READINGS: Final = 250
_LATE_S: Final = 0.1
_OWN_LATE_S: Final = 0.3
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 0.5
_FORGETTING: Final = 1 / 16
_SPREAD_MAX_S: Final = 2.0
_SPREAD_OF_OUTAGE: Final = 0.2


def start_pause_s(away_s: float, jitter: float) -> float:
    """The wait before the drain after an outage; ``jitter``, in [0, 1), for all gateways see InfluxDB return at once."""
    return jitter * min(_SPREAD_MAX_S, away_s * _SPREAD_OF_OUTAGE)


@dataclass(slots=True)
class DrainShare:
    """Share of InfluxDB's capacity for the drain lane. Each catch-up begins with a new one.

    :ivar most: readings that a write may ever hold.
    :ivar readings: readings that the next write may hold; a row that holds more goes alone.
    """

    most: int
    readings: int = _FIRST_READINGS
    pause_s: float = 0.0
    _usual_s: float = inf
    _doubling: bool = True

    def __post_init__(self) -> None:
        self.readings = min(self.readings, self.most)

    def written(self, answer_s: float, live_s: float | None, *, held_up: bool = False) -> None:
        """Note that InfluxDB took a write.

        :param live_s: the mean of that time for the live writes that were answered meanwhile; None: none was.
        :param held_up: true if live writes were so slow that their readings went to the journal.
        """
        self._learn(answer_s if live_s is None else min(answer_s, live_s))
        live_late_s = 0.0 if live_s is None else live_s - self._usual_s
        own_late_s = answer_s - self._usual_s
        self._doubling = self._doubling and own_late_s <= _LATE_S
        if held_up or live_late_s > _LATE_S or own_late_s > _OWN_LATE_S:
            self._shrink()
        else:
            self._grow()

    def _learn(self, answer_s: float) -> None:
        """The usual answer is the quickest seen. Where even the smallest share does not restore it, it has become another."""
        self._usual_s = min(self._usual_s, answer_s)
        if self.pause_s >= _LONGEST_PAUSE_S:
            self._usual_s += (answer_s - self._usual_s) * _FORGETTING

    def _shrink(self) -> None:
        self._doubling = False
        least = min(_FIRST_READINGS, self.most)
        if self.readings > least:
            self.readings = max(least, self.readings // 2)
        else:
            self.pause_s = min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, self.pause_s * 2))

    def _grow(self) -> None:
        if self.pause_s:
            self.pause_s = self.pause_s / 2 if self.pause_s > _FIRST_PAUSE_S else 0.0
            return
        self.readings = min(self.most, self.readings * 2 if self._doubling else self.readings + _STEP_READINGS)

    def put_off(self) -> None:
        """InfluxDB could not take a write now: start again with a few readings."""
        self.readings, self._doubling = min(_FIRST_READINGS, self.most), True

    def refused(self) -> None:
        """InfluxDB refused something in a write of several rows: rows go one at a time until some succeed."""
        self.readings, self._doubling = 1, True

    def too_large(self, readings: int) -> None:
        """A write of several rows was larger than InfluxDB accepts."""
        self.most = max(1, readings // 2)
        self.readings = min(self.readings, self.most)


_WINDOW_S: Final = 10.0
_GRAIN_S: Final = 0.25
_MARKS_MIN: Final = 3
"""Marks that are kept although they are older: behind a small budget of the link writes are further apart."""


@dataclass(slots=True)
class Progress:
    """Progress of a backlog: the readings since the journal was last empty, and when, on a monotonic clock, they began."""

    brought_in: int = 0
    began_s: float | None = None
    _marks: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, readings: int, now_s: float) -> None:
        """Add readings that came in."""
        if self.began_s is None:
            self.began_s = now_s
        if not self._marks or now_s - self._marks[-1][0] >= _GRAIN_S:
            self._marks.append((now_s, self.brought_in))
        while now_s - self._marks[0][0] > _WINDOW_S and len(self._marks) > _MARKS_MIN:
            self._marks.popleft()
        self.brought_in += readings

    def per_s(self, now_s: float) -> float | None:
        """Recent rate in readings per second; None while it is not known."""
        if not self._marks or not now_s - self._marks[0][0] >= _GRAIN_S:
            return None
        (began_s, already), (last_s, before_last) = self._marks[0], self._marks[-1]
        if now_s - last_s > max(_WINDOW_S, last_s - began_s):
            return None
        if last_s - began_s > _WINDOW_S:
            return (before_last - already) / (last_s - began_s)  # a write more would count, without the wait behind it
        return (self.brought_in - already) / (now_s - began_s)

    def end(self) -> None:
        """End the catch-up: the journal is empty."""
        self.brought_in, self.began_s = 0, None
        self._marks.clear()
