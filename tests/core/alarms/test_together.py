"""Conditions that must be met together: by one reading, by several, by a device and its parent."""

from gateway.core.alarms.rules import Limit, Usual, Values
from tests.core.alarms.alarming import Bed, above, at, registered, rule
from tests.core.making import MINUTE_MS, NOW_MS

RAISED, CLEARED = ["raised some@d1"], ["cleared some@d1"]


BOTH = Values((Limit("flow_m3_h", "above", 10, 9), Limit("pressure_kpa", "below", 200, 220)))


def test_two_conditions_of_a_reading_must_be_met_together() -> None:
    bed = Bed(rule(BOTH))
    assert bed.send(at(0), flow_m3_h=11, pressure_kpa=300) == []
    assert bed.send(at(1), flow_m3_h=5, pressure_kpa=100) == []
    assert bed.send(at(2), flow_m3_h=11, pressure_kpa=190) == RAISED
    assert bed.send(at(3), flow_m3_h=9.5, pressure_kpa=210) == []
    assert bed.send(at(4), flow_m3_h=11, pressure_kpa=230) == CLEARED


def test_two_conditions_may_come_with_two_readings_of_a_device() -> None:
    bed = Bed(rule(BOTH))
    bed.device(entry=registered())
    assert bed.send(at(0), flow_m3_h=11) == []
    assert bed.send(at(0.1), pressure_kpa=150) == RAISED
    assert bed.send(at(1), flow_m3_h=5) == CLEARED
    assert bed.send(at(1.1), pressure_kpa=150) == []
    assert bed.send(at(9), flow_m3_h=11) == [], "the pressure is older than three intervals: nothing is known of it"


def test_a_value_that_is_old_does_not_complete_a_condition() -> None:
    bed = Bed(rule(BOTH), rule(above("alarm_leak", 0), name="busy"))
    bed.device(entry=registered())
    assert bed.send(at(0), pressure_kpa=150, alarm_leak=True) == ["raised busy@d1"], "each of its readings is looked at closely"
    assert bed.send(at(3.1), flow_m3_h=11) == [], "the pressure is older than three intervals"
    assert bed.send(at(3.2), pressure_kpa=150) == RAISED


def test_a_condition_that_waits_for_its_second_value_waits_on_when_the_hour_ends() -> None:
    fast = Limit("flow_m3_h", "above", 2, 2, of=Usual.HOUR)
    bed = Bed(rule(Values((fast, Limit("pressure_kpa", "below", 200, 220)))))
    bed.device(entry=registered())
    bed.alarms.usual("d1", {"flow_m3_h": [5.0] * 24})
    assert bed.send(NOW_MS + 59 * MINUTE_MS, flow_m3_h=11) == []
    assert bed.send(NOW_MS + 61 * MINUTE_MS, pressure_kpa=150) == RAISED


def pair(parent: str | None) -> Bed:
    """A bench with a rule about a device with flow whose parent has no pressure, and the two devices."""
    limits = (Limit("flow_m3_h", "above", 10, 9), Limit("pressure_kpa", "below", 200, 220, at="parent"))
    bed = Bed(rule(Values(limits)))
    entries = {"d1": registered(parent=parent), "main": registered("main", params={})}
    for name, entry in entries.items():
        bed.device(name, entry)
    bed.alarms.replace_registry(entries, NOW_MS)
    return bed


def test_a_condition_of_a_device_and_its_parent_must_be_met_by_both() -> None:
    bed = pair("main")
    assert bed.send(at(0), "main", pressure_kpa=300) == []
    assert bed.send(at(0.1), flow_m3_h=11) == []
    assert bed.send(at(1), "main", pressure_kpa=150) == [], "it is the device that has the alarm"
    assert bed.send(at(1.1), flow_m3_h=11) == RAISED
    assert bed.send(at(2), "main", pressure_kpa=300) == []
    assert bed.send(at(2.1), flow_m3_h=11) == CLEARED


def test_what_a_parent_said_long_ago_counts_no_more() -> None:
    bed = pair("main")
    assert bed.send(at(0), "main", pressure_kpa=150) == []
    assert bed.send(at(3.1), flow_m3_h=11) == []


def test_a_device_without_a_parent_has_no_condition_of_both() -> None:
    bed = pair(None)
    assert bed.send(at(0), "main", pressure_kpa=150) == []
    assert bed.send(at(0.1), flow_m3_h=11) == []
