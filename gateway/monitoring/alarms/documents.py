"""Alarms in the form that each receiver takes: a document of API and webhook, a point of InfluxDB, an alert, a log line.

With the log stand the receivers that cannot be reached.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from gateway.core.alarms.alarm import AlarmKey, AlarmState, Change, Transition
from gateway.core.alarms.rules import Rules
from gateway.core.readings.line_protocol import tag_text
from gateway.ingest.storage.alarms import Notice, PlannedWork

MEASUREMENT: Final = "alarm"
EVENT: Final = "event"
STUCK_FIELDS: Final = ("stuck_since_ms", "stuck_until_ms")
"""The time in which a register stood still although something flowed; without the second it still does."""
_NO_WORDS: Final[Mapping[str, str]] = {"vi": "", "en": ""}
_REMEMBERED_MS: Final = 86_400_000
"""The time after which an ended alarm is forgotten; readings that decide are at most an hour late."""


def alarm_document(state: AlarmState | Transition, rules: Rules, *, silenced: bool = False) -> dict[str, object]:
    """An alarm as a document of the API; ``text`` and ``advice`` in both languages."""
    rule = rules.by_name.get(state.key.alarm)
    known = state.acknowledged
    until_ms = state.at_ms if isinstance(state, Transition) and state.change is Change.CLEARED else None
    return {
        "id": state.key.id,
        "alarm": state.key.alarm,
        "severity": state.severity.value,
        **state.tags._asdict(),
        "active": until_ms is None,
        "since_ms": state.since_ms,
        "until_ms": until_ms,
        "value": state.value,
        "field": state.field or None,
        "text": dict(rule.text if rule is not None else _NO_WORDS),
        "advice": dict(rule.advice if rule is not None else _NO_WORDS),
        "acknowledged": None if known is None else {"by": known.by, "at_ms": known.at_ms, "note": known.note},
        "overdue": state.overdue if state.is_overdue else 0,
        "silenced": silenced,
        "simulated": state.simulated,
    }


def change_document(change: Transition, rules: Rules) -> dict[str, object]:
    """A change of an alarm, for the history and the webhook."""
    return {
        "change": change.change.value,
        "at_ms": change.at_ms,
        "changes": change.changes,
        **alarm_document(change, rules),
    }


def alarm_point(state: AlarmState | Transition, time_ms: int, *, silenced: bool) -> str:
    """An alarm as a point of InfluxDB: numbers and booleans only, since VictoriaMetrics stores text as 0."""
    duration_ms = state.duration_ms if isinstance(state, Transition) else None
    tags = {"alarm": state.key.alarm, "severity": state.severity.value, **state.tags._asdict()}
    fields = [
        f"acknowledged={state.acknowledged is not None!r}",
        f"active={duration_ms is None!r}",
        *([] if duration_ms is None else [f"duration_s={duration_ms / 1000!r}"]),
        f"silenced={silenced!r}",
        f"simulated={state.simulated!r}",
        f"since_ms={float(state.since_ms)!r}",
        f"value={float(state.value)!r}",
    ]
    return f"{MEASUREMENT}{tag_text(sorted(tags.items()))} {','.join(fields)} {time_ms}"


def change_points(change: Transition, time_ms: int, *, silenced: bool, is_stuck: bool = False) -> str:
    """The points of a change: the alarm's, and an ``event`` of its beginning, or of the person who acknowledged it.

    Of a register that stands still reports find in an ``event`` from when to when.
    """
    point, known = alarm_point(change, time_ms, silenced=silenced), change.acknowledged
    own = {"alarm": change.key.alarm, **change.tags._asdict()}
    place = {name: own[name] for name in ("area", "device", "site")}
    if is_stuck and change.change in {Change.RAISED, Change.CLEARED}:
        until = f",{STUCK_FIELDS[1]}={float(change.at_ms)!r}" if change.duration_ms is not None else ""
        since = f"{STUCK_FIELDS[0]}={float(change.since_ms)!r}{until},value=1.0 {change.since_ms}"
        point += f"\n{EVENT}{tag_text([*place.items(), ('kind', 'stuck')])} {since}"
    if change.change is Change.RAISED:
        return f"{point}\n{EVENT}{tag_text([*own.items(), ('kind', 'alarm')])} value=1.0 {change.since_ms}"
    if known is None or change.change is not Change.CHANGED:
        return point
    tags = [*own.items(), ("by", known.by), ("kind", "acknowledged")]
    return f"{point}\n{EVENT}{tag_text(tags)} at_ms={float(known.at_ms)!r},value=1.0 {known.at_ms}"


def alert_document(state: AlarmState, rules: Rules, language: str, *, overdue: bool = False) -> dict[str, object]:
    """An alarm as Alertmanager takes it (``POST /api/v2/alerts``), without its end; or that nobody acknowledged it in time."""
    rule = rules.by_name.get(state.key.alarm)
    labels = {"alertname": state.key.alarm, "severity": state.severity.value, **state.tags._asdict()}
    labels |= {name: "true" for name, applies in (("simulated", state.simulated), ("overdue", overdue)) if applies}
    words = {"summary": rule.text[language], "advice": rule.advice[language]} if rule is not None else {}
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {**words, "value": f"{state.value:g}", **({"field": state.field} if state.field else {})},
        "startsAt": rfc3339(state.since_ms),
    }


def rfc3339(time_ms: int) -> str:
    """A time as Alertmanager reads it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")


