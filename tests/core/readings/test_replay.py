"""Sums worked out again: in whatever order readings came and exchanges were told, they become those of the order of time."""

from collections.abc import Sequence
from math import isnan

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.readings.counters import CounterState
from gateway.core.readings.replay import CounterReplay
from gateway.core.readings.steps import CounterRule
from gateway.core.readings.sums import TOLD_MAX, CounterPast, ExchangeEffect, Register, ToldExchange
from schemas.quantities import GROWTH, Quality
from tests.core.making import HOUR_MS, NOW_MS

NAME = "volume_m3"
Hours = Sequence[tuple[float, float]]
Stored = dict[int, tuple[float, float | None]]
"""Time → register and sum, as the database has them."""


def at(hour: float) -> int:
    return NOW_MS + round(hour * HOUR_MS)


def come(readings: Hours, state: CounterState, stored: Stored, rule: CounterRule | None = None) -> list[float | None]:
    """Readings come, hour and value; return their sums."""
    found: list[float | None] = []
    for hour, value in readings:
        offset = state.judge(NAME, GROWTH[NAME], value, at(hour), rule).offset
        found.append(None if offset is None else round(value + offset, 6))
        stored[at(hour)] = value, found[-1]
    return found


def work_out(stored: Stored, state: CounterState, seed: Register | None = None) -> list[float | None]:
    """Work all sums out again, and go on with them."""
    replay = CounterReplay(NAME, state.past.rules.get(NAME), state.past.told, seed, state.past.steps)
    for time_ms, (value, total) in sorted(stored.items()):
        if seed is None or time_ms > seed.time_ms:
            stored[time_ms] = value, replay.sum_of(time_ms, value, total)
    worked = replay.finish(at(1000))
    assert worked is not None
    assert state.swap(worked, replay.read_ms)
    return [total for _, (_, total) in sorted(stored.items())]


def in_order(readings: Hours, told: Sequence[ToldExchange]) -> tuple[list[float | None], CounterState]:
    """The sums of readings that come in order, with exchanges that are told at once, and the state behind them."""
    state, found, left = CounterState(), list[float | None](), list(told)
    for hour, value in sorted(readings):
        while left and left[0].at_ms < at(hour):
            state.exchange(left.pop(0))
        found += come([(hour, value)], state, {})
    for one in left:
        state.exchange(one)
    return found, state


def the_same(found: Sequence[float | None], expected: Sequence[float | None]) -> bool:
    """Tell if sums agree; where none belongs, that of the reading before may stand: nobody can take it away."""
    before = None
    for here, right in zip(found, expected, strict=True):
        if here != right and not (right is None and here == before):
            return False
        before = here if here is not None else before
    return True


def told(hour: float, final: float | None = None, register: float | None = None) -> ToldExchange:
    return ToldExchange(None, at(hour), final, register)


OLD = [(0, 500.0), (1, 501.0)]
NEW = [(3, 47.0), (4, 47.5), (5, 48.0), (6, 48.5)]


def test_told_at_once_the_sum_goes_on_from_the_final_register_and_counts_from_the_first() -> None:
    state, stored = CounterState(), Stored()
    come(OLD, state, stored)
    assert state.exchange(told(2, 502.0, 46.0)) == ExchangeEffect([NAME], [])
    assert come(NEW, state, stored) == [503.0, 503.5, 504.0, 504.5]
    assert state.past.again_ms is None


def test_without_registers_it_goes_on_from_the_last_believed_and_counts_from_the_first_reading() -> None:
    state = CounterState()
    come(OLD, state, {})
    state.exchange(told(2))
    assert come(NEW, state, {}) == [501.0, 501.5, 502.0, 502.5]


def test_a_final_register_told_again_corrects_the_one_before() -> None:
    state = CounterState()
    come(OLD, state, {})
    for final in (512.0, 502.0):
        state.exchange(told(2, final, 46.0))
    assert come(NEW, state, {})[0] == 503.0
    assert [one.final for one in state.past.told] == [502.0]
    assert come([(0.5, 500.5)], state, {}) == [500.5]


def test_told_later_the_sums_since_then_are_to_be_worked_out_again_and_the_live_ones_go_on_right() -> None:
    state, stored = CounterState(), Stored()
    come(OLD, state, stored)
    assert come(NEW, state, stored) == [None, None, 502.0, 502.5]
    assert state.exchange(told(2, 502.0, 46.0)) == ExchangeEffect([], [NAME])
    assert state.past.again_ms == at(2)
    assert work_out(stored, state) == [500.0, 501.0, 503.0, 503.5, 504.0, 504.5]
    assert come([(7, 49.0)], state, stored) == [505.0]
    state.worked_out(at(2), is_written=True)
    assert state.past.again_ms is None


def test_told_while_the_step_is_doubted_it_is_told_later() -> None:
    state, stored = CounterState(), Stored()
    come([*OLD, NEW[0]], state, stored)
    assert state.exchange(told(2, 502.0)).later == [NAME]
    assert work_out(stored, state) == [500.0, 501.0, 502.0]
    assert come(NEW[1:], state, stored) == [502.5, 503.0, 503.5]


def test_an_older_mark_is_not_settled_by_newer_sums() -> None:
    state = CounterState()
    come([*OLD, *NEW], state, {})
    state.exchange(told(2))
    state.worked_out(at(3), is_written=True)
    assert state.past.again_ms == at(2)


