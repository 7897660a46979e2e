"""The link of a cabinet with a budget: what live readings take of it, and how long the rest needs for a backlog."""

from dataclasses import dataclass

from gateway.admin.capacity.measured import CapacityFigures, at_rate
from gateway.core.batching.pacing import BACKLOG_SHARE, LIVE_SHARE, LIVE_WAIT_MAX_S, WRITE_BYTES


@dataclass(frozen=True)
class LinkPlan:
    """The budget, divided. In bytes of IP a second, both directions.

    :ivar live: for readings as they come: in larger writes where they would take more than half.
    :ivar backlog: left for readings that waited.
    :ivar catch_up: seconds that the backlog of a second's outage takes.
    """

    max_bytes_per_s: float
    live: float
    backlog: float
    catch_up: float

    @property
    def is_exceeded(self) -> bool:
        """True if live readings alone take more, since none of them is kept back."""
        return self.live > self.max_bytes_per_s


def link_plan(rate: float, max_bytes_per_s: float, figures: CapacityFigures) -> LinkPlan:
    """Divide the budget of a cabinet that gets so many readings a second."""
    unhindered = rate * at_rate(figures.link_bytes, rate)
    together = min(rate, 1 / LIVE_WAIT_MAX_S) * WRITE_BYTES + rate * figures.backlog_bytes
    live = min(unhindered, max(together, LIVE_SHARE * max_bytes_per_s))
    backlog = max(max_bytes_per_s - live, BACKLOG_SHARE * max_bytes_per_s)
    return LinkPlan(max_bytes_per_s, live, backlog, rate * figures.backlog_bytes / backlog)
