"""Consumption: for each period, device and counter the difference of two sums, or the cause why it is not known; and totals.

Reports, roll-ups and balances all take it from here, so they never differ. A period is worked out when its end is read, and two
boundaries are held at a time, so memory does not grow with the length of a report.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from gateway.ingest.database.store import Counter, Side, Store, StoredSeries, SumPoint, TimeSpan
from gateway.monitoring.reports.boundaries import Marks, SumBoundary, Uncovered, gaps_ms, measured_share, millionths, sum_at
from gateway.monitoring.reports.roster import (
    MAIN_COUNTER,
    METERED,
    REACHES_MS,
    Roster,
    both,
    counters_of,
    interval_ms,
    nearest_points,
    stuck_spans,
)
from gateway.monitoring.reports.told_events import (
    ToldAmounts,
    UseWithTold,
    WrongClocks,
    anchored,
    edges_of,
    stands_wrongly,
    taken_in,
    told_amounts,
    wrong_clocks,
)
from schemas.quantities import COUNTERS, Quality
from schemas.registry import RegisteredDevice

_FAR_MS: Final = REACHES_MS[-1]


class CounterUse(NamedTuple):
    """The consumption of a counter in a period, between its ``first`` and ``last`` sum.

    :ivar series: its series, with the id of the registry.
    :ivar suspect: number of points of the series with a suspect step of a counter, one more where its register was stuck,
        and one where its clock was wrong.
    :ivar told: the same with amounts that people told; None: they told none.
    """

    series: StoredSeries
    counter: Counter
    first: SumBoundary
    last: SumBoundary
    suspect: int
    told: UseWithTold | None = None

    @property
    def used(self) -> int | None:
        """The consumption in millionths of the unit; None: it is not known as a whole."""
        if self.told is not None:
            return self.told.used
        first, last = self.first.millionths, self.last.millionths
        return last - first if first is not None and last is not None and first <= last else None

    @property
    def uncovered(self) -> Uncovered | None:
        """The cause for which it is not known; None: it is."""
        if self.used is not None:
            return None
        if self.told is not None:
            return self.told.uncovered
        causes = {self.first.uncovered, self.last.uncovered} - {None}
        if not causes:
            return Uncovered.WENT_BACK
        return self.last.uncovered if Uncovered.NOT_OVER in causes else self.first.uncovered or self.last.uncovered

    @property
    def is_estimated(self) -> bool:
        """True when one of its boundaries lies in a gap of the readings, or a person told some of it."""
        return self.used is not None and (self.first.is_estimated or self.last.is_estimated or self.told is not None)

    @property
    def known(self) -> int | None:
        """The consumption as far as it is known: up to the last reading where the end of the period is not covered."""
        first, reading = self.first.millionths, self.last.reading
        if self.used is not None or self.told is not None:
            return self.used
        if first is None or reading is None or self.last.millionths is not None:
            return None
        return max(0, millionths(reading) - first) if reading.time_ms > self.first.at_ms else None

    @property
    def known_until_ms(self) -> int | None:
        """The end of what is known of it; None: nothing is."""
        if self.known is None:
            return None
        return self.last.at_ms if self.used is not None or self.last.reading is None else self.last.reading.time_ms

    @property
    def measured(self) -> float:
        """The share of it that stands on readings: without what is interpolated in gaps, and of the period what is known."""
        if self.told is not None:
            return self.told.measured
        return measured_share(self.first, self.last, self.known, self.known_until_ms)

    @property
    def blind(self) -> float:
        """The share of the period that lies in gaps, of which a straight line may tell nothing though much flowed."""
        is_told = self.used is None or self.told is not None
        return 0.0 if is_told else min(1.0, gaps_ms(self.first, self.last) / (self.last.at_ms - self.first.at_ms))

    @property
    def marks(self) -> Marks:
        """Its marks: as one device, estimated and suspect or not."""
        return Marks(float(self.is_estimated), float(self.suspect > 0), self.measured)


_CounterKey = tuple[StoredSeries, str]
"""A series and the field of a counter."""


class PeriodUse(NamedTuple):
    """All counters of a domain in one period, in the order of device, series and counter."""

    period: TimeSpan
    uses: Sequence[CounterUse]


async def consumption(
    store: Store,
    roster: Roster,
    domain: str,
    spans: Sequence[TimeSpan],
    now_ms: int,
    *,
    counted_only: bool = False,
    counters: Sequence[str] = (),
) -> AsyncIterator[PeriodUse]:
    """Yield the periods of a domain in order. Each begins where the one before ends.

    :param counted_only: ask only about counters that any device has shown before the end: what a roll-up can write. A counter
        that begins later is left out; for a report it is a row that says so.
    :param counters: those to ask about; without any, all of the domain.
    """
    counters = counters or counters_of(domain)
    reader = _BoundaryReader(store, roster, domain, now_ms, counters)
    await reader.look_ahead(spans[-1].end_ms)
    if counted_only:
        reader.leave_out_uncounted()
    stuck = await stuck_spans(store, roster, TimeSpan(spans[0].start_ms, spans[-1].end_ms))
    told = await told_amounts(store, roster, domain, now_ms)
    told_of = {series.device for series, _ in told}
    beside = _BoundaryReader(store, Roster(roster.by_id[id_] for id_ in sorted(told_of)), domain, now_ms, counters)
    if any(edges_of(told, span) for span in spans):
        await beside.look_ahead(spans[-1].end_ms)
    first, clocks = await both(reader.sums_at(spans[0].start_ms), reader.clocks(TimeSpan(spans[0].start_ms, spans[-1].end_ms)))
    for span in spans:
        last, suspect = await both(reader.sums_at(span.end_ms), reader.suspect(span))
        edges = {at_ms: await beside.sums_at(at_ms) for at_ms in edges_of(told, span)}
        uses = [_doubted(use, span, stuck, clocks) for use in _uses(domain, span, first, last, suspect)]
        yield PeriodUse(span, [_with_told(use, told, edges) if use.series.device in told_of else use for use in uses])
        first = last


def _doubted(use: CounterUse, span: TimeSpan, stuck: Mapping[str, Sequence[TimeSpan]], clocks: WrongClocks) -> CounterUse:
    """Mark a counter that stood still in a part of the period although something flowed, or whose device had a wrong clock."""
    spans = stuck.get(use.series.device, ()) if use.counter.field == MAIN_COUNTER[use.counter.measurement] else ()
    is_stuck = any(one.start_ms < span.end_ms and span.start_ms < one.end_ms for one in spans)
    is_wrong = stands_wrongly(clocks.get(use.series.device, ()), span.start_ms, span.end_ms)
    return use._replace(suspect=use.suspect + is_stuck + is_wrong) if is_stuck or is_wrong else use


def _with_told(use: CounterUse, told: ToldAmounts, edges: Mapping[int, Mapping[_CounterKey, SumBoundary]]) -> CounterUse:
    """Take in the amounts that people told of a counter."""
    key = use.series, use.counter.field
    amounts = told.get(key, ())
    first, last = anchored(use.first, amounts), anchored(use.last, amounts)

    def at_edge(at_ms: int) -> SumBoundary:
        return anchored(edges[at_ms].get(key) or sum_at(at_ms, None, None, None), amounts)

    return use._replace(first=first, last=last, told=taken_in(first, last, amounts, at_edge))


def _uses(
    domain: str,
    span: TimeSpan,
    first: Mapping[_CounterKey, SumBoundary],
    last: Mapping[_CounterKey, SumBoundary],
    suspect: Mapping[StoredSeries, int],
) -> Iterator[CounterUse]:
    order = {field: place for place, field in enumerate(counters_of(domain))}
    for key in sorted(first.keys() | last.keys(), key=lambda key: (key[0], order[key[1]])):
        series, field = key
        begins = first.get(key) or sum_at(span.start_ms, None, None, None)
        ends = last.get(key) or sum_at(span.end_ms, None, None, None)
        yield CounterUse(series, Counter(domain, field), begins, ends, suspect.get(series, 0))


class _BoundaryReader:
    """Reads the sums of a domain at one boundary after the other."""

    def __init__(self, store: Store, roster: Roster, domain: str, now_ms: int, counters: Iterable[str]) -> None:
        self._store = store
        self._roster = roster
        self._devices = roster.of_domain(domain)
        self._names = roster.names(self._devices)
        self._counters = [Counter(domain, field) for field in counters]
        self._domain = domain
        self._now_ms = now_ms
        self._known: dict[Counter, set[StoredSeries]] = {counter: set() for counter in self._counters}
        self._newest: dict[Counter, dict[StoredSeries, SumPoint]] = {}

    async def look_ahead(self, end_ms: int) -> None:
        """Find all counters of the report, so that a counter without readings at first is listed from the first period on."""
        for counter in self._counters:
            self._newest[counter] = await self._points(counter, Side.UP_TO, min(end_ms, self._now_ms))
        if self._domain in METERED:
            await self._miss_the_unheard(min(end_ms, self._now_ms))

    def leave_out_uncounted(self) -> None:
        """Ask no more about counters that no device has: of twelve counters of power most meters have one or two."""
        self._counters = [counter for counter in self._counters if self._known[counter]]

    async def _miss_the_unheard(self, at_ms: int) -> None:
        """Add a main counter for each meter that was silent for long. A meter that is heard without one has none."""
        with_counters = {series.device for known in self._known.values() for series in known}
        silent = set(self._devices) - with_counters
        heard = {
            self._roster.id_of(name)
            async for name, _ in self._store.heard(self._domain, Side.UP_TO, at_ms, _FAR_MS, self._roster.names(silent))
        }
        main = Counter(self._domain, MAIN_COUNTER[self._domain])
        self._known[main] |= {StoredSeries(id_) for id_ in silent - heard}

    async def sums_at(self, at_ms: int) -> dict[_CounterKey, SumBoundary]:
        """The sum of each counter at an instant. An instant in the future is not covered."""
        if at_ms > self._now_ms:
            return {
                (series, counter.field): SumBoundary(at_ms, None, Uncovered.NOT_OVER, is_estimated=False, reading=newest)
                for counter, known in self._known.items()
                for series in known
                for newest in (self._newest.get(counter, {}).get(series),)
            }
        found = {}
        for counter in self._counters:
            before, after = await both(self._points(counter, Side.UP_TO, at_ms), self._points(counter, Side.AFTER, at_ms))
            for series in self._known[counter]:
                interval = interval_ms(self._devices[series.device])
                points = before.get(series), after.get(series)
                is_whole = COUNTERS[counter.field].unit == "1"
                found[series, counter.field] = sum_at(at_ms, *points, interval, is_whole=is_whole)
        return found

    async def _points(self, counter: Counter, side: Side, at_ms: int) -> dict[StoredSeries, SumPoint]:
        """The nearest points by series, with the ids of the registry; of a device written under two names the nearer one."""
        points: dict[StoredSeries, SumPoint] = {}
        known = self._known[counter]
        for found, point in (await nearest_points(self._store, counter, side, at_ms, self._names, known)).items():
            series = self._roster.series(found)
            if series is None or series.device not in self._devices:
                continue
            other = points.get(series)
            if other is None or (point.time_ms > other.time_ms) == (side is Side.UP_TO):
                points[series] = point
        known.update(points)
        return points

    async def clocks(self, window: TimeSpan) -> WrongClocks:
        """The times at which readings of devices stand wrongly, by the id of the registry."""
        found = await wrong_clocks(self._store, window, self._names)
        return {self._roster.id_of(name) or name: spans for name, spans in found.items()}

    async def suspect(self, span: TimeSpan) -> dict[StoredSeries, int]:
        """Number of points in the period with a suspect step, by series."""
        counted: dict[StoredSeries, int] = {}
        async for found, count in self._store.flagged(self._domain, Quality.COUNTER_SUSPECT, span, self._names):
            series = self._roster.series(found)
            if series is not None:
                counted[series] = counted.get(series, 0) + count
        return counted


RAIN: Final = "rain_mm"
"""The counter that is no amount: what fell on a group is the mean of its gauges."""


class ReportGroup(StrEnum):
    """A property by which rows of a report are added up."""

    DEVICE = "device"
    AREA = "area"
    SITE = "site"
    DOMAIN = "domain"
    PARENT = "parent"


@dataclass(slots=True)
class GroupUse:
    """A counter of all devices of a group in one period."""

    group: str
    counter: Counter
    used: int = 0  # consumption of the covered devices, in millionths of the unit
    covered: set[str] = field(default_factory=set)
    uncovered: set[str] = field(default_factory=set)  # the devices that it leaves out
    estimated: set[str] = field(default_factory=set)
    suspect: int = 0
    series: int = 0  # number of counters of the covered devices
    cause: Uncovered | None = None  # the reason why it leaves out the first of them

    @property
    def amount(self) -> int | None:
        """The amount of the group; of rain the mean of its gauges."""
        if not self.covered:
            return None
        return round(self.used / self.series) if self.counter.field == RAIN else self.used


def group_of(device: RegisteredDevice, group: ReportGroup, domain: str) -> str:
    """The group of a device; empty: the registry names none."""
    names = {
        ReportGroup.DEVICE: device.id,
        ReportGroup.AREA: device.area,
        ReportGroup.SITE: device.site,
        ReportGroup.DOMAIN: domain,
        ReportGroup.PARENT: device.parent,
    }
    return names[group] or ""


def totals(found: PeriodUse, domain: str, group: ReportGroup, roster: Roster) -> Iterator[GroupUse]:
    """Add up the counters of a period, by group and counter."""
    by_counter: dict[tuple[str, str], list[CounterUse]] = defaultdict(list)
    for use in found.uses:
        by_counter[group_of(roster.by_id[use.series.device], group, domain), use.counter.field].append(use)
    order = counters_of(domain)
    for name, counter in sorted(by_counter, key=lambda key: (key[0], order.index(key[1]))):
        yield added(name, Counter(domain, counter), by_counter[name, counter])


def added(name: str, counter: Counter, uses: Sequence[CounterUse]) -> GroupUse:
    """Add up the consumption of devices; leave out a device of which any part is not covered."""
    total = GroupUse(name, counter)
    total.uncovered = {use.series.device for use in uses if use.used is None}
    total.cause = next((use.uncovered for use in uses if use.used is None), None)
    for use in uses:
        total.suspect += use.suspect
        if use.series.device not in total.uncovered:
            total.used += use.used or 0
            total.series += 1
            total.covered.add(use.series.device)
            if use.is_estimated:
                total.estimated.add(use.series.device)
    return total
