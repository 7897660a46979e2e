"""Durations counted by upper bound, as Prometheus wants them."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

DELIVERY_BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Histogram:
    """Counts by upper bound, in seconds."""

    bounds_s: tuple[float, ...] = DELIVERY_BUCKETS_S
    counts: list[int] = field(default_factory=list)
    sum_s: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds_s) + 1)

    def observe(self, seconds: float, times: int = 1) -> None:
        """Add ``times`` observations of ``seconds``."""
        self.counts[bisect_left(self.bounds_s, seconds)] += times
        self.sum_s += seconds * times
