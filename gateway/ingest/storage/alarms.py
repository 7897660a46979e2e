"""Alarms on disk: states, history, planned work, and the messages that wait for those who are told.

A round of changes is one commit: the states that changed, a row of history for each transition, and its messages. So an alarm
is told once, whatever happens between.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import decode, encode

from gateway.core.alarms.alarm import AlarmKey, AlarmState, Transition
from gateway.core.batching.fair_shares import to_give_up

HISTORY_MAX: Final = 20_000
"""Most transitions kept: two years of a place with ten alarms a day. Those of the place with the most make room."""
PAGE: Final = 200
"""Transitions read together."""
_PLANNED_KEPT_MS: Final = 365 * 86_400_000
"""Planned work that is over stays so long, for those who ask why nobody was told."""

_S = TypeVar("_S", bound=Struct)


class PlannedWork(Struct, frozen=True):
    """Planned work: nobody is told of alarms of these places meanwhile.

    :ivar site: all devices of this site; empty: of ``device`` alone, or where that is empty too, all.
    :ivar by: the name of the person who is responsible.
    """

    since_ms: int
    until_ms: int
    by: str
    note: str
    site: str = ""
    device: str = ""


class Notice(NamedTuple):
    """A message that waits for one of those who are told.

    :ivar number: its place in the order, also on disk; a notice that is replaced keeps it.
    :ivar alarm: the id of the alarm, which on disk stands only in the body.
    """

    number: int
    receiver: str
    body: str
    alarm: str = ""

    @property
    def place(self) -> str:
        """The device or site that it is about."""
        return self.alarm.partition("@")[2]


class SharedState(NamedTuple):
    """A state for the other machine of a pair; ``held_back``: by planned work, or a webhook that did not answer."""

    state: AlarmState
    held_back: bool


class SavedState(NamedTuple):
    """A state as JSON, made where the engine cannot change it meanwhile; ``held_back``: by planned work, from the webhook."""

    text: bytes
    held_back: bool


@dataclass(slots=True)
class Changes:
    """A round of changes.

    :ivar states: those to store; an alarm whose state is None has ended.
    :ivar notices: those that wait, by their number; one that is there already is replaced in its place.
    :ivar sent: the numbers of notices that wait no more.
    """

    states: dict[AlarmKey, SavedState | None] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    notices: dict[int, Notice] = field(default_factory=dict)
    sent: list[int] = field(default_factory=list)

    def keep(self, notices: Iterable[Notice], sent: Iterable[int] = ()) -> None:
        """Add notices to store, and those to remove."""
        self.notices.update({notice.number: notice for notice in notices})
        for number in sent:
            self.notices.pop(number, None)
            self.sent.append(number)

    def __bool__(self) -> bool:
        return bool(self.states or self.transitions or self.notices or self.sent)


def commit(connection: sqlite3.Connection, changes: Changes) -> None:
    """Store a round of changes."""
    ended = [key for key, saved in changes.states.items() if saved is None]
    connection.executemany("DELETE FROM alarm_states WHERE alarm = ? AND place = ?", ended)
    standing = [(*key, saved.text.decode(), saved.held_back) for key, saved in changes.states.items() if saved is not None]
    connection.executemany("INSERT OR REPLACE INTO alarm_states VALUES (?, ?, ?, ?)", standing)
    connection.executemany(
        "INSERT INTO alarm_history (place, transition) VALUES (?, ?)",
        [(change.key.place, encode(change).decode()) for change in changes.transitions],
    )
    if changes.transitions:
        _make_room(connection)
    waiting = [notice[:3] for notice in changes.notices.values()]
    connection.executemany("INSERT OR REPLACE INTO alarm_notices VALUES (?, ?, ?)", waiting)
    connection.executemany("DELETE FROM alarm_notices WHERE id = ?", [(number,) for number in changes.sent])


def _make_room(connection: sqlite3.Connection) -> None:
    """Remove what is over of the history: the oldest of the places with the most, so nobody loses to another his share."""
    rows: dict[str, int] = dict(connection.execute("SELECT place, count(*) FROM alarm_history GROUP BY place"))
    for place, over in to_give_up(rows, HISTORY_MAX).items():
        oldest = "SELECT id FROM alarm_history WHERE place = ? ORDER BY id LIMIT ?"
        connection.execute(f"DELETE FROM alarm_history WHERE id IN ({oldest})", (place, over))  # noqa: S608 - a constant


def states(connection: sqlite3.Connection) -> list[tuple[AlarmState, bool]]:
    """All stored states, and if planned work has held them back; one that cannot be read is left out, and begins again."""
    rows = connection.execute("SELECT state, held_back FROM alarm_states")
    return [(state, bool(held_back)) for text, held_back in rows for state in _decoded(text, AlarmState)]


def history(
    connection: sqlite3.Connection, place: str | None = None, before: int | None = None, among: Sequence[str] | None = None
) -> list[tuple[int, Transition]]:
    """Return a page of transitions with their numbers, the newest first; with ``before`` only those of smaller numbers.

    :param among: the only places, for one who may know of no other: theirs are counted by themselves.
    """
    all_rows = "SELECT id, place, transition FROM alarm_history"
    theirs = (
        "SELECT row_number() OVER (ORDER BY id) AS id, place, transition FROM alarm_history "
        "WHERE place IN (SELECT value FROM json_each(?))"
    )
    rows = connection.execute(
        f"SELECT id, transition FROM ({all_rows if among is None else theirs}) "  # noqa: S608 - our own words
        "WHERE (? IS NULL OR place = ?) AND (? IS NULL OR id < ?) ORDER BY id DESC LIMIT ?",
        (*([] if among is None else [encode(among).decode()]), place, place, before, before, PAGE),
    )
    return [(number, change) for number, text in rows for change in _decoded(text, Transition)]


def notices(connection: sqlite3.Connection) -> list[Notice]:
    """All notices that wait, in their order."""
    return [Notice(*row) for row in connection.execute("SELECT id, receiver, body FROM alarm_notices ORDER BY id")]


def planned_work(connection: sqlite3.Connection, now_ms: int) -> dict[int, PlannedWork]:
    """Number → planned work, of that which is not over."""
    rows = connection.execute("SELECT id, work FROM planned_work WHERE until_ms > ?", (now_ms,))
    return {number: work for number, text in rows for work in _decoded(text, PlannedWork)}


def plan(connection: sqlite3.Connection, work: PlannedWork) -> int:
    """Store planned work; return its number."""
    connection.execute("DELETE FROM planned_work WHERE until_ms < ?", (work.since_ms - _PLANNED_KEPT_MS,))
    row = (work.until_ms, encode(work).decode())
    return connection.execute("INSERT INTO planned_work (until_ms, work) VALUES (?, ?)", row).lastrowid or 0


def end_work(connection: sqlite3.Connection, number: int, now_ms: int) -> bool:
    """End planned work now; False: there is none of that number that is not over."""
    ended = connection.execute("UPDATE planned_work SET until_ms = ? WHERE id = ? AND until_ms > ?", (now_ms, number, now_ms))
    return ended.rowcount > 0


def _decoded(text: str, kind: type[_S]) -> Iterable[_S]:
    """The value of a row; none of one that cannot be read."""
    try:
        return [decode(text, type=kind)]
    except (DecodeError, ValidationError):
        return []