def test_a_late_reading_from_before_a_step_that_had_counted_on_is_noted() -> None:
    state, stored = CounterState(), Stored()
    come([*OLD, *NEW], state, stored)
    assert come([(0.5, 500.5)], state, stored) == [500.5]
    assert state.past.again_ms is None
    assert come([(2, 503.0)], state, stored) == [None]
    assert state.past.again_ms == at(2)
    assert work_out(stored, state)[-1] == 504.5


def test_a_late_reading_without_a_step_behind_it_needs_nothing() -> None:
    state = CounterState()
    come(OLD, state, {})
    come([(0.5, 9e5)], state, {})
    assert state.past.again_ms is None


def test_readings_that_came_meanwhile_keep_their_distance() -> None:
    """They are on their way while the sums are worked out, and one of them is a step."""
    state, stored = CounterState(), Stored()
    come([*OLD, *NEW], state, stored)
    state.exchange(told(2, 502.0, 46.0))
    meanwhile = Stored()
    come([(7, 49.0), (8, 0.0), (9, 0.1), (10, 0.2)], state, meanwhile)
    work_out(stored, state)
    assert come([(11, 0.3)], state, stored) == [505.3]
    assert come([(7.5, 49.0)], state, stored) == [505.0]


def test_a_state_that_waits_for_the_first_reading_of_a_meter_is_not_swapped_behind_it() -> None:
    state = CounterState()
    come([*OLD, *NEW], state, {})
    assert not state.swap(Register(NAME, float("nan"), at(2), offset=502.0), at(2))
    assert state.believed(NAME) == 48.5


def test_a_roll_over_is_worked_out_by_the_rule_of_its_profile() -> None:
    state, stored = CounterState(), Stored()
    come([(0, 65535.0), (1, 3.0), (2, 4.0)], state, stored, CounterRule(None, 65536))
    assert work_out(stored, state) == [65535.0, 65539.0, 65540.0]


def test_a_reading_that_came_behind_newer_ones_without_a_time_of_its_own_counts_nothing() -> None:
    """Its sum, where one stands already, becomes that of the reading before."""
    replay, marked = CounterReplay(NAME, None, ()), Quality.GATEWAY_TIME | Quality.MAY_STAND_TWICE
    readings = [(100, None, 0), (104, None, marked), (101, 101, marked), (102, 102, marked), (103, 103, marked), (105, None, 0)]
    found = [replay.sum_of(at(hour), value, stored, quality) for hour, (value, stored, quality) in enumerate(readings)]
    assert found == [100, 104, 104, 104, 104, 105]


def test_only_the_newest_exchanges_are_remembered() -> None:
    past = CounterPast()
    for hour in range(TOLD_MAX + 2):
        past = past.with_told(told(hour))
    assert [one.at_ms for one in past.told] == [at(hour) for hour in range(2, TOLD_MAX + 2)]


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[int], ToldExchange | None, int]:
    """A meter's readings in order of time, their order of arrival, an exchange, and when it is told."""
    readings, value, count = list[tuple[float, float]](), 500.0, draw(st.integers(4, 20))
    exchanged_at = draw(st.integers(1, count))
    exchange = None
    for hour in range(count):
        if hour == exchanged_at:
            final = draw(st.sampled_from([None, value + 0.25]))
            exchange = told(hour - 0.5, final, draw(st.sampled_from([None, 0.0])))
            value = 0.5
        value = draw(st.sampled_from([value, value + 0.5, value + 1, value + 1, value + 30, 0.0]))
        garbage = draw(st.integers(0, 9)) == 0
        readings.append((hour, 15430.611 if garbage else value))
    return readings, draw(st.permutations(range(count))), exchange, draw(st.integers(0, count))


@given(lives())
def test_in_any_order_of_arrival_sums_become_those_of_the_order_of_time(
    life: tuple[list[tuple[float, float]], list[int], ToldExchange | None, int],
) -> None:
    readings, arrival, exchange, told_after = life
    state, stored = CounterState(), Stored()
    for number, place in enumerate(arrival):
        if number == told_after and exchange is not None:
            state.exchange(exchange)
        come([readings[place]], state, stored)
    known = state.past.told
    expected, right = in_order(readings, known)
    assert the_same(work_out(stored, state), expected)
    (here,), (there,) = state.registers(), right.registers()
    assert (here.value, here.time_ms, here.total) == (there.value, there.time_ms, there.total) or (
        isnan(here.value) and isnan(there.value) and here.total == there.total
    )
    after = [(100, 7.0), (101, 7.5), (102, 8.0), (103, 8.5)]
    assert come(after, state, {}) == come(after, right, {})


@given(lives())
def test_worked_out_again_from_any_reading_nothing_changes_that_was_right(
    life: tuple[list[tuple[float, float]], list[int], ToldExchange | None, int],
) -> None:
    readings, arrival, _, _ = life
    expected, state = in_order(readings, [])
    believed = [place for place, total in enumerate(expected) if total is not None]
    place = believed[arrival[0] % len(believed)]
    seen = CounterState()
    come(sorted(readings)[: place + 1], seen, {})
    (seed,) = seen.registers()
    stored = {at(hour): (value, total) for (hour, value), total in zip(sorted(readings), expected, strict=True)}
    if seed.time_ms == at(readings[place][0]):
        assert work_out(stored, state, seed) == expected
