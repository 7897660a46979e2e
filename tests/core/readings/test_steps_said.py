"""Steps that stand to be confirmed: what a person, an exchange or readings that come late say of them."""

from gateway.core.devices.device import Device
from gateway.core.devices.exchange import step_said
from gateway.core.readings.counters import CounterState
from gateway.core.readings.replay import CounterReplay
from gateway.core.readings.steps import CounterRule
from gateway.core.readings.sums import Register, StepState, StepToConfirm, ToldExchange
from schemas.quantities import GROWTH
from tests.core.making import HOUR_MS, NOW_MS

NAME = "volume_m3"
Hours = list[tuple[float, float]]


def at(hour: float) -> int:
    return NOW_MS + round(hour * HOUR_MS)


def house(steps: Hours, state: CounterState | None = None) -> CounterState:
    """A house meter of two days, and its readings after that."""
    state = CounterState() if state is None else state
    for hour, value in [*((hour - 48.0, 800.0 + (hour - 48) * 0.05) for hour in range(49)), *steps]:
        state.judge(NAME, GROWTH[NAME], value, at(hour))
    return state


UNTOLD: Hours = [(14, 943.0), (15, 943.05), (16, 943.1)]
"""Exchanged in fourteen hours without readings, and nobody told."""
STEP = StepToConfirm(NAME, 800.0, 943.0, at(0), at(14))


def sums_of(state: CounterState, readings: Hours) -> list[float | None]:
    """The sums of the readings after the house's two days, worked out again."""
    replay = CounterReplay(
        NAME, None, state.past.told, Register(NAME, 800.0, at(0), base=797.6, base_ms=at(-48)), state.past.steps
    )
    found = [replay.sum_of(at(hour), value, None) for hour, value in readings]
    worked = replay.finish(at(1000))
    assert worked is not None
    assert state.swap(worked, replay.read_ms, replay.steps)
    return found


def test_an_exchange_that_nobody_told_counts_nothing_and_stands_with_both_registers() -> None:
    state = house(UNTOLD)
    assert state.past.steps == (STEP,)
    assert [register.total for register in state.registers()] == [800.1]
    assert (STEP.held_out, STEP._replace(after=3.0).held_out) == (143.0, 0.0)


def test_what_is_held_out_does_not_lower_the_mean() -> None:
    (before,), (after,) = house([]).registers(), house(UNTOLD).registers()
    assert before.base_ms + 14 * HOUR_MS == after.base_ms


def test_a_step_that_was_really_used_counts_from_then_on_and_may_be_opened_again() -> None:
    state = house(UNTOLD)
    state.say_used(STEP, is_used=True)
    assert (state.past.steps[0].state, state.past.again_ms) == (StepState.USED, at(0))
    assert sums_of(state, UNTOLD) == [943.0, 943.05, 943.1]
    assert [register.total for register in state.registers()] == [943.1]
    state.say_used(state.past.steps[0], is_used=False)
    assert sums_of(state, UNTOLD) == [None, None, 800.1]
    assert [step.state for step in state.past.steps] == [StepState.OPEN]
    assert [register.total for register in state.registers()] == [800.1]


def test_a_step_that_was_used_tells_the_size_of_its_meter() -> None:
    hydrant = house([(1, 825.0), (2, 825.0), (3, 825.0)])
    hydrant.say_used(hydrant.past.steps[0], is_used=True)
    assert not hydrant.judge(NAME, GROWTH[NAME], 850.0, at(4)).suspect


def test_a_step_holds_when_sums_are_worked_out_again_whatever_is_usual_by_then() -> None:
    """A pump that runs for two hours, then rests: with what is known later it would count."""
    run: Hours = [(14, 943.0), (15, 953.5), (16, 964.0)]
    counts = house([])
    assert sums_of(counts, run) == [None, None, 964.0], "it goes on"
    counts.past = counts.past.with_step(STEP)
    assert sums_of(counts, run) == [None, None, 821.0]


def test_an_exchange_that_is_told_explains_its_step_and_no_other() -> None:
    other = house(UNTOLD)
    other.exchange(ToldExchange(NAME, at(20)))
    assert [step.state for step in other.past.steps] == [StepState.OPEN]
    state = house(UNTOLD)
    state.exchange(ToldExchange(NAME, at(13), 800.6, 942.9))
    assert [step.state for step in state.past.steps] == [StepState.GONE]
    assert [step.state for step in state.steps_told()] == [StepState.GONE]
    assert (state.past.steps, state.steps_told()) == ((), [])
    assert sums_of(state, UNTOLD) == [800.7, 800.75, 800.8]


def test_readings_that_come_late_explain_a_step() -> None:
    """A meter that kept its readings through an outage of the radio, and sends the newest first."""
    state = house(UNTOLD)
    late: Hours = [(hour, 800.0 + 143 / 14 * hour) for hour in range(1, 14)]
    assert sums_of(state, [*late, *UNTOLD])[-1] == 943.1
    assert [step.state for step in state.past.steps] == [StepState.GONE]


def test_what_was_told_to_the_database_is_told_once() -> None:
    state = house(UNTOLD)
    assert state.steps_told() == [STEP]
    assert state.steps_told() == []
    state.say_used(state.past.steps[0], is_used=True)
    assert [step.state for step in state.steps_told()] == [StepState.USED]


