"""Progress, from one look to the next: of workers, which must advance, and of a store with a limit, which must not fill.

What a worker waits for is never held against it: a broker, a database or a disk that is away is no reason to restart the
gateway.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple


class WorkerSight(NamedTuple):
    """A worker at one look.

    :ivar progress: a number that changes whenever it advances.
    :ivar waits_for: the named thing that it waits for; empty if it waits for work, or for nothing.
    """

    name: str
    has_work: bool
    progress: float
    waits_for: str


class Liveness:
    """Remembers since when each worker has stood still."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._still: dict[str, tuple[float, float]] = {}

    def stuck(self, sights: Iterable[WorkerSight], now_s: float) -> list[str]:
        """Return the names of the workers that have had work for longer than is patient, and neither advanced nor waited."""
        still = {}
        for sight in sights:
            if sight.has_work and not sight.waits_for:
                progress, since_s = self._still.get(sight.name, (sight.progress, now_s))
                still[sight.name] = (sight.progress, since_s if progress == sight.progress else now_s)
        self._still = still
        return [name for name, (_, since_s) in still.items() if now_s - since_s >= self._patience_s]


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
