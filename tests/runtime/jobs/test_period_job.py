"""The period job on real databases: what it writes is what a report says, also after late readings and restarts."""

from collections import Counter
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.core.batching.write_result import Answer
from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.boundaries import ReportStep, midnight_ms, periods
from gateway.monitoring.reports.completeness import completeness
from gateway.monitoring.reports.consumption import consumption
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.points import EVERY, HOUR, point
from tests.runtime.jobs.closing_rig import SETTLED, ClosingRig, Found, Running
from tests.waiting import until

pytestmark = pytest.mark.real

MINUTE = 60_000
ZONES = ["Asia/Ho_Chi_Minh", "Europe/Berlin"]
FIRST = date(2026, 10, 24)
"""Berlin puts its clocks back in the night after this day: that one has 25 hours."""
DEVICES = [
    {"id": "whole", "domain": "water", "interval": "15min", "area": "north", "site": "s", "parent": "bulk"},
    {"id": "gap", "domain": "water", "interval": "15min", "area": "north", "site": "s", "parent": "bulk"},
    {"id": "bulk", "domain": "water", "interval": "15min", "site": "s"},
    {"id": "never", "domain": "water", "interval": "15min", "area": "north"},
]
NAMES = [str(device["id"]) for device in DEVICES]


def registered() -> list[RegisteredDevice]:
    every = timedelta(minutes=15)
    parents = {"whole": "bulk", "gap": "bulk"}
    areas = dict.fromkeys(["whole", "gap", "never"], "north")
    return [
        RegisteredDevice(name, domain="water", interval=every, area=areas.get(name), parent=parents.get(name)) for name in NAMES
    ]


def readings(device: str, first_ms: int, last_ms: int, start_ms: int, per_reading: float) -> list[str]:
    """A meter that reads seven minutes before each quarter, so that each boundary is interpolated."""
    times = range(first_ms - 7 * MINUTE, last_ms, EVERY)
    return [point(device, t, v := 1000 + (t - start_ms) / EVERY * per_reading, v) for t in times]


def story_of(start_ms: int, end_ms: int) -> list[str]:
    """Two days of three meters; one of them lacks six hours around the midnight between them."""
    gap = [
        line
        for line in readings("gap", start_ms - HOUR, end_ms, start_ms, 0.05)
        if not start_ms + 22 * HOUR <= int(line.rsplit(" ", 1)[1]) < start_ms + 28 * HOUR
    ]
    whole = readings("whole", start_ms - HOUR, end_ms, start_ms, 0.125)
    return [*whole, *gap, *readings("bulk", start_ms - HOUR, end_ms, start_ms, 0.2)]


def reported(rig: ClosingRig, spans: list[TimeSpan], now_ms: int) -> Found:
    """The figures of a report for the same periods."""
    found: Found = {}
    for period in rig.filled.every(lambda store: consumption(store, Roster(registered()), "water", spans, now_ms)):
        for use in period.uses:
            if use.used is not None:
                found.setdefault(use.series.device, {})[period.period.start_ms] = use.used / 1_000_000
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_what_is_written_of_two_days_is_what_a_report_says(rig: ClosingRig, zone: str) -> None:
    local = ZoneInfo(zone)
    start_ms, end_ms = midnight_ms(FIRST, local), midnight_ms(FIRST + timedelta(days=2), local)
    rig.filled.write(story_of(start_ms, end_ms + HOUR))
    now_ms = end_ms + SETTLED

    async def two_days(running: Running) -> None:
        for at_ms in range(start_ms + SETTLED, now_ms + 1, HOUR):
            await running.close(at_ms)

    async def after_an_outage(running: Running) -> None:
        await running.close(now_ms)

    rig.run(rig.config(DEVICES, zone), start_ms, two_days if zone == ZONES[0] else after_an_outage)
    last, whole = FIRST + timedelta(days=1), TimeSpan(start_ms, end_ms)
    hours = list(periods(FIRST, last, ReportStep.HOUR, local))
    days = list(periods(FIRST, last, ReportStep.DAY, local))
    assert len(hours) == (48 if zone == ZONES[0] else 49)
    in_hours = rig.newest("hourly", "volume_used_m3", whole, NAMES)
    assert in_hours == reported(rig, hours, now_ms)
    assert {name: len(found) for name, found in in_hours.items()} == dict.fromkeys(["whole", "gap", "bulk"], len(hours))
    assert rig.newest("daily", "volume_used_m3", whole, NAMES) == reported(rig, days, now_ms)
    expected: dict[str, Found] = {}
    for row in rig.filled.every(lambda store: completeness(store, Roster(registered()), days, local, now_ms)):
        for span, figures in zip(days, row.periods, strict=True):
            assert figures is not None
            for name in ("received", "missing", "longest_gap_s"):
                expected.setdefault(name, {}).setdefault(row.device.id, {})[span.start_ms] = getattr(figures, name)
    assert {name: rig.newest("completeness", name, whole, NAMES) for name in expected} == expected
    assert expected["missing"]["gap"] == {start_ms: 8, days[1].start_ms: 16}


