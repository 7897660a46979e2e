"""Sums: what a counter has counted goes on, whatever happened to its meter; nothing is invented."""

import itertools
from collections.abc import Sequence
from math import nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.readings.counters import CounterState
from gateway.core.readings.steps import CounterRule
from gateway.core.readings.sums import FORMERS_MAX, NO_PAST, FormerOffset, FoundSum, Register, StoredExchange, ToldExchange
from schemas.quantities import GROWTH
from tests.core.making import HOUR_MS, NOW_MS
from tests.rows import each_row

Readings = Sequence[tuple[float, float]]
U16 = CounterRule(None, 65536)


def sums(
    readings: Readings, state: CounterState | None = None, name: str = "volume_m3", rule: CounterRule | None = None
) -> list[float | None]:
    """The sum of each reading, hour and value, each in a message of its own; None where it has none."""
    state = CounterState() if state is None else state
    found = []
    for hour, value in readings:
        offset = state.judge(name, GROWTH[name], value, NOW_MS + round(hour * HOUR_MS), rule).offset
        found.append(None if offset is None else round(value + offset, 6))
    return found


def aged(rate_per_h: float, days: int = 10, begin: float = 0.0) -> CounterState:
    """A counter that has grown at a rate for some days until now."""
    state = CounterState()
    sums([(24.0 * (day - days), begin + 24 * day * rate_per_h) for day in range(days + 1)], state)
    return state


@each_row(
    ("readings", "expected"),
    [
        pytest.param([(0, 10.0), (1, 10.5), (2, 11.0)], [10.0, 10.5, 11.0], id="the-register-itself"),
        pytest.param([(0, 1.387), (1, 15430.611), (2, 1.387)], [1.387, None, 1.387], id="garbage-frame"),
        pytest.param([(0, 842.10), (1, 842.05), (2, 842.2)], [842.1, None, 842.2], id="small-step-back"),
        pytest.param(
            [(0, 47.0), (1, 45.0), (2, 45.0), (3, 45.5), (4, 46.0)], [47.0, None, None, 47.5, 48.0], id="steps-back-for-good"
        ),
        pytest.param(
            [(0, 500.0), (1, 0.0), (2, 0.1), (3, 0.2), (4, 0.3)], [500.0, None, None, 500.2, 500.3], id="reset-to-zero"
        ),
        pytest.param(
            [(0, 10.0), (1, 5010.0), (2, 6677.0), (3, 8345.0), (4, 9000.0)],
            [10.0, None, None, 8345.0, 9000.0],
            id="unusual-and-it-goes-on-at-a-third-it-counts-in-full",
        ),
        pytest.param(
            [(0, 10.0), (1, 5010.0), (2, 5011.0), (3, 5012.0), (4, 5013.0)],
            [10.0, None, None, 12.0, 13.0],
            id="unusual-and-it-does-not-go-on-so-it-is-held-out",
        ),
        pytest.param(
            [(0, 10.0), (1, 9e5), (2, 9e5 + 1), (3, 9e5 + 2), (4, 9e5 + 3)],
            [10.0, None, None, 12.0, 13.0],
            id="impossible-and-confirmed-it-never-counts",
        ),
        pytest.param([(0, 10.0), (1, 9e5), (2, 11.0), (3, 9e5), (4, 12.0)], [10, None, 11, None, 12], id="garbage-twice"),
        pytest.param([(5, 10.0), (4, 9.0), (6, 11.0)], [10.0, 9.0, 11.0], id="late-with-the-offset-of-now"),
        pytest.param([(5, 1000.0), (4, 3.0), (6, 1001.0)], [1000.0, None, 1001.0], id="late-garbage"),
        pytest.param([(5, 10.0), (4, 10.5), (6, 11.0)], [10.0, None, 11.0], id="late-and-above-what-followed"),
    ],
)
def test_no_consumption_is_invented_and_none_is_lost(readings: Readings, expected: list[float | None]) -> None:
    assert sums(readings) == expected


def test_a_log_behind_its_present_register_gets_the_sums_of_its_times() -> None:
    log = [(hour, 100.0 + hour) for hour in range(10)]
    assert sums([(10, 110.0), *log, (11, 111.0)]) == [110.0, *(value for _, value in log), 111.0]


def test_a_roll_over_goes_on_by_the_width_of_the_register() -> None:
    around = [(0, 65530.0), (1, 2.0), (2, 4.0), (3, 65000.0)]
    assert sums(around[:3], rule=U16) == [65530.0, 65538.0, 65540.0]
    state = CounterState()
    sums(around[:3], state, rule=U16)
    assert sums([(0.5, 65534.0), (1.5, 3.0)], state) == [65534.0, 65539.0], "late ones, before and after it"


