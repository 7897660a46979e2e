"""The notices of the webhook: a change of an alarm as a document, and several changes of one alarm folded into one notice.

A notice tells the newest of its changes, and how many there were. An alarm that was raised among them is told as raised, even
if it has ended since: such a notice is two posts, the raise and then the newest change. Of several raises that is the
weightiest, of equal ones the newest. So a receiver that opens a case at ``raised`` and closes it at ``cleared`` needs to know
nothing of notices that are folded.

On disk a notice is its newest document, with the raise inside it under ``raise``.
"""

from typing import Any, Final

from msgspec import DecodeError
from msgspec.json import decode
from msgspec.json import encode as to_json

from gateway.core.alarms.alarm import Change, Severity, Transition
from gateway.core.alarms.rules import Rules
from gateway.monitoring.alarms.documents import change_document

_RAISE: Final = "raise"
_OF_ALL: Final = ("changes", "first_raised_ms", "highest_severity")
"""What both posts of a notice say of all its changes."""

_NoticeFields = dict[str, Any]


def notice_body(change: Transition, rules: Rules) -> str:
    """The notice of one change, or of those that were kept back and that it stands for."""
    raised_ms = change.at_ms if change.change is Change.RAISED else None
    return _text({**change_document(change, rules), "first_raised_ms": raised_ms, "highest_severity": change.severity.value})


def alarm_of(body: str) -> str | None:
    """The id of the alarm that a notice on disk is about; None: it cannot be read."""
    try:
        notice = decode(body)
    except DecodeError:
        return None
    return notice["id"] if isinstance(notice, dict) and isinstance(notice.get("id"), str) else None


def begins(body: str) -> bool:
    """Tell if a notice has a raise to tell."""
    notice = _read(body)
    return notice["change"] == Change.RAISED or _RAISE in notice


def folded(older: str, newer: str) -> str:
    """Fold two notices about one alarm into one."""
    first, last = _read(older), _read(newer)
    raises = [raised for notice in (last, first) if (raised := _raise_of(notice)) is not None]
    times = [time_ms for notice in (first, last) if (time_ms := notice["first_raised_ms"]) is not None]
    notice = {
        **last,
        "changes": first["changes"] + last["changes"],
        "first_raised_ms": min(times, default=None),
        "highest_severity": min(first["highest_severity"], last["highest_severity"], key=_rank),
    }
    notice.pop(_RAISE, None)
    raised = min(raises, key=lambda one: _rank(one["severity"]), default=None)
    if raised is not None and raised is not last:
        notice[_RAISE] = {name: value for name, value in raised.items() if name != _RAISE}
    return _text(notice)


def posts(body: str) -> list[tuple[bytes, str]]:
    """List the posts of a notice, in order, each with the rest of the notice until that post was taken."""
    notice = _read(body)
    raised = notice.pop(_RAISE, None)
    latest = _text(notice)
    told = [(latest.encode(), latest)]
    if raised is None:
        return told
    return [(to_json(raised | {name: notice[name] for name in _OF_ALL}), body), *told]


def _read(body: str) -> _NoticeFields:
    """A notice; one that an earlier release left has less."""
    notice: _NoticeFields = decode(body)
    raised_ms = notice["at_ms"] if notice["change"] == Change.RAISED else None
    return {"changes": 1, "first_raised_ms": raised_ms, "highest_severity": notice["severity"]} | notice


def _text(notice: _NoticeFields) -> str:
    return to_json(notice).decode()


def _raise_of(notice: _NoticeFields) -> _NoticeFields | None:
    raised: _NoticeFields | None = notice.get(_RAISE)
    return notice if raised is None and notice["change"] == Change.RAISED else raised


def _rank(severity: str) -> int:
    return Severity(severity).rank
