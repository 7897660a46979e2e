"""Rows of the journal: in order, each checked by its CRC, and counted even where it is damaged."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.batching.batch import Body, encode
from gateway.core.message import Reading
from gateway.ingest.storage import journal
from gateway.ingest.storage.schema import connect
from tests.rows import each_row


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = connect(tmp_path / "journal.db")
    yield opened
    opened.close()


def bodies(count: int, readings: int = 10) -> list[Body]:
    return [
        encode([Reading(f"water,device=d{number} ph={row} 1", "water") for number in range(readings)]) for row in range(count)
    ]


def rows(entries: list[journal.Entry]) -> list[int]:
    return [entry.row for entry in entries]


def test_rows_are_taken_up_to_as_many_readings_as_are_wanted_the_refused_first_and_alone(
    connection: sqlite3.Connection,
) -> None:
    assert journal.append(connection, bodies(4), 1, 5, refused=False) == [1, 2, 3, 4]
    for most_readings, expected in ((30, [1, 2, 3]), (29, [1, 2]), (20, [1, 2]), (5, [1]), (99, [1, 2, 3, 4])):
        assert rows(journal.next_rows(connection, frozenset(), most_readings, 100)) == expected
    assert rows(journal.next_rows(connection, frozenset({1, 3}), 99, 1)) == [2]
    journal.append(connection, bodies(2), 5, 5, refused=True)
    assert rows(journal.next_rows(connection, frozenset(), 99, 100)) == [5]
    assert rows(journal.next_rows(connection, frozenset({5}), 99, 100)) == [6]
    assert rows(journal.next_rows(connection, frozenset({5, 6}), 99, 3)) == [1, 2, 3]
    assert rows(journal.everything(connection, 2, 3)) == [3, 4, 5]
    assert rows(journal.everything(connection)) == [1, 2, 3, 4, 5, 6]


def test_a_row_comes_back_as_it_was_put(connection: sqlite3.Connection) -> None:
    [body] = bodies(1)
    journal.append(connection, [body], 7, 5, refused=False)
    assert journal.everything(connection) == [journal.Entry(7, body, intact=True)]
    assert journal.stock(connection) == journal.JournalUse(1, 10, 5)
    journal.remove(connection, [7, 8])
    assert journal.stock(connection) == journal.JournalUse(0, 0, None)


@each_row(
    "damage", ["body = x'00'", "readings = 11", "domains = '{}'", "pairs = '[1]'", "crc = crc + 1"]
)  # fmt: skip
def test_any_changed_column_is_damage(connection: sqlite3.Connection, damage: str) -> None:
    journal.append(connection, bodies(1), 1, 5, refused=False)
    connection.execute(f"UPDATE journal SET {damage}")  # noqa: S608 - of this test
    [entry] = journal.everything(connection)
    assert (entry.intact, entry.body.gzip, list(entry.body.domains)) == (False, b"", ["unknown"])
    assert entry.body.readings == entry.body.domains["unknown"] == (11 if "readings" in damage else 10)
    journal.remove(connection, [1])


def test_the_oldest_make_room_and_are_counted_by_domain_where_that_is_known(connection: sqlite3.Connection) -> None:
    some = bodies(5)
    journal.append(connection, some, 1, 5, refused=False)
    for row, domains in ((2, '{"water": 9}'), (3, "x"), (4, "7")):
        connection.execute("UPDATE journal SET domains = ? WHERE id = ?", (domains, row))
    size_bytes = len(some[0].gzip) + 200
    assert journal.remove_oldest(connection, 0) == {}
    assert journal.remove_oldest(connection, size_bytes) == {1: {"water": 10}}
    assert journal.remove_oldest(connection, size_bytes + 1) == {2: {"unknown": 10}, 3: {"unknown": 10}}
    assert journal.drop(connection) == {4: {"unknown": 10}, 5: {"water": 10}}


def test_of_a_damaged_file_only_what_is_not_here_yet_is_taken(connection: sqlite3.Connection) -> None:
    journal.append(connection, bodies(2), 1, 5, refused=False)
    here = journal.everything(connection)
    [other] = bodies(1, readings=3)
    found = [*here, journal.Entry(1, other, intact=True), journal.Entry(9, here[0].body, intact=True)]
    assert journal.not_standing(connection, found) == found[2:]
