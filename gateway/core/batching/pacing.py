"""Pacing: when the next write to InfluxDB, read from the broker or attempt may start, and what the link has left for it.

Theory of operation
-------------------
The budget of the link from a cabinet to its centre gives live readings the way first, and the backlog what they leave.
Every byte to and from the database is counted once, and pushes the instant on at which all that was sent is paid for
(virtual scheduling, ITU-T I.371). The drain lane starts a write when that instant has come; so over some seconds no more than
the budget is sent, but for one write. Three rules stand beside that:

- *Live readings never wait for the backlog.* They wait for each other: after a live write the next starts when half of the
  budget has carried the first, a second later at most. Where the budget is small their writes hold more readings, which take
  a tenth of the bytes each; where it is large they start as soon as ever.
- *The backlog always has a tenth.* Live readings that need the whole budget are sent all the same: the budget is exceeded, not
  a reading kept back, for a journal that only grows would lose them in the end.
- *What is owed is forgotten after ten minutes*, so that an hour of exceeding it does not hold the backlog for another.

A write of the drain lane holds what the budget carries in a second, but always a row of the journal at least: live readings
behind a larger one would stall on a slow link.
"""

from dataclasses import dataclass
from math import exp
from typing import Final

SLOW_ANSWER_S: Final = 0.1
_LANES_WHEN_SLOW: Final = 4
_MEAN_OF: Final = 8

AHEAD_S: Final = 0.001
"""Time from the read ahead to the read; event loops keep time by the millisecond."""
_WORTH_S: Final = 0.003
"""Shortest wait that saves more than it costs."""
_LONGEST_S: Final = 0.05
"""Longest wait, whatever ``max_delay`` is: the broker's messages must not pile up unseen."""
_RARE_PER_S: Final = 300
"""Rarer readings come one or two for each write: there are no wake-ups to save."""
_MANY_PER_S: Final = 10_000
"""A gateway that waited for its next write with more readings would lack the time to process them."""
_APART_S: Final = 0.002
"""Time from one read to the next, while there are so many: each brings some dozen messages in place of two or three."""

WRITE_BYTES: Final = 640
"""The bytes of a write beside its body: both heads, the segments of TCP/IP, the records of TLS. 600 of them were measured with
InfluxDB 1.6.7, 495 with VictoriaMetrics; TLS adds 44. It serves to foresee; what was sent is counted by the kernel."""

LIVE_WAIT_MAX_S: Final = 1.0
"""The longest wait of live readings for those before them."""

LIVE_SHARE: Final = 0.5
BACKLOG_SHARE: Final = 0.1
_BACKLOG_WRITE_S: Final = 1.0
_OWED_MAX_S: Final = 600.0
_FIRST_READING_BYTES: Final = 60.0
_USE_OVER_S: Final = 30.0