def test_late_readings_have_exactly_the_periods_around_them_worked_out_again(rig: ClosingRig) -> None:
    local = ZoneInfo(ZONES[0])
    start_ms = midnight_ms(FIRST, local)
    end_ms = midnight_ms(FIRST + timedelta(days=2), local)
    rig.filled.write(story_of(start_ms, end_ms + HOUR))

    async def late(running: Running) -> None:
        await running.close(end_ms + SETTLED)
        at_ms = start_ms + 23 * HOUR + 8 * MINUTE
        running.receive("gap", {"ts": at_ms, "volume_m3": 1000 + (at_ms - start_ms) / EVERY * 0.05})
        await running.close(end_ms + SETTLED + MINUTE)
        await running.parts.closing.job.save()
        await running.close(end_ms + SETTLED + HOUR)

    rig.run(rig.config(DEVICES, ZONES[0]), start_ms, late)
    now_ms, whole = end_ms + SETTLED + HOUR, TimeSpan(start_ms, end_ms)
    hours = list(periods(FIRST, FIRST + timedelta(days=1), ReportStep.HOUR, local))
    days = list(periods(FIRST, FIRST + timedelta(days=1), ReportStep.DAY, local))
    assert rig.newest("hourly", "volume_used_m3", whole, NAMES) == reported(rig, hours, now_ms)
    assert rig.newest("daily", "volume_used_m3", whole, NAMES) == reported(rig, days, now_ms)
    received = rig.newest("completeness", "received", whole, NAMES)
    newest = sorted(rig.points("daily_completeness", "received"), key=lambda row: row[1])
    of_north = {time_ms // HOUR * HOUR: value for tags, time_ms, value in newest if tags.get("area") == "north"}
    assert of_north == {day.start_ms: sum(received[name][day.start_ms] for name in ("whole", "gap", "never")) for day in days}
    if rig.filled.service.name == "victoria-metrics":
        times = rig.writings("hourly", "volume_used_m3", whole, NAMES)
        written = {name: Counter(time_ms // HOUR * HOUR for time_ms in times[name]) for name in ("gap", "whole")}
        again = sorted(hour_ms for hour_ms, number in written["gap"].items() if number > 1)
        assert again == [start_ms + hour * HOUR for hour in range(21, 29)], "from the reading before to the one after it"
        assert set(written["whole"].values()) == {1}


def test_a_job_killed_between_two_writes_goes_on_with_its_unfinished_period(
    rig: ClosingRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = ZoneInfo(ZONES[0])
    start_ms = midnight_ms(FIRST, local)
    end_ms = start_ms + 8 * HOUR
    rig.filled.write(story_of(start_ms, end_ms + HOUR))
    config = rig.config(DEVICES, ZONES[0])

    async def killed(running: Running) -> None:
        influxdb = running.parts.delivery.destination.influxdb
        write, left = influxdb.write, iter([True] * 14)

        async def some(body: bytes) -> Answer:
            return await write(body) if next(left, False) else Answer(0, "the power is gone")

        with monkeypatch.context() as patched:
            patched.setattr("gateway.runtime.jobs.periods.sinks._TOGETHER_CHARACTERS", 1)
            patched.setattr(influxdb, "write", some)
            await running.close(start_ms + 6 * HOUR)
        assert next(left, None) is None

    async def goes_on(running: Running) -> None:
        await running.close(end_ms + SETTLED)

    rig.run(config, start_ms, killed)
    whole = TimeSpan(start_ms, end_ms)
    hours = list(periods(FIRST, FIRST, ReportStep.HOUR, local))[:8]
    before = rig.newest("hourly", "volume_used_m3", whole, NAMES)
    assert 0 < sum(map(len, before.values())) < 14
    rig.run(config, end_ms, goes_on)
    assert rig.newest("hourly", "volume_used_m3", whole, NAMES) == reported(rig, hours, end_ms + SETTLED)
    assert rig.newest("completeness", "received", TimeSpan(start_ms - 50 * 24 * HOUR, end_ms), NAMES) == {}, "no day has ended"


def test_after_the_file_is_lost_no_day_is_left_out(rig: ClosingRig) -> None:
    """The next run goes on with the newest day in the database, and works it out again: something may have come late to it."""
    local = ZoneInfo(ZONES[0])
    start_ms, end_ms = midnight_ms(FIRST, local), midnight_ms(FIRST + timedelta(days=2), local)
    rig.filled.write(story_of(start_ms, end_ms + HOUR))
    config = rig.config(DEVICES, ZONES[0])

    def look(begun_ms: int, at_ms: int) -> None:
        async def story(running: Running) -> None:
            await running.close(at_ms)

        rig.run(config, begun_ms, story)
        config.journal.path.unlink()

    look(start_ms, start_ms + 24 * HOUR + SETTLED)
    rig.filled.write(readings("gap", start_ms + 23 * HOUR, start_ms + 24 * HOUR, start_ms, 0.05))
    reach = TimeSpan(start_ms - 40 * 24 * HOUR, end_ms + 9 * HOUR)
    # VictoriaMetrics goes on saying for some seconds that there is no such series, once it has said so.
    until(lambda: rig.newest("completeness", "expected", reach, NAMES), what="the first day can be asked for")
    look(end_ms + 9 * HOUR, end_ms + 9 * HOUR)
    whole, days = TimeSpan(start_ms, end_ms), list(periods(FIRST, FIRST + timedelta(days=1), ReportStep.DAY, local))
    assert rig.newest("daily", "volume_used_m3", whole, NAMES) == reported(rig, days, end_ms + 9 * HOUR)


def test_an_hour_without_a_reading_behind_it_waits_for_one(rig: ClosingRig) -> None:
    local = ZoneInfo(ZONES[0])
    start_ms = midnight_ms(FIRST, local)
    config = rig.config([{"id": "daily", "domain": "water", "interval": "1d"}], ZONES[0])
    rig.filled.write([point("daily", start_ms - 3 * HOUR, 10, 10)])
    whole = TimeSpan(start_ms, start_ms + 24 * HOUR)

    async def first(running: Running) -> None:
        await running.close(start_ms + 21 * HOUR + SETTLED)

    async def second(running: Running) -> None:
        running.filled.write([point("daily", start_ms + 21 * HOUR + 30 * MINUTE, 34.5, 34.5)])
        await running.close(start_ms + 22 * HOUR + SETTLED)

    rig.run(config, start_ms, first)
    assert rig.newest("hourly", "volume_used_m3", whole, ["daily"]) == {}
    rig.run(config, start_ms + 22 * HOUR, second)
    found = rig.newest("hourly", "volume_used_m3", whole, ["daily"])["daily"]
    assert sorted(found) == [start_ms + hour * HOUR for hour in range(21)]
    assert set(found.values()) == {1.0}
