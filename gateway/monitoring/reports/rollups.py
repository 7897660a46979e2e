"""Roll-ups: for each hour, day and month the consumption, and the lowest, mean and highest value of each gauge.

The consumption comes from the function that reports use (:func:`gateway.monitoring.reports.consumption.consumption`), so panel,
report and roll-up never differ. All answers about the devices are held in memory: ask about some hundred of them at a time.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import Spread, Store, StoredSeries, TimeSpan
from gateway.monitoring.reports.boundaries import MILLIONTHS, ReportStep
from gateway.monitoring.reports.consumption import CounterUse, PeriodUse, ReportGroup, consumption, group_of, totals
from gateway.monitoring.reports.rollup_points import MEASUREMENTS, RollupPoint, area_tags, device_tags
from gateway.monitoring.reports.roster import MAIN_COUNTER, METERED, Roster
from schemas.quantities import SPREAD_OF, USED_OF

_SHORT_MS: Final = 2 * 24 * 3_600_000

_PEAKING: Final = frozenset(USED_OF.values()) | {
    SPREAD_OF[domain][field][1]
    for domain, field in (
        ("traffic", "vehicle_count"),
        ("urban", "people_count"),
        ("urban", "people_in"),
        ("urban", "people_out"),
    )
}
"""Fields of which people ask for the hour of the peak: what was used, and means of counts that come without a register."""

Spreads = Mapping[StoredSeries, Mapping[str, Spread]]
MoreFields = Mapping[StoredSeries, Mapping[str, float]]
"""More fields of a day or month, beside those of its counters and gauges."""
UNBALANCE_OF: Final = {
    "voltage_unbalance_pct": ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v"),
    "current_unbalance_pct": ("current_l1_a", "current_l2_a", "current_l3_a"),
}
"""Field of roll-ups → the gauges of the three phases."""


class RolledPeriod(NamedTuple):
    """Some devices of a domain in one period."""

    domain: str
    use: PeriodUse
    spreads: Spreads

    @property
    def period(self) -> TimeSpan:
        """The period."""
        return self.use.period

    def points(
        self, roster: Roster, step: ReportStep, only: Collection[str] | None = None, more: MoreFields | None = None
    ) -> Iterator[RollupPoint]:
        """The points of its devices; a series of which nothing is known has none.

        :param only: the devices to write; None for all.
        :param more: fields beside those of counters and gauges.
        """
        used: dict[StoredSeries, list[CounterUse]] = defaultdict(list)
        for use in self.use.uses:
            used[use.series].append(use)
        beside = more or {}
        for series in sorted({*used, *self.spreads, *beside}):
            fields = {USED_OF[use.counter.field]: use.used / MILLIONTHS for use in used[series] if use.used is not None}
            fields |= _spread(self.domain, self.spreads.get(series, {}))
            fields |= beside.get(series, {})
            if fields and (only is None or series.device in only):
                tags = device_tags(roster.by_id[series.device], series)
                yield RollupPoint(MEASUREMENTS[step], tags, fields, self.period.start_ms)


def _spread(domain: str, spreads: Mapping[str, Spread]) -> Iterator[tuple[str, float]]:
    for gauge, values in spreads.items():
        yield from zip(SPREAD_OF[domain][gauge], map(float, values), strict=True)
    if domain == "power":
        yield from unbalance(spreads)


async def rolled(
    store: Store, roster: Roster, domain: str, spans: Sequence[TimeSpan], now_ms: int
) -> AsyncIterator[RolledPeriod]:
    """Yield the periods of a domain's devices in order. Each begins where the one before ends."""
    gauges, names = list(SPREAD_OF[domain]), roster.names(roster.of_domain(domain))
    # Before a long period a counter may have shown itself last more than 40 days before its end: then all are asked about.
    is_short = spans[-1].end_ms - spans[0].start_ms < _SHORT_MS
    async for use in consumption(store, roster, domain, spans, now_ms, counted_only=is_short):
        spreads: dict[StoredSeries, dict[str, Spread]] = {}
        async for found, values in store.spread(domain, gauges, use.period, names):
            series = roster.series(found)
            if series is not None and values:
                spreads[series] = values
        yield RolledPeriod(domain, use, spreads)


