"""Several changes of an alarm in one notice: told as raised, whatever came behind, and closed by its end."""

import json
from typing import Any

import pytest

from gateway.core.alarms.alarm import AlarmKey, AlarmTags, Change, Severity, Transition
from gateway.core.alarms.rules import Rules
from gateway.monitoring.alarms.folding import alarm_of, begins, folded, notice_body, posts

R, C, A, O = Change.RAISED, Change.CLEARED, Change.CHANGED, Change.OVERDUE  # noqa: E741 - rows of a table
INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL


def notice(change: Change, at_ms: int, severity: Severity = WARNING, changes: int = 1) -> str:
    one = Transition(change, AlarmKey("hot", "d1"), severity, AlarmTags(device="d1"), at_ms, at_ms, 1.0, changes=changes)
    return notice_body(one, Rules())


def all_folded(*notices: str) -> str:
    found = notices[0]
    for newer in notices[1:]:
        found = folded(found, newer)
    return found


def told(body: str) -> list[dict[str, Any]]:
    return [json.loads(post) for post, _ in posts(body)]


FOLDED = [
    ([R], [(R, 0)]),
    ([R, C], [(R, 0), (C, 1)]),
    ([R, C, R], [(R, 2)]),
    ([R, C, R, C], [(R, 2), (C, 3)]),
    ([C, R, C], [(R, 1), (C, 2)]),
    ([C, R], [(R, 1)]),
    ([R, A], [(R, 0), (A, 1)]),
    ([R, A, C], [(R, 0), (C, 2)]),
    ([R, O, A], [(R, 0), (A, 2)]),
    ([A, C], [(C, 1)]),
]


@pytest.mark.parametrize(("changes", "expected"), FOLDED, ids=["".join(one[0] for one in row[0]) for row in FOLDED])
def test_a_raise_is_told_then_the_newest_change(changes: list[Change], expected: list[tuple[Change, int]]) -> None:
    body = all_folded(*(notice(change, at_ms) for at_ms, change in enumerate(changes)))
    found = told(body)
    assert [(one["change"], one["at_ms"]) for one in found] == expected
    assert {one["changes"] for one in found} == {len(changes)}
    raises = [at_ms for at_ms, change in enumerate(changes) if change is R]
    assert {one["first_raised_ms"] for one in found} == {min(raises, default=None)}
    assert begins(body) is bool(raises)
    assert alarm_of(body) == "hot@d1"
    assert all("raise" not in one for one in found), "what is on disk alone"


def test_the_weightiest_raise_is_told_although_a_lighter_one_came_after_it() -> None:
    body = all_folded(notice(R, 0, CRITICAL), notice(C, 1, CRITICAL), notice(R, 2, INFO))
    assert [(one["change"], one["at_ms"], one["severity"], one["highest_severity"]) for one in told(body)] == [
        ("raised", 0, "critical", "critical"),
        ("raised", 2, "info", "critical"),
    ]


def test_counts_add_up_when_some_changes_were_kept_back_before() -> None:
    assert [one["changes"] for one in told(all_folded(notice(R, 0, changes=40), notice(C, 1, changes=2)))] == [42, 42]


def test_what_is_left_after_the_raise_was_taken_is_the_end_alone() -> None:
    body = all_folded(notice(R, 0), notice(C, 1))
    (_, whole), (_, rest) = posts(body)
    assert (whole, [one["change"] for one in told(rest)], begins(rest)) == (body, ["cleared"], False)


def test_a_notice_of_an_earlier_release_is_told_and_folded_too() -> None:
    old = json.dumps({"change": "raised", "at_ms": 5, "id": "hot@d1", "severity": "critical", "active": True})
    assert told(folded(old, notice(C, 7)))[0]["first_raised_ms"] == 5
    assert [one["change"] for one in told(folded(old, notice(C, 7)))] == ["raised", "cleared"]
    assert told(old)[0]["changes"] == 1


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"id": 3}'])
def test_a_notice_that_cannot_be_read_is_about_nothing(body: str) -> None:
    assert alarm_of(body) is None
