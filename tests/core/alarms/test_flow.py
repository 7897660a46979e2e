"""The flow of a meter that sends only its register."""

from datetime import UTC

from gateway.core.alarms.rules import Limit, Rules, Values
from gateway.core.alarms.views import Views
from gateway.core.devices.device import Device
from schemas.quantities import Quality
from tests.core.alarms.alarming import Bed, above, at, below, registered, rule

RAISED, CLEARED = ["raised some@d1"], ["cleared some@d1"]


def test_the_flow_of_a_meter_that_sends_only_its_register_is_what_the_register_grew() -> None:
    bed = Bed(rule(above("flow_m3_h", 10, clear=9)))
    assert bed.send(at(0), volume_m3=100) == []
    assert bed.send(at(1), volume_m3=102.5) == [], "ten in an hour are not above ten"
    assert bed.send(at(2), volume_m3=105.1) == RAISED
    assert bed.send(at(3), volume_m3=90, quality=Quality.COUNTER_SUSPECT) == [], "a step is no flow"
    assert bed.send(at(4), volume_m3=91) == []
    assert bed.send(at(5), volume_m3=91.5) == CLEARED
    assert list(bed.alarms.states) == []


def test_after_an_exchange_the_register_of_the_new_meter_is_no_flow() -> None:
    bed = Bed(rule(above("flow_m3_h", 10)))
    bed.send(at(0), volume_m3=1)
    bed.alarms.exchanged("d1", at(0.5))
    assert bed.send(at(1), volume_m3=5000) == []
    assert bed.send(at(2), volume_m3=5003) == RAISED


def test_a_garbage_register_is_no_flow_in_the_reading_after_it() -> None:
    bed = Bed(rule(above("flow_m3_h", 10)))
    bed.send(at(0), volume_m3=100)
    assert bed.send(at(1), volume_m3=0.001, quality=Quality.COUNTER_SUSPECT) == []
    assert bed.send(at(2), volume_m3=100.1) == []


def test_a_register_does_not_end_the_alarm_of_a_flow_that_the_device_sends_apart_from_it() -> None:
    before = Bed(rule(above("flow_m3_h", 10)))
    assert before.send(at(0), flow_m3_h=50) == RAISED
    bed = Bed(rule(above("flow_m3_h", 10)))
    bed.alarms.restore(list(before.alarms.states), at(0))
    for turn in (1, 2, 3):
        assert bed.send(at(turn), volume_m3=1) == [], "it is not known yet that the device sends its flow too"
    assert bed.send(at(4), flow_m3_h=5) == CLEARED


def test_the_register_of_a_device_that_sends_its_flow_apart_is_no_flow() -> None:
    bed = Bed(rule(above("flow_m3_h", 10)))
    assert bed.send(at(0), flow_m3_h=5) == []
    assert [bed.send(at(turn), volume_m3=100 * turn) for turn in (1, 2, 3)] == [[]] * 3


def test_a_register_that_stands_still_is_no_flow_at_all() -> None:
    bed = Bed(rule(below("flow_m3_h", 1)))
    assert bed.send(at(0), volume_m3=7) == []
    assert bed.send(at(1), volume_m3=7) == RAISED


def test_a_register_that_shows_less_or_another_value_at_the_same_time_has_no_flow() -> None:
    bed = Bed(rule(below("flow_m3_h", 0.5)))
    assert bed.send(at(0), volume_m3=10) == []
    assert bed.send(at(0), volume_m3=11) == []
    assert bed.send(at(1), volume_m3=12) == [], "8 m3/h since the first"
    assert bed.send(at(2), volume_m3=11) == [], "nothing runs backwards"
    assert bed.send(at(3), volume_m3=11) == ["raised some@d1"]
    assert bed.send(at(4), volume_m3=13) == ["cleared some@d1"]


def test_a_device_that_sends_its_flow_in_one_of_its_messages_has_none_worked_out() -> None:
    bed = Bed(rule(above("flow_m3_h", 5)))
    for turn in range(4):
        assert bed.send(at(2 * turn), flow_m3_h=1) == []
        assert bed.send(at(2 * turn + 1), volume_m3=100 * turn) == [], "400 m3 in an hour"


def test_only_parents_that_a_rule_looks_at_are_looked_at_closely() -> None:
    entries = {"zone": registered("zone"), "d1": registered("d1", parent="zone")}
    of_parent = rule(Values((Limit("pressure_kpa", "below", 100, 100, at="parent"),)))
    for some, looks in ((of_parent, True), (rule(below("pressure_kpa", 100)), False)):
        views = Views(UTC)
        views.replace_rules(Rules((some,)))
        views.replace_registry(entries)
        zone = views.look(Device("zone", entries["zone"]), at(0), busy=False)
        behind = views.look(Device("d1", entries["d1"]), at(0), busy=False)
        assert (zone.is_parent, zone.is_busy, zone.parent) == (looks, looks, None)
        assert (behind.is_parent, behind.parent) == (False, "zone" if looks else None)
        assert views.look(Device("any", None), at(0), busy=False).parent is None
