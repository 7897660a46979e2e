"""Registers that stand still, and losses: when the alarm begins, what does not begin it, and when it ends."""

from collections.abc import Sequence
from itertools import chain, repeat
from math import nan
from typing import Any

import pytest
from msgspec import json

from gateway.core.alarms.alarm import AlarmKey, AlarmState
from gateway.core.alarms.counted import DAYS, HOURS_BACK, CountedDays, CountedHours, begun
from gateway.core.alarms.rules import Condition, Losses, Param, Stuck
from tests.core.alarms.alarming import Bed, registered, rule
from tests.core.making import DAY_MS, HOUR_MS, NOW_MS
from tests.rows import each_row

END_MS = NOW_MS - NOW_MS % DAY_MS
RAISED, CLEARED = ["raised some@d1"], ["cleared some@d1"]


def bench(*when: Condition, **params: float) -> Bed:
    bed = Bed(rule(*when))
    bed.device(entry=registered(params=params))
    return bed


def padded(figures: Sequence[float], length: int) -> list[float]:
    return [nan] * (length - len(figures)) + list(figures)


def hours(bed: Bed, used: Sequence[float], day: int = 0, days: Sequence[float] = (), **about: object) -> list[str]:
    """Judge hours that end with a day."""
    given = {key: padded(value, HOURS_BACK) if isinstance(value, list) else value for key, value in about.items()}
    counter = str(given.pop("counter", "volume_m3"))
    counted = CountedHours(counter, END_MS + day * DAY_MS, padded(used, HOURS_BACK), padded(days, DAYS), **given)  # type: ignore[arg-type]
    bed.alarms.counted_hours(bed.devices["d1"], counted)
    return bed.told()


MOVING = [0.1] * 100
"""More than the three days that must be known, though in one step: a straight line."""
LIVELY = [0.1, 0.2] * 50


def test_a_register_that_stands_while_its_flow_goes_on_is_told_with_its_beginning_until_it_moves() -> None:
    bed = bench(Stuck("flow"))
    used, flow = LIVELY + [0.0] * 8, [0.15] * 108
    assert hours(bed, used, flow=flow) == RAISED
    state = bed.alarms.states.find(AlarmKey("some", "d1"))
    assert state is not None
    assert (state.since_ms, state.value, state.field) == (END_MS - 8 * HOUR_MS, 8.0, "volume_m3")
    assert hours(bed, used + [0.0] * 24, day=1, flow=flow + [0.0] * 24) == [], "nothing flows, and it has not moved"
    moves = used + [0.0] * 30 + [0.1] + [0.0] * 17
    assert hours(bed, moves, day=2, flow=flow + [0.0] * 48) == CLEARED
    assert list(bed.alarms.states) == []


def test_it_is_said_once_since_when_a_register_was_stuck_and_again_when_it_moves() -> None:
    bed = bench(Stuck("flow"))

    def taken(used: list[float], flow: list[float], day: int) -> int | None:
        counted = CountedHours("volume_m3", END_MS + day * DAY_MS, padded(used, HOURS_BACK), [], padded(flow, HOURS_BACK))
        return bed.alarms.counted_hours(bed.devices["d1"], counted)

    used, flow = LIVELY + [0.0] * 8, [0.15] * 108
    assert taken(LIVELY, [0.15] * 100, -1) is None
    assert taken(used, flow, 0) == END_MS - 8 * HOUR_MS
    assert taken(used + [0.0] * 24, flow + [0.15] * 24, 1) is None
    assert taken(used + [0.0] * 24 + [0.2] * 24, flow + [0.15] * 48, 2) == END_MS - 8 * HOUR_MS


def test_it_ended_with_the_first_hour_in_which_it_moved() -> None:
    bed = bench(Stuck("flow"))
    used, flow = LIVELY + [0.0] * 8, [0.15] * 108
    hours(bed, used, flow=flow)
    counted = CountedHours(
        "volume_m3",
        END_MS + DAY_MS,
        padded(used + [0.0] * 5 + [0.1] * 19, HOURS_BACK),
        padded([], DAYS),
        padded(flow + [0.15] * 24, HOURS_BACK),
    )
    bed.alarms.counted_hours(bed.devices["d1"], counted)
    (change,) = bed.transitions()
    assert (change.at_ms, change.duration_ms) == (END_MS + 5 * HOUR_MS, 13 * HOUR_MS)


