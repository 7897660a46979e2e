"""The budget of the link from a cabinet to its centre: live readings first, the backlog with what they leave.

Theory of operation
-------------------
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

from dataclasses import dataclass, field
from math import exp
from typing import Final

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
_MEAN_OF: Final = 8
_USE_OVER_S: Final = 30.0


@dataclass(slots=True)
class LinkUse:
    """The bytes that went over a link.

    :ivar total_bytes: since the start, both directions.
    """

    total_bytes: int = 0
    _per_s: float = 0.0
    _at_s: float = 0.0

    def add(self, sent_bytes: int, now_s: float) -> None:
        """Add bytes of both directions."""
        self._per_s = self.per_s(now_s) + sent_bytes / _USE_OVER_S
        self._at_s = now_s
        self.total_bytes += sent_bytes

    def per_s(self, now_s: float) -> float:
        """Bytes a second over the last half minute or so; what is older counts ever less."""
        return self._per_s * exp((self._at_s - now_s) / _USE_OVER_S)


@dataclass(slots=True)
class LinkBudget:
    """Budget of a link; without a limit it counts, and nothing waits. Instants are monotonic, in s.

    :ivar max_bytes_per_s: of both directions, as the link carries them; None: no limit.
    :ivar use: the bytes that were sent.
    """

    max_bytes_per_s: float | None = None
    use: LinkUse = field(default_factory=LinkUse)
    _paid_s: float = 0.0
    _backlog_paid_s: float = 0.0
    _reading_bytes: float = _FIRST_READING_BYTES

    def sent(self, sent_bytes: int, began_s: float, now_s: float) -> None:
        """Count bytes of any lane, sent from one instant to another."""
        self.use.add(sent_bytes, now_s)
        if self.max_bytes_per_s is not None:
            owed_until_s = min(self._paid_s, now_s + _OWED_MAX_S)
            self._paid_s = max(owed_until_s, began_s) + sent_bytes / self.max_bytes_per_s

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
