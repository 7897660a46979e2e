"""Pacing of reads: when messages may wait in the broker's socket for the next write to InfluxDB, or for the next read."""

from dataclasses import dataclass
from typing import Final

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
        """Seconds from the start of a write for which messages may wait; 0: they may not.

        :param next_write_s: seconds until the next may start.
        :param round_trip_s: from here to the broker and back.
        """
        is_near = 2 * round_trip_s <= AHEAD_S
        is_frequent = _RARE_PER_S * self._since_s <= self._readings <= _MANY_PER_S * self._since_s
        return min(next_write_s, _LONGEST_S) if is_near and is_frequent and next_write_s >= _WORTH_S else 0.0
