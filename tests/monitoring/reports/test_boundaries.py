"""Boundaries of periods and the sums there."""

import itertools
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.database.store import SumPoint
from gateway.monitoring.reports.boundaries import ReportStep, Uncovered, local_text, midnight_ms, periods, sum_at

MINUTE = 60_000
HOUR = 60 * MINUTE
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
BERLIN = ZoneInfo("Europe/Berlin")
T = 1_790_000_000_000


def at(time_ms: int, total: float) -> SumPoint:
    return SumPoint(time_ms, total, total)


def test_a_day_in_vietnam_begins_at_seventeen_utc() -> None:
    assert midnight_ms(date(2026, 10, 1), VIETNAM) == datetime(2026, 9, 30, 17, tzinfo=UTC).timestamp() * 1000
    assert local_text(midnight_ms(date(2026, 10, 1), VIETNAM), VIETNAM) == "2026-10-01 00:00"


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)],
    ids=["spring", "autumn", "june"],
)
def test_a_day_has_the_hours_that_its_clock_gives_it(day: date, hours: int) -> None:
    found = list(periods(day, day, ReportStep.HOUR, BERLIN))
    assert len(found) == hours
    assert all(span.end_ms - span.start_ms == HOUR for span in found)
    assert found[-1].end_ms == midnight_ms(date.fromordinal(day.toordinal() + 1), BERLIN)


@pytest.mark.parametrize("step", list(ReportStep))
def test_periods_follow_each_other_without_a_gap(step: ReportStep) -> None:
    found = list(periods(date(2026, 1, 10), date(2026, 12, 20), step, BERLIN))
    assert found[0].start_ms == midnight_ms(date(2026, 1, 10), BERLIN)
    assert found[-1].end_ms == midnight_ms(date(2026, 12, 21), BERLIN)
    assert all(one.end_ms == other.start_ms for one, other in itertools.pairwise(found))
    assert len(found) == {"hour": 345 * 24, "day": 345, "month": 12}[step]


def test_a_month_is_cut_where_the_report_begins_and_ends() -> None:
    found = list(periods(date(2026, 1, 31), date(2026, 3, 1), ReportStep.MONTH, VIETNAM))
    days = [local_text(span.start_ms, VIETNAM) for span in found]
    assert days == ["2026-01-31 00:00", "2026-02-01 00:00", "2026-03-01 00:00"]


def test_a_midnight_that_the_clock_leaves_out_is_the_first_instant_of_its_day() -> None:
    zone = ZoneInfo("Africa/Cairo")  # 2026-04-24: from 00:00 to 01:00
    assert local_text(midnight_ms(date(2026, 4, 24), zone), zone) == "2026-04-24 01:00"


def test_a_reading_at_the_boundary_is_its_sum() -> None:
    found = sum_at(T, at(T, 12.345678), at(T + 40 * HOUR, 99), 15 * MINUTE)
    assert (found.millionths, found.is_estimated, found.reading) == (12_345_678, False, at(T, 12.345678))


def test_between_two_readings_a_sum_is_interpolated_and_rounded_once() -> None:
    found = sum_at(T, at(T - 5 * MINUTE, 1), at(T + 10 * MINUTE, 2), 15 * MINUTE)
    assert (found.millionths, found.is_estimated) == (1_333_333, False)
    assert found.reading == at(T - 5 * MINUTE, 1)


@pytest.mark.parametrize(
    ("gap_min", "interval_min", "is_estimated"), [(22, 15, False), (23, 15, True), (30, None, False), (31, None, True)]
)
def test_a_boundary_in_a_gap_is_estimated(gap_min: int, interval_min: int | None, is_estimated: bool) -> None:  # noqa: FBT001
    interval = None if interval_min is None else interval_min * MINUTE
    assert sum_at(T, at(T - MINUTE, 1), at(T + (gap_min - 1) * MINUTE, 2), interval).is_estimated is is_estimated


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        (None, at(T + 1, 5), Uncovered.NOTHING_BEFORE),
        (at(T - 1, 5), None, Uncovered.NOTHING_AFTER),
        (None, None, Uncovered.NO_READING),
    ],
)
def test_a_boundary_without_a_neighbour_says_why(before: SumPoint | None, after: SumPoint | None, cause: Uncovered) -> None:
    found = sum_at(T, before, after, None)
    assert (found.millionths, found.uncovered, found.reading) == (None, cause, before or after)


@given(
    st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 1e4)), min_size=2, max_size=20),
    st.lists(st.floats(0, 1), min_size=2, max_size=30),
)
def test_parts_add_up_to_the_whole_exactly(steps: list[tuple[int, float]], places: list[float]) -> None:
    points, time_ms, total = [], 0, 0.0
    for gap_ms, used in steps:
        time_ms, total = time_ms + gap_ms, total + used
        points.append(at(time_ms, round(total, 6)))
    first, last = points[0].time_ms, points[-1].time_ms
    edges = sorted(first + round(place * (last - first)) for place in places)

    def millionths(edge: int) -> int:
        before = max((point for point in points if point.time_ms <= edge), key=lambda point: point.time_ms)
        after = next((point for point in points if point.time_ms > edge), None)
        found = sum_at(edge, before, after, None).millionths
        assert found is not None
        return found

    sums = [millionths(edge) for edge in edges]
    assert sums == sorted(sums)
    assert sum(later - sooner for sooner, later in itertools.pairwise(sums)) == sums[-1] - sums[0]
