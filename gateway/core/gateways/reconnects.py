"""The waits between two connections to the broker.

After an ordinary end the gateway comes back within two seconds: a broker as Debian ships it keeps 1,000 messages for an absent
client. After the broker ended the connection because another client of the same id connected, that would have the two throw
each other out for ever. So the one that was thrown out waits a quarter of a minute, and twice as long each time it happens
again, up to ten minutes. Whoever holds the session can work meanwhile, and if that one goes for good this one comes back by
itself.
"""

from dataclasses import dataclass, field
from typing import Final

from gateway.core.delivery.backoff import Backoff

LONGEST_WAIT_S: Final = 2.0
RIVAL_FIRST_S: Final = 15.0
RIVAL_LONGEST_S: Final = 600.0


@dataclass(slots=True)
class Reconnects:
    """Tells how long to wait before the next connection."""

    _after_end: Backoff = field(default_factory=lambda: Backoff(0.2, LONGEST_WAIT_S))
    _after_rival: Backoff = field(default_factory=lambda: Backoff(RIVAL_FIRST_S, RIVAL_LONGEST_S))
    _waited_s: float = 0.0

    def wait_s(self, lasted_s: float, jitter: float, *, taken_over: bool) -> float:
        """Seconds to wait after a connection that the broker kept for ``lasted_s``; 0: it was never made.

        :param jitter: uniform in [0, 1).
        :param taken_over: another client of this id has the session now.
        """
        if lasted_s > RIVAL_LONGEST_S:
            self._after_rival.reset()
        if taken_over:
            return self._after_rival.next_s(0.75 + jitter / 4)
        if lasted_s > self._waited_s:
            self._after_end.reset()
        self._waited_s = self._after_end.next_s(jitter)
        return self._waited_s
