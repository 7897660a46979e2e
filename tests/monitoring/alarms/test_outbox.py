"""Notices wait in order, one for each alarm where they can be folded, and nobody's is pushed out by another's."""

import json

import pytest

from gateway.ingest.storage.alarms import Notice
from gateway.monitoring.alarms import outbox
from gateway.monitoring.alarms.outbox import INFLUXDB, WEBHOOK, Outbox


def body(alarm: str, change: str, at_ms: int = 0, severity: str = "warning") -> str:
    return json.dumps({"id": alarm, "change": change, "at_ms": at_ms, "severity": severity, "changes": 1})


def put(box: Outbox, *changes: tuple[str, str]) -> list[Notice]:
    """Have alarms change, as the webhook is told; return what was given up."""
    return box.add(box.number((WEBHOOK, alarm, body(alarm, change)) for alarm, change in changes))


def waiting(box: Outbox) -> list[str]:
    """The notices that wait for the webhook: ``1 raised+cleared hot@d1 x2``."""
    found = []
    for notice in box.first(WEBHOOK, 100):
        one = json.loads(notice.body)
        told = [*(["raised"] if "raise" in one else []), one["change"]]
        found.append(f"{notice.number} {'+'.join(told)} {one['id']} x{one['changes']}")
    return found


def test_each_receiver_has_its_own_in_order_and_nobody_is_told_for_others() -> None:
    box = Outbox([INFLUXDB, WEBHOOK])
    messages = [(WEBHOOK, "a@1", body("a@1", "raised")), (INFLUXDB, "a@1", "p"), ("nobody", "a@1", "c"), (INFLUXDB, "a@1", "q")]
    assert box.add(box.number(messages)) == []
    assert waiting(box) == ["1 raised a@1 x1"]
    assert [notice.body for notice in box.first(INFLUXDB, 100)] == ["p", "q"], "points are told each by itself"
    box.remove(box.first(INFLUXDB, 1))
    assert ([notice.number for notice in box.first(INFLUXDB, 9)], box.unsaved(), box.unsaved()) == ([3], ([], [2]), ([], []))


def test_a_newer_change_of_an_alarm_takes_the_place_of_the_one_that_waits() -> None:
    box = Outbox([WEBHOOK])
    put(box, ("a@1", "raised"), ("b@2", "raised"))
    numbered = box.number([(WEBHOOK, "a@1", body("a@1", "cleared")), (WEBHOOK, "a@1", body("a@1", "raised"))])
    assert {notice.number for notice in numbered} == {1}
    assert waiting(box) == ["1 raised a@1 x1", "2 raised b@2 x1"], "nobody gets it before it is on disk"
    taken = box.take(WEBHOOK)
    assert taken is not None
    assert taken.number == 2, "the one that is being stored is passed over"
    box.add(numbered)
    assert waiting(box) == ["1 raised a@1 x3", "2 raised b@2 x1"]


def test_what_is_on_its_way_is_left_as_it_is_and_what_was_not_taken_becomes_one_again_at_its_place() -> None:
    box = Outbox([WEBHOOK])
    put(box, ("a@1", "raised"), ("b@2", "raised"))
    taken = box.take(WEBHOOK)
    assert taken is not None
    put(box, ("a@1", "cleared"))
    assert waiting(box) == ["1 raised a@1 x1", "2 raised b@2 x1", "3 cleared a@1 x1"]
    box.put_back(taken._replace(body=taken.body))
    assert waiting(box) == ["1 raised+cleared a@1 x2", "2 raised b@2 x1"]
    again = box.take(WEBHOOK)
    assert again is not None
    box.put_back(again._replace(body=again.body))
    assert waiting(box) == ["1 raised+cleared a@1 x2", "2 raised b@2 x1"], "alone it comes back as it was"
    rewritten, gone = box.unsaved()
    assert ([notice.number for notice in rewritten], gone) == ([1], [3])
    put(box, ("a@1", "raised"))
    assert waiting(box)[0] == "1 raised a@1 x3"


def test_a_change_that_is_being_stored_while_the_older_one_comes_back_joins_it_later() -> None:
    box = Outbox([WEBHOOK])
    put(box, ("a@1", "raised"))
    taken = box.take(WEBHOOK)
    assert taken is not None
    numbered = box.number([(WEBHOOK, "a@1", body("a@1", "cleared"))])
    box.put_back(taken)
    box.add(numbered)
    again = box.take(WEBHOOK)
    assert (again, waiting(box)) == (taken, ["1 raised a@1 x1", "2 cleared a@1 x1"])
    box.put_back(taken)
    assert waiting(box) == ["1 raised+cleared a@1 x2"]


def test_a_restart_keeps_the_order_makes_one_of_two_and_forgets_what_is_for_nobody_or_unreadable() -> None:
    box = Outbox([WEBHOOK])
    on_disk = [(5, WEBHOOK, body("a@1", "raised")), (7, WEBHOOK, body("b@2", "raised")), (8, WEBHOOK, body("a@1", "cleared"))]
    box.restore(Notice(*row) for row in [*on_disk, (9, INFLUXDB, "for nobody"), (10, WEBHOOK, "{")])
    assert waiting(box) == ["5 raised+cleared a@1 x2", "7 raised b@2 x1"]
    rewritten, gone = box.unsaved()
    assert ([notice.number for notice in rewritten], gone) == ([5], [8, 9, 10])
    put(box, ("b@2", "cleared"), ("c@3", "raised"))
    assert waiting(box)[1:] == ["7 raised+cleared b@2 x2", "11 raised c@3 x1"]


def test_points_that_an_earlier_run_left_count_for_their_device() -> None:
    box = Outbox([INFLUXDB])
    box.restore(
        [Notice(1, INFLUXDB, "alarm,alarm=hot,device=d1,site=s active=true 1"), Notice(2, INFLUXDB, "alarm,site=s v=1 1")]
    )
    assert [notice.place for notice in box.first(INFLUXDB, 9)] == ["d1", ""]


def test_the_place_with_the_most_notices_makes_room_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "WAITING_MAX", 5)
    box = Outbox([WEBHOOK])
    put(box, ("a@other", "raised"))
    put(box, *((f"r{number}@greedy", "raised") for number in range(3)))
    assert put(box, ("b@third", "raised")) == []
    assert [notice.alarm for notice in put(box, ("b@other", "raised"))] == ["r0@greedy"]
    given_up = put(box, ("c@third", "raised"), *((f"r{number}@greedy", "raised") for number in range(5, 9)))
    assert {notice.place for notice in given_up} == {"greedy"}
    assert [notice.alarm for notice in box.first(WEBHOOK, 9)] == ["a@other", "b@third", "b@other", "c@third", "r8@greedy"]


def test_what_is_given_up_while_it_is_on_its_way_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "WAITING_MAX", 1)
    box = Outbox([WEBHOOK])
    put(box, ("a@1", "raised"))
    taken = box.take(WEBHOOK)
    assert taken is not None
    assert [notice.alarm for notice in put(box, ("b@1", "raised"))] == ["a@1"]
    box.put_back(taken)
    box.remove([taken])
    assert (waiting(box), box.unsaved()) == (["2 raised b@1 x1"], ([], [1]))


def test_an_alarm_is_untold_while_its_raise_waits_also_below_a_newer_change() -> None:
    box = Outbox([WEBHOOK])
    put(box, ("a@1", "raised"), ("a@1", "changed"), ("b@2", "cleared"))
    assert box.untold() == {"a@1"}
    assert Outbox([INFLUXDB]).untold() == set()
