"""Roll-ups: for each hour, day and month the consumption, and the lowest, mean and highest value of each gauge.

The consumption comes from the function that reports use (:func:`gateway.monitoring.reports.consumption.consumption`), so panel,
report and roll-up never differ. All answers about the devices are held in memory: ask about some hundred of them at a time.
"""

import asyncio
from collections import ChainMap, defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import Spread, Store, StoredSeries, TimeSpan
from gateway.monitoring.reports.boundaries import MILLIONTHS, Marks, ReportStep, Uncovered
from gateway.monitoring.reports.consumption import RAIN, CounterUse, PeriodUse, ReportGroup, consumption, group_of, totals
from gateway.monitoring.reports.flows import GroupFlows, MeterFlow, group_flows, meter_flows
from gateway.monitoring.reports.network import MeterNetwork, TankLevels
from gateway.monitoring.reports.rollup_points import MEASUREMENTS, RollupPoint, area_tags, device_tags
from gateway.monitoring.reports.roster import METERED, Roster
from gateway.monitoring.reports.silent_meters import Estimate
from schemas.quantities import SPREAD_OF, USED_OF

_SHORT_MS: Final = 2 * 24 * 3_600_000

_PEAKING: Final = frozenset((*USED_OF.values(), *("used_m3", "supplied_m3", "used_kwh", "supplied_kwh"))) | {
    SPREAD_OF[domain][field][1]
    for domain, field in (
        ("traffic", "vehicle_count"),
        ("urban", "people_count"),
        ("urban", "people_in"),
        ("urban", "people_out"),
    )
}
"""Fields of which people ask for the hour of the peak: what was used and supplied, and means of counts without a register."""

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

        A month that is known until a reading before its end is that of the days until then, and its marks say so.

        :param only: the devices to write; None for all.
        :param more: fields beside those of counters and gauges.
        """
        used: dict[StoredSeries, list[CounterUse]] = defaultdict(list)
        for use in self.use.uses:
            used[use.series].append(use)
        beside = more or {}
        for series in sorted({*used, *self.spreads, *beside}):
            known = [(use, use.known if step is ReportStep.MONTH else use.used) for use in used[series]]
            fields = {USED_OF[use.counter.field]: amount / MILLIONTHS for use, amount in known if amount is not None}
            fields |= _spread(self.domain, self.spreads.get(series, {}))
            fields |= beside.get(series, {})
            if fields and (only is None or series.device in only):
                tags = device_tags(roster.by_id[series.device], series)
                marks = Marks.worst(use.marks for use, amount in known if amount is not None)
                yield RollupPoint(MEASUREMENTS[step], tags, fields | marks._asdict(), self.period.start_ms)


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

    :ivar used: counter → consumption of the covered devices, in millionths of the unit, and their number.
    :ivar spreads: gauge → the lowest value, the sum of the devices' means, their number, and the highest value.
    :ivar flows: its figures as a group of meters; None: no device of it has the counter of the domain.
    """

    used: dict[str, tuple[int, int]] = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    uncovered: set[str] = field(default_factory=set)
    spreads: dict[str, tuple[float, float, int, float]] = field(default_factory=dict)
    flows: GroupFlows | None = None

    def see(self, gauge: str, spread: Spread) -> None:
        """Add a gauge of one device: each device weighs the same, however often it sends."""
        low, mean, high = spread
        lowest, total, number, highest = self.spreads.get(gauge, (low, 0.0, 0, high))
        self.spreads[gauge] = min(lowest, low), total + mean, number + 1, max(highest, high)

    def fields(self, domain: str) -> dict[str, float]:
        """The fields of its point. A counter leaves out its ``uncovered`` devices altogether."""
        fields = {
            USED_OF[counter]: used / MILLIONTHS / (number if counter == RAIN else 1)
            for counter, (used, number) in self.used.items()
        }
        for gauge, (lowest, total, number, highest) in self.spreads.items():
            fields |= zip(SPREAD_OF[domain][gauge], (float(lowest), total / number, float(highest)), strict=True)
        flows = self.flows
        if flows is not None:
            fields |= flows.fields
        if flows is not None and domain in METERED:
            fields |= {f"{name}_{mark}": of for name, own in flows.own_marks.items() for mark, of in own._asdict().items()}
            old = {"supplied": flows.supplied.millionths, "demand": flows.used.millionths}
            fields |= {name: amount / MILLIONTHS for name, amount in old.items() if amount is not None}
        marks = Marks() if flows is None else flows.marks
        return fields | {"devices": float(len(self.devices)), "uncovered": float(len(self.uncovered))} | marks._asdict()