@pytest.mark.parametrize(
    ("before", "first", "counted"),
    [
        pytest.param(240.0, 2.0, 2.0, id="little-enough-for-its-rate"),
        pytest.param(240.0, 4.0, 0.0, id="more-than-three-times-its-rate"),
        pytest.param(15.0, 2.0, 0.0, id="more-than-a-tenth-of-what-it-showed"),
    ],
)
def test_a_reset_register_counts_from_zero_only_where_that_can_be(before: float, first: float, counted: float) -> None:
    """One cubic metre an hour for ten days, then a reset an hour ago."""
    state = aged(1.0, begin=before - 240)
    assert sums([(1, first), (2, first), (3, first)], state)[-1] == before + counted


def test_an_exchanged_meter_goes_on_from_the_last_register_and_counts_from_its_first_reading() -> None:
    state = CounterState()
    sums([(0, 500.0), (1, 501.0)], state)
    state.exchange(ToldExchange(None, NOW_MS + 2 * HOUR_MS))
    assert sums([(1.5, 501.2)], state) == [None], "a late one of the old meter is beyond the last register"
    assert sums([(0.5, 500.5), (3, 7.0), (4, 8.0)], state) == [500.5, 501.0, 502.0]
    assert sums([(0.7, 500.7)], state) == [500.7]


def test_the_readings_of_one_message_confirm_once() -> None:
    """An array of three garbage readings is one message; two more messages must say the same."""
    state = CounterState()
    sums([(0, 10.0)], state)
    for number, first in enumerate((1.0, 2.0, 3.0)):
        together = object()
        judged = [
            state.judge("volume_m3", GROWTH["volume_m3"], 9e5 + first, NOW_MS + round(first * HOUR_MS) + n, None, together)
            for n in range(3)
        ]
        assert [one.offset is None for one in judged] == ([True] * 3 if number < 2 else [False] * 3)
    assert sums([(4, 9e5 + 4)], state) == [13.0]


def test_a_late_reading_from_before_a_step_does_not_dismiss_the_doubt() -> None:
    assert sums([(0, 500.0), (2, 5.0), (3, 5.1), (1, 500.5), (4, 5.2)]) == [500.0, None, None, 500.5, 500.7]


growths = st.lists(st.integers(0, 9_000), min_size=2, max_size=12)


@given(growths, st.randoms(use_true_random=False), st.sampled_from([0.0, 250.0]))
def test_any_order_of_arrival_gives_the_same_sums_where_no_step_lies_between(
    growth: list[int], random: Random, offset: float
) -> None:
    """Hours of at most 9 m3; the counter went through a step before."""
    readings, register = [], 100.0
    for hour, thousandths in enumerate(growth):
        register = round(register + thousandths / 1000, 3)
        readings.append((float(hour), register))
    shuffled = list(readings)
    random.shuffle(shuffled)
    state = CounterState()
    state.restore(Register("volume_m3", 100.0, NOW_MS - HOUR_MS, offset=offset))
    assert dict(zip(shuffled, sums(shuffled, state), strict=True)) == {
        (hour, value): round(value + offset, 6) for hour, value in readings
    }


values = st.one_of(st.floats(0, 1e4), st.floats(0, 1e8))


@given(st.lists(st.tuples(st.integers(1, 48), values), max_size=30))
def test_sums_of_readings_in_order_never_fall(steps: list[tuple[int, float]]) -> None:
    hour, readings = 0, []
    for gap, value in steps:
        hour += gap
        readings.append((float(hour), value))
    found = [one for one in sums(readings) if one is not None]
    assert all(later >= earlier - 1e-6 for earlier, later in itertools.pairwise(found))


@given(st.lists(st.tuples(st.integers(1, 48), st.integers(0, 50_000)), min_size=1, max_size=30))
def test_a_sum_grows_by_no_more_than_its_register_did(steps: list[tuple[int, int]]) -> None:
    """A register that only grows, in steps of any size, and then more than is possible."""
    hour, register, readings = 0, 0.0, []
    for gap, thousandths in steps:
        hour, register = hour + gap, round(register + thousandths / 100, 2)
        readings.append((float(hour), register))
    found = [(value, total) for (_, value), total in zip(readings, sums(readings), strict=True) if total is not None]
    assert all(total <= value + 1e-6 for value, total in found)


def test_former_offsets_are_few_and_the_oldest_is_folded() -> None:
    past = NO_PAST
    for number in range(20):
        past = past.with_former("volume_m3", FormerOffset(number, float(number)))
    assert [former.until_ms for former in past.formers["volume_m3"]] == list(range(20 - FORMERS_MAX, 20))


