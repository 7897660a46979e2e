"""Amounts that people told stand in hours, days and areas: they are worked out again as after late readings."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.ingest.database.store import StoredSeries, TimeSpan
from gateway.monitoring.reports.boundaries import ReportStep, midnight_ms, periods
from gateway.monitoring.reports.stored_counters import amount_line
from gateway.monitoring.reports.told_events import AmountKind, ToldAmount
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.points import HOUR
from tests.runtime.jobs.closing_rig import SETTLED, ClosingRig, Running
from tests.runtime.jobs.test_period_job import DEVICES, FIRST, MINUTE, NAMES, ZONES, reported, story_of

pytestmark = pytest.mark.real


def test_a_correction_stands_in_the_hours_and_days_that_it_names_and_in_their_area(rig: ClosingRig) -> None:
    local = ZoneInfo(ZONES[0])
    start_ms, end_ms = midnight_ms(FIRST, local), midnight_ms(FIRST + timedelta(days=2), local)
    second = TimeSpan(midnight_ms(FIRST + timedelta(days=1), local), end_ms)
    rig.filled.write(story_of(start_ms, end_ms + HOUR))
    whole = TimeSpan(start_ms, end_ms)
    device = RegisteredDevice(id="whole", domain="water", site="s", area="north")

    async def told(running: Running) -> None:
        await running.close(end_ms + SETTLED)
        said_ms = end_ms + SETTLED
        line = amount_line(
            device,
            StoredSeries("whole"),
            "volume_m3",
            ToldAmount(AmountKind.CORRECT, second, 48_000_000),
            said_ms,
            is_undone=False,
        )
        rig.filled.write([line])
        running.parts.watching.status.evaluator.late.note_since("whole", second.start_ms)
        await running.close(end_ms + SETTLED + MINUTE)
        await running.parts.closing.job.save()
        await running.close(end_ms + SETTLED + HOUR)

    rig.run(rig.config(DEVICES, ZONES[0]), start_ms, told)
    now_ms = end_ms + SETTLED + HOUR
    hours = list(periods(FIRST, FIRST + timedelta(days=1), ReportStep.HOUR, local))
    days = list(periods(FIRST, FIRST + timedelta(days=1), ReportStep.DAY, local))
    by_hour, by_day = (rig.newest(name, "volume_used_m3", whole, NAMES) for name in ("hourly", "daily"))
    assert by_hour == reported(rig, hours, now_ms)
    assert by_day == reported(rig, days, now_ms)
    first, last = by_day["whole"][days[0].start_ms], by_day["whole"][days[1].start_ms]
    assert last - first == pytest.approx(48, abs=1e-6), "it counts the same each day"
    marks = rig.newest("daily", "estimated", whole, NAMES)["whole"]
    assert [marks[day.start_ms] for day in days] == [0.0, 1.0]
    newest = sorted(rig.points("daily_area", "used_m3"), key=lambda row: row[1])
    north = {time_ms // HOUR * HOUR: value for tags, time_ms, value in newest if tags.get("area") == "north"}
    assert north[days[1].start_ms] - north[days[0].start_ms] == pytest.approx(48 + by_day_change(by_day, days), abs=1e-6)


def by_day_change(by_day: dict[str, dict[int, float]], days: list[TimeSpan]) -> float:
    """The amount that the other meters of the area counted more on the second day."""
    others = [by_day[name] for name in by_day if name not in {"whole", "away"}]
    return sum(one.get(days[1].start_ms, 0.0) - one.get(days[0].start_ms, 0.0) for one in others)
