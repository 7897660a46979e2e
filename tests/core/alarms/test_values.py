"""Conditions on values: raised when they have stood long enough, ended with hysteresis, not by what tells of the past."""

from dataclasses import replace

import pytest

from gateway.core.alarms.rules import Limit, Param, Rule, Usual, Values
from schemas.quantities import Quality
from tests.core.alarms.alarming import Bed, above, at, below, registered, rule
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS

RAISED, CLEARED = ["raised some@d1"], ["cleared some@d1"]


def test_a_value_beyond_its_limit_raises_once_and_ends_where_it_has_come_back_far_enough() -> None:
    bed = Bed(rule(above("pressure_kpa", 700, clear=650)))
    assert bed.send(at(0), pressure_kpa=700) == [], "at the limit is not above it"
    assert bed.send(at(1), pressure_kpa=700.1) == RAISED
    assert bed.send(at(2), pressure_kpa=720) == []
    assert bed.send(at(3), pressure_kpa=651) == [], "between the two an active alarm stays"
    assert bed.send(at(4), pressure_kpa=650) == CLEARED
    assert bed.send(at(5), pressure_kpa=660) == []


def test_a_state_that_is_true_raises_and_ends_when_it_is_false() -> None:
    bed = Bed(rule(above("alarm_leak", 0)))
    assert bed.send(at(0), alarm_leak=False, volume_m3=1) == []
    assert bed.send(at(1), alarm_leak=True, volume_m3=1) == RAISED
    assert bed.send(at(2), alarm_leak=False, volume_m3=1) == CLEARED


def test_a_condition_must_stand_for_its_time_in_times_of_readings() -> None:
    bed = Bed(rule(below("pressure_kpa", 100), for_ms=30 * MINUTE_MS))
    bed.device(entry=registered())
    assert bed.send(at(0), pressure_kpa=90) == []
    assert bed.send(at(1), pressure_kpa=90) == []
    assert bed.send(at(2), pressure_kpa=90) == RAISED
    (state,) = bed.alarms.states
    assert (state.since_ms, state.raised_ms, state.value, state.field) == (at(0), at(2), 90, "pressure_kpa")


def test_a_value_within_the_limit_starts_the_time_again() -> None:
    bed = Bed(rule(below("pressure_kpa", 100, clear=120), for_ms=30 * MINUTE_MS))
    for turn, pressure_kpa in enumerate([90, 90, 110, 90, 90]):
        assert bed.send(at(turn), pressure_kpa=pressure_kpa) == [], (
            "110 is above the limit, and what is pending knows no hysteresis"
        )
    assert bed.send(at(5), pressure_kpa=90) == RAISED


def test_a_gap_of_three_intervals_starts_the_time_again() -> None:
    bed = Bed(rule(below("pressure_kpa", 100), for_ms=HOUR_MS))
    bed.device(entry=registered())
    assert bed.send(at(0), pressure_kpa=90) == []
    assert bed.send(at(3.1), pressure_kpa=90) == []
    assert bed.send(at(6), pressure_kpa=90) == [], "an hour after the gap has not passed"
    assert bed.send(at(7.1), pressure_kpa=90) == RAISED