def waiting(readings: Readings) -> CounterState:
    """A counter of a device that awaits its sums, after some readings."""
    state = CounterState(awaits=True)
    sums(readings, state)
    return state


def found(hour: float, register: float, total: float) -> dict[str, FoundSum]:
    return {"volume_m3": FoundSum(register, total, NOW_MS + round(hour * HOUR_MS))}


def test_a_counter_that_influxdb_does_not_know_is_new() -> None:
    state = waiting([(0, 70.0)])
    state.take_over({})
    assert (state.awaits, sums([(1, 71.0)], state)) == (False, [71.0])


def test_sums_go_on_where_they_stood_in_influxdb() -> None:
    state = waiting([(0, 70.0), (1, 71.0)])
    state.take_over(found(-5, 68.0, 568.0))
    assert sums([(2, 72.0), (0.5, 70.5)], state) == [572.0, 570.5]


def test_a_sum_newer_than_all_that_was_met_here_is_taken_as_it_is() -> None:
    """The readings so far were a backlog; another gateway had the newest."""
    state = waiting([(0, 70.0), (1, 71.0)])
    state.take_over(found(3, 73.0, 1073.0))
    assert sums([(4, 74.0), (1, 71.0)], state) == [1074.0, 1071.0]


def test_a_sum_between_what_was_met_here_gives_its_offset() -> None:
    state = waiting([(0, 70.0), (2, 72.0)])
    state.take_over(found(1, 71.0, 1071.0))
    assert sums([(3, 73.0)], state) == [1073.0]


def test_a_register_that_does_not_follow_from_influxdb_is_doubted() -> None:
    """The meter was exchanged while nobody heard it; or the first reading after the start was garbage."""
    state = waiting([(0, 3.0), (1, 3.5)])
    state.take_over(found(-24, 900.0, 950.0))
    assert sums([(2, 4.0), (3, 4.5), (4, 5.0)], state) == [None, 951.5, 952.0]
    state = waiting([(0, 15430.6)])
    state.take_over(found(-1, 68.0, 68.0))
    assert sums([(1, 68.5), (2, 69.0)], state) == [68.5, 69.0]


def test_a_step_back_that_was_passed_again_while_sums_were_awaited_is_worked_out_in_the_night() -> None:
    """A register that went on from 60 in place of 70, up to 80: as if there had been no step, and 10 of 20 m3 are counted."""
    state = waiting([(hour, 60.0 + hour) for hour in range(20)])
    state.take_over(found(-1, 70.0, 70.0))
    assert sums([(20, 80.0)], state) == [80.0]
    assert state.past.again_ms == NOW_MS


def test_a_meter_exchanged_while_its_sums_were_awaited_goes_on_from_them() -> None:
    state = waiting([(0, 70.0), (1, 71.0)])
    state.exchange(ToldExchange(None, NOW_MS + 2 * HOUR_MS))
    state.take_over(found(-5, 70.0, 570.0))
    assert sums([(3, 2.0), (4, 3.0)], state) == [571.0, 572.0]


def test_a_step_back_while_sums_were_awaited_is_kept_where_they_did_not_follow() -> None:
    """More than is usual flowed before the first reading, then the meter was reset; three readings confirmed that."""
    state = waiting([(0, 930.0), (1, 931.0), (2, 400.0), (3, 401.0), (4, 402.0)])
    state.take_over(found(-1, 900.0, 950.0))
    assert sums([(5, 403.0), (0.5, 930.5), (-0.5, 910.0)], state) == [984.0, 980.5, 960.0]
    assert state.past.again_ms == NOW_MS - HOUR_MS, "it was judged before it was known what is usual: the night does it better"


EXCHANGED = ToldExchange(None, NOW_MS, 80.0, 2.0)


def test_of_an_exchange_told_late_the_sums_since_then_must_be_worked_out_again() -> None:
    """Also where the readings since then were doubted, and InfluxDB has no sum of them."""
    for newest in (found(3, 5.0, 75.0), found(-1, 70.0, 70.0)):
        state = waiting([(4, 6.0)])
        state.take_over(newest, [StoredExchange(EXCHANGED, is_late=True)])
        assert (state.past.told, state.past.again_ms) == ((EXCHANGED,), NOW_MS)


def test_an_exchange_that_sums_go_on_from_is_remembered_and_changes_nothing() -> None:
    state = waiting([(4, 6.0)])
    state.take_over(found(3, 5.0, 83.0), [StoredExchange(EXCHANGED, is_late=False)])
    assert (state.past.told, state.past.again_ms) == ((EXCHANGED,), None)
    assert sums([(5, 7.0)], state) == [85.0]


