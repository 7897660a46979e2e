"""The waits between two connections to the broker.

After an ordinary end the gateway comes back within two seconds: a broker as Debian ships it keeps 1,000 messages for an absent
client. When another client of the same id took the session, that would have the two throw each other out for ever. So the one
that was thrown out waits a quarter of a minute, and twice as long each time it happens again, up to ten minutes. The other can
work meanwhile; if it goes for good, this one comes back by itself.

Older brokers (Mosquitto 2.0.11) do not say that a session was taken over. So several connections in a row that the broker
closes soon and without a reason count as taken over too. A broker that dies again and again refuses connections while it
starts, which ends the row.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from gateway.core.batching.pacing import Backoff

LONGEST_WAIT_S: Final = 2.0
RIVAL_FIRST_S: Final = 15.0
RIVAL_LONGEST_S: Final = 600.0
SOON_S: Final = 10.0
"""Two that throw each other out do it within the longest wait and the time that a connection takes to be made."""
SOON_ENDS: Final = 5
"""So many ends without a reason in a row mean another client of this id."""


class ConnectionEnd(Enum):
    """The ways in which a connection ends."""

    TAKEN_OVER = auto()
    """The broker said that another client of this id has the session."""
    UNEXPLAINED = auto()
    """The broker closed it, and said nothing."""
    OTHER = auto()


@dataclass(slots=True)
class Reconnects:
    """Tells how long to wait; ``soon_ends`` are connections in a row that the broker closed soon and without a reason."""

    soon_ends: int = 0
    _after_end: Backoff = field(default_factory=lambda: Backoff(0.2, LONGEST_WAIT_S))
    _after_rival: Backoff = field(default_factory=lambda: Backoff(RIVAL_FIRST_S, RIVAL_LONGEST_S))
    _waited_s: float = 0.0

    @property
    def suspects_rival(self) -> bool:
        """Tell if another client of this id is the likely reason of the last end."""
        return self.soon_ends >= SOON_ENDS

    def wait_s(self, lasted_s: float, jitter: float, end: ConnectionEnd) -> float:
        """Seconds to wait after a connection of ``lasted_s`` (0: it was never made); ``jitter`` is uniform in [0, 1)."""
        if lasted_s > RIVAL_LONGEST_S:
            self._after_rival.reset()
        self.soon_ends = self.soon_ends + 1 if end is ConnectionEnd.UNEXPLAINED and 0 < lasted_s < SOON_S else 0
        if end is ConnectionEnd.TAKEN_OVER or self.suspects_rival:
            return self._after_rival.next_s(0.75 + jitter / 4)
        if lasted_s > self._waited_s:
            self._after_end.reset()
        self._waited_s = self._after_end.next_s(jitter)
        return self._waited_s
