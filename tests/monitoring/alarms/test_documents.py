"""An alarm in the form that each receiver takes."""

import logging

import pytest

from gateway.core.alarms.alarm import Acknowledged, AlarmKey, AlarmState, AlarmTags, Change, Severity, Transition
from gateway.core.alarms.rules import Rules
from gateway.ingest.storage.alarms import Notice, PlannedWork
from gateway.monitoring.alarms.documents import (
    AlarmEvents,
    alarm_document,
    alert_document,
    change_document,
    change_points,
    rfc3339,
)
from tests.core.alarms.alarming import above, rule
from tests.core.making import MINUTE_MS, NOW_MS

TAGS = AlarmTags("a1", "d1", "water", "s1")
RULES = Rules((rule(above("temperature_c", 30.0), name="hot"),))
KNOWN = Acknowledged("Lan", NOW_MS + 1, "on my way")


def state(*, acknowledged: Acknowledged | None = None, simulated: bool = False, overdue: int = 0) -> AlarmState:
    found = AlarmState(AlarmKey("hot", "d1"), Severity.WARNING, TAGS, NOW_MS, 40.5)
    found.field, found.acknowledged, found.simulated, found.overdue = "temperature_c", acknowledged, simulated, overdue
    return found


def test_a_document_holds_all_of_an_alarm() -> None:
    found = alarm_document(state(acknowledged=KNOWN, simulated=True), RULES, silenced=True)
    assert found == {
        "id": "hot@d1",
        "alarm": "hot",
        "severity": "warning",
        "area": "a1",
        "device": "d1",
        "domain": "water",
        "site": "s1",
        "active": True,
        "since_ms": NOW_MS,
        "until_ms": None,
        "value": 40.5,
        "field": "temperature_c",
        "text": {"vi": "", "en": ""},
        "advice": {"vi": "", "en": ""},
        "acknowledged": {"by": "Lan", "at_ms": NOW_MS + 1, "note": "on my way"},
        "overdue": 0,
        "silenced": True,
        "simulated": True,
    }
    bare = state()
    bare.field = ""
    other = alarm_document(bare, Rules(()))
    assert (other["field"], other["acknowledged"], other["silenced"], other["text"]) == (
        None,
        None,
        False,
        {"vi": "", "en": ""},
    )
    assert alarm_document(state(overdue=2), RULES)["overdue"] == 2
    assert alarm_document(state(overdue=2, acknowledged=KNOWN), RULES)["overdue"] == 0


@pytest.mark.parametrize("change", list(Change))
def test_a_change_is_the_alarm_then_and_its_points(change: Change) -> None:
    made = Transition.of(state(acknowledged=KNOWN if change is Change.CHANGED else None), change, NOW_MS + MINUTE_MS)
    document = change_document(made, RULES)
    ended = change is Change.CLEARED
    assert (document["change"], document["at_ms"]) == (change.value, NOW_MS + MINUTE_MS)
    assert (document["active"], document["until_ms"]) == (not ended, NOW_MS + MINUTE_MS if ended else None)
    point, *events = change_points(made, NOW_MS + 5, silenced=True).split("\n")
    assert point.startswith("alarm,alarm=hot,area=a1,device=d1,domain=water,severity=warning,site=s1 acknowledged=")
    assert point.endswith(f" {NOW_MS + 5}")
    assert f"active={not ended}," in point
    assert ("duration_s=60.0" in point) is ended
    assert len(events) == (change in {Change.RAISED, Change.CHANGED})


def test_from_when_to_when_a_register_stood_still_is_an_event() -> None:
    tags = f"event,area=a1,device=d1,kind=stuck,site=s1 stuck_since_ms={NOW_MS}.0"
    told = {
        change: change_points(Transition.of(state(), change, NOW_MS + MINUTE_MS), NOW_MS, silenced=False, is_stuck=True)
        for change in Change
    }
    assert f"{tags},value=1.0 {NOW_MS}" in told[Change.RAISED].split("\n")
    assert f"{tags},stuck_until_ms={NOW_MS + MINUTE_MS}.0,value=1.0 {NOW_MS}" in told[Change.CLEARED].split("\n")
    assert "stuck" not in told[Change.OVERDUE] + told[Change.CHANGED]


