"""Balance: the consumption of a parent meter less that of the meters behind it. The rest is leaks, theft and faulty meters.

Each counts with what passed it less what ran back: a roof that feeds in brings energy to its neighbours. A child that is heard
and has neither counter, as a pressure gauge, takes no part.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import Counter, Store, TimeSpan
from gateway.monitoring.reports.boundaries import Marks, Uncovered
from gateway.monitoring.reports.completeness import PeriodCompleteness, completeness
from gateway.monitoring.reports.consumption import ReportGroup, consumption
from gateway.monitoring.reports.flows import GroupFlows, MeterFlow, group_flows, meter_flows, net_of
from gateway.monitoring.reports.network import MeterNetwork, TankLevels
from gateway.monitoring.reports.roster import MAIN_COUNTER, Roster, flow_counters
from gateway.monitoring.reports.silent_meters import SilentMeters, UsualDays
from schemas.registry import RegisteredDevice


class ParentBalance(NamedTuple):
    """A zone in one period: a parent, or several that share children. In millionths of the counter's unit."""

    flows: GroupFlows
    parent: RegisteredDevice  # its parent; of several the first by name
    counter: Counter
    inflow: int | None  # the flow through its parents, less what ran back
    outflow: int | None  # the same of its children together; None: one of them is neither covered nor estimated
    uncovered: Uncovered | None
    children: int
    uncovered_children: int
    marks: Marks
    completeness_in: float | None  # share of the readings of the parent that arrived; None: none were expected
    completeness_out: float | None  # the same for its children together

    @property
    def lost(self) -> int | None:
        """The loss in it; None: it is not measured. Of things that are counted: the difference."""
        known = self.inflow is not None and self.outflow is not None
        return self.flows.lost.millionths if known else None

    @property
    def share(self) -> float | None:
        """The lost share of the inflow; None: it is not known."""
        return None if self.lost is None or not self.inflow else self.lost / self.inflow


async def balance(
    store: Store,
    roster: Roster,
    domain: str,
    spans: Sequence[TimeSpan],
    zone: ZoneInfo,
    now_ms: int,
    known: tuple[MeterNetwork, Sequence[str], UsualDays] | None = None,
) -> AsyncIterator[ParentBalance]:
    """Yield the balance of each zone of a domain, period by period: that of a parent, or of several that share children.

    :param known: the network of the domain's meters, the zones to ask about, and the usual days of silent meters that are
        known; None: all zones, of a network to find.
    """
    devices = roster.of_domain(domain)
    network = known[0] if known is not None else MeterNetwork(devices, domain, devices)  # to know whom to ask
    families = network.families() if known is None else {zone: network.families()[zone] for zone in known[1]}
    involved = Roster(devices[id_] for family in families.values() for ids in family for id_ in ids)
    if not involved.by_id:
        return
    arrived = await _arrived(store, involved, spans, zone, now_ms)
    silent = SilentMeters(store, roster, domain, zone, None if known is None else known[2])
    levels = TankLevels(store, roster)
    flowing, is_short = flow_counters(domain), known is not None
    async for found in consumption(store, involved, domain, spans, now_ms, counters=flowing, counted_only=is_short):
        meters = meter_flows(found, domain, await silent.estimates(found))
        if known is None and network.meters.keys() & involved.by_id.keys() != meters.keys():
            network = MeterNetwork(devices, domain, meters.keys() | devices.keys() - involved.by_id.keys())
            families = network.families()
        meters |= {id_: MeterFlow(0, 0) for id_ in involved.by_id.keys() - meters.keys()}  # gauges that were not asked before
        groups = {name: network.groups(ReportGroup.PARENT)[name] for name in families}
        storage = await levels.stored(found.period, groups)
        for flows in group_flows(found.period, domain, groups, meters, storage):
            yield _balanced(roster, flows, families[flows.group], meters, arrived)


async def _arrived(
    store: Store, involved: Roster, spans: Sequence[TimeSpan], zone: ZoneInfo, now_ms: int
) -> Mapping[tuple[str, TimeSpan], PeriodCompleteness]:
    """A device and a period → its readings."""
    return {
        (row.device.id, span): figures
        async for row in completeness(store, involved, spans, zone, now_ms)
        for span, figures in zip(spans, row.periods, strict=True)
        if figures is not None
    }


def _share(ids: Sequence[str], period: TimeSpan, arrived: Mapping[tuple[str, TimeSpan], PeriodCompleteness]) -> float | None:
    """The share of the readings of devices that arrived; None: none were expected."""
    figures = [arrived[id_, period] for id_ in ids if (id_, period) in arrived]
    expected = sum(one.expected for one in figures)
    return sum(one.received for one in figures) / expected if expected else None


def _balanced(
    roster: Roster,
    flows: GroupFlows,
    family: tuple[Sequence[str], Sequence[str]],
    meters: Mapping[str, MeterFlow],
    arrived: Mapping[tuple[str, TimeSpan], PeriodCompleteness],
) -> ParentBalance:
    before, behind = family
    into, out = net_of(before, meters), net_of(behind, meters)
    missing = sum(meters[id_].forward is None for id_ in behind)
    return ParentBalance(
        flows,
        roster.by_id[before[0]],
        Counter(flows.domain, MAIN_COUNTER[flows.domain]),
        into.millionths,
        out.millionths,
        into.cause or (Uncovered.CHILD_MISSING if missing else flows.lost.cause),
        len(behind),
        missing,
        Marks.worst((into.marks, out.marks)),
        _share(before, flows.period, arrived),
        _share(behind, flows.period, arrived),
    )