class PointTimes:
    """The newest point of each alarm: the next is at the time of the change, by its reading, but never before that one.

    A reading may be minutes old when it ends an alarm, and the alarm may have been written as active since. The point of its
    end must be newer than that, or the newest point would show it as active for ever.
    """

    def __init__(self) -> None:
        self._newest_ms: dict[AlarmKey, int] = {}

    def of_change(self, key: AlarmKey, at_ms: int, now_ms: int) -> int:
        """The time of the point of a change."""
        self._newest_ms[key] = time_ms = max(min(at_ms, now_ms), self._newest_ms.get(key, 0) + 1)
        return time_ms

    def repeat(self, keys: Iterable[AlarmKey], now_ms: int) -> None:
        """Note that these alarms are written as active now, or may have been just before by an earlier run."""
        recent = {key: time_ms for key, time_ms in self._newest_ms.items() if now_ms - time_ms < _REMEMBERED_MS}
        self._newest_ms = recent | {key: max(now_ms, recent.get(key, 0)) for key in keys}


log = logging.getLogger("gateway.alarms")

_LEVELS: Final = {
    Change.RAISED: logging.WARNING,
    Change.CLEARED: logging.INFO,
    Change.CHANGED: logging.INFO,
    Change.OVERDUE: logging.WARNING,
}

_NAMED: Final = 3
_AFTER_A_KILL: Final = "after a kill or a power cut a pending condition may begin again up to one minute later"
_SAID_MAX: Final = 100
"""Changes a minute in the log: when a province loses its network there are thousands."""


LOSS_SHOWN_MS: Final = 86_400_000
"""People are told of what was lost for a day after the last of it."""


@dataclass(slots=True)
class GivenUp:
    """Changes that a receiver never hears of, by device or site, and when the last one was given up."""

    of_places: Counter[str] = field(default_factory=Counter)
    last_ms: int = 0

    def most(self) -> list[str]:
        """The places with the most of them."""
        return [f"{place} ({number})" for place, number in self.of_places.most_common(_NAMED)]


