"""Alarms of devices that another gateway receives, or is told of again: single readings end here, silence and days go on."""

from gateway.core.alarms.alarm import AlarmKey
from gateway.core.alarms.rules import Completeness, CounterStep, Limit, Usual, Values
from gateway.core.readings.steps import RegisterStep
from tests.core.alarms.alarming import Bed, above, at, registered, rule
from tests.core.making import NOW_MS

LEAK, MISSING = rule(above("alarm_leak", 0), name="leak"), rule(Completeness(0.9), name="missing")
BOTH = rule(above("ph", 8), Completeness(0.9), name="both")


def alarmed() -> Bed:
    """A device of which a reading, a day, and both have raised alarms."""
    bed = Bed(LEAK, MISSING, BOTH)
    device = bed.device(entry=registered())
    assert bed.send(at(0), alarm_leak=True, ph=9) == ["raised leak@d1", "raised both@d1"]
    bed.alarms.day(device, 0.5, at(1))
    assert bed.told() == ["raised missing@d1"]
    return bed


def test_what_readings_told_ends_where_another_gateway_receives_them_and_what_days_told_goes_on() -> None:
    bed = alarmed()
    device = bed.devices["d1"]
    device.offset_ms = 7
    bed.alarms.pass_on(device, at(2))
    assert bed.told() == ["cleared leak@d1"]
    assert device.offset_ms is None
    both = bed.alarms.states.find(AlarmKey("both", "d1"))
    assert both is not None
    assert list(both.standing) == ["1"], "the day that was missed"
    bed.alarms.day(device, 1.0, at(3))
    assert bed.told() == ["cleared missing@d1", "cleared both@d1"]


def test_alarms_of_readings_are_told_again_that_another_gateway_had_ended() -> None:
    bed = alarmed()
    bed.alarms.tell_again(bed.devices["d1"], at(2))
    told = bed.transitions()
    assert sorted(f"{change.change} {change.key.id}" for change in told) == ["raised both@d1", "raised leak@d1"]
    assert {change.at_ms for change in told} == {at(2)}
    leak = bed.alarms.states.find(AlarmKey("leak", "d1"))
    assert leak is not None
    assert (leak.since_ms, leak.raised_ms) == (at(0), at(2))
    pending = Bed(rule(above("alarm_leak", 0), for_ms=10**9))
    pending.send(at(0), alarm_leak=True)
    pending.alarms.tell_again(pending.devices["d1"], at(1))
    assert pending.told() == [], "it has not been raised"


def test_an_exchange_ends_the_alarms_about_steps_and_no_others() -> None:
    bed = Bed(rule(CounterStep(1), name="step"), rule(CounterStep(1), above("ph", 8), name="mixed"), LEAK)
    bed.push(at(0), {"volume_m3": 5, "alarm_leak": True, "ph": 7}, step=RegisterStep(at(0), 3))
    assert sorted(bed.told()) == ["raised leak@d1", "raised mixed@d1", "raised step@d1"]
    bed.alarms.exchanged("d1", at(1))
    assert bed.told() == ["cleared step@d1"]


def test_usual_hours_are_taken_unless_an_alarm_stands_that_looks_at_them() -> None:
    bed = Bed(rule(Values((Limit("flow_m3_h", "above", 2, 1.5, Usual.HOUR),)), name="much"), LEAK)
    bed.device(entry=registered())
    assert bed.alarms.usual("d1", {"flow_m3_h": [10.0] * 24})
    assert bed.send(at(0), flow_m3_h=21, alarm_leak=True) == ["raised leak@d1", "raised much@d1"]
    assert not bed.alarms.usual("d1", {"flow_m3_h": [30.0] * 24})
    assert bed.send(at(1), flow_m3_h=16, alarm_leak=True) == [], "it ends below fifteen, as before"
    assert bed.send(at(2), flow_m3_h=14, alarm_leak=True) == ["cleared much@d1"]
    assert bed.alarms.usual("d1", {"flow_m3_h": [30.0] * 24}), "a leak looks at nothing that is usual"
    assert bed.send(at(3), flow_m3_h=59, alarm_leak=True) == []


def test_a_day_is_judged_without_the_silence_that_was_told() -> None:
    bed = Bed(MISSING)
    device = bed.device(entry=registered())
    device.last_seen_ms = NOW_MS
    bed.alarms.day(device, 0.5, at(0), longest_gap_s=2699.9)
    assert bed.told() == ["raised missing@d1"], "three quarters of an hour are silence, a little less is not"
    bed.alarms.day(device, 0.9 * (1 - 0.5), at(1), longest_gap_s=43_200)
    assert bed.told() == ["cleared missing@d1"]