def test_an_exchange_that_no_sum_goes_on_from_yet_takes_effect() -> None:
    """Its file was lost before the new meter sent, or while its first readings awaited their sums."""
    state = waiting([])
    state.take_over(found(-1, 70.0, 70.0), [StoredExchange(EXCHANGED, is_late=False)])
    assert sums([(1, 3.0)], state) == [81.0]
    state = waiting([(1, 3.0)])
    state.take_over(found(-1, 70.0, 70.0), [StoredExchange(EXCHANGED, is_late=False)])
    assert state.past.again_ms == NOW_MS


def test_an_exchange_that_is_known_is_not_applied_again() -> None:
    state = waiting([(-1, 70.0)])
    state.exchange(EXCHANGED)
    state.take_over(found(-1, 70.0, 70.0), [StoredExchange(EXCHANGED, is_late=False)])
    assert (state.past.told, sums([(1, 3.0)], state)) == ((EXCHANGED,), [81.0])


def test_asked_again_a_counter_goes_on_with_what_another_gateway_counted() -> None:
    state = CounterState()
    sums([(0, 100.0), (1, 101.0)], state)
    state.ask_again()
    sums([(100, 5.0)], state)
    state.take_over(found(99, 4.0, 160.0))
    assert sums([(101, 6.0)], state) == [162.0]


def test_asked_again_a_sum_from_before_all_that_is_known_here_replaces_the_offset_and_is_not_added_to_it() -> None:
    state = waiting([(0, 70.0)])
    state.take_over(found(-5, 68.0, 568.0))
    state.ask_again()
    state.take_over(found(-6, 67.0, 1067.0))
    assert sums([(1, 71.0), (-5.5, 67.5)], state) == [1071.0, 1067.5]


def test_what_a_counter_used_before_it_came_here_tells_what_is_usual_for_it() -> None:
    """Ten days of 9 m3 an hour stand in InfluxDB: 25 m3 in an hour are much, and no suspect step."""
    state = waiting([(0, 2160.0)])
    state.take_over(found(-240, 0.0, 0.0))
    assert sums([(1, 2185.0)], state) == [2185.0]


def test_asked_again_in_vain_nothing_changes() -> None:
    state = CounterState()
    sums([(0, 100.0), (1, 101.0)], state)
    state.ask_again()
    sums([(100, 150.0)], state)
    state.take_over(found(1, 101.0, 101.0))
    assert sums([(101, 151.0)], state) == [151.0]


def test_what_must_outlive_the_process_raises_the_version() -> None:
    state, versions = CounterState(), []
    for hour, value in [(0, 10.0), (1, 11.0), (2, 5.0), (3, 5.1), (4, 5.2), (5, 5.3)]:
        sums([(hour, value)], state)
        versions.append(state.version)
    assert versions[0] == versions[1] == 0
    assert versions[1] < versions[2] < versions[3] < versions[4] == versions[5]
    state.exchange(ToldExchange(None, NOW_MS + 6 * HOUR_MS))
    assert state.version > versions[-1]
    exchanged = state.version
    sums([(7, 0.0)], state)
    assert state.version > exchanged


def test_a_meter_exchanged_before_this_run_goes_on_from_its_sum() -> None:
    state = CounterState()
    state.restore(Register("volume_m3", nan, NOW_MS, offset=77.0))
    assert sums([(1, 3.0), (2, 4.0)], state) == [77.0, 78.0]


def after_a_restart(state: CounterState) -> CounterState:
    """The counters as the next run finds them."""
    restored = CounterState()
    for register in state.registers():
        restored.restore(register)
    return restored


@pytest.mark.parametrize(("read_before_the_step", "marked"), [(False, True), (True, False)])
def test_a_step_from_a_register_that_was_restored_has_its_sums_worked_out_again(
    *, read_before_the_step: bool, marked: bool
) -> None:
    state = after_a_restart(aged(0.1, begin=50.0))
    at_ms = int(state.newest_ms)
    if read_before_the_step:
        value = state.believed("volume_m3")
        assert value is not None
        at_ms += HOUR_MS
        state.judge("volume_m3", GROWTH["volume_m3"], value + 0.1, at_ms)
    for number in range(1, 4):  # a reset, confirmed twice
        state.judge("volume_m3", GROWTH["volume_m3"], 0.1 * number, at_ms + number * HOUR_MS)
    assert state.believed("volume_m3") == pytest.approx(0.3)
    assert (state.past.again_ms is not None) is marked


def test_a_counter_takes_forty_eight_bytes() -> None:
    state = CounterState()
    sums([(0, 1.0)], state)
    before = len(state) * state.itemsize
    sums([(0, 1.0)], state, "volume_reverse_m3")
    assert len(state) * state.itemsize - before == 48
