"""The growth of a store that has a limit, and the time until it is full at its present pace."""

from collections import deque
from typing import Final

_WINDOW_S: Final = 300.0
_LEAST_S: Final = 30.0
"""Growth over less time says nothing: a store grows in steps."""


class Filling:
    """Sizes over the last five minutes."""

    def __init__(self) -> None:
        self._sizes: deque[tuple[float, int]] = deque()

    def note(self, now_s: float, size_bytes: int) -> None:
        """Note a size; a store that became smaller has been emptied, and begins again."""
        if self._sizes and size_bytes < self._sizes[-1][1]:
            self._sizes.clear()
        self._sizes.append((now_s, size_bytes))
        while now_s - self._sizes[0][0] > _WINDOW_S:
            self._sizes.popleft()

    def seconds_left(self, room_bytes: int) -> float | None:
        """Seconds until the store has grown by ``room_bytes`` more; None while it does not grow."""
        if not self._sizes:
            return None
        (first_s, first_bytes), (last_s, last_bytes) = self._sizes[0], self._sizes[-1]
        grown_bytes, took_s = last_bytes - first_bytes, last_s - first_s
        if grown_bytes <= 0 or took_s < _LEAST_S:
            return None
        return max(0, room_bytes) * took_s / grown_bytes