QUIET = {
    "nothing flows": (LIVELY + [0.0] * 100, [0.15] * 100 + [0.0] * 100),
    "a zero that wanders": (LIVELY + [0.0] * 200, [0.15] * 100 + [0.01] * 200),
    "two hours only": (LIVELY + [0.0] * 2, [0.15] * 100 + [5.0] * 2),
    "no more than in an earlier standstill": (LIVELY + [0.0] * 5 + LIVELY + [0.0] * 12, [0.15] * 217),
    "a register of whole cubic metres": ([0.0] * 50 + [1.0] + [0.0] * 150, [0.03] * 201),
    "one straight line, and then less than a cubic metre": (MOVING + [0.0] * 20, [0.1] * 120),
    "less than three days known": ([0.1, 0.2] * 20 + [0.0] * 20, [0.15] * 60),
    "silent for days": (LIVELY + [0.0] * 20 + [nan] * 49, [0.15] * 169),
    "unknown between": (LIVELY + [0.0] * 2 + [nan] + [0.0] * 2, [0.15] * 105),
}


@each_row("name", QUIET, ids=str)
def test_a_register_that_may_well_stand_still_is_no_alarm(name: str) -> None:
    used, flow = QUIET[name]
    assert hours(bench(Stuck("flow")), used, flow=flow) == []
    assert hours(bench(Stuck("behind")), used, behind=flow) == []


def test_a_meter_that_sends_once_a_day_is_judged_by_what_is_known() -> None:
    assert hours(bench(Stuck("flow")), LIVELY + [0.0] * 24 + [nan] * 20, flow=[0.15] * 124) == RAISED


def test_the_meters_behind_it_are_a_witness_and_say_nothing_against_a_customer_without_them() -> None:
    used = LIVELY + [0.0] * 8
    assert hours(bench(Stuck("behind")), used, behind=[0.15] * 108) == RAISED
    assert hours(bench(Stuck("behind")), used, flow=[0.15] * 108) == []


def test_a_counter_that_no_register_of_consumption_is_is_not_judged() -> None:
    assert hours(bench(Stuck("flow")), LIVELY + [0.0] * 90, flow=[0.15] * 190, counter="pulse_count") == []


@pytest.mark.parametrize(
    ("counter", "pause_h", "stands_h"),
    [
        ("volume_m3", 1, 48),
        ("volume_m3", 6, 48),
        ("energy_import_kwh", 3, 48),
        ("vehicle_count_total", 1, 24),
        ("people_in_total", 8, 72),
    ],
)
def test_a_register_that_counts_for_many_is_told_against_its_habit(counter: str, pause_h: int, stands_h: int) -> None:
    day = [0.0] * pause_h + [9.0] * (24 - pause_h)
    before = [one for _ in range(10) for one in day] + [9.0] * 24
    bed = bench(Stuck("habit", 8))
    about: dict[str, Any] = {"counter": counter, "is_customers": False}
    least = max(stands_h, 8 * pause_h)
    assert hours(bed, before + [0.0] * (least - 1), **about) == []
    assert hours(bed, before + [0.0] * least, **about) == RAISED
    assert hours(bench(Stuck("habit", 8)), [9.0] * 160 + [0.0] * 130, **about) == [], "a week must be known"


def test_a_supply_that_pauses_for_long_and_a_customer_are_given_three_weeks() -> None:
    pauses = [one for _ in range(11) for one in [0.0] * 7 + [9.0] * 17]
    assert hours(bench(Stuck("habit", 8)), pauses + [0.0] * 72, is_customers=False) == []
    still = [0.0] * HOURS_BACK
    for away, told in ((20, []), (21, RAISED)):
        assert hours(bench(Stuck("habit", 8)), still, days=[0.4] * 14 + [0.0] * away) == told
    assert hours(bench(Stuck("habit", 8)), still, days=[0.4] * 14 + [0.0] * 40, flow=[0.0] * 336) == [], (
        "its flow is at rest too"
    )


def test_a_house_that_did_not_count_each_day_or_is_left_often_is_no_alarm() -> None:
    still = [0.0] * HOURS_BACK
    for before in ([0.4] * 6 + [0.0] + [0.4] * 7, [0.4] * 10, [0.4] * 5 + [0.0] * 5 + [0.4] * 20):
        assert hours(bench(Stuck("habit", 8)), still, days=[*before, *[0.0] * 30]) == []


