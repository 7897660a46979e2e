"""Sums are worked out again in real databases: an exchange that was told at once, later or never; killed and begun again."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import accumulate, cycle

import pytest

from gateway.core.batching.write_result import Answer
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import ToldExchange
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import InfluxdbClient, Output
from gateway.monitoring.reports.amendments import LateSums, amended_store
from gateway.monitoring.reports.boundaries import MILLIONTHS, ReportStep, periods
from gateway.monitoring.reports.consumption import consumption
from gateway.monitoring.reports.resum import ResumProgress, work_out
from gateway.monitoring.reports.roster import Roster
from schemas.quantities import GROWTH
from schemas.registry import RegisteredDevice
from tests.influx import query
from tests.monitoring.reports.conftest import VICTORIA_METRICS_IS_SLOW
from tests.monitoring.reports.points import DAY, EVERY, FIRST, HOUR, START, VIETNAM, point
from tests.monitoring.reports.stores import Filled

pytestmark = pytest.mark.real

NAME = "volume_m3"
DAYS = 4
EXCHANGED = START + DAY + 7 * HOUR + 2 * EVERY + 60_000
"""A meter counts an eighth in each interval, its sum being 100 at the start; its successor begins at 7, behind a reading."""


@dataclass
class Site:
    """A meter whose readings come into a gateway's counters, and stand in a database with the sums that they had."""

    filled: Filled
    tags: str = ",area=Qu\\ 1"
    counters: CounterState = field(default_factory=CounterState)
    settled: int = 0

    @property
    def device(self) -> str:
        """Its name."""
        return "m"

    async def save(self) -> None:
        """Save nothing."""

    async def settle(self) -> bool:
        """Readings stand in the database at once."""
        self.settled += 1
        return True

    def read(self, readings: list[tuple[int, float]]) -> None:
        """Readings come in this order."""
        lines = []
        for time_ms, value in readings:
            suspect, offset, _ = self.counters.judge(NAME, GROWTH[NAME], value, time_ms)
            total = None if offset is None else round(value + offset, 6)
            lines.append(point("m", time_ms, value, total, 4 if suspect else 0, self.tags))
        self.filled.write(lines)

    def work_out(self, writer: Output | None = None, from_ms: int = EXCHANGED) -> ResumProgress:
        """Work the sums out again."""
        progress = ResumProgress("m", from_ms, START + DAYS * DAY + HOUR)

        async def run() -> None:
            async with open_store(self.filled.config) as store, InfluxdbClient(self.filled.config) as client:
                await work_out(store, writer or client, self, progress)

        asyncio.run(run())
        return progress

    def used(self, step: ReportStep = ReportStep.DAY) -> list[float | None]:
        """The use of each day or hour, as a report tells it."""
        spans = list(periods(FIRST, FIRST + timedelta(days=DAYS - 1), step, VIETNAM))
        roster = Roster([RegisteredDevice(id="m", domain="water", interval=timedelta(minutes=15))])
        until_ms = START + (DAYS + 1) * DAY

        async def days() -> list[float | None]:
            async with open_store(self.filled.config) as found:
                since_ms = self.counters.past.wrong_since_ms
                late = {} if since_ms is None else {"m": LateSums(int(since_ms), self.counters)}
                store = found if found.is_overwritten else await amended_store(found, late, until_ms)
                rows = [row async for row in consumption(store, roster, "water", spans, until_ms)]
                return [None if row.uses[0].used is None else row.uses[0].used / MILLIONTHS for row in rows]

        return asyncio.run(days())


def truth(time_ms: int) -> float:
    """The register that the meter shows."""
    counted = (time_ms - START) / EVERY * 0.125
    return 100 + counted if time_ms <= EXCHANGED else 7 + counted - (EXCHANGED - START) / EVERY * 0.125


def readings(first_ms: int, last_ms: int) -> list[tuple[int, float]]:
    return [(time_ms, truth(time_ms)) for time_ms in range(first_ms, last_ms, EVERY)]


BEFORE = readings(START - 2 * DAY, EXCHANGED)
BEHIND = readings(EXCHANGED - 60_000 + EVERY, START + DAYS * DAY + EVERY)
FINAL = 100 + (EXCHANGED - START) / EVERY * 0.125
TOLD_RIGHT = ToldExchange(None, EXCHANGED, FINAL, 7.0)


@pytest.fixture
def site(filled: Filled) -> Site:
    return Site(filled)


def test_told_at_once_each_day_is_what_was_used(site: Site) -> None:
    site.read(BEFORE)
    site.counters.exchange(TOLD_RIGHT)
    site.read(BEHIND)
    assert site.used() == [12] * DAYS


def test_told_later_each_day_is_what_was_used_from_then_on(site: Site) -> None:
    """On VictoriaMetrics nothing is written, and the report is right all the same."""
    site.read(BEFORE)
    site.read(BEHIND[:-20])
    assert site.used()[1] != 12
    assert site.counters.exchange(TOLD_RIGHT).later == [NAME]
    progress = site.work_out()
    overwritten = site.filled.service.name == "influxdb"
    assert (progress.is_done, progress.is_written, progress.changed > 200) == (True, overwritten, overwritten)
    assert site.counters.past.again_ms is None
    assert (site.counters.past.amended_ms is None) is overwritten
    site.read(BEHIND[-20:])
    assert site.used() == [12] * DAYS
    assert site.work_out().changed == 0


