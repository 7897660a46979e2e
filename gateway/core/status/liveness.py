"""Liveness of workers: one that has work must advance, or wait for something that has a name.

What it waits for is never held against it: a broker, a database or a disk that is away is no reason to restart the gateway.
"""

from collections.abc import Iterable
from typing import NamedTuple


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