def test_the_alarm_outlives_a_restart() -> None:
    bed = bench(Stuck("flow"))
    used, flow = LIVELY + [0.0] * 8, [0.15] * 108
    hours(bed, used, flow=flow)
    stored = [json.decode(json.encode(state), type=AlarmState) for state in bed.alarms.states]
    again = bench(Stuck("flow"))
    again.alarms.restore(stored, END_MS + HOUR_MS)
    assert hours(again, used + [0.0] * 24, day=1, flow=flow + [0.15] * 24) == []
    assert hours(again, used + [0.0] * 24 + [0.1] * 24, day=2, flow=flow + [0.15] * 48) == CLEARED


def test_a_line_between_two_readings_stands_where_it_begins() -> None:
    assert begun([0.25, 0.25, 0.25, 0.5, 0.0, 0.0, 0.5]) == [0.75, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5]


# ---- losses -------------------------------------------------------------------------------------------------------------


def losses(bed: Bed, shares: Sequence[float], supply: float = 100.0) -> list[list[str]]:
    """Changes told after each day with a share that is lost; NaN: it is not known."""
    told = []
    for day in range(len(shares)):
        known = shares[max(0, day + 1 - DAYS) : day + 1]
        used = [supply * (1 - share) for share in known]
        into = [supply if share == share else nan for share in known]  # noqa: PLR0124 - NaN is not itself
        days = CountedDays(1000 + day, padded(into, DAYS), padded(used, DAYS))
        bed.alarms.counted_days(bed.devices["d1"], days, END_MS + day * DAY_MS)
        told.append(bed.told())
    return told


def days_told(told: Sequence[list[str]]) -> list[tuple[int, str]]:
    return [(day, line.split()[0]) for day, lines in enumerate(told) for line in lines]


USUAL = [0.05, 0.06, 0.04, 0.05, 0.06] * 4


def test_losses_of_three_days_above_limit_and_usual_are_told_until_they_are_over() -> None:
    told = losses(bench(Losses(0.1)), [*USUAL, *[0.14] * 10, *USUAL[:5]])
    assert days_told(told) == [(21, "raised"), (31, "cleared")]


def test_a_leak_does_not_become_usual_and_end_its_alarm() -> None:
    told = losses(bench(Losses(0.1)), [*USUAL, *[0.14] * 150, *[0.05] * 5])
    assert days_told(told) == [(21, "raised"), (171, "cleared")]


@each_row(
    "shares",
    [
        [*USUAL, *[0.09] * 9],
        [*([0.25, 0.27, 0.23] * 8), *[0.3] * 9],
        [*([0.0, 0.3, -0.1, 0.25] * 6), 0.3, 0.28, 0.3],
        [*USUAL[:10], *[0.3] * 9],
        [*USUAL, 0.13, 0.05, 0.05],
        [*USUAL, nan, nan, nan, nan, nan, 0.3, nan, nan, 0.3],
    ],
)
def test_losses_that_are_small_usual_scattered_too_new_or_unknown_are_no_alarm(shares: list[float]) -> None:
    assert days_told(losses(bench(Losses(0.1)), shares)) == []


def test_little_water_is_no_loss() -> None:
    assert days_told(losses(bench(Losses(0.1)), [*USUAL, *[0.3] * 5], supply=1.5)) == []
    assert days_told(losses(bench(Losses(0.1, least=0.2)), [*USUAL, *[0.16] * 5], supply=1.5)) == [(22, "raised")]


def test_a_limit_of_the_parent_holds_from_the_first_days_on() -> None:
    limited = Losses(0.01, of=Param("loss_limit_pct"), usual=0)
    assert days_told(losses(bench(limited, loss_limit_pct=12), [0.13] * 6 + [0.1] * 3)) == [(2, "raised"), (8, "cleared")]
    assert days_told(losses(bench(limited), [0.5] * 9)) == [], "nobody gave it one"


def test_unknown_days_neither_raise_nor_end() -> None:
    shares = [*USUAL, *[0.14] * 3, *repeat(nan, 10), *[0.14] * 3]
    assert days_told(losses(bench(Losses(0.1)), list(chain(shares)))) == [(21, "raised")]
