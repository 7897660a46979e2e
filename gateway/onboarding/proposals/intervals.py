"""The interval of a device, measured by when its messages came."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Final

_USUAL_S: Final = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
"""Settings of most devices. Networks delay messages, so a measured interval is seldom exact."""
_NEAR: Final = 0.1
_LEAST_GAPS: Final = 2
_SECOND_MS: Final = 1000


def measured_interval_s(arrivals_ms: Sequence[float]) -> float | None:
    """The interval of messages that came at these times; None if they are too few to tell.

    A backlog comes at once and says nothing, so gaps below a second do not count.
    """
    ordered = sorted(arrivals_ms)
    gaps_s = [(after - before) / 1000 for before, after in pairwise(ordered) if after - before >= _SECOND_MS]
    if len(gaps_s) < _LEAST_GAPS:
        return None
    middle_s = median(gaps_s)
    usual_s = min(_USUAL_S, key=lambda span_s: abs(span_s - middle_s) / span_s)
    return usual_s if abs(usual_s - middle_s) <= _NEAR * usual_s else round(middle_s)
