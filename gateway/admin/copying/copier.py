"""A copy of one database into another, while a gateway may go on writing to the first.

Theory of operation
-------------------
Each measurement is copied by windows of time, from the oldest to now; a window counts as copied when the other database has
confirmed all its points. A point that is copied twice replaces itself, so a copy that was killed goes on with the window it was
at.

Behind that, days are compared: both databases count the values of each field and add them up, and a day that differs is copied
again. That finds what was written meanwhile: new readings, late ones in days that were copied long ago, roll-ups that were
worked out again. The first time all days are compared, later those that may have changed since: a reading may come
``time.max_past`` late, and change the roll-ups of its month.

While a gateway writes, the last day differs again at once. So the last run is made while it is stopped: nothing changes any
more, and what is the same then stays the same. The broker and the gateway's journal hold what comes meanwhile.

A database that does not replace points (VictoriaMetrics, InfluxDB 3) gets those that may still be written again, the roll-ups
of the last months, in the last run alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.admin.copying.target import CopyProgress, CopyTarget, ProgressFile
from gateway.admin.databases.victoria_metrics import dedup_fault
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.metricsql import MetricsqlStore
from gateway.ingest.database.metricsql_http import process_url
from gateway.ingest.database.open_store import PointStore, open_store
from gateway.ingest.database.store import DAY_MS, DayFigures, FieldFigures, StoreFault, TimeSpan
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.support.config.model import Influxdb
from schemas.measurements import MEASUREMENTS, ROLLED

_POINTS: Final = 50_000
"""Points of a window: some seconds of work, and of VictoriaMetrics in memory at once."""
_AHEAD_MS: Final = 32 * DAY_MS
"""Clocks of devices may be so far ahead while the gateway doubts its own."""
_EXACT: Final = 1e-11
_NEAR: Final = 1e-8
"""Databases add up in different orders, and VictoriaMetrics keeps 13 digits or so of a number."""


class CopyJob(NamedTuple):
    """A measurement, and where it goes; ``name``: its name in the progress."""

    name: str
    measurement: str
    source: PointStore
    places: Sequence["FilledPlace"]


class FilledPlace(NamedTuple):
    """A database to fill: written by the one, read by the other."""

    destination: CopyTarget
    source: PointStore


class Difference(NamedTuple):
    """A day of a field that differs still after it was copied again."""

    measurement: str
    field: str
    day_ms: int
    here: FieldFigures
    there: FieldFigures


@dataclass(slots=True)
class CopyResult:
    """The result of a run: by measurement the values that are the same, and days that were copied again."""

    values: dict[str, int] = field(default_factory=dict)
    again: int = 0
    differences: list[Difference] = field(default_factory=list)


class _CopiedAgain(NamedTuple):
    """A window of which days were copied again, and what it should have now."""

    job: CopyJob
    place: FilledPlace
    window: TimeSpan
    here: DayFigures


Tell = Callable[[str, int, int], None]
"""Told of a measurement, how far it is, and how many points of it were copied."""


@dataclass(slots=True)
class Copier:
    """Copies, and goes on where the run before has stopped."""

    jobs: Sequence[CopyJob]
    progress: CopyProgress
    file: ProgressFile
    now_ms: int  # the time of its beginning
    reach_ms: int  # so far back points may still be written again
    is_final: bool  # no gateway writes
    tell: Tell

    async def run(self) -> CopyResult:
        """Copy and compare; StoreFault if a database does not answer, or refuses."""
        await _settle([job.source for job in self.jobs])
        for job in self.jobs:
            await self._copy(job, self._end_ms(job, self.now_ms))
        await _settle([place.source for job in self.jobs for place in job.places])
        result, again = CopyResult(), list[_CopiedAgain]()
        for job in self.jobs:
            longest_ms = min(source.longest_ms for source in (job.source, *(place.source for place in job.places)))
            end_ms = self._end_ms(job, self.now_ms + _AHEAD_MS)
            for at_ms in range(self._first_ms(job) // DAY_MS * DAY_MS, end_ms, longest_ms):
                window = TimeSpan(at_ms, min(at_ms + longest_ms, _days_up(end_ms)))
                again += await self._compare(job, window, result)
        await _settle([one.place.source for one in again])
        for job, place, window, here in again:
            result.differences += _differences(job, here, await place.source.figures(job.measurement, window), _NEAR)
        if not result.differences or not self.is_final:  # after a last run that differs all days are compared once more
            self.progress.compared_ms = self.now_ms
            self.file.save(self.progress)
        return result

    def _end_ms(self, job: CopyJob, end_ms: int) -> int:
        """The end of what may be copied: what may be written again waits, where it could not replace itself."""
        is_unsettled = not self.is_final and job.measurement in ROLLED
        if is_unsettled and not all(place.source.is_overwritten for place in job.places):
            return (self.now_ms - self.reach_ms) // DAY_MS * DAY_MS
        return end_ms

    def _first_ms(self, job: CopyJob) -> int:
        """The beginning of what is compared of a measurement."""
        compared_ms = self.progress.compared_ms or self.progress.job(job.name).first_ms or self.now_ms
        return max(self.progress.since_ms, compared_ms - self.reach_ms)

    async def _copy(self, job: CopyJob, end_ms: int) -> None:
        """Copy what was not copied before. The numbers of points by day tell how long windows may be."""
        done = self.progress.job(job.name)
        while done.copied_ms < end_ms:
            first_ms = done.copied_ms // DAY_MS * DAY_MS
            block = TimeSpan(first_ms, min(first_ms + job.source.longest_ms, _days_up(end_ms)))
            for window in _slices(await job.source.figures(job.measurement, block)):
                await self._note(job, TimeSpan(max(window.start_ms, done.copied_ms), min(window.end_ms, end_ms)))
            done.copied_ms = min(block.end_ms, end_ms)
            self.file.save(self.progress)

    async def _note(self, job: CopyJob, window: TimeSpan) -> None:
        """Copy a window, unless it was copied before, and note that it is."""
        if window.start_ms >= window.end_ms:
            return
        done = self.progress.job(job.name)
        done.points += await self._copy_window(job, window)
        done.copied_ms, done.first_ms = window.end_ms, done.first_ms or window.start_ms
        self.file.save(self.progress)
        self.tell(job.name, done.copied_ms, done.points)

    async def _copy_window(self, job: CopyJob, window: TimeSpan) -> int:
        points = 0
        async for some in job.source.points(job.measurement, window):
            lines = [point.line() for point in some if point.fields]
            for place in job.places:
                await place.destination.write(lines)
            points += len(lines)
        return points

    async def _compare(self, job: CopyJob, window: TimeSpan, result: CopyResult) -> list[_CopiedAgain]:
        """Compare the days of a window, and copy again those that differ."""
        again = []
        here = await job.source.figures(job.measurement, window)
        if not here:
            return []
        self.tell(job.name, window.end_ms, self.progress.job(job.name).points)
        for place in job.places:
            there = await place.source.figures(job.measurement, window)
            days = sorted({one.day_ms for one in _differences(job, here, there, _EXACT)})
            for day_ms in days:
                for part in _slices({day_ms: here[day_ms]}):
                    self.progress.job(job.name).points += await self._copy_window(job._replace(places=[place]), part)
            if days:
                result.again += len(days)
                again.append(_CopiedAgain(job, place, window, here))
        same = sum(figures.number for day in here.values() for figures in day.values())
        result.values[job.name] = result.values.get(job.name, 0) + same
        return again


async def _settle(sources: Sequence[PointStore]) -> None:
    """Wait for each database once until it shows what it holds."""
    for source in {id(source): source for source in sources}.values():
        await source.settle()


def _slices(figures: DayFigures) -> Iterator[TimeSpan]:
    """The windows of days with points: some days together, or parts of a day, so that each has not too many points."""
    start_ms, end_ms, together = 0, 0, 0
    for day_ms, fields in sorted(figures.items()):
        points = max((one.number for one in fields.values()), default=0)
        if together and (day_ms != end_ms or together + points > _POINTS):
            yield TimeSpan(start_ms, end_ms)
            together = 0
        if points > _POINTS:
            parts = -(-points // _POINTS)
            cuts = [day_ms + DAY_MS * part // parts for part in range(parts + 1)]
            yield from map(TimeSpan, cuts, cuts[1:])
            continue
        if not together:
            start_ms = day_ms
        end_ms, together = day_ms + DAY_MS, together + points
    if together:
        yield TimeSpan(start_ms, end_ms)


def _days_up(time_ms: int) -> int:
    """The end of the day in UTC that a time lies in."""
    return -(-time_ms // DAY_MS) * DAY_MS


def _differences(job: CopyJob, here: DayFigures, there: DayFigures, tolerance: float) -> Iterator[Difference]:
    """The days and fields of which the other database has fewer values, or as many with another sum.

    More values than here are no difference: roll-ups of two places may come together in one.
    """
    none = FieldFigures(0, 0.0)
    for day_ms, fields in here.items():
        for name, mine in fields.items():
            other = there.get(day_ms, {}).get(name, none)
            is_other_sum = other.number == mine.number and abs(other.sum - mine.sum) > tolerance * max(
                abs(mine.sum), mine.number
            )
            if other.number < mine.number or is_other_sum:
                yield Difference(job.measurement, name, day_ms, mine, other)


# The jobs: measurement by measurement, roll-ups into both places if there are two.


class CopyPlan(NamedTuple):
    """The jobs of a copy, measurements that are not the gateway's, and connections to close."""

    jobs: Sequence[CopyJob]
    left_out: Sequence[str]
    clients: Sequence[InfluxdbClient]
    source: PointStore
    target: PointStore