@VICTORIA_METRICS_IS_SLOW
def test_told_later_an_hour_that_ends_among_the_readings_that_confirmed_the_step_is_exact(site: Site) -> None:
    """They had no sum. The flow is uneven: what stood on a straight line over them would give an hour its neighbour's."""
    uneven = [0.5, 0.125, 0.75, 0.25, 1.0, 0.375, 0.125, 0.625]
    site.read(BEFORE)
    site.read(list(zip(range(BEHIND[0][0], BEHIND[-1][0], EVERY), accumulate(cycle(uneven), initial=7.0), strict=False)))
    site.counters.exchange(TOLD_RIGHT._replace(final=BEFORE[-1][1]))
    site.work_out()
    hour = (EXCHANGED - START) // HOUR
    assert site.used(ReportStep.HOUR)[hour : hour + 3] == [0.75, 2.125, 1.625]


def test_never_told_nothing_is_invented_and_the_day_of_the_exchange_lacks_what_nobody_saw(site: Site) -> None:
    """The new meter counts from its third reading behind the step: it took three to believe it."""
    site.read([*BEFORE, *BEHIND])
    first, second, *others = site.used()
    assert (first, others) == (12, [12] * (DAYS - 2))
    assert second is not None
    assert 12 - 3 * 0.125 <= second < 12
    assert site.work_out().changed == 0


def test_readings_from_before_a_step_that_came_late_are_counted(site: Site) -> None:
    late = BEFORE[-12:]
    site.read([*BEFORE[:-12], *BEHIND])
    site.read(late)
    assert site.counters.past.again_ms is not None
    site.work_out(from_ms=int(site.counters.past.again_ms))
    expected = Site(site.filled)
    for time_ms, value in [*BEFORE, *BEHIND]:
        expected.counters.judge(NAME, GROWTH[NAME], value, time_ms)
    assert site.counters.registers()[0].total == expected.counters.registers()[0].total
    second = site.used()[1]
    assert second is not None
    assert 12 - 3 * 0.125 <= second < 12


def test_a_step_that_was_really_used_makes_its_day_right_and_may_be_opened_again(site: Site) -> None:
    """500 at once, and the meter goes on as before. On VictoriaMetrics the report follows, and nothing is written."""
    steady = [(time_ms, 100 + (time_ms - START) / EVERY * 0.125) for time_ms, _ in BEHIND]
    site.read(BEFORE)
    site.read([(time_ms, value + 500) for time_ms, value in steady[:-20]])
    (step,) = site.counters.past.steps
    assert step.held_out == 500.125
    held_out = [12, 12 - 0.125, 12]
    assert site.used()[:3] == held_out
    site.counters.say_used(step, is_used=True)
    assert site.work_out(from_ms=step.from_ms).is_done
    site.read([(time_ms, value + 500) for time_ms, value in steady[-20:]])
    assert site.used() == [12, 512, 12, 12]
    site.counters.say_used(site.counters.past.steps[0], is_used=False)
    assert site.work_out(from_ms=step.from_ms).is_done
    assert site.used() == [*held_out, 12]


class Killed(Exception):  # noqa: N818 - what happens to it
    """The gateway is killed."""


class DyingWriter:
    """Writes once, and dies with the next."""

    def __init__(self, filled: Filled) -> None:
        self._filled = filled
        self._written = 0

    async def write(self, gzip: bytes) -> Answer:
        """Write, or die."""
        if self._written:
            raise Killed
        self._written += 1
        async with InfluxdbClient(self._filled.config) as client:
            return await client.write(gzip)


@pytest.mark.parametrize("filled", ["influxdb"], indirect=True)
def test_killed_in_the_middle_it_is_begun_again_and_comes_to_the_same(site: Site) -> None:
    site.read([*BEFORE, *BEHIND])
    site.counters.exchange(TOLD_RIGHT)
    with pytest.raises(Killed):
        site.work_out(DyingWriter(site.filled), EXCHANGED - HOUR)
    assert site.counters.past.again_ms == EXCHANGED - HOUR
    assert site.used() != [12] * DAYS
    assert site.work_out(from_ms=EXCHANGED - HOUR).is_done
    assert site.counters.past.again_ms is None
    assert site.used() == [12] * DAYS


@pytest.mark.parametrize("filled", ["influxdb"], indirect=True)
def test_only_sums_are_written_and_each_point_stays_where_it_is(site: Site) -> None:
    """Also of a meter that moved: its points have other tags."""
    site.read(BEFORE)
    site.tags = ",area=B\\,2"
    site.read(BEHIND)
    site.counters.exchange(TOLD_RIGHT)
    before = stored(site.filled, "volume_m3, quality")
    site.work_out()
    assert stored(site.filled, "volume_m3, quality") == before
    sums = [float(str(row[1])) for row in stored(site.filled, "volume_sum_m3")]
    assert sums == sorted(sums)
    assert len(sums) == len(BEFORE) + len(BEHIND)


def stored(filled: Filled, fields: str) -> list[list[object]]:
    """The values of all points, in the order of time."""
    rows = query(filled.service.url, "iot", f"SELECT {fields} FROM water")  # noqa: S608 - fields of the test
    return [list(row.values()) for row in rows]


class RefusingWriter:
    """A database that takes nothing."""

    async def write(self, gzip: bytes) -> Answer:
        """Refuse."""
        return Answer(401, f"no right to write {len(gzip)} bytes")


@pytest.mark.parametrize("filled", ["influxdb"], indirect=True)
def test_a_database_that_refuses_sums_is_said_and_the_mark_stays(site: Site) -> None:
    site.read([*BEFORE, *BEHIND])
    site.counters.exchange(TOLD_RIGHT)
    with pytest.raises(StoreFault, match="sums cannot be written: 401 no right"):
        site.work_out(RefusingWriter())
    assert site.counters.past.again_ms == EXCHANGED
