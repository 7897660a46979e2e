"""The points that a gateway should have written about a simulated story, worked out from the simulator's ledger alone.

Beside each point stands a point of doubt: how far off each of its fields may be. It is the rounding of sums; where nobody saw
what flowed, as much as flowed there.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import fmean
from typing import Any, Final, NamedTuple

from schemas.quantities import SPREAD_OF, SUM_OF, USED_OF
from tests.grafana.known_points import HOUR_MS, MINUTE_MS, ZONE_MS, KnownPoint, Value
from tests.grafana.ledger_readings import Flow, FlowCurve, LedgerReading, StoryLedger, Tags

VOLTAGES: Final = ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v")
MAIN: Final = {"water": ("volume_m3", "volume_reverse_m3"), "power": ("energy_import_kwh", "energy_export_kwh")}
"""Domain → the register of what passed a meter, and that of what ran back."""
INTERRUPTIONS: Final = ("interruption_s", "interruptions", "momentary")
NIGHT_H: Final = 5
NIGHT_COVERAGE: Final = 0.8
THREE_PHASES: Final = {
    "voltage_unbalance_pct": ("voltage_l1_v", "voltage_l2_v", "voltage_l3_v"),
    "current_unbalance_pct": ("current_l1_a", "current_l2_a", "current_l3_a"),
}
PHASES: Final = ("l1", "l2", "l3")
INTERRUPTION_MS: Final = 5 * MINUTE_MS
LATE_MARGIN_MS: Final = 30 * MINUTE_MS
"""On a fast clock a reading that came about when it began to be late may be late or not."""

Series = tuple[str, str, Tags]
"""Domain, device, text tags."""
Points = dict[str, list[KnownPoint]]


class Span(NamedTuple):
    """A period: the measurement that tells of it, its first ms, and the first ms behind it."""

    measurement: str
    begin_ms: int
    end_ms: int


@dataclass
class LedgerPoints:
    """Points, and how far off they may be."""

    points: Points = field(default_factory=lambda: defaultdict(list))
    doubts: Points = field(default_factory=lambda: defaultdict(list))

    def add(self, measurement: str, tags: Mapping[str, str], time_ms: int, fields: Mapping[str, Value | Flow]) -> None:
        """Add a point, if it has a field."""
        if fields:
            plain = {name: value.total if isinstance(value, Flow) else value for name, value in fields.items()}
            doubt = {name: value.doubt if isinstance(value, Flow) else 0.0 for name, value in fields.items()}
            self.points[measurement].append(KnownPoint(measurement, tags, time_ms, plain))
            self.doubts[measurement].append(KnownPoint(measurement, tags, time_ms, doubt))

    def sort(self) -> "LedgerPoints":
        """Bring the points into the order of time."""
        for rows in (*self.points.values(), *self.doubts.values()):
            rows.sort(key=lambda point: point.time_ms)
        return self


@dataclass(frozen=True)
class StoryPeriods:
    """The local hours, days and months that are asked about.

    :ivar days: beginnings of whole local days that follow each other, and the end of the last.
    :ivar months: local months whose ends are among them.
    :ivar rough: the number of first days on which devices measured off their intervals too, so that counts differ by four.
    """

    days: Sequence[int]
    months: Sequence[tuple[int, int]] = ()
    rough: int = 0

    def spans(self) -> Iterator[Span]:
        """Yield all of them."""
        for begin_ms, end_ms in pairwise(self.days):
            yield from (Span("hourly", hour_ms, hour_ms + HOUR_MS) for hour_ms in range(begin_ms, end_ms, HOUR_MS))
            yield Span("daily", begin_ms, end_ms)
        for month in self.months:
            yield Span("monthly", *month)


class _Worker:
    """Works points out."""

    def __init__(
        self, ledger: StoryLedger, registry: Sequence[Mapping[str, Any]], periods: StoryPeriods, late_after_ms: int
    ) -> None:
        self.devices = {device["id"]: device for device in registry}
        self.ledger = ledger
        self.periods = periods
        self.late_after_ms = late_after_ms
        self.flows: dict[Series, dict[str, FlowCurve]] = defaultdict(dict)
        for (domain, device, tags, name), curve in ledger.flows().items():
            self.flows[domain, device, tags][name] = curve
        self.by_series: dict[Series, list[LedgerReading]] = defaultdict(list)
        self.by_device: dict[str, list[LedgerReading]] = defaultdict(list)
        for reading in ledger.readings:
            self.by_series[reading.domain, reading.device, reading.tags].append(reading)
            self.by_device[reading.device].append(reading)
        self.parents = {device.get("parent") for device in registry} - {None}
        self.without_sums = ledger.without_sums
        self.out = LedgerPoints()

    def place(self, device: str) -> dict[str, str]:
        """The tags of a device."""
        return {"area": self.devices[device].get("area", ""), "device": device, "site": self.devices[device]["site"]}

    def work(self) -> LedgerPoints:
        for reading in self.ledger.readings:
            self.raw(reading)
        for series in self.by_series:
            for span in self.periods.spans():
                self.roll(series, span)
        for begin_ms, end_ms in pairwise(self.periods.days):
            for device in self.devices:
                self.complete(device, begin_ms, end_ms)
            self.balances(Span("day", begin_ms, end_ms))
            self.areas(Span("daily_area", begin_ms, end_ms))
            for hour_ms in range(begin_ms, end_ms, HOUR_MS):
                self.balances(Span("hour", hour_ms, hour_ms + HOUR_MS))
                self.areas(Span("hourly_area", hour_ms, hour_ms + HOUR_MS))
                self.hour_of_day(hour_ms)
            self.completeness_of_areas("daily_completeness", begin_ms, end_ms)
        for month in self.periods.months:
            self.completeness_of_areas("monthly_completeness", *month)
            self.areas(Span("monthly_area", *month))
        return self.out.sort()

    def raw(self, reading: LedgerReading) -> None:
        """The points of a reading."""
        fields: dict[str, Value | Flow] = {**reading.fields, "quality": 0.0}
        if reading.device not in self.without_sums:
            for name in reading.fields.keys() & SUM_OF.keys():
                total = self.flows[reading.domain, reading.device, reading.tags][name].at(reading.time_ms)
                if total is not None:
                    fields[SUM_OF[name]] = total
        place = self.place(reading.device)
        self.out.add(reading.domain, {**place, **dict(reading.tags)}, reading.time_ms, fields)
        self.out.add("device_health", place, reading.time_ms, reading.health)

    def roll(self, series: Series, span: Span) -> None:
        """The roll-up of a series in a period."""
        domain, device, tags = series
        fields: dict[str, Value | Flow] = {}
        for name, curve in self.flows[series].items():
            used = curve.used(span.begin_ms, span.end_ms)
            if used is not None:
                fields[USED_OF[name]] = used
        inside = [reading for reading in self.by_series[series] if span.begin_ms <= reading.time_ms < span.end_ms]
        for gauge, names in SPREAD_OF[domain].items():
            values = [float(reading.fields[gauge]) for reading in inside if gauge in reading.fields]
            if values:
                fields |= zip(names, (min(values), fmean(values), max(values)), strict=True)
        for name, phases in THREE_PHASES.items() if domain == "power" else ():
            means = [fields[SPREAD_OF[domain][phase][1]] for phase in phases if SPREAD_OF[domain][phase][1] in fields]
            fields |= _unbalance(name, [float(mean) for mean in means if not isinstance(mean, Flow)])
        if span.measurement == "daily":
            fields |= self.figures_of_day(series, span)
        elif span.measurement == "monthly" and domain == "water":
            fields |= self.of_days(series, span)
        self.out.add(span.measurement, {**self.place(device), **dict(tags)}, span.begin_ms, fields)

    def figures_of_day(self, series: Series, span: Span) -> dict[str, Value]:
        """The lowest flow of the night, and outages."""
        domain, device, _ = series
        if domain == "power":
            return _outages(self.by_series[series], span)
        night_end_ms = span.begin_ms + NIGHT_H * HOUR_MS
        night = [reading for reading in self.by_series[series] if span.begin_ms <= reading.time_ms < night_end_ms]
        flows = [float(reading.fields["flow_m3_h"]) for reading in night if "flow_m3_h" in reading.fields]
        every_ms = round(1000 * self.devices[device]["interval"])
        if not flows or len(night) < NIGHT_COVERAGE * NIGHT_H * HOUR_MS / every_ms:
            return {}
        return {"flow_night_min_m3_h": min(flows)}

    def of_days(self, series: Series, month: Span) -> dict[str, Value]:
        """The lowest night of the days of a month that are asked about."""
        days = [Span("daily", *day) for day in pairwise(self.periods.days) if month.begin_ms <= day[0] < month.end_ms]
        nights = [self.figures_of_day(series, day) for day in days]
        lowest = [night["flow_night_min_m3_h"] for night in nights if night]
        return {"flow_night_min_m3_h": min(lowest)} if lowest else {}

    def complete(self, device: str, begin_ms: int, end_ms: int) -> None:
        """The completeness of a day: each device measures once an interval, so each reading that is not there is missing."""
        every_ms = round(1000 * self.devices[device]["interval"])
        times = sorted({reading.time_ms for reading in self.by_device[device]})
        came_ms = {reading.time_ms: reading.at_ms - reading.time_ms for reading in self.by_device[device]}
        inside = [time_ms for time_ms in times if begin_ms <= time_ms < end_ms]
        timely = [time_ms for time_ms in inside if came_ms[time_ms] <= self.late_after_ms]
        unsure = sum(abs(came_ms[time_ms] - self.late_after_ms) < LATE_MARGIN_MS for time_ms in inside)
        expected = (end_ms - begin_ms) / every_ms
        rough = 4.0 if begin_ms in self.periods.days[: self.periods.rough] else 0.0
        around = [
            max([time_ms for time_ms in times if time_ms <= begin_ms], default=begin_ms),
            *inside,
            min([time_ms for time_ms in times if time_ms >= end_ms], default=end_ms),
        ]
        fields: dict[str, Value | Flow] = {
            "expected": expected,
            "received": Flow(float(len(inside)), rough),
            "missing": Flow(expected - len(inside), rough),
            "on_time": Flow(float(len(timely)), rough + unsure),
            "estimated": 0.0,
            "longest_gap_s": max(after - before for before, after in pairwise(around)) / 1000,
            "interval_s": every_ms / 1000,
        }
        domain = self.devices[device]["domain"]
        if domain == "power" and device not in self.parents:
            outages = _outages(self.by_series[domain, device, ()], Span("", begin_ms, end_ms))
            fields |= {name: outages[name] for name in INTERRUPTIONS if outages}
        self.out.add("completeness", {**self.place(device), "domain": domain}, begin_ms, fields)

    def completeness_of_areas(self, measurement: str, begin_ms: int, end_ms: int) -> None:
        """Completeness of each area in a day or month: the days of its devices added up, and the longest gap of any."""
        days: dict[tuple[str, str], list[tuple[KnownPoint, KnownPoint]]] = defaultdict(list)
        for point, doubt in zip(self.out.points["completeness"], self.out.doubts["completeness"], strict=True):
            if begin_ms <= point.time_ms < end_ms:
                days[point.tags["area"], point.tags["domain"]].append((point, doubt))
        for (area, domain), some in days.items():
            fields: dict[str, Value | Flow] = {}
            for name in ("expected", "received", "missing", "on_time", "estimated"):
                fields[name] = Flow(*(sum(float(one[side].fields[name]) for one in some) for side in (0, 1)))
            fields["longest_gap_s"] = max(point.fields["longest_gap_s"] for point, _ in some)
            fields["devices"] = float(len({point.tags["device"] for point, _ in some}))
            for name in INTERRUPTIONS:
                told = {point.tags["device"]: float(point.fields[name]) for point, _ in some if name in point.fields}
                days_told = [float(point.fields[name]) for point, _ in some if name in point.fields]
                fields |= {name: sum(days_told), "customers": float(len(told))} if told else {}
            self.out.add(measurement, {"area": area, "domain": domain}, begin_ms, fields)

    def balances(self, span: Span) -> None:
        """The use of each parent, and that of its children: what passed them less what ran back."""
        for parent, device in self.devices.items():
            family = [id_ for id_, child in self.devices.items() if child.get("parent") == parent]
            if family:
                domain = device["domain"]
                into, *out = [self.net(domain, id_, span) for id_ in (parent, *family)]
                known = [flow for flow in out if flow is not None]
                if into is not None and len(known) == len(out):
                    reached = Flow(sum(flow.total for flow in known), sum(flow.doubt for flow in known))
                    tags = {**self.place(parent), "domain": domain, "step": span.measurement}
                    lost = {"water": "lost_m3", "power": "lost_kwh"}[domain]
                    flows = {"in": into, "out": reached, lost: Flow(into.total - reached.total, into.doubt + reached.doubt)}
                    self.out.add("balance", tags, span.begin_ms, flows)

    def net(self, domain: str, device: str, span: Span) -> Flow | None:
        """The flow through a meter less what ran back; None: it is not known. One without a register counts nothing."""
        if device not in self.by_device:
            return None
        curves = self.flows.get((domain, device, ()), {})
        flows = [curves[name].used(span.begin_ms, span.end_ms) if name in curves else Flow(0.0, 0.0) for name in MAIN[domain]]
        passed, back = flows
        return None if passed is None or back is None else Flow(passed.total - back.total, passed.doubt + back.doubt)

    def areas(self, span: Span) -> None:
        """Flows of each area: used by those with nobody behind them, supplied at its edge, produced, and lost."""
        for domain, (main, back) in MAIN.items():
            meters = [id_ for id_ in self.devices if {main, back} & self.flows.get((domain, id_, ()), {}).keys()]
            for area in {self.place(id_)["area"] for id_ in meters}:
                inside = [id_ for id_ in meters if self.place(id_)["area"] == area]
                customers = [id_ for id_ in inside if id_ not in self.parents]
                used = [self.through(domain, id_, main, span) for id_ in customers]
                returned = [self.through(domain, id_, back, span) for id_ in customers]
                fields = {"used": _net(used, [] if domain == "power" else returned)}
                if domain == "power":
                    fields["produced"] = _net(returned, [])
                inlets, outlets = self.edge(meters, area)
                if any(id_ in self.parents for id_ in inlets):
                    ways = [self.net(domain, id_, span) for id_ in inlets]
                    more = returned if domain == "power" else []
                    fields["supplied"] = _net([*ways, *more], [self.net(domain, id_, span) for id_ in outlets])
                    fields["lost"] = _net([fields["supplied"]], [fields["used"]])
                unit = {"water": "m3", "power": "kwh"}[domain]
                known = {f"{name}_{unit}": flow for name, flow in fields.items() if flow is not None}
                self.out.add(span.measurement, {"area": area, "domain": domain}, span.begin_ms, known)
        self.voltages(span)

    def edge(self, meters: Sequence[str], area: str) -> tuple[list[str], list[str]]:
        """The meters through which something comes into an area, and those through which it leaves for another one."""
        above = {id_: str(self.devices[id_].get("parent", "")) for id_ in meters}
        inlets, outlets = [], []
        for id_ in meters:
            own, behind = self.place(id_)["area"], above[id_] in self.devices
            before = self.place(above[id_])["area"] if behind else ""
            if own == area and (before != area if behind else id_ in self.parents):
                inlets.append(id_)
            if behind and before == area != own:
                outlets.append(id_)
        return inlets, outlets

    def through(self, domain: str, id_: str, name: str, span: Span) -> Flow | None:
        """The use of one register; one that is not there counts nothing."""
        curve = self.flows[domain, id_, ()].get(name)
        return Flow(0.0, 0.0) if curve is None else curve.used(span.begin_ms, span.end_ms)

    def voltages(self, span: Span) -> None:
        """The lowest and highest voltage of each phase in each area."""
        found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for (domain, device, *_), readings in self.by_series.items():
            for reading in readings if domain == "power" else ():
                for gauge in VOLTAGES if span.begin_ms <= reading.time_ms < span.end_ms else ():
                    if gauge in reading.fields:
                        found[self.place(device)["area"]][gauge].append(float(reading.fields[gauge]))
        for area, gauges in found.items():
            fields: dict[str, Value | Flow] = {}
            for gauge, values in gauges.items():
                lowest, _, highest = SPREAD_OF["power"][gauge]
                fields |= {lowest: min(values), highest: max(values)}
            self.out.add(span.measurement, {"area": area, "domain": "power"}, span.begin_ms, fields)

    def hour_of_day(self, hour_ms: int) -> None:
        """The figures of each area in an hour of which people ask for the peak."""
        hour = f"{(hour_ms + ZONE_MS) // HOUR_MS % 24:02}"
        span = Span("", hour_ms, hour_ms + HOUR_MS)
        for domain, names in {"traffic": ("vehicle_count",), "urban": ("people_in_total", "people_out_total")}.items():
            used: dict[tuple[str, str], list[Flow]] = defaultdict(list)
            means: dict[str, list[float]] = defaultdict(list)
            for series, curves in self.flows.items():
                if series[0] == domain:
                    area = self.place(series[1])["area"]
                    inside = [one for one in self.by_series[series] if hour_ms <= one.time_ms < span.end_ms]
                    counts = [float(one.fields[names[0]]) for one in inside if names[0] in one.fields]
                    if domain == "traffic" and counts:
                        means[area].append(fmean(counts))
                    for name in names if domain == "urban" else ():
                        flow = curves[name].used(hour_ms, span.end_ms) if name in curves else None
                        if flow is not None:
                            used[area, USED_OF[name]].append(flow)
            for area, found in means.items():
                tags = {"area": area, "domain": domain, "hour": hour}
                self.out.add("hour_of_day", tags, hour_ms, {"vehicle_count_mean": fmean(found)})
            for (area, name), flows in used.items():
                total = Flow(sum(flow.total for flow in flows), sum(flow.doubt for flow in flows))
                self.out.add("hour_of_day", {"area": area, "domain": domain, "hour": hour}, hour_ms, {name: total})


def ledger_points(
    ledger: StoryLedger, registry: Sequence[Mapping[str, Any]], periods: StoryPeriods, late_after_ms: int
) -> LedgerPoints:
    """Work out the points of raw readings, and of all periods."""
    return _Worker(ledger, registry, periods, late_after_ms).work()


def _unbalance(name: str, means: Sequence[float]) -> dict[str, Value]:
    """The distance of the mean of one phase from that of all three, in per cent."""
    if len(means) != len(PHASES) or not sum(means):
        return {}
    return {name: 100 * max(abs(one - fmean(means)) for one in means) / fmean(means)}


def _outages(readings: Sequence[LedgerReading], day: Span) -> dict[str, Value]:
    """The outages of a day: each lasts from the reading that tells of it to the first that does not."""
    states = [(one.time_ms, bool(one.fields["alarm_outage"])) for one in readings if "alarm_outage" in one.fields]
    if not states:
        return {}
    spans = []
    for is_out, some in groupby(pairwise(states), key=lambda pair: pair[0][1]):
        pairs = list(some)
        if is_out:
            spans.append((pairs[0][0][0], pairs[-1][1][0]))
    long = [span for span in spans if span[1] - span[0] > INTERRUPTION_MS]

    def within_s(some: Sequence[tuple[int, int]]) -> float:
        return sum(max(0, min(end, day.end_ms) - max(begin, day.begin_ms)) for begin, end in some) / 1000

    begun, all_begun = (sum(day.begin_ms <= begin < day.end_ms for begin, _ in some) for some in (long, spans))
    counts = {"interruptions": float(begun), "momentary": float(all_begun - begun)}
    return {"outage_s": within_s(spans), "interruption_s": within_s(long), **counts}


def _net(flows: Sequence[Flow | None], less: Sequence[Flow | None]) -> Flow | None:
    """Flows less others; None: one of them is not known."""
    known, others = ([flow for flow in some if flow is not None] for some in (flows, less))
    if len(known) + len(others) < len(flows) + len(less):
        return None
    doubt = sum(flow.doubt for flow in (*known, *others))
    return Flow(sum(flow.total for flow in known) - sum(flow.total for flow in others), doubt)