@dataclass(slots=True)
class _AreaFigures:
    """An area in one period.

    :ivar used: counter → consumption of the covered devices, in millionths of the unit.
    :ivar spreads: gauge → the lowest value, the sum of the devices' means, their number, and the highest value.
    :ivar flows: ``supplied`` and ``demand``, in millionths of the unit.
    """

    used: dict[str, int] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    uncovered: set[str] = field(default_factory=set)
    spreads: dict[str, tuple[float, float, int, float]] = field(default_factory=dict)
    flows: dict[str, int] = field(default_factory=dict)

    def see(self, gauge: str, spread: Spread) -> None:
        """Add a gauge of one device: each device weighs the same, however often it sends."""
        low, mean, high = spread
        lowest, total, number, highest = self.spreads.get(gauge, (low, 0.0, 0, high))
        self.spreads[gauge] = min(lowest, low), total + mean, number + 1, max(highest, high)

    def fields(self, domain: str) -> dict[str, float]:
        """The fields of its point. A counter leaves out its ``uncovered`` devices altogether."""
        fields = {USED_OF[counter]: used / MILLIONTHS for counter, used in self.used.items()}
        for gauge, (lowest, total, number, highest) in self.spreads.items():
            fields |= zip(SPREAD_OF[domain][gauge], (float(lowest), total / number, float(highest)), strict=True)
        fields |= {name: flow / MILLIONTHS for name, flow in self.flows.items()}
        return fields | {"devices": float(len(self.devices)), "uncovered": float(len(self.uncovered))}


class AreaTotals:
    """The areas of one domain, added up over all groups of devices.

    What flowed is told twice beside the sums of all devices: ``supplied`` is the use of the meters that stand before others and
    behind none, ``demand`` that of the last ones behind these. So nothing is counted at two meters, and the two are of the same
    users. Where no meter stands before others, ``demand`` is that of all.
    """

    def __init__(self, domain: str, families: Mapping[str, Collection[str]]) -> None:
        """Begin with no device.

        :param families: parent → its children, of all devices of the domain.
        """
        self._domain = domain
        self._parents = families.keys()
        self._children = {child for children in families.values() for child in children}
        self._found: dict[tuple[int, str], _AreaFigures] = defaultdict(_AreaFigures)

    def add(self, part: RolledPeriod, roster: Roster) -> None:
        """Add some devices in one period."""
        start_ms = part.period.start_ms
        for total in totals(part.use, self._domain, ReportGroup.AREA, roster):
            if total.group:
                area = self._found[start_ms, total.group]
                area.devices |= total.covered | total.uncovered
                area.uncovered |= total.uncovered
                if total.covered:
                    area.used[total.counter.field] = area.used.get(total.counter.field, 0) + total.used
        self._add_flows(part, roster)
        for series, spreads in part.spreads.items():
            name = group_of(roster.by_id[series.device], ReportGroup.AREA, self._domain)
            if name:
                area = self._found[start_ms, name]
                area.devices.add(series.device)
                for gauge, spread in spreads.items():
                    area.see(gauge, spread)

    def _add_flows(self, part: RolledPeriod, roster: Roster) -> None:
        """Add what the first and the last meters on the way to the users have measured."""
        if self._domain not in METERED:
            return
        for use in part.use.uses:
            device = use.series.device
            name = group_of(roster.by_id[device], ReportGroup.AREA, self._domain)
            flow = self._flow(device)
            if name and flow and use.used is not None and use.counter.field == MAIN_COUNTER[self._domain]:
                flows = self._found[part.period.start_ms, name].flows
                flows[flow] = flows.get(flow, 0) + use.used

    def _flow(self, device: str) -> str:
        """The name of the flow that a device measures; empty: it stands between others, or alone beside them."""
        if device in self._parents:
            return "" if device in self._children else "supplied"
        return "demand" if device in self._children or not self._parents else ""

    def points(self, step: ReportStep) -> Iterator[RollupPoint]:
        """The points of all areas in all periods that were added."""
        for (start_ms, name), area in sorted(self._found.items(), key=lambda item: item[0]):
            tags = area_tags(name, self._domain)
            yield RollupPoint(f"{MEASUREMENTS[step]}_area", tags, area.fields(self._domain), start_ms)

    def hours_of_day(self, zone: ZoneInfo) -> Iterator[RollupPoint]:
        """The same hours with their place in the local day as a tag, for daily peaks: InfluxQL knows no hour of the day."""
        for (start_ms, name), area in sorted(self._found.items(), key=lambda item: item[0]):
            fields = {field: value for field, value in area.fields(self._domain).items() if field in _PEAKING}
            if fields:
                hour = f"{datetime.fromtimestamp(start_ms // 1000, zone):%H}"
                yield RollupPoint("hour_of_day", area_tags(name, self._domain, hour), fields, start_ms)


def unbalance(spreads: Mapping[str, Spread]) -> Iterator[tuple[str, float]]:
    """Yield the unbalance of a meter in a period: how far the mean of one phase is from that of all three, in per cent.

    It is that of IEEE 141. A meter of one phase, or without a load, has none.
    """
    for name, phases in UNBALANCE_OF.items():
        means = [spreads[phase][1] for phase in phases if phase in spreads]
        if len(means) == len(phases) and (mean := fmean(means)) > 0:
            yield name, 100 * max(abs(one - mean) for one in means) / mean