@dataclass(slots=True)
class Pacing:
    """Balance of delay against CPU and flash, as long as InfluxDB answers quickly.

    After a write of n readings the next starts ``min(max_delay, n * 5 ms)`` after its start: few readings wait little, many
    share a write; after a pause the first goes at once. One write is under way at a time.

    While answers take long, up to four are. They start evenly apart: together they would all be answered, and start again,
    together, and readings would wait as long as an answer takes.

    On a link with a budget a write starts when the one before it has had its time there (:class:`LinkBudget`).
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
        """The number of writes that may be under way, of which the oldest has waited for its answer for ``waited_s``."""
        return _LANES_WHEN_SLOW if max(self._answer_s, waited_s) > SLOW_ANSWER_S else 1

    def wait_s(self, now_s: float, waited_s: float = 0.0, *, under_pressure: bool = False) -> float:
        """Seconds until the next write may start; 0 or less: now. Under pressure it is not spaced from the writes in flight."""
        answer_s = max(self._answer_s, waited_s)
        apart_s = answer_s / _LANES_WHEN_SLOW if answer_s > SLOW_ANSWER_S else 0.0
        spaced_s = 0.0 if under_pressure else max(apart_s, self._link_s)
        return self._started_s + max(self._delay_s, spaced_s) - now_s


@dataclass(slots=True)
class ReadPacing:
    """Saving of wake-ups: each read costs as much as several readings, and between two writes there is nothing to decide.

    While writes follow each other, messages wait in the socket instead of the open batch, and are read at the next write.

    A broker with Nagle's algorithm on sends the next small packet only when the last one is acknowledged, and the kernel
    acknowledges what is read. So bytes are read once ahead of the write, on one machine just before it; what the broker held
    back comes then in time. A broker that is too far away for that is read as messages come.

    Very many messages must be processed while they come, so reads only start a little apart. The time of processing counts: a
    gateway that has none to spare does not wait.

    :ivar apart_s: seconds from the start of one read to the next; 0: read messages as they come.
    """

    apart_s: float = 0.0
    _readings: int = 0
    _since_s: float = 0.0
    _started_s: float = 0.0

    def started(self, readings: int, now_s: float) -> None:
        """Note that a write of ``readings`` started."""
        self._readings = readings
        self._since_s, self._started_s = now_s - self._started_s, now_s
        self.apart_s = _APART_S if readings > _MANY_PER_S * self._since_s else 0.0

    def wait_s(self, next_write_s: float, round_trip_s: float) -> float:
        """Seconds from the start of a write, with so many to the next, for which messages may wait; 0: they may not."""
        is_near = 2 * round_trip_s <= AHEAD_S
        is_frequent = _RARE_PER_S * self._since_s <= self._readings <= _MANY_PER_S * self._since_s
        return min(next_write_s, _LONGEST_S) if is_near and is_frequent and next_write_s >= _WORTH_S else 0.0


@dataclass(slots=True)
class LinkBudget:
    """Budget of a link, and ``total_bytes`` sent both ways; without a limit nothing waits. Instants are monotonic, in s."""

    max_bytes_per_s: float | None = None
    total_bytes: int = 0
    _per_s: float = 0.0
    _at_s: float = 0.0
    _paid_s: float = 0.0
    _backlog_paid_s: float = 0.0
    _reading_bytes: float = _FIRST_READING_BYTES

    def sent(self, sent_bytes: int, began_s: float, now_s: float) -> None:
        """Count bytes of any lane, sent from one instant to another."""
        self._per_s, self._at_s = self.per_s(now_s) + sent_bytes / _USE_OVER_S, now_s
        self.total_bytes += sent_bytes
        if self.max_bytes_per_s is not None:
            owed_until_s = min(self._paid_s, now_s + _OWED_MAX_S)
            self._paid_s = max(owed_until_s, began_s) + sent_bytes / self.max_bytes_per_s

    def per_s(self, now_s: float) -> float:
        """Bytes a second over the last half minute or so; what is older counts ever less."""
        return self._per_s * exp((self._at_s - now_s) / _USE_OVER_S)

    def live_apart_s(self, body_bytes: int) -> float:
        """Seconds from the start of a live write to the next."""
        if self.max_bytes_per_s is None:
            return 0.0
        return min(LIVE_WAIT_MAX_S, (body_bytes + WRITE_BYTES) / (self.max_bytes_per_s * LIVE_SHARE))

    def backlog_sent(self, body_bytes: int, readings: int, began_s: float) -> None:
        """Note a write of the drain lane, whose bytes are counted as all others are."""
        if self.max_bytes_per_s is not None:
            share_s = (body_bytes + WRITE_BYTES) / (self.max_bytes_per_s * BACKLOG_SHARE)
            self._backlog_paid_s = began_s + share_s
            self._reading_bytes += (body_bytes / max(1, readings) - self._reading_bytes) / _MEAN_OF

    def backlog_wait_s(self, now_s: float) -> float:
        """Seconds until the drain lane may write; 0: now. More may be sent meanwhile: ask again then."""
        return max(0.0, min(self._paid_s, self._backlog_paid_s) - now_s)

    def backlog_readings(self, most: int) -> int:
        """The readings that a write of the drain lane may hold, of ``most`` that others allow."""
        if self.max_bytes_per_s is None:
            return most
        room_bytes = self.max_bytes_per_s * _BACKLOG_WRITE_S - WRITE_BYTES
        return max(1, min(most, int(room_bytes / self._reading_bytes)))


@dataclass(slots=True)
class Backoff:
    """Doubling waits from ``first_s`` to ``longest_s``, with jitter: the gateways of a province must not retry in step."""

    first_s: float
    longest_s: float
    attempts: int = 0

    def next_s(self, jitter: float, wish_s: float | None = None) -> float:
        """Seconds to wait: a quarter to all of the doubled wait by ``jitter`` (uniform in [0, 1)).

        If the server asks for a time, at least that and up to a quarter more: it asks every client for the same.
        """
        wait_s = min(self.longest_s, self.first_s * float(1 << min(self.attempts, 16)))
        self.attempts += 1
        return max(wait_s * (0.25 + jitter * 0.75), (wish_s or 0.0) * (1 + jitter / 4))

    def reset(self) -> None:
        """Start again from the first wait after a success."""
        self.attempts = 0
