"""Pacing of reads: when messages may wait in the broker's socket for the next write to InfluxDB."""

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
"""More readings share their wake-ups anyway, and the gateway must not stand idle meanwhile."""


@dataclass(slots=True)
class ReadPacing:
    """Saving of wake-ups: between two writes there is nothing to decide, and each read costs as much as several readings.

    While writes follow each other, messages wait in the socket instead of the open batch, and are read at the next write.

    A broker with Nagle's algorithm on sends the next small packet only when the last one is acknowledged, and the kernel
    acknowledges what is read. So bytes are read once ahead of the write; what the broker held back comes then in time for it.
    A broker that is too far away for that is read as messages come.
    """

    _started_s: float = 0.0

    def wait_s(self, readings: int, next_write_s: float, now_s: float, round_trip_s: float) -> float:
        """Seconds from the start of a write for which messages may wait; 0: read them as they come.

        :param readings: in the write.
        :param next_write_s: seconds until the next may start.
        :param round_trip_s: from here to the broker and back.
        """
        since_s, self._started_s = now_s - self._started_s, now_s
        is_near = 2 * round_trip_s <= AHEAD_S
        if is_near and next_write_s >= _WORTH_S and _RARE_PER_S * since_s <= readings <= _MANY_PER_S * since_s:
            return min(next_write_s, _LONGEST_S)
        return 0.0