class AreaTotals:
    """The areas of one domain, added up over all groups of devices; ``network``: of its meters, once all are added."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._found: dict[tuple[int, str], _AreaFigures] = defaultdict(_AreaFigures)
        self._meters: dict[TimeSpan, dict[str, MeterFlow]] = defaultdict(dict)
        self._asked: set[str] = set()
        self.network = MeterNetwork({}, domain, ())

    def add(self, part: RolledPeriod, roster: Roster, estimates: Mapping[CounterUse, Estimate] | None = None) -> None:
        """Add some devices in one period, with the ``estimates`` of the silent ones."""
        start_ms = part.period.start_ms
        for total in totals(part.use, self._domain, ReportGroup.AREA, roster):
            if total.group:
                area = self._found[start_ms, total.group]
                area.devices |= total.covered | total.uncovered
                area.uncovered |= total.uncovered
                if total.covered:
                    used, number = area.used.get(total.counter.field, (0, 0))
                    area.used[total.counter.field] = used + total.used, number + total.series
        self._meters[part.period] |= meter_flows(part.use, self._domain, estimates or {})
        self._asked |= roster.by_id.keys()
        for series, spreads in part.spreads.items():
            name = group_of(roster.by_id[series.device], ReportGroup.AREA, self._domain)
            if name:
                area = self._found[start_ms, name]
                area.devices.add(series.device)
                for gauge, spread in spreads.items():
                    area.see(gauge, spread)

    async def settle(self, roster: Roster, levels: TankLevels, only: Collection[str | None] | None = None) -> None:
        """Work out what was used, supplied and lost, when all devices are added.

        :param only: the areas of which all devices are added, and those behind them; None: all areas.
        """
        devices = roster.of_domain(self._domain)
        metering = {id_ for meters in self._meters.values() for id_ in meters}
        metering |= devices.keys() - self._asked  # as far as is known
        self.network = await asyncio.to_thread(MeterNetwork, devices, self._domain, metering)
        areas = await asyncio.to_thread(self.network.groups, ReportGroup.AREA)
        groups = {name: group for name, group in areas.items() if name and (only is None or name in only)}
        absent = dict.fromkeys(metering, MeterFlow(None, 0, Uncovered.NO_READING, 1.0))  # sums that came between two questions
        for period, meters in self._meters.items():
            storage = await levels.stored(period, groups)
            for row in group_flows(period, self._domain, groups, ChainMap(meters, absent), storage):
                self._found[period.start_ms, row.group].flows = row
        if only is not None:
            self._found = defaultdict(_AreaFigures, {key: area for key, area in self._found.items() if key[1] in only})

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
                marks = Marks() if area.flows is None else area.flows.marks
                yield RollupPoint("hour_of_day", area_tags(name, self._domain, hour), fields | marks._asdict(), start_ms)


def unbalance(spreads: Mapping[str, Spread]) -> Iterator[tuple[str, float]]:
    """Yield the unbalance of a meter in a period: how far the mean of one phase is from that of all three, in per cent.

    It is that of IEEE 141. A meter of one phase, or without a load, has none.
    """
    for name, phases in UNBALANCE_OF.items():
        means = [spreads[phase][1] for phase in phases if phase in spreads]
        if len(means) == len(phases) and (mean := fmean(means)) > 0:
            yield name, 100 * max(abs(one - mean) for one in means) / mean
