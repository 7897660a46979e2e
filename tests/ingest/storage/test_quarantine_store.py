"""Messages in quarantine on disk: by key, in order of arrival, bounded, checked."""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core.message import QuarantinedMessage, WaitCause
from gateway.ingest.storage import quarantine
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.quarantine import MadeRoom, WaitingKey
from gateway.ingest.storage.schema import connect

ROOM = 2**30
OVERHEAD_BYTES = 150


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A new file."""
    opened = connect(tmp_path / "journal.db")
    yield opened
    opened.close()


def waiting(key: str = "m1", arrival_ms: int = 1000, **other: Any) -> QuarantinedMessage:  # noqa: ANN401 - of any field
    """A message of an unknown device."""
    made = QuarantinedMessage(
        WaitCause.UNKNOWN_DEVICE, key, None, f"t/{key}", b"{}", retain=False, arrival_ms=arrival_ms, domain="water"
    )
    return replace(made, **other)


def payloads(connection: sqlite3.Connection, key: str = "m1") -> list[bytes | None]:
    """Return the payloads that wait for a key."""
    rows = quarantine.select_key(connection, key)
    return [message.payload if message else None for _, (_, message) in rows]


def test_a_message_comes_back_as_it_was(connection: sqlite3.Connection) -> None:
    messages = [
        waiting(payload=b"\x00\xff", topic="mùa/lũ", retain=True, device="m1", arrival_ms=7),
        waiting(cause=WaitCause.NO_BIRTH, expires_ms=99, arrival_ms=8, properties=(("device", "m1"), ("a", ""))),
        waiting(duplicate=True, arrival_ms=9),
        waiting(retain=True, duplicate=True, arrival_ms=10),
    ]
    quarantine.add(connection, messages, ROOM)
    assert [message for _, (_, message) in quarantine.select_key(connection, "m1")] == messages


def test_messages_of_a_key_come_in_order_of_arrival_and_in_parts(connection: sqlite3.Connection) -> None:
    """Also those that were stored late; two of one instant in the order in which they were stored."""
    arrivals = [5, 3, 9, 3, 1]
    quarantine.add(connection, [waiting(arrival_ms=at, payload=b"%d" % n) for n, at in enumerate(arrivals)], ROOM)
    quarantine.add(connection, [waiting("m2", arrival_ms=2)], ROOM)
    assert payloads(connection) == [b"4", b"1", b"3", b"0", b"2"]
    first = quarantine.select_key(connection, "m1", most=2)
    rest = quarantine.select_key(connection, "m1", after=first[-1][0])
    assert [message.payload for _, (_, message) in rest if message] == [b"3", b"0", b"2"]


def test_large_messages_come_a_few_at_a_time(connection: sqlite3.Connection) -> None:
    quarantine.add(connection, [waiting(payload=bytes(400_000)) for _ in range(9)], ROOM)
    assert len(payloads(connection)) == 3


def test_the_oldest_make_room_and_are_counted_by_domain(connection: sqlite3.Connection) -> None:
    size_bytes = len("{}") + len("t/m1") + OVERHEAD_BYTES
    before = [waiting(domain="power"), *[waiting()] * 3]
    assert quarantine.add(connection, before, 4 * size_bytes) == MadeRoom()
    made_room = quarantine.add(connection, [waiting(payload=b"[]")] * 2, 4 * size_bytes)
    assert (made_room.domains, made_room.origins) == ({"power": 1, "water": 1}, {"t/": 2})
    assert payloads(connection) == [b"{}", b"{}", b"[]", b"[]"]
    assert quarantine.stock(connection).bytes == 4 * size_bytes
    assert quarantine.add(connection, [waiting(payload=bytes(9999))], 4 * size_bytes).domains.total() == 5


def test_what_waits_is_known_by_cause_and_by_key(connection: sqlite3.Connection) -> None:
    node = waiting("g/n", cause=WaitCause.NO_BIRTH, expires_ms=50, arrival_ms=30)
    quarantine.add(connection, [waiting("m1"), waiting("m2", 20), waiting("m2", 10), node], ROOM)
    by_cause = {WaitCause.UNKNOWN_DEVICE: 3, WaitCause.NO_BIRTH: 1}
    assert (quarantine.stock(connection).messages, quarantine.stock(connection).by_cause) == (4, by_cause)
    assert quarantine.keys(connection) == [
        WaitingKey("m2", WaitCause.UNKNOWN_DEVICE, 2, 10),
        WaitingKey("g/n", WaitCause.NO_BIRTH, 1, 30),
        WaitingKey("m1", WaitCause.UNKNOWN_DEVICE, 1, 1000),
    ]
    assert quarantine.keys(connection, most=1)[0].key == "m2"
    assert quarantine.having(connection, ["m3", "g/n", "m1"]) == ["g/n", "m1"]
    assert sorted(quarantine.keys_of(connection, WaitCause.UNKNOWN_DEVICE)) == ["m1", "m2"]


def test_the_newest_message_of_a_key_is_found_and_how_many_wait(connection: sqlite3.Connection) -> None:
    came = [(5, b"first"), (9, b"newest"), (9, b"stored-last"), (2, b"oldest")]
    quarantine.add(connection, [waiting(arrival_ms=at, payload=payload) for at, payload in came], ROOM)
    count, message = quarantine.newest(connection, "m1", WaitCause.UNKNOWN_DEVICE)
    assert message is not None
    assert (count, message.payload) == (4, b"stored-last")
    assert quarantine.newest(connection, "m1", WaitCause.CODEC) == (0, None)
    assert quarantine.newest(connection, "nobody", WaitCause.UNKNOWN_DEVICE) == (0, None)
    connection.execute("UPDATE quarantine SET payload = x'00'")
    assert quarantine.newest(connection, "m1", WaitCause.UNKNOWN_DEVICE) == (4, None)


def test_the_checksum_of_a_message_is_what_it_was_in_earlier_versions(connection: sqlite3.Connection) -> None:
    """Or a new version would take all that waits for damaged."""
    quarantine.add(connection, [waiting(payload=b"x", properties=(("device", "m1"),), expires_ms=5, retain=True)], ROOM)
    assert connection.execute("SELECT crc FROM quarantine").fetchone() == (4_326_168,)


def test_what_a_message_takes_is_all_of_it(connection: sqlite3.Connection) -> None:
    quarantine.add(connection, [waiting(payload=b"x" * 40, properties=(("device", "m1"),))], ROOM)
    assert quarantine.stock(connection).bytes == 40 + len("t/m1") + len('[["device", "m1"]]') + OVERHEAD_BYTES


def test_a_key_without_messages_is_forgotten(connection: sqlite3.Connection) -> None:
    quarantine.add(connection, [waiting()] * 2, ROOM)
    numbers = [number for _, (number, _) in quarantine.select_key(connection, "m1")]
    assert quarantine.remove(connection, [*numbers, 999]) == 2
    assert quarantine.keys(connection) == []
    assert quarantine.stock(connection) == quarantine.QuarantineUse(0, 0, {})


def test_messages_that_waited_in_vain_are_found_by_their_time(connection: sqlite3.Connection) -> None:
    quarantine.add(connection, [waiting(expires_ms=at, payload=b"%d" % (at or 0)) for at in (30, None, 10, 20)], ROOM)
    assert quarantine.next_expiry_ms(connection) == 10
    assert [message.payload for _, message in quarantine.expired(connection, 20) if message] == [b"10", b"20"]
    quarantine.remove(connection, [1, 3, 4])
    assert quarantine.next_expiry_ms(connection) is None


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param("payload = x'00'", id="payload"),
        pytest.param("topic = 'x'", id="topic"),
        pytest.param("cause = 'x'", id="cause"),
        pytest.param("key = 'x'", id="key"),
        pytest.param("arrival_ms = 1", id="arrival"),
        pytest.param("retain = 1", id="retained"),
        pytest.param("properties = 'x'", id="properties"),
        pytest.param("domain = cast(x'ff' AS TEXT)", id="no-text"),
    ],
)
def test_a_damaged_message_is_known_and_not_taken(connection: sqlite3.Connection, damage: str) -> None:
    quarantine.add(connection, [waiting(expires_ms=1)], ROOM)
    connection.execute(f"UPDATE quarantine SET {damage}")  # noqa: S608 - of this test
    assert quarantine.expired(connection, 99) == [(1, None)]


def test_what_a_damaged_file_still_holds_is_found(tmp_path: Path) -> None:
    """A page in the middle is gone: the messages before and behind it are read, and none that was never stored."""
    messages = [waiting(arrival_ms=number, payload=b"%d" % number * 50) for number in range(500)]
    database = Database(tmp_path / "journal.db")
    database.open()
    database.run_here(quarantine.add, messages, ROOM)
    asyncio.run(database.give_pages_back())
    database.close()
    with database.path.open("r+b") as file:
        file.seek(database.path.stat().st_size // 2)
        file.write(b"\xaa" * 1024)
    found = [message for _, message in quarantine.salvage(database.path)]
    assert all(message in messages for message in found if message is not None)
    assert 450 < len(found) <= 500


def test_a_file_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    """It had the journal, rejects and what was kept; it gets the rest and loses nothing."""
    path = tmp_path / "journal.db"
    old = connect(path)
    for table in ("quarantine", "quarantine_keys", "quarantine_stock", "device_state"):
        old.execute(f"DROP TABLE {table}")
    old.execute("INSERT INTO kept VALUES ('name', 'value')")
    old.execute("PRAGMA user_version=1")
    old.close()
    database = Database(path)
    database.open()
    assert database.run_here(quarantine.add, [waiting()], ROOM) == MadeRoom()
    assert database.run_here(quarantine.stock).messages == 1
    assert database.run_here(lambda connection: connection.execute("SELECT * FROM kept").fetchall()) == [("name", "value")]
    database.close()


def test_the_quarantine_takes_no_room_from_the_journal(tmp_path: Path) -> None:
    database = Database(tmp_path / "journal.db")
    database.open()
    database.run_here(quarantine.add, [waiting(payload=bytes(3000)) for _ in range(1000)], ROOM)
    asyncio.run(database.give_pages_back())  # from the WAL into the file
    used_bytes = database.used_bytes()
    database.close()
    assert database.path.stat().st_size > 3_000_000
    assert used_bytes < 500_000


def test_what_waits_for_a_key_is_removed_and_nothing_that_came_since(connection: sqlite3.Connection) -> None:
    quarantine.add(connection, [waiting(), waiting(domain="power"), waiting("m2")], ROOM)
    until = quarantine.newest_number(connection)
    quarantine.add(connection, [waiting(payload=b"came since")], ROOM)
    first = quarantine.purge(connection, "m1", WaitCause.UNKNOWN_DEVICE, until, most=1)
    rest = quarantine.purge(connection, "m1", WaitCause.UNKNOWN_DEVICE, until)
    assert (first, rest) == ({"water": 1}, {"power": 1})
    assert quarantine.purge(connection, "m2", WaitCause.NO_BIRTH, until) == {}, "of this key others wait"
    assert (payloads(connection), payloads(connection, "m2")) == ([b"came since"], [b"{}"])
