"""Alarms on disk: a round of changes is one commit, and what cannot be read is left out."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.json import encode

from gateway.core.alarms.alarm import AlarmKey, AlarmState, AlarmTags, Change, Severity, Transition
from gateway.ingest.storage import alarms
from gateway.ingest.storage.alarms import Changes, Notice, PlannedWork, SavedState
from gateway.ingest.storage.schema import connect

DAY_MS = 86_400_000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = connect(tmp_path / "journal.db")
    yield opened
    opened.close()


def state(place: str, value: float = 1.0) -> AlarmState:
    return AlarmState(AlarmKey("burst", place), Severity.CRITICAL, AlarmTags(device=place), 5, value)


def saved(place: str, *, held_back: bool = False) -> SavedState:
    return SavedState(encode(state(place)), held_back)


def transition(place: str, at_ms: int) -> Transition:
    return Transition(Change.RAISED, AlarmKey("burst", place), Severity.CRITICAL, AlarmTags(device=place), at_ms, 5, 1.0)


def test_states_are_replaced_and_removed_by_their_key(connection: sqlite3.Connection) -> None:
    one, two = AlarmKey("burst", "m1"), AlarmKey("burst", "m2")
    alarms.commit(connection, Changes({one: saved("m1"), two: saved("m2")}))
    alarms.commit(connection, Changes({one: saved("m1", held_back=True), two: None, AlarmKey("x", "m3"): None}))
    assert alarms.states(connection) == [(state("m1"), True)]
    connection.execute("UPDATE alarm_states SET state = '{}'")
    assert alarms.states(connection) == []


def test_history_is_read_from_its_end_by_place_and_in_pages(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    alarms.commit(connection, Changes(transitions=[transition(f"m{number % 2}", number) for number in range(6)]))
    assert [change.at_ms for _, change in alarms.history(connection)] == [5, 4, 3, 2, 1, 0]
    assert [change.at_ms for _, change in alarms.history(connection, "m1")] == [5, 3, 1]
    assert [number for number, _ in alarms.history(connection, before=3)] == [2, 1]
    assert [number for number, _ in alarms.history(connection, "m0", before=3)] == [1]
    monkeypatch.setattr(alarms, "PAGE", 2)
    assert len(alarms.history(connection)) == 2
    connection.execute("UPDATE alarm_history SET transition = 'x' WHERE id = 6")
    assert [number for number, _ in alarms.history(connection)] == [5]
    monkeypatch.setattr(alarms, "HISTORY_MAX", 3)
    alarms.commit(connection, Changes(sent=[1]))
    assert len(alarms.history(connection, before=3)) == 2, "only new transitions push out old ones"
    alarms.commit(connection, Changes(transitions=[transition("m1", 9)]))
    rows = connection.execute("SELECT id FROM alarm_history ORDER BY id").fetchall()
    assert rows == [(5,), (6,), (7,)], "the newest of both places"


def test_the_place_with_the_longest_history_makes_room_and_no_other(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "HISTORY_MAX", 10)
    alarms.commit(connection, Changes(transitions=[transition(f"m{number}", number) for number in range(4)]))
    alarms.commit(connection, Changes(transitions=[transition("greedy", number) for number in range(50)]))
    rows = [(change.key.place, change.at_ms) for _, change in reversed(alarms.history(connection))]
    assert rows == [*((f"m{number}", number) for number in range(4)), *(("greedy", number) for number in range(44, 50))]
    alarms.commit(connection, Changes(transitions=[transition(f"m{number}", 60) for number in range(4)]))
    assert sorted(change.key.place for _, change in alarms.history(connection)) == [
        *["greedy"] * 2,
        *[f"m{number // 2}" for number in range(8)],
    ]


def test_notices_wait_in_their_order_until_they_are_sent(connection: sqlite3.Connection) -> None:
    alarms.commit(connection, Changes(notices={2: Notice(2, "webhook", "b"), 1: Notice(1, "points", "a")}))
    alarms.commit(connection, Changes(notices={2: Notice(2, "webhook", "c", "id")}, sent=[1, 9]))
    assert alarms.notices(connection) == [Notice(2, "webhook", "c")]


def test_a_round_without_changes_is_empty() -> None:
    key = AlarmKey("burst", "m1")
    assert not Changes()
    assert all(
        [
            Changes({key: None}),
            Changes(transitions=[transition("m1", 1)]),
            Changes(notices={1: Notice(1, "", "")}),
            Changes(sent=[1]),
        ]
    )


def test_planned_work_ends_at_its_time_or_when_it_is_ended(connection: sqlite3.Connection) -> None:
    work = PlannedWork(10, 20, "An", "pump", site="s")
    number = alarms.plan(connection, work)
    assert number == 1
    assert alarms.planned_work(connection, 19) == {number: work}
    assert alarms.planned_work(connection, 20) == {}
    assert alarms.end_work(connection, number, 15)
    assert alarms.planned_work(connection, 14) == {number: work}
    assert not alarms.end_work(connection, number, 15), "it is over"
    assert not alarms.end_work(connection, number + 1, 5)
    connection.execute("UPDATE planned_work SET work = '[]'")
    assert alarms.planned_work(connection, 1) == {}


def test_planned_work_is_kept_for_a_year(connection: sqlite3.Connection) -> None:
    alarms.plan(connection, PlannedWork(0, 10, "An", ""))
    for since_ms, kept in ((365 * DAY_MS + 10, 2), (365 * DAY_MS + 11, 2)):
        alarms.plan(connection, PlannedWork(since_ms, since_ms + 1, "An", ""))
        assert connection.execute("SELECT count(*) FROM planned_work").fetchone() == (kept,)