@dataclass(slots=True)
class AlarmEvents:
    """One function for each event; and what each receiver will never hear of.

    :ivar untold: key of the configuration → the reason for which the receiver there takes no alarms.
    :ivar disk_trouble: the reason for which alarms cannot be saved; empty when they can.
    """

    untold: dict[str, str] = field(default_factory=dict)
    given_up: dict[str, GivenUp] = field(default_factory=dict)
    disk_trouble: str = ""
    _said: tuple[float, int] = (0.0, 0)

    def changed(self, change: Transition) -> None:
        """An alarm was raised or acknowledged, nobody acknowledged it in its time, or it ended."""
        minute = time.monotonic() // 60
        self._said = (minute, self._said[1] + 1 if self._said[0] == minute else 1)
        if self._said[1] >= _SAID_MAX:
            if self._said[1] == _SAID_MAX:
                log.warning("alarms change in great number; see `gateway alarms history` for those of this minute")
            return
        known = change.acknowledged
        about = {
            Change.RAISED: f"raised ({change.severity}): {change.field or 'value'} {change.value:g}",
            Change.CLEARED: f"ended after {(change.duration_ms or 0) / 60_000:.1f} min",
            Change.OVERDUE: f"was not acknowledged in its time ({change.severity}): reminder {change.overdue}",
            Change.CHANGED: f"acknowledged by {known.by}: {known.note}" if known is not None else "changed",
        }
        counted = f"; it changed {change.changes} times since the last line of it" if change.changes > 1 else ""
        log.log(_LEVELS[change.change], "alarm %s %s%s", change.key.id, about[change.change], counted)

    def loaded(self, active: int, known: int) -> None:
        """The states of the previous run were read."""
        if known:
            log.info("%d active alarms and %d pending conditions go on; %s", active, known - active, _AFTER_A_KILL)

    def not_saved(self, why: str) -> None:
        """The disk does not take alarms."""
        if not self.disk_trouble:
            log.error("alarms cannot be saved: %s; people are told, but a restart may tell them once more", why)
        self.disk_trouble = why

    def saved(self) -> None:
        """The disk took alarms."""
        if self.disk_trouble:
            log.info("alarms can be saved again")
        self.disk_trouble = ""

    def not_taken(self, receiver: str, why: str) -> None:
        """A receiver did not take an alarm, which will be sent again."""
        if receiver not in self.untold:
            log.warning("%s takes no alarms: %s; trying again", receiver, why)
        self.untold[receiver] = why

    def refused(self, receiver: str, why: str, notices: Sequence[Notice], now_ms: int) -> None:
        """A receiver will never take some changes, which are left out."""
        log.error("%s refuses %d changes of alarms, which are left out: %s", receiver, len(notices), why)
        self._give_up(notices, now_ms)

    def taken(self, receiver: str) -> None:
        """A receiver took alarms."""
        if self.untold.pop(receiver, None) is not None:
            log.info("%s takes alarms again", receiver)

    def no_room(self, notices: Sequence[Notice], now_ms: int) -> None:
        """Changes of alarms waited for a receiver for too long, and newer ones need their place."""
        self._give_up(notices, now_ms)
        whose = "; ".join(f"{name}: {', '.join(given_up.most())}" for name, given_up in self.given_up.items())
        text = "%d changes of alarms are given up: nobody took them, and newer ones wait; lately most are of: %s"
        log.error(text, len(notices), whose)

    def _give_up(self, notices: Iterable[Notice], now_ms: int) -> None:
        for notice in notices:
            given_up = self.given_up.get(notice.receiver)
            if given_up is None or now_ms - given_up.last_ms > LOSS_SHOWN_MS:
                given_up = self.given_up[notice.receiver] = GivenUp()
            given_up.last_ms = now_ms
            given_up.of_places[notice.place] += 1

    def planned(self, number: int, work: PlannedWork) -> None:
        """Work is planned."""
        where = work.device or (f"site {work.site}" if work.site else "all sites")
        log.info("planned work %d: nobody is told of alarms of %s: %s, %s", number, where, work.by, work.note)

    def work_over(self, number: int) -> None:
        """Planned work was ended by a person."""
        log.info("planned work %d is over", number)
