"""Marks of axes stand at round numbers and round local times."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.support.charts.drawing import number_ticks, time_ticks

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
NUMBERS = st.floats(-1e9, 1e9).map(lambda value: round(value, 6))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        pytest.param(0, 100, [0, 20, 40, 60, 80, 100], id="hundred"),
        pytest.param(0, 7.3, [0, 2, 4, 6, 8], id="seven"),
        pytest.param(312.1, 318.9, [312, 314, 316, 318, 320], id="far-from-zero"),
        pytest.param(-3, 4, [-4, -2, 0, 2, 4], id="through-zero"),
        pytest.param(0.011, 0.029, [0.01, 0.015, 0.02, 0.025, 0.03], id="small"),
        pytest.param(5, 5, [4.6, 4.8, 5, 5.2, 5.4], id="one-value"),
        pytest.param(7, 10, [7, 8, 9, 10], id="both-ends-on-a-mark"),
        pytest.param(10.1, 10.7, [10, 10.2, 10.4, 10.6, 10.8], id="tenths"),
        pytest.param(0, 0.1 + 0.2, [0, 0.1, 0.2, 0.3], id="a-last-digit-too-much-adds-no-mark"),
        pytest.param(0, 0, [0, 0.2, 0.4, 0.6, 0.8, 1], id="nothing"),
    ],
)
def test_numbers_are_marked_where_people_would(low: float, high: float, ticks: list[float]) -> None:
    assert number_ticks(low, high) == ticks


@example(100000001.0, 500000001.0, 2)  # two steps were too fine
@given(NUMBERS, NUMBERS, st.integers(2, 8))
def test_all_values_lie_between_the_first_and_the_last_of_few_even_marks(one: float, other: float, most: int) -> None:
    low, high = sorted((one, other))
    ticks = number_ticks(low, high, most)
    step = ticks[1] - ticks[0]
    assert ticks[0] <= low + 1e-6 * step
    assert ticks[-1] >= high - 1e-6 * step
    assert 2 <= len(ticks) <= most + 1
    assert all(abs((after - before) / step - 1) < 1e-3 for before, after in pairwise(ticks))


def at(text: str, zone: ZoneInfo = VIETNAM) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("start", "end", "marks"),
    [
        pytest.param("2026-11-26 08:03", "2026-11-26 14:03", ["10:00:00", "12:00:00", "14:00:00"], id="six-hours"),
        pytest.param(
            "2026-11-26 08:03:10", "2026-11-26 08:05:10", ["08:03:30", "08:04:00", "08:04:30", "08:05:00"], id="minutes"
        ),
        pytest.param(
            "2026-11-26 08:00:01", "2026-11-26 08:00:09", ["08:00:02", "08:00:04", "08:00:06", "08:00:08"], id="seconds"
        ),
        pytest.param(
            "2026-11-26 08:00:01", "2026-11-26 08:00:21", ["08:00:05", "08:00:10", "08:00:15", "08:00:20"], id="five-seconds"
        ),
        pytest.param(
            "2026-11-26 08:01", "2026-11-26 08:21", ["08:05:00", "08:10:00", "08:15:00", "08:20:00"], id="five-minutes"
        ),
        pytest.param(
            "2026-11-26 08:01",
            "2026-11-26 08:10",
            ["08:02:00", "08:04:00", "08:06:00", "08:08:00", "08:10:00"],
            id="two-minutes",
        ),
        pytest.param(
            "2026-11-25 22:00", "2026-11-26 22:00", ["00:00:00", "06:00:00", "12:00:00", "18:00:00"], id="over-midnight"
        ),
    ],
)
def test_times_are_marked_at_round_times_of_the_zone(start: str, end: str, marks: list[str]) -> None:
    found = [datetime.fromtimestamp(ms / 1000, VIETNAM) for ms in time_ticks(at(start), at(end), VIETNAM)]
    assert [f"{one:%H:%M:%S}" for one in found] == marks


def test_days_begin_at_midnight_where_a_clock_is_changed_too() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    found = [
        datetime.fromtimestamp(ms / 1000, berlin)
        for ms in time_ticks(at("2026-10-23", berlin), at("2026-10-27", berlin), berlin)
    ]
    assert {(one.hour, one.minute) for one in found} == {(0, 0)}
    assert len(found) == 5


@given(st.integers(0, 2**41), st.integers(1, 10**11), st.integers(2, 6))
def test_few_times_are_marked_and_all_lie_inside(start_ms: int, length_ms: int, most: int) -> None:
    found = time_ticks(start_ms, start_ms + length_ms, UTC, most)
    assert len(found) <= most
    assert all(start_ms <= ms <= start_ms + length_ms for ms in found)


def test_values_that_differ_in_their_last_digit_have_an_axis() -> None:
    found = number_ticks(99.99999999999999, 100.00000000000001)
    assert found[0] < found[-1]


def test_every_round_step_of_time_is_used_for_lengths_that_it_fits() -> None:
    second, minute, hour, day = 1000, 60_000, 3_600_000, 86_400_000
    steps = [number * second for number in (1, 2, 5, 10, 15, 30)]
    steps += [number * minute for number in (1, 2, 5, 10, 15, 30)]
    steps += [number * hour for number in (1, 2, 3, 6, 12)]
    steps += [number * day for number in (1, 2, 5, 10, 30, 60, 180, 365)]
    for step in steps:
        assert time_ticks(0, 5 * step, UTC) == [at * step for at in range(5)], step
        assert time_ticks(0, 5 * step, UTC, most=6) == [at * step for at in range(6)], step
