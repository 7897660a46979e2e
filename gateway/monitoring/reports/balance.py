"""Balance: the consumption of a parent meter less that of the meters behind it. The rest is leaks, theft and faulty meters.

Each counts with what passed it less what ran back: a roof that feeds in brings energy to its neighbours. A child that is heard
and has neither counter, as a pressure gauge, takes no part.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import Counter, Store, TimeSpan
from gateway.monitoring.reports.boundaries import Uncovered
from gateway.monitoring.reports.completeness import PeriodCompleteness, completeness
from gateway.monitoring.reports.consumption import CounterUse, GroupUse, PeriodUse, added, consumption
from gateway.monitoring.reports.roster import MAIN_COUNTER, RETURNED, Roster
from schemas.registry import RegisteredDevice, device_key


class ParentBalance(NamedTuple):
    """A parent in one period; in millionths of the counter's unit.

    :ivar inflow: consumption of the parent.
    :ivar outflow: consumption of its children together; None: one of them is not covered.
    :ivar completeness_in: share of the readings of the parent that arrived; None: none were expected.
    :ivar completeness_out: the same for its children together.
    """

    period: TimeSpan
    parent: RegisteredDevice
    counter: Counter
    inflow: int | None
    outflow: int | None
    uncovered: Uncovered | None
    children: int
    uncovered_children: int
    is_estimated: bool
    completeness_in: float | None
    completeness_out: float | None

    @property
    def lost(self) -> int | None:
        """The inflow less the outflow; None: one of them is not known."""
        return None if self.inflow is None or self.outflow is None else self.inflow - self.outflow

    @property
    def share(self) -> float | None:
        """The lost share of the inflow; None: it is not known."""
        return None if self.lost is None or not self.inflow else self.lost / self.inflow


def children_of(roster: Roster, domain: str) -> dict[str, list[str]]:
    """Parent → its children, of one domain."""
    ids = {device_key(id_): id_ for id_ in roster.by_id}
    found: dict[str, list[str]] = defaultdict(list)
    for id_, device in roster.of_domain(domain).items():
        parent = ids.get(device_key(device.parent)) if device.parent is not None else None
        if parent is not None and roster.by_id[parent].domain in (None, domain):
            found[parent].append(id_)
    return dict(sorted(found.items()))


@dataclass(slots=True)
class _Arrived:
    """Numbers of readings in a period: those expected, and those that arrived."""

    expected: float = 0.0
    received: float = 0.0

    def add(self, figures: PeriodCompleteness) -> None:
        self.expected += figures.expected
        self.received += figures.received

    @property
    def share(self) -> float | None:
        return self.received / self.expected if self.expected else None


_ByPeriod = defaultdict[tuple[str, TimeSpan], _Arrived]
"""A device and a period → its readings."""


async def balance(
    store: Store, roster: Roster, domain: str, spans: Sequence[TimeSpan], zone: ZoneInfo, now_ms: int
) -> AsyncIterator[ParentBalance]:
    """Yield the balance of each parent of a domain, period by period."""
    families = children_of(roster, domain)
    involved = Roster(roster.by_id[id_] for id_ in {*families, *(child for some in families.values() for child in some)})
    if not families:
        return
    above = {child: parent for parent, children in families.items() for child in children}
    own: _ByPeriod = defaultdict(_Arrived)
    behind: _ByPeriod = defaultdict(_Arrived)
    async for row in completeness(store, involved, spans, zone, now_ms):
        for span, figures in zip(spans, row.periods, strict=True):
            if figures is not None:
                own[row.device.id, span].add(figures)
                behind[above.get(row.device.id, ""), span].add(figures)
    async for found in consumption(store, involved, domain, spans, now_ms):
        for parent, children in families.items():
            key = parent, found.period
            yield _balanced(involved.by_id[parent], children, found, domain, own[key].share, behind[key].share)


def _balanced(
    parent: RegisteredDevice,
    children: Sequence[str],
    found: PeriodUse,
    domain: str,
    completeness_in: float | None,
    completeness_out: float | None,
) -> ParentBalance:
    counter = Counter(domain, MAIN_COUNTER[domain])
    uses: dict[str, list[CounterUse]] = defaultdict(list)
    for use in found.uses:
        if use.counter.field in {MAIN_COUNTER[domain], RETURNED.get(domain)}:
            uses[use.series.device].append(use)
    into = _net(parent.id, counter, uses[parent.id])
    out = _net(parent.id, counter, [use for child in children for use in uses[child]])
    missing = len(out.uncovered)
    cause = next((use.uncovered for use in uses[parent.id] if use.uncovered), None)
    return ParentBalance(
        found.period,
        parent,
        counter,
        into.used if into.covered else None,
        None if missing else out.used,
        (cause or Uncovered.NO_READING) if not into.covered else Uncovered.CHILD_MISSING if missing else None,
        len(children),
        missing,
        bool(into.estimated or out.estimated),
        completeness_in,
        completeness_out,
    )


def _net(group: str, counter: Counter, uses: Sequence[CounterUse]) -> GroupUse:
    """Add up what passed meters less what ran back through them; leave out a meter of which either is not covered."""
    total = added(group, counter, uses)
    back = [use.used or 0 for use in uses if use.counter != counter and use.series.device in total.covered]
    total.used -= 2 * sum(back)  # they were added
    return total
