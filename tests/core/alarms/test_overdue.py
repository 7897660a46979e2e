"""Alarms that nobody acknowledges in their time are told of again; those of planned work and of mere information are not."""

from dataclasses import replace

from gateway.core.alarms.alarm import Acknowledged, Severity
from gateway.core.alarms.rules import Rule
from tests.core.alarms.alarming import Bed, above, rule
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS

LEAK = above("alarm_leak", 0)
CRITICAL = rule(LEAK, severity=Severity.CRITICAL)


def raised(of: Rule) -> Bed:
    """A bench with an alarm that was just raised."""
    bed = Bed(of)
    assert bed.send(NOW_MS, alarm_leak=True) == ["raised some@d1"]
    return bed


def test_an_alarm_is_told_of_again_each_time_that_its_time_has_passed() -> None:
    bed = raised(CRITICAL)
    assert bed.tick(NOW_MS + 29 * MINUTE_MS) == []
    assert bed.tick(NOW_MS + 30 * MINUTE_MS) == ["overdue some@d1"]
    assert bed.tick(NOW_MS + 31 * MINUTE_MS) == []
    assert bed.tick(NOW_MS + HOUR_MS) == ["overdue some@d1"]
    (state,) = bed.alarms.states
    assert (state.overdue, state.is_overdue) == (2, True)


def test_a_gateway_that_was_off_for_hours_tells_of_it_once() -> None:
    bed = raised(CRITICAL)
    assert bed.tick(NOW_MS + 12 * HOUR_MS) == ["overdue some@d1"]
    assert next(iter(bed.alarms.states)).overdue == 24


def test_an_alarm_that_was_acknowledged_is_not_told_of_again() -> None:
    bed = raised(CRITICAL)
    assert bed.tick(NOW_MS + HOUR_MS) == ["overdue some@d1"]
    (state,) = bed.alarms.states
    assert bed.alarms.states.acknowledge(state.key, Acknowledged("Lan", NOW_MS + HOUR_MS, ""))
    assert bed.told() == ["changed some@d1"]
    assert bed.tick(NOW_MS + 3 * HOUR_MS) == []
    assert not state.is_overdue


def test_a_warning_has_a_shift_and_information_needs_nobody() -> None:
    warning, info = raised(rule(LEAK)), raised(rule(LEAK, severity=Severity.INFO))
    assert warning.tick(NOW_MS + 8 * HOUR_MS - 1) == []
    assert warning.tick(NOW_MS + 8 * HOUR_MS) == ["overdue some@d1"]
    assert info.tick(NOW_MS + 1000 * HOUR_MS) == []


def test_a_rule_may_have_a_time_of_its_own_or_none() -> None:
    assert raised(replace(CRITICAL, acknowledge_within_ms=MINUTE_MS)).tick(NOW_MS + MINUTE_MS) == ["overdue some@d1"]
    assert raised(replace(CRITICAL, acknowledge_within_ms=0)).tick(NOW_MS + 1000 * HOUR_MS) == []


def test_whoever_is_told_that_an_alarm_is_overdue_learns_when_a_person_has_seen_it() -> None:
    bed = Bed(CRITICAL)
    bed.push(NOW_MS, {"alarm_leak": True})
    (first,) = bed.transitions()
    assert (first.overdue, first.is_overdue) == (0, False)
    for _ in bed.alarms.tick(NOW_MS + 30 * MINUTE_MS, []):
        pass
    (overdue,) = bed.transitions()
    assert (overdue.overdue, overdue.is_overdue, overdue.at_ms) == (1, True, NOW_MS + 30 * MINUTE_MS)
    assert bed.alarms.states.acknowledge(overdue.key, Acknowledged("Lan", NOW_MS + HOUR_MS, ""))
    (changed,) = bed.transitions()
    assert (changed.overdue, changed.is_overdue, changed.duration_ms) == (1, False, None)
    assert bed.send(NOW_MS + 2 * HOUR_MS, alarm_leak=False) == ["cleared some@d1"]
