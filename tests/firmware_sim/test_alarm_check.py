"""Alarms against what happened: raised in time, late, missing, false, doubled."""

from typing import Any

import pytest

from firmware_sim.alarm_check import GRACE_MS, SLACK_MS, AlarmsOutcome, Raised, alarms_of, check_alarms
from firmware_sim.query import StoredPoint
from firmware_sim.truth_rows import Happening
from tests.rows import each_row

HOUR_MS = 3_600_000
BEGAN_MS, DUE_MS, ENDED_MS = 10 * HOUR_MS, 11 * HOUR_MS, 16 * HOUR_MS
SPAN_MS = (0, 100 * HOUR_MS)


def _burst(**about: Any) -> Happening:  # noqa: ANN401 - any of its attributes
    known: dict[str, Any] = {
        "story": "burst",
        "place": "dm-1",
        "is_site": False,
        "began_ms": BEGAN_MS,
        "ended_ms": ENDED_MS,
        "alarm": "burst",
        "due_ms": DUE_MS,
        "may": frozenset({"pressure_low"}),
        "after": frozenset({"device_silent"}),
        "flowed": {},
    }
    return Happening(**(known | about))


def _raised(at_ms: int, ended_ms: int | None = None, alarm: str = "burst", place: str = "dm-1", site: str = "s") -> Raised:
    return Raised(alarm, place, site, at_ms, ended_ms)


def _counts(outcome: AlarmsOutcome) -> dict[str, int]:
    names = ("raised", "late", "missing", "open", "false", "doubled")
    return {name: getattr(outcome, name) for name in names if getattr(outcome, name)}


def _check(alarms: list[Raised], *happenings: Happening, devices: int = 1) -> AlarmsOutcome:
    return check_alarms(happenings or [_burst()], alarms, SPAN_MS, devices)


@each_row(
    ("alarms", "counts"),
    [
        pytest.param([_raised(DUE_MS)], {"raised": 1}, id="in-time"),
        pytest.param([_raised(DUE_MS + SLACK_MS)], {"raised": 1}, id="at-the-last-moment"),
        pytest.param([_raised(DUE_MS + SLACK_MS + 1)], {"late": 1}, id="late"),
        pytest.param([], {"missing": 1}, id="never"),
        pytest.param([_raised(DUE_MS, alarm="leak")], {"missing": 1, "false": 1}, id="another-alarm"),
        pytest.param([_raised(DUE_MS, place="dm-2")], {"missing": 1, "false": 1}, id="another-device"),
        pytest.param([_raised(BEGAN_MS - 1, BEGAN_MS - 1)], {"missing": 1, "false": 1}, id="before-it-began"),
        pytest.param([_raised(DUE_MS), _raised(DUE_MS, alarm="pressure_low")], {"raised": 1}, id="one-that-it-explains"),
        pytest.param(
            [_raised(DUE_MS), _raised(BEGAN_MS + 1, alarm="device_silent")], {"raised": 1, "false": 1}, id="only-afterwards"
        ),
        pytest.param([_raised(DUE_MS), _raised(ENDED_MS + 1, alarm="device_silent")], {"raised": 1}, id="afterwards"),
        pytest.param([_raised(DUE_MS, ENDED_MS), _raised(ENDED_MS + GRACE_MS + 1)], {"raised": 1, "false": 1}, id="long-after"),
        pytest.param([_raised(DUE_MS), _raised(DUE_MS + 9)], {"raised": 1, "doubled": 1}, id="twice"),
        pytest.param([_raised(DUE_MS, DUE_MS + 5), _raised(DUE_MS + 9)], {"raised": 1}, id="again"),
    ],
)
def test_an_alarm_is_held_against_its_event(alarms: list[Raised], counts: dict[str, int]) -> None:
    assert _counts(_check(alarms)) == counts


def test_an_alarm_after_the_last_reading_is_not_judged() -> None:
    silent = _raised(SPAN_MS[1] + 1, alarm="device_silent", place="wm-9")
    assert _counts(_check([_raised(DUE_MS), silent])) == {"raised": 1}


def test_an_event_that_is_due_after_the_last_reading_is_left_open() -> None:
    assert _counts(_check([], _burst(due_ms=SPAN_MS[1]))) == {"open": 1}


def test_an_alarm_that_still_stands_from_before_is_raised() -> None:
    calm = _burst(story="reset", began_ms=0, ended_ms=1, due_ms=1, alarm="burst")
    assert _counts(_check([_raised(1)], calm, _burst())) == {"raised": 2}


def test_an_event_without_an_alarm_wants_none_and_explains_none() -> None:
    market = _burst(story="market", alarm=None, may=frozenset(), after=frozenset())
    assert _counts(_check([], market)) == {}
    assert _counts(_check([_raised(DUE_MS)], market)) == {"false": 1}


def test_the_alarm_of_a_silent_site_stands_for_its_devices_and_theirs_may_follow() -> None:
    silent = _burst(
        story="site_silent",
        place="xa-1",
        is_site=True,
        alarm="site_silent",
        may=frozenset({"completeness_low"}),
    )
    site = _raised(DUE_MS, alarm="site_silent", place="xa-1", site="xa-1")
    day = _raised(ENDED_MS, alarm="completeness_low", place="wm-7", site="xa-1")
    after = _raised(ENDED_MS + 1, alarm="device_silent", place="wm-7", site="xa-1")
    assert _counts(_check([site, day, after], silent)) == {"raised": 1}
    during = _raised(DUE_MS, alarm="device_silent", place="wm-7", site="xa-1")
    elsewhere = _raised(ENDED_MS + 1, alarm="device_silent", place="wm-8", site="xa-2")
    assert _counts(_check([site, during, elsewhere], silent)) == {"raised": 1, "false": 2}


def test_one_false_alarm_in_two_thousand_device_days_is_no_fault() -> None:
    false = [_raised(DUE_MS), _raised(50 * HOUR_MS, alarm="leak", place="wm-9")]
    assert _check(false, devices=479).faults == 1
    assert _check(false, devices=481).faults == 0
    assert [finding.kind for finding in _check(false, devices=481).findings] == ["false"], "it is told all the same"


def test_points_of_one_since_are_one_alarm_however_often_it_is_written() -> None:
    def point(at_ms: int, since_ms: int, *, active: bool) -> StoredPoint:
        tags = {"alarm": "burst", "device": "dm-1", "site": "s", "area": "A", "severity": "critical", "domain": "water"}
        return StoredPoint(tags, at_ms, {"active": active, "since_ms": since_ms, "value": 3.0})

    points = [
        point(20, 10, active=True),
        point(320, 10, active=True),
        point(310, 10, active=False),
        point(500, 490, active=True),
    ]
    assert alarms_of(points) == [_raised(20, 310), _raised(500)]
    silent = StoredPoint({"alarm": "site_silent", "site": "xa-1"}, 5, {"active": True, "since_ms": 1})
    assert alarms_of([silent]) == [Raised("site_silent", "xa-1", "xa-1", 5, None)]
