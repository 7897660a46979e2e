"""Used, supplied, produced and lost: what they are, once, for reports, roll-ups, pages and open data. For water and power.

*Used* is what the customers' meters count (of water less what ran back), *produced* what they feed in. *Supplied* is what comes
in through the first meters, or for a group through those at its edge, and what is produced in it. *Lost* is supplied less used,
where all customers are registered. So losses of groups add up to the whole. Traffic and urban things are counted, never lost.

A meter that is silent at the end of a period stands with its usual day (:mod:`gateway.monitoring.reports.silent_meters`).
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import Store, TimeSpan
from gateway.monitoring.reports.boundaries import MILLIONTHS, Marks, Uncovered
from gateway.monitoring.reports.consumption import CounterUse, GroupUse, PeriodUse, ReportGroup, consumption, totals
from gateway.monitoring.reports.network import Groups, MeterNetwork, Storage, TankLevels
from gateway.monitoring.reports.roster import MAIN_COUNTER, METERED, RETURNED, Roster
from gateway.monitoring.reports.silent_meters import Estimate, SilentMeters
from schemas.quantities import COUNTERS, UNITS

_SOUND: Final = Marks()


class Figure(NamedTuple):
    """A figure of a group; ``millionths`` of the unit, None: not measured, for the reason ``cause``."""

    millionths: int | None
    cause: Uncovered | None
    marks: Marks = _SOUND


class GroupFlows(NamedTuple):
    """The figures of a group of meters in a period. ``produced`` of water is not measured, without a cause."""

    period: TimeSpan
    group: str  # as reports name it: the code of an area, the name of a parent, those of several parents with commas
    domain: str
    used: Figure
    supplied: Figure
    produced: Figure
    lost: Figure
    meters: int  # number of customers' meters
    left_out: int  # those of them that are silent for so long that ``used`` leaves them out

    @property
    def marks(self) -> Marks:
        """The marks of what stands on one point."""
        return Marks.worst(self.own_marks.values())

    @property
    def own_marks(self) -> dict[str, Marks]:
        """The marks of what was used and supplied, each by its own meters; produced and lost have those of both."""
        figures = {"used": self.used, "supplied": self.supplied}
        return {name: figure.marks for name, figure in figures.items() if figure.millionths is not None}

    @property
    def fields(self) -> dict[str, float]:
        """The figures that are measured, under their names in roll-ups: ``used_m3``, ``lost_kwh``; none of counted things."""
        unit = UNITS[COUNTERS[MAIN_COUNTER[self.domain]].unit].suffix
        figures = {"used": self.used, "supplied": self.supplied, "produced": self.produced, "lost": self.lost}
        known = {name: figure.millionths / MILLIONTHS for name, figure in figures.items() if figure.millionths is not None}
        return {f"{name}_{unit}": value for name, value in known.items()} if self.domain in METERED else {}


class MeterFlow(NamedTuple):
    """Flow through a meter in a period, in millionths of the unit."""

    forward: int | None  # in its direction; None: it is not known, and cannot be estimated
    back: int  # against it
    cause: Uncovered | None = None
    estimated: float = 0.0  # the share of it that is estimated, or interpolated in a gap
    is_suspect: bool = False
    blind: float = 0.0  # the share of the period that lies in gaps


def meter_flows(found: PeriodUse, domain: str, estimates: Mapping[CounterUse, Estimate]) -> dict[str, MeterFlow]:
    """The flow through each meter of a domain; ``estimates``: of counters that are not known to the end of the period."""
    uses: dict[str, list[CounterUse]] = defaultdict(list)
    for use in found.uses:
        if use.counter.field in {MAIN_COUNTER[domain], RETURNED.get(domain)}:
            uses[use.series.device].append(use)
    return {id_: _flow(some, domain, estimates) for id_, some in uses.items()}


def _flow(uses: Sequence[CounterUse], domain: str, estimates: Mapping[CounterUse, Estimate]) -> MeterFlow:
    forward = back = 0
    sure = whole = 0.0
    for use in uses:
        used, share = use.used, use.measured
        if used is None and (estimate := estimates.get(use)) is not None:
            used, share = estimate
        if used is None:
            return MeterFlow(None, 0, use.uncovered, 1.0)
        whole, sure = whole + used, sure + used * share
        if use.counter.field == MAIN_COUNTER[domain]:
            forward += used
        else:
            back += used
    measured = sure / whole if whole else min(estimates[use].measured if use in estimates else use.measured for use in uses)
    return MeterFlow(forward, back, None, 1 - measured, any(use.suspect for use in uses), max(use.blind for use in uses))


@dataclass(slots=True)
class _FlowSum:
    """Flows added up, with the shares that are marked."""

    total: int = 0
    weight: int = 0
    estimated: float = 0.0
    suspect: int = 0
    number: int = 0
    blind: float = 0.0
    missing: int = 0
    cause: Uncovered | None = None

    def add(self, flow: MeterFlow, amount: int) -> None:
        self.number += 1
        if flow.forward is None:
            self.missing += 1
            self.cause = self.cause or flow.cause
            return
        self.blind += flow.blind
        self.total += amount
        self.weight += abs(amount)
        self.estimated += abs(amount) * flow.estimated
        self.suspect += abs(amount) * flow.is_suspect

    def figure(self, cause: Uncovered | None) -> Figure:
        """The sum, which leaves out what is not known; not measured for a cause."""
        return Figure(self.total, None, self.marks) if cause is None else _unmeasured(cause)

    @property
    def nothing(self) -> Uncovered | None:
        """The cause for which nothing of it is known; None: something is."""
        return (self.cause or Uncovered.NO_CUSTOMER) if self.number == self.missing else None

    @property
    def marks(self) -> Marks:
        there = 1 - self.missing / max(1, self.number)
        estimated = max(self.estimated / max(1, self.weight), self.blind / max(1, self.number))
        return Marks(estimated, self.suspect / max(1, self.weight), (1 - estimated) * there)


def _unmeasured(cause: Uncovered) -> Figure:
    return Figure(None, cause, Marks(measured=0.0))


def net_of(ids: Iterable[str], meters: Mapping[str, MeterFlow]) -> Figure:
    """Add up what passed meters, less what ran back; not measured if one of them is not known."""
    found = _FlowSum()
    for id_ in ids:
        found.add(meters[id_], (meters[id_].forward or 0) - meters[id_].back)
    return found.figure(found.cause if found.number else Uncovered.NO_READING)


def group_flows(
    period: TimeSpan, domain: str, groups: Groups, meters: Mapping[str, MeterFlow], storage: Mapping[str, Storage]
) -> Iterator[GroupFlows]:
    """Work out the figures of all groups in a period; ``storage``: tank → what it took in meanwhile."""
    for name, group in groups.items():
        used, fed, produced, supply = _FlowSum(), _FlowSum(), _FlowSum(), _FlowSum()
        for id_ in group.uses:
            flow = meters[id_]
            taken = (flow.forward or 0) - (0 if domain == "power" else flow.back)
            used.add(flow, taken)
            produced.add(flow, flow.back)
            if id_ not in group.unfed:
                fed.add(flow, taken)
                if domain == "power" and flow.back:
                    supply.add(flow._replace(forward=0), flow.back)
        for ids, sign in ((group.inlets, 1), (group.outlets, -1)):
            for id_ in ids:
                supply.add(meters[id_], sign * ((meters[id_].forward or 0) - meters[id_].back))
        supplied = supply.figure(group.unsupplied or supply.cause)
        stored = [storage.get(tank.id, Storage(None, Uncovered.TANK_UNKNOWN)) for tank in group.tanks]
        causes = [supplied.cause, group.unmeasured, Uncovered.CHILD_MISSING if fed.missing else None]
        cause = next((cause for cause in (*causes, *(tank.cause for tank in stored)) if cause is not None), None)
        lost = (supplied.millionths or 0) - fed.total - sum(tank.millionths or 0 for tank in stored)
        yield GroupFlows(
            period,
            name,
            domain,
            used.figure(used.nothing),
            supplied,
            produced.figure(produced.nothing) if domain == "power" else Figure(None, None),
            Figure(lost, None, Marks.worst((supplied.marks, fed.marks))) if cause is None else _unmeasured(cause),
            used.number,
            used.missing,
        )


async def group_figures(
    store: Store, roster: Roster, domain: str, spans: Sequence[TimeSpan], zone: ZoneInfo, now_ms: int, by: ReportGroup
) -> AsyncIterator[GroupFlows | tuple[TimeSpan, GroupUse]]:
    """Yield the figures of each group of a domain, and what was only counted, period by period.

    Counted alone is all of traffic and urban, and the other counters of customers' meters.

    :param spans: periods, each of which begins where the one before ends.
    """
    silent, levels = SilentMeters(store, roster, domain, zone), TankLevels(store, roster)
    network = MeterNetwork({}, domain, ())
    async for found in consumption(store, roster, domain, spans, now_ms):
        counted = found
        if domain in METERED:
            meters = meter_flows(found, domain, await silent.estimates(found))
            if meters.keys() != network.meters.keys():
                network = MeterNetwork(roster.of_domain(domain), domain, meters)
            groups = network.groups(by)
            for row in group_flows(found.period, domain, groups, meters, await levels.stored(found.period, groups)):
                yield row
            others = [use for use in found.uses if use.counter.field != MAIN_COUNTER[domain]]
            counted = PeriodUse(found.period, [use for use in others if network.is_customer(use.series.device)])
        for total in totals(counted, domain, by, roster):
            yield found.period, total
