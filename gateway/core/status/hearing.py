"""Hearing: the spans of time in which devices could be heard, or could not."""

from collections import deque
from typing import Final

_SPANS_MAX: Final = 100


class Hearing:
    """The spans of time in which nobody could be heard; the newest hundred of them.

    :ivar began_ms: the time at which this run first heard the broker; None: not yet.
    :ivar since_ms: the time since which it has been heard without a break; None: it cannot be heard now.
    """

    def __init__(self, deaf_since_ms: int | None = None) -> None:
        """Start deaf: since the end of the last run, if that is known."""
        self._spans_ms: deque[tuple[int, int]] = deque(maxlen=_SPANS_MAX)
        self._deaf_since_ms = deaf_since_ms
        self.began_ms: int | None = None
        self.since_ms: int | None = None

    def lose(self, now_ms: int) -> None:
        """Note that the broker is away."""
        self.since_ms = None
        if self._deaf_since_ms is None:
            self._deaf_since_ms = now_ms

    def regain(self, now_ms: int) -> None:
        """Note that the broker is back."""
        self.began_ms = self.began_ms or now_ms
        if self.since_ms is None:
            self.since_ms = now_ms
        if self._deaf_since_ms is not None and now_ms > self._deaf_since_ms:
            self._spans_ms.append((self._deaf_since_ms, now_ms))
        self._deaf_since_ms = None

    def heard_elsewhere(self, until_ms: int) -> None:
        """Note that the other machine of a pair listened until then: the deafness before this run began only there."""
        if self._spans_ms and self._spans_ms[0][0] == 0:
            self._spans_ms[0] = (min(until_ms, self._spans_ms[0][1]), self._spans_ms[0][1])
        elif self._deaf_since_ms == 0:
            self._deaf_since_ms = until_ms

    def heard_ms(self, since_ms: int, now_ms: int) -> int:
        """The part of the time since then in which devices could have been heard."""
        deaf_ms = 0 if self._deaf_since_ms is None else max(0, now_ms - max(self._deaf_since_ms, since_ms))
        for begin_ms, end_ms in reversed(self._spans_ms):
            if end_ms <= since_ms:
                break
            deaf_ms += max(0, min(end_ms, now_ms) - max(begin_ms, since_ms))
        return now_ms - since_ms - deaf_ms
