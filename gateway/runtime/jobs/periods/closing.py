"""The work of closing a period. Each question to the database is about at most a hundred devices."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.alarms.rules import NIGHT_COVERAGE
from gateway.ingest.database.store import Side, Store, StoredSeries, TimeSpan, batches
from gateway.monitoring.reports.balance import balance, children_of
from gateway.monitoring.reports.boundaries import ReportStep, Uncovered, hours
from gateway.monitoring.reports.completeness import completeness
from gateway.monitoring.reports.group_completeness import AreaCompleteness
from gateway.monitoring.reports.nearest import nearest_heard
from gateway.monitoring.reports.nights import NIGHT_FIELD, LowestFlow, month_figures, night_flows, outages
from gateway.monitoring.reports.rollup_points import balance_point, completeness_point, interruption_point
from gateway.monitoring.reports.rollups import AreaTotals, RolledPeriod, rolled
from gateway.monitoring.reports.roster import Roster
from gateway.runtime.jobs.periods.feeds import AlarmFeeds
from gateway.runtime.jobs.periods.writer import RollupWriter

_DAY_MS: Final = 24 * 3_600_000
_INSTANTS_OF: Final = 10
"""Devices of which all instants of three days are read at once: more would hold up the loop."""
_VISIBLE_AFTER_S: Final = 5.0
"""Wait before reading points back: VictoriaMetrics shows them a moment after it took them."""

Fields = dict[StoredSeries, dict[str, float]]


@dataclass(slots=True)
class PeriodCloser:
    """Works out periods of one registry, and writes them.

    :ivar now_ms: the time as of which questions are asked.
    :ivar newest_ms: end of the newest closed day.
    """

    store: Store
    roster: Roster
    zone: ZoneInfo
    writer: RollupWriter
    feeds: AlarmFeeds
    now_ms: int
    newest_ms: int

    async def close_hours(self, spans: list[TimeSpan], writing: int, only: Collection[str] | None = None) -> dict[str, int]:
        """Write hours that follow each other; return the last reading of devices without one after the last hour.

        :param only: the devices to write; None for all.
        :raises StoreFault: the database does not answer.
        :raises Postponed: it does not take points.
        """
        waiting: dict[str, int] = {}
        for domain in self.roster.domains():
            areas = AreaTotals(domain, children_of(self.roster, domain))
            for part in self._parts(domain, only):
                last: RolledPeriod | None = None
                async for last in rolled(self.store, part, domain, spans, self.now_ms):
                    await self._write(last, part, ReportStep.HOUR, writing, areas, only)
                waiting |= _unfinished(last) if last is not None else {}
                await asyncio.sleep(0)
            await self.writer.add(areas.points(ReportStep.HOUR), writing)
            await self.writer.add(areas.hours_of_day(self.zone), writing)
        if only is None:
            waiting |= await self._unheard(spans[-1].end_ms)
        await self.writer.flush()
        return waiting

    async def close_day(self, day: TimeSpan, writing: int, only: Collection[str] | None = None) -> None:
        """Write a day: completeness, roll-ups, balances; feed the alarms.

        :raises StoreFault: the database does not answer.
        :raises Postponed: it does not take points.
        """
        complete = AreaCompleteness(ReportStep.DAY, day)
        await self._completeness(day, writing, only, complete)
        for domain in self.roster.domains():
            areas = AreaTotals(domain, children_of(self.roster, domain))
            for part in self._parts(domain, only):
                more = await self._figures(domain, part, day, only)
                if domain == "power":
                    await self._interruptions(part, more, day, writing, only, complete)
                async for found in rolled(self.store, part, domain, [day], self.now_ms):
                    await self._write(found, part, ReportStep.DAY, writing, areas, only, more)
                await asyncio.sleep(0)
            await self.writer.add(areas.points(ReportStep.DAY), writing)
            await self._balances(domain, day, writing, only)
        if only is not None:
            others = [id_ for id_ in self._of_same_areas(only) if id_ not in only]
            await complete.add_stored(self.store, self.roster, others)
        await self.writer.add(complete.points(), writing)
        await self.writer.flush()

    async def close_month(self, month: TimeSpan, writing: int, only: Collection[str] | None = None) -> None:
        """Write a month after its days.

        :raises StoreFault: the database does not answer.
        :raises Postponed: it does not take points.
        """
        if not self.store.is_overwritten:
            await asyncio.sleep(_VISIBLE_AFTER_S)
        for domain in self.roster.domains():
            areas = AreaTotals(domain, children_of(self.roster, domain))
            for part in self._parts(domain, only):
                more = await month_figures(self.store, part, month)
                async for found in rolled(self.store, part, domain, [month], self.now_ms):
                    await self._write(found, part, ReportStep.MONTH, writing, areas, only, more)
                await asyncio.sleep(0)
            await self.writer.add(areas.points(ReportStep.MONTH), writing)
        complete = AreaCompleteness(ReportStep.MONTH, month)
        await complete.add_stored(self.store, self.roster, self._of_same_areas(only))
        await self.writer.add(complete.points(), writing)
        await self.writer.flush()

    async def completeness_of_day(self, day: TimeSpan) -> dict[str, float]:
        """Read back the completeness of a closed day, by domain.

        :raises StoreFault: the database does not answer.
        """
        if not self.store.is_overwritten:
            await asyncio.sleep(_VISIBLE_AFTER_S)
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

    def _parts(self, domain: str, only: Collection[str] | None) -> Iterator[Roster]:
        """The devices to ask about, in parts: those to write, and all others of their areas."""
        devices = self.roster.of_domain(domain)
        if only is not None:
            areas = {self.roster.by_id[id_].area for id_ in only} - {None}
            devices = {id_: device for id_, device in devices.items() if id_ in only or device.area in areas}
        return (Roster(self.roster.by_id[id_] for id_ in some) for some in batches(devices))

    def _of_same_areas(self, only: Collection[str] | None) -> Collection[str]:
        """All devices of the areas of some devices, those without an area too."""
        if only is None:
            return self.roster.by_id
        areas = {self.roster.by_id[id_].area for id_ in only}
        return [id_ for id_, device in self.roster.by_id.items() if device.area in areas]

    async def _write(
        self,
        found: RolledPeriod,
        part: Roster,
        step: ReportStep,
        writing: int,
        areas: AreaTotals,
        only: Collection[str] | None,
        more: Fields | None = None,
    ) -> None:
        areas.add(found, part)
        await self.writer.add(found.points(part, step, only, more), writing)

    async def _unheard(self, end_ms: int) -> dict[str, int]:
        """The last reading of each device that was heard before an instant but not yet after it."""
        after = await nearest_heard(self.store, self.roster, Side.AFTER, end_ms - 1, self.roster.by_id)
        missing = self.roster.by_id.keys() - after.keys()
        return await nearest_heard(self.store, self.roster, Side.UP_TO, end_ms - 1, missing)

    async def _completeness(
        self, day: TimeSpan, writing: int, only: Collection[str] | None, complete: AreaCompleteness
    ) -> None:
        for some in batches(self.roster.by_id if only is None else only, _INSTANTS_OF):
            part = Roster(self.roster.by_id[id_] for id_ in some)
            async for row in completeness(self.store, part, [day], self.zone, self.now_ms):
                figures = row.periods[0]
                if figures is not None:
                    point = completeness_point(row.device, figures, day.start_ms)
                    await self.writer.add([point], writing)
                    complete.add(row.device, [point.fields])
                    if day.end_ms >= self.newest_ms:
                        self.feeds.day(row.device, figures, self.now_ms)
                await asyncio.sleep(0)

    async def _interruptions(
        self,
        part: Roster,
        outages: Fields,
        day: TimeSpan,
        writing: int,
        only: Collection[str] | None,
        complete: AreaCompleteness,
    ) -> None:
        """Write the interruptions of devices that have a point of completeness."""
        for id_ in sorted({series.device for series in outages}):
            device = part.by_id[id_]
            if device.domain and device.interval and (only is None or id_ in only):
                figures = [fields for series, fields in outages.items() if series.device == id_]
                point = interruption_point(device, figures, day.start_ms)
                await self.writer.add([point], writing)
                complete.add_interruptions(device, point.fields)

    async def _figures(self, domain: str, part: Roster, day: TimeSpan, only: Collection[str] | None) -> Fields:
        """The fields of a day beside its sums and gauges. The alarms get those of nights too."""
        if domain == "power":
            return await outages(self.store, part, day)
        if domain != "water":
            return {}
        nights = await night_flows(self.store, part, day, self.zone, self.now_ms)
        for id_, night in _by_device(nights).items():
            if only is None or id_ in only:
                self.feeds.night(part.by_id[id_], day, night, self.now_ms)
        covered = {series: night for series, night in nights.items() if night.coverage >= NIGHT_COVERAGE}
        return {series: {NIGHT_FIELD: night.flow_m3_h} for series, night in covered.items()}

    async def _balances(self, domain: str, day: TimeSpan, writing: int, only: Collection[str] | None) -> None:
        """Write the balances of a day and its hours, one parent after the other."""
        for parent, children in children_of(self.roster, domain).items():
            family = {parent, *children}
            if only is not None and family.isdisjoint(only):
                continue
            part = Roster(self.roster.by_id[id_] for id_ in family)
            for step, spans in ((ReportStep.DAY, [day]), (ReportStep.HOUR, list(hours(day)))):
                async for found in balance(self.store, part, domain, spans, self.zone, self.now_ms):
                    if found.parent.id == parent:
                        point = balance_point(found, step)
                        await self.writer.add([point] if point is not None else [], writing)
            await asyncio.sleep(0)


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
