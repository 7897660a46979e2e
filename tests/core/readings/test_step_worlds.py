"""Untold exchanges are never billed, and what was really used is: judged by a world that knows the truth."""

from typing import Final

import pytest

from gateway.core.readings.counters import CounterState
from schemas.quantities import GROWTH
from tests.core.making import HOUR_MS, NOW_MS
from tests.core.readings.step_worlds import KINDS, Judged, Kind, Reading, judge_exchanges, judge_kind

NAME: Final = "volume_m3"
MISSED_MAX: Final = 0.06
"""The most of what a kind of meter used that may wait for a person, who is told of each step."""
STEPS_MAX: Final = 20
"""The most steps to confirm that are none, of 1,000 meters and a month."""
PARTS: Final = {"house": 0.9, "irrigation": 0.01, "hydrant": 0.02, "school": 0.02, "plant": 0.04, "interconnector": 0.01}
"""The meters of a town."""


def judge(readings: list[Reading], q3: float | None) -> Judged:
    state = CounterState()
    if q3 is not None:
        state.rate({NAME: 1.25 * q3})
    sums, held_out, is_told, past = list[float | None](), dict[int, float](), False, state.past
    for hour, value in readings:
        judged = state.judge(NAME, GROWTH[NAME], value, NOW_MS + round(hour * HOUR_MS))
        sums.append(None if judged.offset is None else round(value + judged.offset, 6))
        is_told = is_told or judged.step is not None
        if state.past is not past:
            past = state.past
            held_out |= {step.first_ms: step.held_out for step in past.steps}
    return Judged(sums, list(held_out.values()), is_told)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_was_really_used_counts_or_waits_for_a_person(kind: Kind) -> None:
    found = judge_kind(kind, 4, 1, judge)
    assert found.missed <= MISSED_MAX * found.used, found
    assert found.untold < 0.01, found


@pytest.mark.parametrize("q3", [None, 2.5])
@pytest.mark.parametrize("gap_h", [1, 14, 72, 720])
def test_an_exchange_that_nobody_told_is_not_billed_and_told(q3: float | None, gap_h: float) -> None:
    for interval_h in (0.25, 1.0, 24.0):
        if interval_h <= gap_h:
            found = judge_exchanges(q3, gap_h, interval_h, 2 if interval_h < 1 else 8, 2, judge)
            assert (found.billed, found.untold) == (0, 0), interval_h


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_meter_without_a_size_in_the_registry_shows_its_own_within_a_year(kind: Kind) -> None:
    found = judge_kind(kind._replace(sizes_q3=(None,)), 12, 5, judge)
    assert found.missed <= MISSED_MAX * found.used, found
    assert found.untold < 0.01, found


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [11, 12])
def test_a_town_of_meters_waits_for_few_steps_that_are_none(seed: int) -> None:
    """More than 20,000 days of meters, with 1.4 to 7 gaps each in a month."""
    steps_of_thousand, days = 0.0, 0
    for kind in KINDS:
        found = judge_kind(kind, 800 if kind.name == "house" else 60, seed, judge)
        assert found.missed <= MISSED_MAX * found.used, found
        assert found.untold < 0.01, found
        steps_of_thousand, days = steps_of_thousand + PARTS[kind.name] * found.steps_of_thousand, days + found.days
    assert days >= 20_000
    assert steps_of_thousand <= STEPS_MAX


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("gap_h", [1, 14, 72, 720])
def test_of_a_thousand_untold_exchanges_none_is_billed(gap_h: float) -> None:
    for q3 in (None, 2.5):
        for interval_h in (0.25, 1.0, 24.0):
            if interval_h <= gap_h:
                found = judge_exchanges(q3, gap_h, interval_h, 300, 13, judge)
                assert (found.billed, found.untold) == (0, 0), (q3, interval_h, found)
