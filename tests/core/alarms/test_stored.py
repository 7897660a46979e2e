"""Each change of an alarm is handed to the store, and whoever stores it is woken once."""

from gateway.core.alarms.alarm import AlarmKey, Severity
from gateway.core.alarms.rules import Completeness, Rules
from tests.core.alarms.alarming import Bed, above, at, registered, rule
from tests.core.making import MINUTE_MS

LEAK = rule(above("alarm_leak", 0))
KEY = AlarmKey("some", "d1")


def changed(bed: Bed) -> dict[AlarmKey, bool]:
    """Return the states to store (True) and to remove (False)."""
    return {key: state is not None for key, state in bed.alarms.states.drain().states.items()}


def test_the_store_is_woken_at_the_first_change_after_each_time_it_looked() -> None:
    bed, woken = Bed(LEAK), []
    bed.alarms.states.wake = lambda: woken.append(len(woken))
    bed.push(at(0), {"alarm_leak": False})
    assert woken == []
    bed.push(at(1), {"alarm_leak": True})
    bed.push(at(1), {"alarm_leak": True}, "d2")
    assert woken == [0]
    assert changed(bed) == {KEY: True, AlarmKey("some", "d2"): True}
    assert changed(bed) == {}
    bed.push(at(2), {"alarm_leak": False})
    assert (woken, changed(bed)) == ([0, 1], {KEY: False})


def test_an_alarm_that_is_passed_on_in_part_moved_or_told_again_is_stored() -> None:
    bed = Bed(rule(above("alarm_leak", 0), Completeness(0.9)))
    device = bed.device(entry=registered())
    bed.send(at(0), alarm_leak=True)
    bed.alarms.day(device, 0.5, at(0))
    changed(bed)
    bed.alarms.pass_on(device, at(1))
    assert changed(bed) == {KEY: True}
    information = rule(above("alarm_leak", 0), Completeness(0.9), severity=Severity.INFO)
    bed.alarms.replace_rules(Rules((information,)), at(1))
    assert changed(bed) == {KEY: True}
    bed.send(at(2), alarm_leak=True)
    changed(bed)
    bed.alarms.tell_again(device, at(2))
    assert changed(bed) == {KEY: True}


def test_an_alarm_of_the_first_millisecond_is_active_as_any_other() -> None:
    bed = Bed(LEAK)
    assert bed.send(0, alarm_leak=True) == ["raised some@d1"]
    assert bed.is_active()
    bed.alarms.tell_again(bed.devices["d1"], 0)
    assert bed.is_active()
    (told,) = bed.transitions()
    assert (told.change, told.at_ms) == ("raised", 0)


def test_a_condition_that_is_pending_is_stored_each_time_it_is_met_and_one_that_is_active_only_as_it_ends() -> None:
    bed = Bed(rule(above("alarm_leak", 0), for_ms=30 * MINUTE_MS))
    for turn, stored in ((0, {KEY: True}), (1, {KEY: True}), (2, {KEY: True}), (3, {}), (4, {})):
        bed.push(at(turn), {"alarm_leak": True})
        assert changed(bed) == stored, turn
    bed.push(at(5), {"alarm_leak": False})
    assert changed(bed) == {KEY: False}


def test_of_two_conditions_the_end_of_one_is_stored() -> None:
    bed = Bed(rule(above("alarm_leak", 0), above("ph", 8)))
    bed.push(at(0), {"alarm_leak": True, "ph": 9})
    changed(bed)
    bed.push(at(1), {"alarm_leak": False, "ph": 9})
    assert changed(bed) == {KEY: True}
    state = bed.alarms.states.find(KEY)
    assert state is not None
    assert list(state.standing) == ["1"]