def test_a_reading_without_the_field_changes_nothing() -> None:
    bed = Bed(rule(below("pressure_kpa", 100), for_ms=HOUR_MS // 2))
    assert bed.send(at(0), pressure_kpa=90) == []
    assert bed.send(at(1), flow_m3_h=1) == []
    assert bed.send(at(2), pressure_kpa=90) == RAISED
    assert bed.send(at(3), flow_m3_h=1) == []


@pytest.mark.parametrize("pressure_kpa", [90, 500])
def test_a_historic_reading_neither_raises_nor_clears(pressure_kpa: float) -> None:
    bed = Bed(rule(below("pressure_kpa", 100)))
    assert bed.send(at(0), pressure_kpa=90, quality=Quality.HISTORIC) == []
    assert bed.send(at(1), pressure_kpa=90) == RAISED
    assert bed.send(at(2), pressure_kpa=pressure_kpa, quality=Quality.HISTORIC) == []
    assert bed.is_active()


def test_each_channel_stands_on_its_own_and_the_device_has_one_alarm() -> None:
    bed = Bed(rule(above("alarm_tamper", 0)))
    assert bed.send(at(0), channel="1", alarm_tamper=True) == RAISED
    assert bed.send(at(1), channel="2", alarm_tamper=True) == []
    assert bed.send(at(2), channel="1", alarm_tamper=False) == []
    assert bed.send(at(3), channel="3", alarm_tamper=False) == [], "a channel that was well all the time ends nothing"
    assert bed.send(at(4), channel="2", alarm_tamper=False) == CLEARED


def test_one_of_several_conditions_is_enough() -> None:
    bed = Bed(rule(below("ph", 6), above("ph", 8.5), above("turbidity_ntu", 2)))
    assert bed.send(at(0), ph=9, turbidity_ntu=1) == RAISED
    assert bed.send(at(1), ph=7, turbidity_ntu=3) == CLEARED + RAISED, "another condition begins as the first is gone"


RATED = Rule("some", rule().severity, (Values((Limit("current_l1_a", "above", 1, 1, of=Param("rated_current_a")),)),), {}, {})


def test_a_limit_that_is_a_multiple_of_a_parameter_is_each_devices_own() -> None:
    bed = Bed(RATED)
    bed.device("small", registered("small", params={"rated_current_a": 10}))
    bed.device("large", registered("large", params={"rated_current_a": 100}))
    assert bed.send(at(0), "small", current_l1_a=50) == ["raised some@small"]
    assert bed.send(at(0), "large", current_l1_a=50) == []
    assert bed.send(at(0), "unknown", current_l1_a=5000) == [], "nobody said what it may carry"


def test_a_parameter_has_a_default_where_the_rule_gives_one() -> None:
    limit = Limit("voltage_l1_v", "above", 1.05, 1.05, of=Param("nominal_voltage_v", 220))
    bed = Bed(rule(Values((limit,))))
    bed.device("other", registered("other", params={"nominal_voltage_v": 240}))
    assert bed.send(at(0), voltage_l1_v=232) == RAISED
    assert bed.send(at(0), "other", voltage_l1_v=232) == []


USUAL = rule(Values((Limit("flow_m3_h", "above", 2, 1.5, of=Usual.HOUR),)))
"""Twice what is usual."""


def test_what_is_usual_is_that_of_the_same_local_hour() -> None:
    bed = Bed(USUAL)
    bed.device(entry=registered())
    hours = [10.0] * 24
    hours[7] = 1.0  # NOW_MS is seven in the morning in Vietnam
    assert bed.send(NOW_MS, flow_m3_h=500) == [], "nothing is usual yet"
    bed.alarms.usual("d1", {"flow_m3_h": hours})
    assert bed.send(NOW_MS + MINUTE_MS, flow_m3_h=3) == RAISED
    assert bed.send(NOW_MS + HOUR_MS, flow_m3_h=3) == CLEARED
    assert bed.send(NOW_MS + HOUR_MS + 1, flow_m3_h=21) == RAISED


def test_the_usual_peak_is_that_of_the_hour_with_the_highest_mean() -> None:
    bed = Bed(rule(Values((Limit("flow_m3_h", "above", 2, 2, of=Usual.PEAK),))))
    bed.device(entry=registered())
    bed.alarms.usual("d1", {"flow_m3_h": [*[1.0] * 20, 5.0, None, 1.0, 1.0]})
    assert bed.send(NOW_MS, flow_m3_h=10) == []
    assert bed.send(NOW_MS + MINUTE_MS, flow_m3_h=10.1) == RAISED


def test_an_hour_of_which_too_little_is_known_is_not_judged() -> None:
    bed = Bed(USUAL)
    bed.alarms.usual("d1", {"flow_m3_h": [None] * 24})
    assert bed.send(NOW_MS, flow_m3_h=500) == []


def test_an_alarm_does_not_become_what_is_usual() -> None:
    bed = Bed(USUAL)
    bed.alarms.usual("d1", {"flow_m3_h": [1.0] * 24})
    assert bed.send(at(0), flow_m3_h=3) == RAISED
    bed.alarms.usual("d1", {"flow_m3_h": [3.0] * 24})
    assert bed.send(at(1), flow_m3_h=3) == []
    assert bed.send(at(2), flow_m3_h=1) == CLEARED
    bed.alarms.usual("d1", {"flow_m3_h": [3.0] * 24})
    assert bed.send(at(3), flow_m3_h=3) == []


def test_an_alarm_may_end_only_when_its_condition_has_been_gone_for_a_time() -> None:
    bed = Bed(replace(rule(above("alarm_leak", 0)), clear_after_ms=30 * MINUTE_MS))
    assert bed.send(at(0), alarm_leak=True) == RAISED
    assert bed.send(at(1), alarm_leak=False) == []
    assert bed.send(at(2), alarm_leak=True) == []
    assert bed.send(at(3), alarm_leak=False) == []
    assert bed.send(at(4), alarm_leak=False) == [], "it was there again in between"
    assert bed.send(at(5), alarm_leak=False) == CLEARED


def test_a_reading_a_little_older_than_the_one_that_raised_does_not_end_it() -> None:
    bed = Bed(rule(above("alarm_leak", 0)))
    assert bed.send(at(1), alarm_leak=True) == RAISED
    assert bed.send(at(1) - 1000, alarm_leak=False) == []


@pytest.mark.parametrize(("turn", "raised"), [(3, True), (3.01, False)])
def test_quantities_of_different_readings_count_together_within_three_intervals(turn: float, raised: bool) -> None:  # noqa: FBT001
    both = Values((Limit("pressure_kpa", "below", 100, 100), Limit("flow_m3_h", "above", 5, 5)))
    bed = Bed(rule(both))
    bed.device(entry=registered())
    assert bed.send(at(0), pressure_kpa=90) == []
    assert bed.send(at(turn), flow_m3_h=9) == (RAISED if raised else [])


@pytest.mark.parametrize(("before", "then", "flow_m3_h", "told"), [(100.0, 10.0, 50, RAISED), (10.0, 100.0, 50, CLEARED)])
def test_at_the_full_hour_what_is_usual_then_counts(before: float, then: float, flow_m3_h: int, told: list[str]) -> None:
    bed, began_ms = Bed(rule(Values((Limit("flow_m3_h", "above", 2, 2, Usual.HOUR),)))), NOW_MS - NOW_MS % HOUR_MS
    bed.device(entry=registered())
    hour = (began_ms // HOUR_MS + 7) % 24
    hours: list[float | None] = [before if at == (hour - 1) % 24 else then for at in range(24)]
    bed.alarms.usual("d1", {"flow_m3_h": hours})
    assert bed.send(began_ms - 1, flow_m3_h=flow_m3_h) == ([] if told is RAISED else RAISED)
    assert bed.send(began_ms, flow_m3_h=flow_m3_h) == told