def where(config: Influxdb) -> str:
    """A database for people."""
    return f"{config.url} {config.bucket}"


def route(before: Influxdb, after: Influxdb) -> str:
    """From where to where, as it stands in the progress."""
    places = [place for one in (before, after) for place in (one, one.of_rollups()) if place is not None]
    return " > ".join(map(where, places))


async def plan(before: Influxdb, after: Influxdb) -> CopyPlan:
    """Plan a copy; StoreFault if a database does not answer, ConfigurationFault if a secret's file cannot be used."""
    source, old_second = await open_source(before), before.of_rollups()
    filled = [await _place(one) for one in (after, after.of_rollups()) if one is not None]
    both, clients = [place for place, _ in filled], [client for _, client in filled]
    held = await source.measurements()
    jobs = [CopyJob(name, name, source, both if name in ROLLED else both[:1]) for name in MEASUREMENTS if name in held]
    if old_second is not None:
        longer = await open_source(old_second)
        found = await longer.measurements()
        jobs += [CopyJob(f"{name} of the second place", name, longer, [both[-1]]) for name in ROLLED if name in found]
    return CopyPlan(jobs, sorted(set(held) - set(MEASUREMENTS)), clients, source, both[0].source)


async def open_source(config: Influxdb) -> PointStore:
    """Open a database for a copy; StoreFault if it does not answer, or counts a point that is written again twice."""
    async with open_store(config) as database:
        if isinstance(database, MetricsqlStore):
            process = DatabaseHttp(config.model_copy(update={"read_url": process_url(config.asked_url)}))
            if fault := dedup_fault((await process.whole("/flags", ())).decode(errors="replace")):
                raise StoreFault(f"{process.url} {fault}")
        return database


async def _place(config: Influxdb) -> tuple[FilledPlace, InfluxdbClient]:
    client = InfluxdbClient(config)
    return FilledPlace(CopyTarget(client, where(config)), await open_source(config)), client
