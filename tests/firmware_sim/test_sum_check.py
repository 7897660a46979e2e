"""Sums against what was consumed: exact, marked, wrong."""

import pytest

from firmware_sim.query import StoredPoint
from firmware_sim.sum_check import SumCounts, check_sums
from firmware_sim.truth_rows import ConsumedDay, Happening
from schemas.quantities import Quality

DAY_MS, STEP_MS = 86_400_000, 900_000
FLOW_M3 = 0.5
"""What flows from one reading to the next."""
TAGS = {"device": "wm-1", "site": "s", "area": "A"}


def _points(first_ms: int = 0, offset_m3: float = 0.0, readings: int = 97) -> dict[int, StoredPoint]:
    """Two midnights and all between them; the register shows what flowed, the sum an offset more."""
    points = {}
    for number in range(readings):
        fields = {"volume_m3": FLOW_M3 * number, "volume_sum_m3": FLOW_M3 * number + offset_m3, "quality": 128}
        points[number] = StoredPoint(TAGS, first_ms + number * STEP_MS, fields)
    return points


def _day(consumed_m3: float = 48.0, within: float = 0.001, from_ms: int = 0) -> ConsumedDay:
    return ConsumedDay("wm-1", (), "volume_m3", from_ms, from_ms + DAY_MS, consumed_m3, within)


def _step(at_ms: int, flowed_m3: float) -> Happening:
    nothing: frozenset[str] = frozenset()
    about = (at_ms, at_ms, None, at_ms, nothing, nothing, {"volume_m3": flowed_m3})
    return Happening("reset", "wm-1", False, *about)  # noqa: FBT003 - no site


def _counts(points: dict[int, StoredPoint], day: ConsumedDay, *steps: Happening) -> SumCounts:
    return check_sums([day], steps, points.values()).counts


def test_a_day_is_the_difference_of_its_midnights_whatever_the_offset() -> None:
    assert _counts(_points(offset_m3=842.1), _day()) == SumCounts(exact=1)


def test_between_two_readings_a_midnight_is_on_a_straight_line() -> None:
    assert _counts(_points(first_ms=-300_000, readings=98), _day()) == SumCounts(exact=1)


def test_what_a_straight_line_misses_is_allowed_as_far_as_the_ledger_says() -> None:
    points = _points()
    assert _counts(points, _day(48.04, within=0.05)) == SumCounts(exact=1)
    assert _counts(points, _day(48.06, within=0.05)) == SumCounts(wrong=1)


def test_an_error_without_a_mark_is_wrong_and_told() -> None:
    outcome = check_sums([_day(47.9)], [], _points().values())
    assert outcome.counts == SumCounts(wrong=1)
    (finding,) = outcome.findings
    assert (finding.kind, finding.device, finding.domain) == ("wrong", "wm-1", "sum")
    assert finding.detail == "volume_sum_m3 says 48, consumed were 47.9 (within 0.001)"


@pytest.mark.parametrize(
    ("missed_m3", "fate"),
    [
        pytest.param(0.0, SumCounts(marked=1), id="right"),
        pytest.param(0.4, SumCounts(marked=1, marked_off=1), id="off-by-what-nobody-saw"),
        pytest.param(0.6, SumCounts(wrong=1), id="off-by-more"),
    ],
)
def test_a_day_with_a_suspect_step_may_be_off_by_what_flowed_in_the_step(missed_m3: float, fate: SumCounts) -> None:
    points = _points()
    points[40].fields["quality"] |= Quality.COUNTER_SUSPECT
    assert _counts(points, _day(48.0 + missed_m3), _step(39 * STEP_MS + 5, FLOW_M3)) == fate


def test_a_suspect_reading_without_a_sum_marks_its_day_and_invents_nothing() -> None:
    points = _points()
    points[40].fields["quality"] |= Quality.COUNTER_SUSPECT
    points[40].fields["volume_m3"] = 15_430.611
    del points[40].fields["volume_sum_m3"]
    assert _counts(points, _day()) == SumCounts(marked=1)
    assert _counts(points, _day(47.0)) == SumCounts(wrong=1)


@pytest.mark.parametrize(
    ("off_m3", "fate"),
    [
        pytest.param(1.9, SumCounts(marked=1, marked_off=1), id="as-much-as-flowed"),
        pytest.param(2.1, SumCounts(wrong=1), id="more"),
    ],
)
def test_a_gap_at_midnight_marks_the_day_and_allows_what_flowed_in_it(off_m3: float, fate: SumCounts) -> None:
    points = {number: point for number, point in _points(first_ms=-5 * STEP_MS, readings=110).items() if not 4 <= number <= 6}
    assert _counts(points, _day(48.0 + off_m3)) == fate


def test_days_without_sums_before_or_after_are_not_covered() -> None:
    points = _points()
    assert _counts(points, _day(from_ms=STEP_MS)) == SumCounts(uncovered=1)
    assert _counts(points, _day(from_ms=-STEP_MS)) == SumCounts(uncovered=1)
    assert _counts({}, _day()) == SumCounts(uncovered=1)


def test_lanes_are_counted_each_by_itself() -> None:
    points, days = [], []
    for lane, hourly in (("1", 10), ("2", 30)):
        for hour in range(25):
            fields = {"vehicle_count_total": hourly * hour, "vehicle_count_sum": 7 + hourly * hour, "quality": 0}
            points.append(StoredPoint(TAGS | {"lane": lane}, hour * 3_600_000, fields))
        days.append(ConsumedDay("wm-1", (("lane", lane),), "vehicle_count_total", 0, DAY_MS, 24.0 * hourly, 1.0))
    assert check_sums(days, [], points).counts == SumCounts(exact=2)


def test_a_day_in_which_a_device_fell_silent_for_good_is_left_out_and_no_other() -> None:
    nothing: frozenset[str] = frozenset()
    fell_ms = 80 * STEP_MS
    silent = Happening("silent", "wm-1", False, fell_ms, None, "device_silent", fell_ms, nothing, nothing, {})  # noqa: FBT003
    assert _counts(_points(readings=80), _day(), silent) == SumCounts()
    assert _counts(_points(readings=80), _day(), silent._replace(ended_ms=90 * STEP_MS)) == SumCounts(uncovered=1)
    assert _counts(_points(), _day(), silent._replace(began_ms=DAY_MS)) == SumCounts(exact=1)