def test_another_gateway_goes_on_with_the_steps_that_stand_in_the_database() -> None:
    state = CounterState(awaits=True)
    state.take_over({}, (), [STEP._replace(is_told=True)])
    assert state.past.steps == (STEP._replace(is_told=True),)
    assert state.steps_told() == []


def test_a_meter_that_is_used_in_bursts_is_asked_about_twice() -> None:
    bursts: Hours = []
    for number in range(5):
        bursts += [(6 + 24 * number + hour, 820.004 + 20 * number) for hour in range(4)]
    assert [step.held_out for step in house(bursts).past.steps] == [20.004, 20.0]
    garbage: Hours = [(1, 830.0), (2, 830.0), (3, 830.0), (4, 0.1), (5, 0.1), (6, 0.1), (7, 30.0), (8, 30.0), (9, 30.0)]
    state = house(garbage)
    assert [(step.before, step.after) for step in state.past.steps] == [(800.0, 830.0), (0.1, 30.0)]
    assert state.judge(NAME, GROWTH[NAME], 55.0, at(10)).suspect, "that is no habit"


def test_a_meter_whose_size_nobody_told_shows_it_by_what_is_believed_of_it() -> None:
    bursts: Hours = []
    total = 800.0
    for day, amount in enumerate((6.0, 9.0, 14.0, 25.0, 40.0)):
        total += amount
        bursts += [(6 + 24 * day + hour, total) for hour in range(3)]
    assert house(bursts).past.steps == (), "each is less than four times the greatest before it"
    rated = CounterState()
    rated.rate({NAME: 10.0})
    assert [step.held_out for step in house(bursts, rated).past.steps] == [40.0], "what its label says holds"
    at_once = house([(6, 806.0), (7, 806.0), (8, 846.0), (9, 846.0), (10, 846.0)])
    assert [step.held_out for step in at_once.past.steps] == [40.0], "one amount makes it no more than twice as great"


def test_a_profile_may_tell_the_size_of_its_meters_and_the_registry_comes_first() -> None:
    rule = CounterRule(size_per_h=3.125)

    def marks(state: CounterState, values: list[float]) -> list[bool]:
        return [state.judge(NAME, GROWTH[NAME], value, at(1 + hour), rule).suspect for hour, value in enumerate(values)]

    assert marks(house([]), [803.1, 806.3]) == [False, True]
    assert not house([]).judge(NAME, GROWTH[NAME], 806.3, at(1)).suspect, "without it nobody knows"
    rated = house([])
    rated.rate({NAME: 5.0})
    assert marks(rated, [803.1, 808.0]) == [False, False]


def test_a_pump_that_ran_in_a_gap_and_runs_on_counts_though_it_stops_soon() -> None:
    pump: Hours = [(6, 854.0), (6.25, 856.3), (6.5, 858.6), (6.75, 858.6)]
    state = house(pump)
    assert state.past.steps == ()
    assert state.registers()[0].offset == 0.0
    rated = CounterState()
    rated.rate({NAME: 3.125})
    few: Hours = [(6, 815.0), (6.25, 815.9), (6.5, 816.8), (6.75, 816.8), (9, 816.8)]
    assert [step.held_out for step in house(few, rated).past.steps] == [15.0], "so much a house may use at once"


def test_a_register_at_its_last_digit_rolls_over_if_two_more_readings_say_so() -> None:
    state = CounterState()
    readings: Hours = [(hour, 99_980.0 + 0.2 * hour) for hour in range(100)]
    for hour, value in [*readings, (100, 0.0), (101, 0.2)]:
        judged = state.judge(NAME, GROWTH[NAME], round(value, 3), at(hour))
    assert judged.offset is None, "a frame of zeros looks the same"
    assert judged.step is None, "and nobody is asked"
    assert state.judge(NAME, GROWTH[NAME], 0.4, at(102)).offset == 100_000.0
    assert state.past.steps == ()


def device(*steps: StepToConfirm) -> Device:
    found = Device("m1", None)
    found.counters = CounterState()
    for step in steps:
        found.counters.past = found.counters.past.with_step(step)
    return found


def test_a_person_means_a_step_by_a_time_and_is_told_what_cannot_have_been_used() -> None:
    assert step_said(device(STEP), at(14) - 30_000, None, is_used=True) == STEP, "to the minute"
    assert step_said(device(STEP), at(14), "energy_import_kwh", is_used=True) == "m1 has no step to confirm at that time"
    assert step_said(device(STEP.said(StepState.GONE)), at(14), None, is_used=True) == "m1 has no step to confirm at that time"
    assert step_said(device(), at(14), None, is_used=True) == "m1 has no step to confirm at that time"
    assert (
        step_said(device(STEP.said(StepState.USED)), at(14), None, is_used=True) == "m1: the step was said to be used already"
    )
    assert step_said(device(STEP), at(14), None, is_used=False) == "m1: the step stands to be confirmed already"
    back = step_said(device(STEP._replace(after=3.0)), at(14), NAME, is_used=True)
    assert back == "m1: the register went back from 800 to 3: tell its exchange"
    bounded = device(STEP)
    assert bounded.counters is not None
    bounded.counters.past = bounded.counters.past._replace(rules={NAME: CounterRule(4.0)})
    assert (
        step_said(bounded, at(14), None, is_used=True) == "m1: 143 is more than can have flowed in that time: tell its exchange"
    )
