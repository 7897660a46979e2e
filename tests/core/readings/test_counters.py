"""Counters: bit 4 marks a step that cannot be; the value is never altered."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.readings.counters import CounterState
from gateway.core.readings.steps import CounterRule, Doubt
from gateway.core.readings.sums import Register, ToldExchange
from schemas.quantities import GROWTH, Growth, Quality
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, pipeline, point, points, process
from tests.rows import each_row

SLOW = Growth(1.0, 1.0, 0.0)
"""Of a counter that grows by one in an hour."""


DOUBT = Doubt(900.0, NOW_MS - MINUTE_MS, 1, 899.0, NOW_MS - 2 * MINUTE_MS)


def follow(readings: Sequence[tuple[float, float]], name: str = "volume_m3", rule: CounterRule | None = None) -> str:
    """Minute and value of one counter, in order of arrival: "!" for each that is suspect, else "."."""
    state, marks = CounterState(), ""
    for minute, value in readings:
        time_ms = NOW_MS + round(minute * MINUTE_MS)
        marks += "!" if state.judge(name, GROWTH[name], value, time_ms, rule).suspect else "."
        state.judge("another counter of the device", SLOW, 0.0, time_ms + HOUR_MS)
    return marks


@each_row(
    ("readings", "marks"),
    [
        pytest.param([(0, 10.0), (1, 10.0), (2, 11.0)], "...", id="grows-or-rests"),
        pytest.param([(0, 1.387), (1, 15430.611), (2, 1.387), (3, 1.4)], ".!..", id="one-garbage-frame"),
        pytest.param([(0, 10.0), (1, 9e7), (2, 11.0), (3, 9e7), (4, 11.5)], ".!.!.", id="the-same-garbage-twice"),
        pytest.param([(0, 10.0), (1, 9e7), (2, 11.0), (3, 9e7), (4, 9e7), (5, 11.5)], ".!.!!.", id="garbage-is-forgotten"),
        pytest.param([(0, 500.0), (1, 0.0), (2, 0.1), (3, 0.2), (4, 0.3)], ".!!!.", id="reset-confirmed-by-two-more"),
        pytest.param([(0, 65535.0), (1, 3.0), (2, 4.0), (3, 5.0), (4, 6.0)], ".!!!.", id="roll-over-of-16-bits"),
        pytest.param([(0, 100.0), (1, 99.9), (2, 100.0), (3, 100.2)], ".!..", id="small-step-back"),
        pytest.param([(0, 5000.0), (1, 5.0), (2, 9e4), (3, 2.0), (4, 5000.5)], ".!!!.", id="garbage-confirms-no-garbage"),
        pytest.param([(0, 500.0), (1, 0.0), (2, 0.0), (3, 0.0), (4, 0.1)], ".!!!.", id="reset-and-rests"),
        pytest.param([(0, 10.0), (1, 4e4), (2, 40000.1), (3, 40000.2), (4, 4e4 + 1)], ".!!!.", id="exchanged-for-an-older-one"),
        pytest.param([(0, 5e3), (60, 0.0), (61, 0.1), (62, 0.2), (63, 1000.0)], ".!!!!", id="and-from-the-one-that-confirmed"),
        pytest.param([(0, 7.0), (60, 8.0), (61, 1000.0)], "..!", id="growth-is-measured-from-the-reading-before"),
        pytest.param([(5, 10.0), (1, 3.0), (6, 10.5)], "...", id="historic-is-not-judged"),
        pytest.param([(5, 10.0), (5, 3.0), (6, 10.5)], "...", id="the-same-time-is-not-judged"),
        pytest.param([(0, 10.0), (1, 9e7), (1, 9e7), (1, 9e7), (2, 11.0)], ".!!!.", id="copies-of-one-frame-confirm-nothing"),
        pytest.param([(0, 10.0), (4, 1.0), (3, 0.9), (2, 0.8), (5, 11.0)], ".!!!.", id="older-readings-confirm-nothing"),
    ],
)
def test_a_step_that_cannot_be_is_marked_until_two_more_readings_confirm_it(
    readings: list[tuple[int, float]], marks: str
) -> None:
    """A garbage frame is forgotten with the next sound reading; a reset is believed after two that follow from it."""
    assert follow(readings) == marks


@each_row("name", GROWTH)
def test_a_counter_of_unknown_size_grows_as_fast_as_the_table_says_or_is_marked(name: str) -> None:
    most = max(GROWTH[name].usual_per_h, GROWTH[name].step)
    assert follow([(0, 7.0), (60, 7.0 + most)], name) == ".."
    assert follow([(0, 7.0), (60, 7.5 + most)], name) == ".!"


@each_row("name", GROWTH)
def test_one_step_of_a_coarse_register_is_usual_however_soon_it_comes(name: str) -> None:
    assert follow([(0, 7.0), (0.001, 7.0 + GROWTH[name].step)], name) == ".."


def test_what_is_usual_follows_the_mean_of_a_counter_once_it_is_a_day_old() -> None:
    """5 m3/h for a day: three times as much is usual then, and less where it used little; before a day nobody knows."""
    day = [(60.0 * hour, 5.0 * hour) for hour in range(25)]
    assert follow([*day, (60 * 25, 120 + 14.9)]) == "." * 26
    assert follow([*day, (60 * 25, 120 + 15.1)]) == "." * 25 + "!"
    rests = [(60.0 * hour, 0.01 * hour) for hour in range(25)]
    assert follow([*rests, (60 * 34, 0.24 + 10.6)]) == "." * 25 + "!", "in ten hours: not usual for it"
    assert follow([*rests[:20], (60 * 29, 0.19 + 99.0)]) == "." * 21


def test_a_bulk_meter_is_usual_after_its_first_steps_are_confirmed() -> None:
    """Its first readings are marked; what was confirmed tells then its size."""
    marks = follow([(15.0 * quarter, 125.0 * quarter) for quarter in range(40)])
    assert marks == ".!!!" + "." * 36


def test_the_registry_tells_the_size_of_a_meter() -> None:
    house, main = CounterState(), CounterState()
    house.rate({"volume_m3": 3.125})
    main.rate({"volume_m3": 500.0})
    for state, most in ((house, 3.125), (main, 500.0)):
        state.judge("volume_m3", GROWTH["volume_m3"], 7.0, NOW_MS)
        assert not state.judge("volume_m3", GROWTH["volume_m3"], 7.0 + most, NOW_MS + HOUR_MS).suspect
        assert state.judge("volume_m3", GROWTH["volume_m3"], 8.0 + 2 * most, NOW_MS + 2 * HOUR_MS).suspect


def test_a_size_that_was_shown_stays_when_the_registry_changes_and_another_follows_it() -> None:
    state = CounterState()
    for quarter in range(8):
        state.judge("volume_m3", GROWTH["volume_m3"], 125.0 * quarter, NOW_MS + quarter * 15 * MINUTE_MS)
    state.judge("volume_reverse_m3", GROWTH["volume_reverse_m3"], 1.0, NOW_MS)
    state.rate({"volume_m3": 3.125, "volume_reverse_m3": 3.125})
    assert [register.size_per_h for register in state.registers()] == [625.0, 0.0]
    assert state.judge("volume_reverse_m3", GROWTH["volume_reverse_m3"], 5.0, NOW_MS + HOUR_MS).suspect
    state.rate({})
    assert not state.judge("volume_reverse_m3", GROWTH["volume_reverse_m3"], 9.0, NOW_MS + HOUR_MS).suspect


@each_row(
    ("readings", "rule", "marks"),
    [
        pytest.param([(0, 1.387), (1, 15430.611), (2, 1.387)], CounterRule(20), ".!.", id="garbage-frame"),
        pytest.param([(0, 10.0), (60, 12.9), (120, 16.0)], CounterRule(3), "..!", id="faster-than-its-own-bound"),
        pytest.param([(0, 65530.0), (1, 2.0), (2, 3.0)], CounterRule(None, 65536), ".!.", id="rolls-over-and-goes-on"),
        pytest.param([(0, 838857.6), (1, 0.0), (2, 0.1)], CounterRule(None, 838860.8), ".!.", id="23-bits-of-a-tenth"),
        pytest.param([(0, 65530.0), (1, 900.0), (2, 900.1)], CounterRule(20, 65536), ".!!", id="too-far-for-a-roll-over"),
        pytest.param([(0, 300.0), (1, 2.0), (2, 2.1)], CounterRule(None, 65536), ".!!", id="far-below-the-width-it-is-a-reset"),
        pytest.param([(0, 65530.0), (1, 65529.0), (2, 65530.0)], CounterRule(None, 65536), ".!.", id="small-step-back"),
        pytest.param([(0, 70000.0), (1, 2.0), (2, 2.1)], CounterRule(None, 65536), ".!!", id="wider-than-its-width"),
        pytest.param([(0, 65530.0), (1, 9e7), (2, 2.0), (3, 3.0)], CounterRule(None, 65536), ".!!.", id="garbage-before-it"),
        pytest.param(
            [(0, 65530.0), (1, 9e7), (2, 2.0), (3, 9e7), (4, 9e7), (5, 3.0)],
            CounterRule(None, 65536),
            ".!!!!.",
            id="garbage-before-and-after-it",
        ),
        pytest.param([(0, 65530.0), (1, -5.0), (2, 65531.0)], CounterRule(None, 65536), ".!.", id="below-zero-is-no-roll-over"),
    ],
)
def test_a_profile_knows_how_fast_and_how_wide_a_register_is(
    readings: list[tuple[float, float]], rule: CounterRule, marks: str
) -> None:
    """A step back that rolling over explains is marked and believed at once, any other needs two more readings."""
    assert follow(readings, rule=rule) == marks


@pytest.mark.parametrize(
    ("readings", "rule", "told"),
    [
        pytest.param([65530.0, 2.0, 3.0, 4.0], CounterRule(None, 65536), [], id="rolls-over-at-its-width"),
        pytest.param([300.0, 2.0, 3.0, 4.0], CounterRule(None, 65536), [1, 2, 3], id="is-reset-far-below-its-width"),
        pytest.param([10.0, 40.0, 70.0, 100.0], CounterRule(50), [], id="within-its-own-bound"),
        pytest.param([10.0, 50.0, 60.0, 70.0], CounterRule(30), [1, 2, 3], id="above-its-own-bound-and-goes-on-within"),
        pytest.param([10.0, 40.0, 45.0, 50.0], None, [2, 3], id="goes-on-at-less-than-a-third"),
        pytest.param([10.0, 40.0, 50.0, 60.0], None, [], id="goes-on-at-a-third"),
    ],
)
def test_a_step_that_a_roll_over_or_its_own_going_on_explains_is_none_for_people(
    readings: list[float], rule: CounterRule | None, told: list[int]
) -> None:
    """Each reading that tells of a step says how many messages did. The first after a step that is possible tells nothing."""
    state = CounterState()
    judged = [
        state.judge("volume_m3", GROWTH["volume_m3"], value, NOW_MS + hour * HOUR_MS, rule)
        for hour, value in enumerate(readings)
    ]
    assert [one.step.readings for one in judged if one.step is not None] == told


def test_a_counter_without_bound_takes_no_small_step_back_for_a_roll_over() -> None:
    assert follow([(0, 500.0), (1, 499.0), (2, 499.5)], "pulse_count", CounterRule(None, 65536)) == ".!!"
    assert follow([(0, 65000.0), (1, 100.0), (2, 101.0)], "pulse_count", CounterRule(None, 65536)) == ".!."


@pytest.mark.parametrize(("before", "back", "modulus"), [(500.0, 499.0, 65536), (600.0, 550.0, 1000)])
def test_a_step_back_that_is_nearer_than_the_way_round_is_not_believed_at_once(
    before: float, back: float, modulus: float
) -> None:
    readings = [(0, before), (1, back), (2, back + 0.5)]
    assert follow(readings, "pulse_count", CounterRule(None, modulus)) == ".!!"


def test_a_flipped_bit_is_no_reset() -> None:
    second = 1 / 60
    energy = [(0, 2532259.7694), (second, 2531735.4814), (2 * second, 2532259.7694)]
    assert follow(energy, "energy_import_kwh", CounterRule(80, float(1 << 32))) == ".!."


def test_an_exchanged_meter_begins_anew_with_its_first_reading() -> None:
    """A late reading that the old meter sent before the exchange is not taken for one of the new meter."""
    state = CounterState()
    for name in ("volume_m3", "volume_m3,channel=2", "volume_reverse_m3"):
        assert not state.judge(name, SLOW, 12345.6, NOW_MS).suspect
    assert state.judge("volume_m3", SLOW, 99.0, NOW_MS + 1).suspect
    exchanged_ms = NOW_MS + HOUR_MS
    assert state.exchange(ToldExchange("volume_m3", exchanged_ms)).at_once == ["volume_m3", "volume_m3,channel=2"]
    assert not state.judge("volume_m3", SLOW, 12345.7, exchanged_ms - 1).suspect
    assert not state.judge("volume_m3", SLOW, 0.9, exchanged_ms + MINUTE_MS).suspect
    assert not state.judge("volume_m3", SLOW, 0.91, exchanged_ms + HOUR_MS).suspect
    assert state.judge("volume_m3", SLOW, 0.5, exchanged_ms + 2 * HOUR_MS).suspect
    assert state.judge("volume_reverse_m3", SLOW, 0.9, exchanged_ms).suspect


def test_what_is_believed_of_each_counter_is_its_own() -> None:
    state = CounterState()
    for number, name in enumerate("abcd"):
        state.judge(name, SLOW, 10.0 * number, NOW_MS)
        state.judge(name, SLOW, 10.0 * number + 500, NOW_MS + 1)  # not believed yet
    assert [state.believed(name) for name in "abcde"] == [0.0, 10.0, 20.0, 30.0, None]
    state.exchange(ToldExchange("c", NOW_MS + 2))
    assert [register.value for register in state.registers() if register.name != "c"] == [0.0, 10.0, 30.0]
    assert [register.doubt is not None for register in state.registers()] == [True, True, False, True]


def test_what_was_stored_of_a_counter_does_not_alter_what_was_heard_since() -> None:
    state = CounterState()
    state.judge("a", SLOW, 7.0, NOW_MS)
    for name in "ab":
        state.restore(Register(name, 3.0, NOW_MS - HOUR_MS, DOUBT))
    assert [(register.name, register.value) for register in state.registers()] == [("a", 7.0), ("b", 3.0)]
    assert [register.doubt for register in state.registers()] == [None, DOUBT]


def test_all_counters_of_a_device_can_be_exchanged_together() -> None:
    state = CounterState()
    state.judge("volume_m3", SLOW, 1.0, NOW_MS)
    assert state.exchange(ToldExchange(None, NOW_MS)).at_once == ["volume_m3"]
    assert state.exchange(ToldExchange("pulse_count", NOW_MS)).at_once == []


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1e8)), max_size=40))
def test_a_second_copy_of_any_reading_changes_no_judgement_of_another(readings: list[tuple[int, float]]) -> None:
    doubled = [reading for reading in readings for _ in range(2)]
    assert follow(doubled)[::2] == follow(readings)


def test_a_device_remembers_a_bounded_number_of_counters_and_of_doubts() -> None:
    """Names of lanes come from devices; a flood of them must not fill the memory."""
    state = CounterState()
    for number in range(1000):
        for minute, value in enumerate((9.0, 5.0)):
            state.judge(f"volume_m3,lane={number}", SLOW, value, NOW_MS + minute)
    assert len(state) <= 64 * 6
    assert len(state._names) <= 64  # noqa: SLF001
    assert set(state._doubts or {}) <= set(state._names)  # noqa: SLF001


def test_a_counter_that_was_pushed_out_begins_anew_and_does_not_take_the_place_of_another() -> None:
    state = CounterState()
    for number in range(65):
        assert not state.judge(str(number), SLOW, 100.0 * number, NOW_MS).suspect
    assert state.judge("64", SLOW, 0.0, NOW_MS + 1).suspect
    assert state.judge("1", SLOW, 0.0, NOW_MS + 1).suspect
    assert not state.judge("0", SLOW, 0.0, NOW_MS + 1).suspect


def test_a_suspect_value_is_written_as_it_stands_with_bit_4() -> None:
    into = pipeline()
    process({"ts": NOW_MS, "volume_m3": 500}, into=into)
    got = point(process({"ts": NOW_MS + MINUTE_MS, "volume_m3": 2, "ph": 7}, into=into))
    assert got.values == {"volume_m3": 2.0, "ph": 7.0}
    assert got.fields["quality"] == Quality.COUNTER_SUSPECT


def test_the_counters_of_lanes_and_of_devices_are_apart() -> None:
    into = pipeline()
    payload = [
        {"ts": NOW_MS + minute * MINUTE_MS, "lane": lane, "vehicle_count_total": total}
        for minute in range(2)
        for lane, total in (("1", 900 + minute), ("2", 5 + minute))
    ]
    assert {got.fields["quality"] for got in points(process(payload, "traffic", into=into))} == {0}


def test_a_backlog_behind_a_live_reading_is_not_judged() -> None:
    """The live reading has moved the state; what lies before it in time says nothing of a step."""
    into = pipeline()
    process({"ts": NOW_MS, "volume_m3": 500}, into=into)
    backlog = [{"ts": NOW_MS - HOUR_MS // 2 + n, "volume_m3": 490 + n} for n in range(5)]
    assert {got.fields["quality"] for got in points(process(backlog, into=into))} == {0}


def test_a_frame_counter_that_starts_again_is_a_new_join_and_no_fault() -> None:
    into = pipeline()
    process({"ts": NOW_MS, "frame_counter": 900}, into=into)
    assert point(process({"ts": NOW_MS + 1, "frame_counter": 0}, into=into)).fields["quality"] == 0
