"""The work of closing a period. Each question to the database is about at most a hundred devices."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.alarms.rules import NIGHT_COVERAGE
from gateway.ingest.database.store import Side, Store, StoredSeries, TimeSpan, batches
from gateway.monitoring.reports.balance import balance
from gateway.monitoring.reports.boundaries import ReportStep, Uncovered, hours
from gateway.monitoring.reports.completeness import completeness
from gateway.monitoring.reports.group_completeness import AreaCompleteness
from gateway.monitoring.reports.network import MeterNetwork, TankLevels
from gateway.monitoring.reports.nights import NIGHT_FIELD, LowestFlow, month_figures, night_flows, outages
from gateway.monitoring.reports.rollup_points import RollupPoint, balance_point, completeness_point, interruption_point
from gateway.monitoring.reports.rollups import AreaTotals, RolledPeriod, rolled
from gateway.monitoring.reports.roster import Roster, nearest_heard
from gateway.monitoring.reports.silent_meters import SilentMeters, UsualDays
from gateway.monitoring.reports.told_events import EventsAskedOnce
from gateway.runtime.jobs.periods.progress import READABLE_AFTER_S
from gateway.runtime.jobs.periods.sinks import AlarmFeeds, RollupWriter

_DAY_MS: Final = 24 * 3_600_000
_INSTANTS_OF: Final = 10
"""Devices of which all instants of three days are read at once: more would hold up the loop."""
_METERS_OF: Final = 100
"""Meters of zones that are asked about at once."""

Fields = dict[StoredSeries, dict[str, float]]


@dataclass(slots=True)
class PeriodCloser:
    """Works out periods of one registry, and writes them.

    :ivar now_ms: the time as of which questions are asked.
    :ivar newest_ms: end of the newest closed day.
    :ivar writing: number of the writing; 0 on a database where a point replaces the one before.
    :ivar only: the devices to write; None for all.
    :ivar usual: the usual days of silent meters, as far as they are known.
    :raises StoreFault, Postponed: by each method: the database does not answer, or does not take points.
    """

    store: Store
    roster: Roster
    zone: ZoneInfo
    writer: RollupWriter
    feeds: AlarmFeeds
    now_ms: int
    newest_ms: int
    writing: int = 0
    only: Collection[str] | None = None
    usual: UsualDays = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Ask for events once for all devices."""
        self.store = EventsAskedOnce(self.store)

    async def close_hours(self, spans: list[TimeSpan]) -> dict[str, int]:
        """Write hours that follow each other; return the last reading of devices without one after the last hour."""
        waiting: dict[str, int] = {}
        for domain in self.roster.domains():
            areas = AreaTotals(domain)
            for part in self._parts(domain):
                last: RolledPeriod | None = None
                async for last in rolled(self.store, part, domain, spans, self.now_ms):
                    await self._write(last, part, ReportStep.HOUR, areas)
                waiting |= _unfinished(last) if last is not None else {}
                await asyncio.sleep(0)
            await self._settle(areas, ReportStep.HOUR)
            await self._add(areas.hours_of_day(self.zone))
        if self.only is None:
            waiting |= await self._unheard(spans[-1].end_ms)
        await self.writer.flush()
        return waiting

    async def close_day(self, day: TimeSpan) -> None:
        """Write a day: completeness, roll-ups, balances; feed the alarms."""
        complete = AreaCompleteness(ReportStep.DAY, day)
        await self._completeness(day, complete)
        for domain in self.roster.domains():
            areas = AreaTotals(domain)
            for part in self._parts(domain):
                more = await self._figures(domain, part, day)
                if domain == "power":
                    await self._interruptions(part, more, day, complete)
                async for found in rolled(self.store, part, domain, [day], self.now_ms):
                    await self._write(found, part, ReportStep.DAY, areas, more)
                await asyncio.sleep(0)
            await self._settle(areas, ReportStep.DAY)
            await self._balances(domain, day, areas.network)
        if self.only is not None:
            others = [id_ for id_ in self._of_same_areas() if not self._is_written(id_)]
            await complete.add_stored(self.store, self.roster, others)
        await self._add(complete.points())
        await self.writer.flush()

    async def close_month(self, month: TimeSpan) -> None:
        """Write a month after its days."""
        await self._until_shown()
        for domain in self.roster.domains():
            areas = AreaTotals(domain)
            for part in self._parts(domain):
                more = await month_figures(self.store, part, month)
                async for found in rolled(self.store, part, domain, [month], self.now_ms):
                    await self._write(found, part, ReportStep.MONTH, areas, more)
                await asyncio.sleep(0)
            await self._settle(areas, ReportStep.MONTH)
        complete = AreaCompleteness(ReportStep.MONTH, month)
        await complete.add_stored(self.store, self.roster, self._of_same_areas())
        await self._add(complete.points())
        await self.writer.flush()

    async def completeness_of_day(self, day: TimeSpan) -> dict[str, float]:
        """Read back the completeness of a closed day, by domain."""
        await self._until_shown()
        sums: dict[str, tuple[float, float]] = {}
        for some in batches(self.roster.by_id):
            names = self.roster.names(some)
            async for found, rows in self.store.rows("completeness", ["received", "expected"], day, names):
                id_ = self.roster.id_of(found.device)
                domain = self.roster.by_id[id_].domain if id_ is not None else None
                received, expected = rows[-1][1]
                if domain is not None and received is not None and expected is not None:
                    before = sums.get(domain, (0.0, 0.0))
                    sums[domain] = before[0] + received, before[1] + expected
            await asyncio.sleep(0)
        return {domain: received / expected for domain, (received, expected) in sorted(sums.items()) if expected}

    async def _until_shown(self) -> None:
        """Wait before points are read back."""
        if not self.store.is_overwritten:
            await asyncio.sleep(READABLE_AFTER_S)

    def _is_written(self, id_: str) -> bool:
        return self.only is None or id_ in self.only

    def _parts(self, domain: str) -> Iterator[Roster]:
        """The devices to ask about, in parts: those to write, all others of their areas, and those behind these."""
        devices = self.roster.of_domain(domain)
        if self.only is not None and (areas := self._areas()) is not None:
            devices = {
                id_: device
                for id_, device in devices.items()
                if id_ in self.only or device.area in areas or any(above.area in areas for above in self.roster.above(device))
            }
        return (Roster(self.roster.by_id[id_] for id_ in some) for some in batches(devices))

    def _areas(self) -> Collection[str | None] | None:
        """The areas to write: those of the devices to write and of their parents, which these take from; None: all."""
        if self.only is None:
            return None
        some = [self.roster.by_id[id_] for id_ in self.only]
        return {one.area for device in some for one in (device, *self.roster.above(device))} - {None}

    def _of_same_areas(self) -> Collection[str]:
        """All devices of the areas of the devices to write, those without an area too."""
        areas = {self.roster.by_id[id_].area for id_ in self.roster.by_id if self._is_written(id_)}
        return [id_ for id_, device in self.roster.by_id.items() if device.area in areas]

    async def _settle(self, areas: AreaTotals, step: ReportStep) -> None:
        await areas.settle(self.roster, TankLevels(self.store, self.roster), self._areas())
        await self._add(areas.points(step))

    async def _add(self, points: Iterable[RollupPoint]) -> None:
        await self.writer.add(points, self.writing)

    async def _write(
        self, found: RolledPeriod, part: Roster, step: ReportStep, areas: AreaTotals, more: Fields | None = None
    ) -> None:
        silent = SilentMeters(self.store, self.roster, found.domain, self.zone, self.usual)
        areas.add(found, part, await silent.estimates(found.use))
        await self._add(found.points(part, step, self.only, more))

    async def _unheard(self, end_ms: int) -> dict[str, int]:
        """The last reading of each device that was heard before an instant but not yet after it."""
        after = await nearest_heard(self.store, self.roster, Side.AFTER, end_ms - 1, self.roster.by_id)
        missing = self.roster.by_id.keys() - after.keys()
        return await nearest_heard(self.store, self.roster, Side.UP_TO, end_ms - 1, missing)

    async def _completeness(self, day: TimeSpan, complete: AreaCompleteness) -> None:
        for some in batches(self.roster.by_id if self.only is None else self.only, _INSTANTS_OF):
            part = Roster(self.roster.by_id[id_] for id_ in some)
            async for row in completeness(self.store, part, [day], self.zone, self.now_ms):
                figures = row.periods[0]
                if figures is not None:
                    point = completeness_point(row.device, figures, day.start_ms)
                    await self._add([point])
                    complete.add(row.device, [point.fields])
                    if day.end_ms >= self.newest_ms:
                        self.feeds.day(row.device, figures, self.now_ms)
                await asyncio.sleep(0)

    async def _interruptions(self, part: Roster, outages: Fields, day: TimeSpan, complete: AreaCompleteness) -> None:
        """Write the interruptions of customers' meters that have a point of completeness."""
        for id_ in sorted({series.device for series in outages} & self.roster.customers()):
            device = part.by_id[id_]
            if device.domain and device.interval and self._is_written(id_):
                figures = [fields for series, fields in outages.items() if series.device == id_]
                point = interruption_point(device, figures, day.start_ms)
                await self._add([point])
                complete.add_interruptions(device, point.fields)

    async def _figures(self, domain: str, part: Roster, day: TimeSpan) -> Fields:
        """The fields of a day beside its sums and gauges. The alarms get those of nights too."""
        if domain == "power":
            return await outages(self.store, part, day)
        if domain != "water":
            return {}
        nights = await night_flows(self.store, part, day, self.zone, self.now_ms)
        for id_, night in _by_device(nights).items():
            if self._is_written(id_):
                self.feeds.night(part.by_id[id_], day, night, self.now_ms)
        covered = {series: night for series, night in nights.items() if night.coverage >= NIGHT_COVERAGE}
        return {series: {NIGHT_FIELD: night.flow_m3_h} for series, night in covered.items()}

    async def _balances(self, domain: str, day: TimeSpan, network: MeterNetwork) -> None:
        """Write the balances of a day and its hours, some zones at a time."""
        families = network.families()
        zones = [zone for zone, (before, behind) in families.items() if any(map(self._is_written, (*before, *behind)))]
        for some in _together(zones, lambda zone: sum(map(len, families[zone]))):
            for step, spans in ((ReportStep.DAY, [day]), (ReportStep.HOUR, list(hours(day)))):
                known = network, some, self.usual
                found = balance(self.store, self.roster, domain, spans, self.zone, self.now_ms, known)
                await self._add([point async for row in found if (point := balance_point(row, step)) is not None])
            await asyncio.sleep(0)


def _together(zones: Iterable[str], meters: Callable[[str], int]) -> Iterator[list[str]]:
    """Zones that are asked about together: as many as have a hundred meters, or a larger one by itself."""
    some: list[str] = []
    number = 0
    for zone in zones:
        if some and number + meters(zone) > _METERS_OF:
            yield some
            some, number = [], 0
        some.append(zone)
        number += meters(zone)
    if some:
        yield some


def _unfinished(found: RolledPeriod) -> dict[str, int]:
    """The last reading of counters that were read within a day before the end of a period, but not yet after it."""
    end_ms = found.period.end_ms
    return {
        use.series.device: use.last.reading.time_ms
        for use in found.use.uses
        if use.last.uncovered is Uncovered.NOTHING_AFTER
        and use.last.reading is not None
        and end_ms - use.last.reading.time_ms < _DAY_MS
    }


def _by_device(nights: Mapping[StoredSeries, LowestFlow]) -> dict[str, LowestFlow]:
    """The greatest of the lowest flows of each device: one channel that never stops is a leak."""
    found: dict[str, LowestFlow] = {}
    for series, night in nights.items():
        found[series.device] = max(night, found.get(series.device, night))
    return found
