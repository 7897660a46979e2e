"""Alarms of devices and rules that change: they end under their old tags; what was stored goes on where it stood."""

from msgspec import json

from gateway.core.alarms.alarm import Acknowledged, AlarmKey, AlarmState, Severity
from gateway.core.alarms.rules import Rules
from schemas.quantities import Quality
from tests.core.alarms.alarming import Bed, above, at, registered, rule
from tests.core.making import MINUTE_MS

LEAK = rule(above("alarm_leak", 0))
SLOW = rule(above("pressure_kpa", 700), for_ms=30 * MINUTE_MS)
KEY = AlarmKey("some", "d1")


def leaking(**entry: object) -> Bed:
    """A bench with a registered device that leaks; its alarm is told."""
    bed = Bed(LEAK)
    known = registered(**entry)
    bed.device(entry=known)
    bed.alarms.replace_registry({"d1": known}, at(0))
    assert bed.send(at(0), alarm_leak=True) == ["raised some@d1"]
    return bed


def stored(bed: Bed) -> list[AlarmState]:
    """The states as they come back from a store."""
    return json.decode(json.encode(list(bed.alarms.states)), type=list[AlarmState])


def test_a_device_that_leaves_the_registry_ends_its_alarms() -> None:
    bed = leaking()
    bed.alarms.replace_registry({}, at(1))
    (change,) = bed.transitions()
    assert (change.change, change.tags.area, change.duration_ms) == ("cleared", "a1", at(1) - at(0))
    assert list(bed.alarms.states) == []


def test_a_device_that_moves_ends_its_alarm_under_the_old_tags_and_raises_it_under_the_new() -> None:
    bed = leaking()
    bed.alarms.replace_registry({"d1": registered(area="a2", site="s2")}, at(1))
    cleared, raised = bed.transitions()
    assert (cleared.change, cleared.tags.area, cleared.tags.site) == ("cleared", "a1", "s1")
    assert (raised.change, raised.tags.area, raised.tags.site, raised.since_ms) == ("raised", "a2", "s2", at(0))


def test_a_registry_that_says_the_same_changes_nothing() -> None:
    bed = leaking(site="another-than-the-topics")
    bed.alarms.replace_registry({"d1": registered(site="another-than-the-topics")}, at(1))
    assert bed.told() == [], "the topic's site stands where they differ"


def test_devices_that_are_forgotten_end_their_alarms() -> None:
    bed = Bed(LEAK)
    bed.send(at(0), alarm_leak=True)
    bed.alarms.forget(["d1"], at(1))
    assert bed.told() == ["cleared some@d1"]


def test_a_rule_that_is_switched_off_ends_its_alarms() -> None:
    bed = leaking()
    bed.alarms.replace_rules(Rules(), at(1))
    assert bed.told() == ["cleared some@d1"]
    assert bed.send(at(2), alarm_leak=True) == []


def test_a_rule_that_becomes_critical_ends_the_alarm_as_a_warning_and_raises_it_as_critical() -> None:
    bed = leaking()
    bed.alarms.replace_rules(Rules((rule(above("alarm_leak", 0), severity=Severity.CRITICAL),)), at(1))
    assert [(change.change, change.severity) for change in bed.transitions()] == [
        ("cleared", "warning"),
        ("raised", "critical"),
    ]


def test_an_active_alarm_is_not_raised_again_after_a_restart_and_ends() -> None:
    before, bed = leaking(), Bed(LEAK)
    bed.alarms.restore(stored(before), at(1))
    bed.device(entry=registered())
    assert bed.send(at(1), alarm_leak=True) == []
    assert bed.send(at(2), alarm_leak=False) == ["cleared some@d1"]


def test_a_pending_condition_needs_only_the_rest_of_its_time_after_a_restart() -> None:
    before, bed = Bed(SLOW), Bed(SLOW)
    for turn in (0, 1):
        assert before.send(at(turn), pressure_kpa=800) == []
    bed.alarms.restore(stored(before), at(1.5))
    assert bed.send(at(2), pressure_kpa=800) == ["raised some@d1"]


def test_a_restart_with_another_rule_does_as_if_it_had_been_changed_while_running() -> None:
    bed = Bed(rule(above("alarm_leak", 0), name="other"))
    bed.alarms.restore(stored(leaking()), at(1))
    assert bed.told() == ["cleared some@d1"]


def test_an_alarm_is_acknowledged_once_it_is_active_and_stays_so_until_it_ends() -> None:
    bed = Bed(SLOW)
    bed.send(at(0), pressure_kpa=800)
    assert not bed.alarms.states.acknowledge(KEY, Acknowledged("Lan", at(0), "pump 2")), "pending"
    bed.send(at(2), pressure_kpa=800)
    bed.told()
    assert bed.alarms.states.acknowledge(KEY, Acknowledged("Lan", at(3), "pump 2"))
    (change,) = bed.transitions()
    assert change.change == "changed"
    assert change.acknowledged is not None
    assert (change.acknowledged.by, change.acknowledged.note, change.acknowledged.at_ms) == ("Lan", "pump 2", at(3))
    bed.send(at(4), pressure_kpa=100)
    assert bed.send(at(5), pressure_kpa=800) == []
    assert bed.send(at(7), pressure_kpa=800) == ["raised some@d1"]
    state = bed.alarms.states.find(KEY)
    assert state is not None
    assert state.acknowledged is None, "another alarm, which nobody knows of yet"


def test_the_store_hears_of_each_change_once_and_of_an_active_alarm_only_when_it_ends() -> None:
    bed = Bed(SLOW)
    kept: list[dict[AlarmKey, bool | None]] = []
    for turn, pressure_kpa in enumerate((800, 800, 800, 800, 100)):
        bed.push(at(turn), {"pressure_kpa": pressure_kpa})
        changed = bed.alarms.states.drain().states
        kept.append({key: None if state is None else state.is_active for key, state in changed.items()})
    assert kept == [{KEY: False}, {KEY: False}, {KEY: True}, {}, {KEY: None}]


def test_the_first_registry_after_a_start_does_not_move_an_alarm_from_the_topics_site() -> None:
    bed = Bed(LEAK)
    bed.alarms.restore(stored(leaking()), at(1))
    bed.alarms.replace_registry({"d1": registered(site="another-than-the-topics")}, at(1))
    assert bed.told() == []


def test_a_device_that_was_removed_while_the_gateway_was_off_ends_its_alarms() -> None:
    bed = Bed(LEAK)
    bed.alarms.restore(stored(leaking()), at(1))
    bed.alarms.replace_registry({}, at(1))
    assert bed.told() == ["cleared some@d1"]


def test_an_alarm_of_a_device_that_was_registered_since_ends_when_it_leaves_the_registry() -> None:
    bed = Bed(LEAK)
    bed.send(at(0), alarm_leak=True)
    bed.alarms.replace_registry({}, at(1))
    assert bed.told() == [], "it was never registered"
    bed.alarms.replace_registry({"d1": registered(site="s1", area="a1")}, at(2))
    bed.told()
    bed.alarms.replace_registry({}, at(3))
    assert bed.told() == ["cleared some@d1"]


def test_a_suspect_register_is_looked_at_although_its_value_is_within_its_gate() -> None:
    bed = Bed(rule(above("flow_m3_h", 10)))
    bed.send(at(0), volume_m3=100)
    bed.send(at(1), volume_m3=101)
    bed.send(at(2), volume_m3=1000, quality=Quality.COUNTER_SUSPECT)
    assert bed.send(at(3), volume_m3=1001) == [], "what it grew by then is no flow"