def test_an_alert_has_labels_that_say_something() -> None:
    found = alert_document(state(simulated=True), RULES, "en", overdue=True)
    assert found["labels"] == {
        "alertname": "hot",
        "severity": "warning",
        "area": "a1",
        "device": "d1",
        "domain": "water",
        "site": "s1",
        "simulated": "true",
        "overdue": "true",
    }
    assert found["annotations"] == {"summary": "", "advice": "", "value": "40.5", "field": "temperature_c"}
    assert found["startsAt"] == rfc3339(NOW_MS) == "2026-11-01T00:00:00.250+00:00"
    nowhere = state()
    nowhere.tags, nowhere.field = AlarmTags(site="s1"), ""
    bare = alert_document(nowhere, Rules(()), "vi")
    assert bare["labels"] == {"alertname": "hot", "severity": "warning", "site": "s1"}
    assert bare["annotations"] == {"value": "40.5"}


def test_each_change_is_logged_but_not_more_than_a_hundred_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = [60.0]
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    events = AlarmEvents()
    with caplog.at_level(logging.INFO, "gateway.alarms"):
        for change, known in ((Change.RAISED, None), (Change.CLEARED, None), (Change.OVERDUE, None), (Change.CHANGED, KNOWN)):
            events.changed(Transition.of(state(acknowledged=known, overdue=3), change, NOW_MS + 3 * MINUTE_MS))
        events.changed(Transition.of(state(), Change.CHANGED, NOW_MS))
        assert caplog.messages == [
            "alarm hot@d1 raised (warning): temperature_c 40.5",
            "alarm hot@d1 ended after 3.0 min",
            "alarm hot@d1 was not acknowledged in its time (warning): reminder 3",
            "alarm hot@d1 acknowledged by Lan: on my way",
            "alarm hot@d1 changed",
        ]
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING", "INFO", "INFO"]
        for _ in range(200):
            events.changed(Transition.of(state(), Change.CHANGED, NOW_MS))
        assert len(caplog.messages) == 100
        assert caplog.messages[-1].startswith("alarms change in great number; see `gateway alarms history`")
        now_s[0] = 120.0
        events.changed(Transition.of(state(), Change.CHANGED, NOW_MS))
        assert caplog.messages[-1] == "alarm hot@d1 changed"


def test_what_befalls_receivers_and_the_disk_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    events = AlarmEvents()
    with caplog.at_level(logging.INFO, "gateway.alarms"):
        for why in ("full", "still full"):
            events.not_saved(why)
            events.not_taken("alarms.webhook", why)
        assert (events.disk_trouble, events.untold) == ("still full", {"alarms.webhook": "still full"})
        for _ in range(2):
            events.saved()
            events.taken("alarms.webhook")
        events.refused("alarms.webhook", "400", [Notice(1, "webhook", "", "hot@d1")], NOW_MS)
        events.no_room([Notice(number, "influxdb", "", "hot@d2") for number in range(3)], NOW_MS)
        for work in (
            PlannedWork(0, 1, "Lan", "pump"),
            PlannedWork(0, 1, "Lan", "pump", site="s1"),
            PlannedWork(0, 1, "Lan", "x", "", "d"),
        ):
            events.planned(7, work)
        events.work_over(7)
    assert caplog.messages == [
        "alarms cannot be saved: full; people are told, but a restart may tell them once more",
        "alarms.webhook takes no alarms: full; trying again",
        "alarms can be saved again",
        "alarms.webhook takes alarms again",
        "alarms.webhook refuses 1 changes of alarms, which are left out: 400",
        (
            "3 changes of alarms are given up: nobody took them, and newer ones wait; lately most are of: "
            "webhook: d1 (1); influxdb: d2 (3)"
        ),
        "planned work 7: nobody is told of alarms of all sites: Lan, pump",
        "planned work 7: nobody is told of alarms of site s1: Lan, pump",
        "planned work 7: nobody is told of alarms of d: Lan, x",
        "planned work 7 is over",
    ]
    assert (events.disk_trouble, events.untold) == ("", {})
