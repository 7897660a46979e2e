"""A register that steps: which steps people must explain, from the first reading on and at any interval."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.alarms.rules import CounterStep
from gateway.core.readings.sums import ToldExchange
from tests.core.alarms.alarming import Pipeline, rule
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS
from tests.rows import each_row

INTERVALS_S = [2, 60, 900, 3600]
RAISED, CLEARED = "raised counter_step@d1", "cleared counter_step@d1"
at_any_interval = pytest.mark.parametrize("interval_s", INTERVALS_S)


class Meter:
    """A meter that the gateway has never heard, and what the alarms tell of it."""

    def __init__(self, interval_s: float, readings: int = 3) -> None:
        self.on = Pipeline(rule(CounterStep(readings), name="counter_step"))
        self.interval_ms = round(1000 * interval_s)
        self.now_ms = NOW_MS

    def sends(self, *values: float, late_ms: int = 0, replayed: bool = False) -> list[str]:
        """Send registers, each in a message of its own; what is told, behind each the number of its reading."""
        told = []
        for number, value in enumerate(values):
            self.now_ms += self.interval_ms
            found = self.on.send({"ts": self.now_ms, "volume_m3": value}, self.now_ms + late_ms, replayed=replayed)
            told += [f"{line} {number}" for line in found]
        return told

    def sends_after(self, wait_ms: int, *values: float) -> list[str]:
        """Send registers, the first of them so long after the last one."""
        self.now_ms += wait_ms - self.interval_ms
        return self.sends(*values)

    def exchanged(self, at_ms: int) -> None:
        """Somebody tells that it was exchanged."""
        counters = self.on.processor.streams.devices["d1"].counters
        assert counters is not None
        counters.exchange(ToldExchange(None, at_ms))
        self.on.alarms.exchanged("d1", self.now_ms)


def steady(begin: float, rate_per_h: float, interval_s: float, count: int, unit: float = 0.001) -> list[float]:
    """A register that grows at a rate, as it shows it."""
    return [round((begin + rate_per_h * interval_s / 3600 * turn) // unit * unit, 3) for turn in range(count)]


def after(value: float, count: int = 3) -> list[float]:
    """A register at a value, that hardly grows."""
    return [round(value + turn / 1000, 3) for turn in range(count)]


# ---- the words of the rule ------------------------------------------------------------------------------------------------


def must_be_explained(interval_s: int, litres: Sequence[int]) -> bool:
    """Tell by the words of the rule if people must explain the step in a register's last believed reading and three more.

    A new register may grow by 10 m3 in an hour, and by as much in less; above 50,000 m3 in an hour it cannot grow at all.
    """
    before, first, _, third = litres
    hours, grown = Fraction(interval_s, 3600), first - before
    goes_back, is_impossible = grown < 0, grown > 50_000_000 * hours + 1000
    is_usual = grown <= 10_000 * max(hours, Fraction(1))
    of_step, since = Fraction(grown, interval_s), Fraction(third - first, 2 * interval_s)
    return goes_back or is_impossible or (not is_usual and since < of_step / 3)


STEPS = {
    "a-step-back": (after(0.1), True),
    "a-small-step-back": (after(998.2), True),
    "a-step-back-to-nothing-that-rests": ([0.0, 0.0, 0.0], True),
    "above-the-hard-bound": (after(90_000.3), True),
    "above-the-hard-bound-and-goes-on": ([90_000.3, 90_020.3, 90_040.3], True),
    "up-and-then-at-rest": ([5000.3, 5000.3, 5000.3], True),
    "up-and-hardly-goes-on": (after(5000.3), True),
    "garbage-and-back": ([90_000.3, 1000.2, 1000.3], False),
    "garbage-downwards-and-back": ([0.1, 1000.2, 1000.3], False),
    "garbage-twice-and-back": ([0.1, 0.1, 1000.3], False),
    "a-step-back-and-garbage": ([0.1, 90_000.3, 0.2], False),
}


@at_any_interval
@each_row(("values", "is_told"), [pytest.param(*row, id=name) for name, row in STEPS.items()])
def test_a_step_that_two_more_readings_confirm_is_told_from_the_first_reading_on(
    interval_s: int, values: list[float], *, is_told: bool
) -> None:
    assert Meter(interval_s).sends(1000.2, *values) == ([f"{RAISED} 3"] if is_told else [])


@at_any_interval
@given(data=st.data())
def test_a_step_is_told_exactly_where_the_words_of_the_rule_say_so(interval_s: int, data: st.DataObject) -> None:
    """A step of any size, and a register that goes on behind it at any rate, also at a third of that of the step."""
    before = data.draw(st.integers(100_001, 2_000_000).filter(lambda litres: litres % 1000))
    grown = data.draw(st.integers(-before, 100_000_000) | st.integers(0, 60_000_000 * interval_s // 3600 + 2000))
    third = abs(grown) // 3
    rates = st.integers(0, third) | st.integers(0, max(grown, 0)) | st.integers(max(0, third - 1), third)
    goes_on = data.draw(st.lists(rates.map(lambda litres: min(litres, 13_000 * interval_s)), min_size=2, max_size=2))
    litres = [before, *accumulate([before + grown, *goes_on])]
    told = Meter(interval_s).sends(*(one / 1000 for one in litres))
    assert told == ([f"{RAISED} 3"] if must_be_explained(interval_s, litres) else [])


@at_any_interval
def test_the_steps_of_a_device_in_its_first_day_are_one_alarm(interval_s: int) -> None:
    meter = Meter(interval_s)
    assert meter.sends(1000.2, *after(5000), *after(0.1), *after(400)) == [f"{RAISED} 3"]
    (state,) = meter.on.alarms.states
    assert (state.is_active, state.since_ms) == (True, NOW_MS + 2 * meter.interval_ms), "since the first reading after it"


# ---- what is no step --------------------------------------------------------------------------------------------------------


@at_any_interval
@each_row(("rate_m3_h", "unit"), product([25, 60, 150], [0.001, 0.1, 1]))
def test_a_large_meter_that_goes_on_at_its_rate_is_no_alarm(interval_s: int, rate_m3_h: int, unit: float) -> None:
    count = min(1000, 40 * 3600 // interval_s)
    assert Meter(interval_s).sends(*steady(1000.2, rate_m3_h, interval_s, count, unit)) == []


def test_a_large_meter_that_shows_whole_cubic_metres_only_is_no_alarm() -> None:
    """Sixty in an hour, and the minutes differ a little: some show two more, and the next none."""
    assert Meter(60).sends(*accumulate([1000, 1, 1, 2, 0, 1, 1, 2, 0, 1, 1, 1])) == []


@at_any_interval
@each_row(("rate_m3_h", "garbage"), product([0.02, 25, 60, 150], [0.0, 0.1, 5300.0, 90_000.3, 9e7]))
def test_one_wrong_value_is_no_alarm_wherever_it_comes(interval_s: int, rate_m3_h: float, garbage: float) -> None:
    for place in range(1, 12):
        values = steady(1000.2, rate_m3_h, interval_s, 16)
        assert Meter(interval_s).sends(*values[:place], garbage, *values[place + 1 :]) == [], place


@at_any_interval
def test_an_array_of_garbage_is_one_message_and_no_alarm(interval_s: int) -> None:
    meter = Meter(interval_s)
    meter.sends(1000.2)
    batch = [{"ts": meter.now_ms + number + 1, "volume_m3": 5000 + number} for number in range(3)]
    assert meter.on.send(batch, meter.now_ms + 3) == []
    assert meter.sends(1000.3, 1000.4, 1000.5) == []


def test_garbage_in_several_registers_of_a_device_does_not_add_up() -> None:
    meter = Meter(60)
    registers = {"volume_m3": 1000.2, "volume_reverse_m3": 7.5, "pulse_count": 99.0}
    told = []
    for turn in range(12):
        meter.now_ms += MINUTE_MS
        wrong = list(registers)[turn % 3] if turn > 2 else None
        told += meter.on.send({"ts": meter.now_ms} | registers | ({wrong: 9e7} if wrong else {}), meter.now_ms)
    assert told == []


def test_a_step_of_one_register_is_told_also_while_another_one_only_begins_to_step() -> None:
    meter, told = Meter(60), []
    for volume_m3, volume_reverse_m3 in [(1000.2, 7.5), (1000.2, 0.1), (1000.2, 0.1), (5.0, 0.1), (1000.3, 0.1)]:
        meter.now_ms += MINUTE_MS
        sent = {"ts": meter.now_ms, "volume_m3": volume_m3, "volume_reverse_m3": volume_reverse_m3}
        told.append(meter.on.send(sent, meter.now_ms))
    assert told == [[], [], [], [RAISED], []]


@at_any_interval
def test_an_exchange_that_was_told_is_no_alarm_also_one_told_while_the_step_is_doubted(interval_s: int) -> None:
    told = Meter(interval_s)
    told.sends(1000.2)
    told.exchanged(told.now_ms + 1)
    assert told.sends(*after(0.1)) == []
    doubted = Meter(interval_s)
    doubted.sends(1000.2, 0.1)
    doubted.exchanged(doubted.now_ms - 1)
    assert doubted.sends(0.2, 0.3, 0.4) == []
    assert doubted.sends(*after(0.0)) == [f"{RAISED} 2"], "another one, of which nobody told"


@pytest.mark.parametrize("replayed", [False, True])
def test_readings_of_the_past_neither_raise_nor_prolong(*, replayed: bool) -> None:
    past = {"replayed": True} if replayed else {"late_ms": 2 * HOUR_MS}
    meter = Meter(900)
    assert meter.sends(1000.2, *after(5000), **past) == []
    assert meter.sends(*after(0.1)) == [f"{RAISED} 2"]
    ends_ms = meter.now_ms + DAY_MS
    assert meter.sends(*after(0.0), **past) == []
    assert meter.sends_after(ends_ms - meter.now_ms - 1, 0.01) == []
    assert meter.sends_after(1, 0.01) == [f"{CLEARED} 0"]


# ---- while it stands ---------------------------------------------------------------------------------------------------------


def hours_of(meter: Meter, value: float, hours: int) -> list[str]:
    """A meter sends each hour, and hardly grows."""
    meter.interval_ms = HOUR_MS
    return meter.sends(*after(value, hours))


@at_any_interval
@pytest.mark.parametrize("restarts", [False, True])
def test_a_further_step_prolongs_the_alarm_to_a_day_after_it(interval_s: int, *, restarts: bool) -> None:
    meter = Meter(interval_s)
    assert meter.sends(1000.2, *after(0.1)) == [f"{RAISED} 3"]
    assert hours_of(meter, 0.2, 20) == []
    meter.interval_ms = 1000 * interval_s
    assert meter.sends(*after(0.05)) == []
    if restarts:
        meter.on.restart(meter.now_ms)
    assert hours_of(meter, 0.06, 24) == [f"{CLEARED} 23"]


@at_any_interval
def test_a_step_that_is_doubted_when_the_alarm_would_end_prolongs_it(interval_s: int) -> None:
    meter = Meter(interval_s)
    meter.sends(1000.2, *after(0.1))
    assert meter.sends_after(DAY_MS - 1, 0.05, 0.05, 0.05) == []
    assert meter.sends_after(DAY_MS - 1, 0.06) == []
    assert meter.sends_after(1, 0.06) == [f"{CLEARED} 0"]


def test_one_wrong_value_does_not_prolong_the_alarm() -> None:
    meter = Meter(900)
    meter.sends(1000.2, *after(0.1))
    assert meter.sends_after(DAY_MS - 1, 9e7) == []
    assert meter.sends_after(1, 0.2) == [f"{CLEARED} 0"]


@at_any_interval
def test_a_step_outlives_a_restart_after_each_of_its_readings(interval_s: int) -> None:
    meter, told = Meter(interval_s), []
    for value in (1000.2, *after(5000), *after(0.1), 0.2):
        told += meter.sends(value)
        meter.on.restart(meter.now_ms)
    assert told == [f"{RAISED} 0"]
    assert meter.sends(0.3) == []


def test_what_told_the_meter_of_an_exchange_ends_the_alarm() -> None:
    meter = Meter(900)
    meter.sends(1000.2, *after(0.1))
    meter.on.alarms.exchanged("d1", meter.now_ms)
    assert [change.change for change in meter.on.alarms.states.drain().transitions] == ["cleared"]


# ---- how many readings, and in how many messages ---------------------------------------------------------------------------


@pytest.mark.parametrize(("readings", "back", "up"), [(1, 1, 2), (2, 2, 2), (3, 3, 3), (5, 3, 3)])
def test_the_rule_says_how_many_readings_confirm_a_step_and_three_are_enough(readings: int, back: int, up: int) -> None:
    """Of a step up that is possible the first reading tells nothing: it may be a plant that starts."""
    assert Meter(900, readings).sends(1000.2, *after(0.1)) == [f"{RAISED} {back}"]
    assert Meter(900, readings).sends(1000.2, *after(5000)) == [f"{RAISED} {up}"]


@pytest.mark.parametrize("newest_first", [False, True])
def test_of_a_step_that_arrays_confirm_their_newest_reading_tells(*, newest_first: bool) -> None:
    """Each hour the eight readings of two hours: the older ones, which confirm it, are historic."""
    meter = Meter(900)
    told, registers = [], iter([*after(1000.2, 8), *after(0.1, 24)])
    for _ in range(4):
        batch = []
        for _ in range(8):
            meter.now_ms += meter.interval_ms
            batch.append({"ts": meter.now_ms, "volume_m3": next(registers)})
        told += meter.on.send(batch[::-1] if newest_first else batch, meter.now_ms + MINUTE_MS)
    assert told == [RAISED]
    assert meter.sends_after(DAY_MS, 0.2) == [f"{CLEARED} 0"]


# ---- a counter that restarts each night ------------------------------------------------------------------------------------


class Doors:
    """A counter that begins at zero each night, as that of people at a door; readings come each half an hour."""

    def __init__(self) -> None:
        self.on = Pipeline(rule(CounterStep(), name="counter_step"))
        self.half = 0
        self.count = 3000.0

    def lives(self, restarts_at_half: int | None = 1) -> list[str]:
        """A day; what is told of it, and at which half of an hour."""
        told: list[str] = []
        for half in range(48):
            self.count = 40.0 if half == restarts_at_half else self.count + 40 + 3 * (half % 5)
            now_ms = NOW_MS - NOW_MS % DAY_MS + self.half * HOUR_MS // 2
            sent = {"ts": now_ms, "volume_m3": self.count, "pulse_count": 10 * self.count}
            told += [f"{line.split('@')[0]} {half}" for line in self.on.send(sent, now_ms)]
            self.half += 1
        return told


def test_a_counter_that_restarts_each_night_is_an_alarm_until_the_third_night_and_never_again() -> None:
    doors = Doors()
    assert doors.lives(None) == []
    told = [doors.lives() for _ in range(3)]
    assert told[0] == ["raised counter_step 3"]
    assert told[2][-1] == "cleared counter_step 3"
    assert [doors.lives() for _ in range(20)] == [[]] * 20


def test_what_is_learnt_of_restarts_outlives_the_gateway() -> None:
    doors = Doors()
    for _ in range(5):
        doors.lives()
        doors.on.restart(NOW_MS)
    assert [doors.lives() for _ in range(3)] == [[]] * 3


def test_another_step_of_a_counter_that_restarts_is_an_alarm_of_a_day() -> None:
    doors = Doors()
    for _ in range(5):
        doors.lives()
    doors.count = 1000
    assert doors.lives(None) == ["raised counter_step 2"]
    assert doors.lives() == ["cleared counter_step 4"], "a day after it; at the third half of an hour its reading is doubted"
    assert doors.lives() == []


def test_a_counter_that_no_longer_restarts_is_forgotten_in_a_week_and_learnt_anew() -> None:
    doors = Doors()
    for _ in range(5):
        doors.lives()
    assert [doors.lives(None) for _ in range(9)] == [[]] * 9
    assert list(doors.on.alarms.states) == []
    assert doors.lives() == ["raised counter_step 3"]


@pytest.mark.parametrize("interval_s", [1, 60, 86_400])
def test_three_steps_at_an_interval_of_a_second_to_a_day_are_one_alarm(interval_s: int) -> None:
    told = Meter(interval_s).sends(1000.2, *[5000.0] * 3, *[0.1] * 3, *[400.0] * 3)
    assert told[:1] == [f"{RAISED} 3"]
    assert [line for line in told if "raised" in line] == told[:1]
