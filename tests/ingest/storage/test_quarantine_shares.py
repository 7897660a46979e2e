"""Fair shares of a full quarantine: invented names do not push out the one new meter people wait for."""

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core.devices.places import topic_prefix
from gateway.core.message import QuarantinedMessage, WaitCause
from gateway.ingest.storage import quarantine, schema
from gateway.ingest.storage.quarantine import MadeRoom, make_room
from gateway.ingest.storage.schema import connect

KIB = 1024


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A new file."""
    opened = connect(tmp_path / "journal.db")
    opened.execute("PRAGMA synchronous=OFF")  # no power is cut here
    yield opened
    opened.close()


def waiting(name: str, site: str = "s1", payload_bytes: int = 40, **other: Any) -> QuarantinedMessage:  # noqa: ANN401 - of any field
    """A message of an unknown device on its native topic."""
    topic = f"iot/v1/{site}/water/{name}/readings"
    made = QuarantinedMessage(
        WaitCause.UNKNOWN_DEVICE, name, None, topic, bytes(payload_bytes), retain=False, arrival_ms=1, device=name
    )
    return replace(made, **other)


def invented(number: int, start: int = 0, site: str = "flooded") -> list[QuarantinedMessage]:
    return [waiting(f"invented-{n}", site) for n in range(start, start + number)]


def store(connection: sqlite3.Connection, messages: list[QuarantinedMessage], max_bytes: int) -> None:
    """Store them as they come from the broker: many in a commit."""
    for start in range(0, len(messages), 1000):
        connection.execute("BEGIN")
        quarantine.add(connection, messages[start : start + 1000], max_bytes)
        connection.execute("COMMIT")
        assert quarantine.stock(connection).bytes <= max_bytes


def waits(connection: sqlite3.Connection, key: str) -> int:
    return len(quarantine.select_key(connection, key))


def shares(connection: sqlite3.Connection) -> tuple[list[object], list[object]]:
    """Return the triggers' counts, and the true ones."""
    counted = connection.execute("SELECT prefix, key, bytes, newest FROM quarantine_shares ORDER BY 1, 2").fetchall()
    by_prefix = connection.execute("SELECT prefix, bytes, newest FROM quarantine_prefixes ORDER BY 1").fetchall()
    prefix = schema.PREFIX.format(row="quarantine")
    true = connection.execute(
        f"SELECT {prefix}, key, sum(bytes), max(id) FROM quarantine GROUP BY 1, 2 ORDER BY 1, 2"  # noqa: S608 - of this test
    ).fetchall()
    true_prefix = connection.execute(
        f"SELECT {prefix}, sum(bytes), max(id) FROM quarantine GROUP BY 1 ORDER BY 1"  # noqa: S608 - of this test
    ).fetchall()
    return [counted, by_prefix], [true, true_prefix]


def test_fifty_thousand_invented_ids_do_not_push_out_the_one_new_meter(connection: sqlite3.Connection) -> None:
    """The attack. The oldest of all made room, which was the meter; to find who does must not count all that wait."""
    store(connection, [waiting("meter")], 2**20)
    began_s = time.monotonic()
    store(connection, invented(50_000), 2**20)
    assert waits(connection, "meter") == 1
    assert waits(connection, "invented-49999") == 1
    assert waits(connection, "invented-0") == 0
    assert time.monotonic() - began_s < 60
    counted, true = shares(connection)
    assert counted == true


def test_a_meter_under_the_flooded_prefix_stays_as_long_as_it_goes_on_sending(connection: sqlite3.Connection) -> None:
    """All small keys are alike; the one that was not heard for longest goes, and invented names are heard once."""
    for sent in range(8):
        store(connection, [waiting("meter", "flooded", payload_bytes=90), *invented(300, 300 * sent)], 100 * KIB)
    assert waits(connection, "meter") == 8


def test_invented_sites_do_not_push_out_a_meter_that_goes_on_sending(connection: sqlite3.Connection) -> None:
    for sent in range(8):
        flood = [waiting(f"invented-{n}", f"site-{n}") for n in range(300 * sent, 300 * sent + 300)]
        store(connection, [waiting("meter"), *flood], 100 * KIB)
    assert waits(connection, "meter") == 8


def test_of_a_prefix_the_largest_device_gives_its_oldest_messages(connection: sqlite3.Connection) -> None:
    talker = [waiting("talker", payload_bytes=1000, arrival_ms=n, domain=f"{n}") for n in range(30)]
    store(connection, [*[waiting(f"m{n}") for n in range(20)], *talker], 24 * KIB)
    assert all(waits(connection, f"m{n}") for n in range(20))
    left = [message.domain for _, (_, message) in quarantine.select_key(connection, "talker") if message]
    assert 10 < len(left) < 25
    assert left == [f"{n}" for n in range(30 - len(left), 30)]


def test_what_made_room_is_told_by_domain_and_origin(connection: sqlite3.Connection) -> None:
    made_room = quarantine.add(connection, [waiting("meter"), *invented(500)], 80 * KIB)
    left = quarantine.stock(connection).messages
    assert made_room.origins == {"iot/v1/flooded/water/": 501 - left}
    assert made_room.domains == {"unknown": 501 - left}


def test_of_nothing_no_room_is_made(connection: sqlite3.Connection) -> None:
    assert make_room(connection, 1000) == MadeRoom()


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM quarantine_shares", "DELETE FROM quarantine_prefixes", "UPDATE quarantine SET topic = 'x'"],
)
def test_whatever_a_damaged_file_counts_the_limit_holds(connection: sqlite3.Connection, damage: str) -> None:
    quarantine.add(connection, invented(500), 2**20)
    connection.execute(damage)
    quarantine.add(connection, [waiting("meter")], 20 * KIB)
    assert quarantine.stock(connection).bytes <= 20 * KIB


@pytest.mark.parametrize(
    ("on", "device"),
    [
        ("iot/v1/s1/water/d1/readings", "d1"),
        ("application/17/device/24e124126a148401/event/up", "24E124126A148401"),
        ("v3/app@ttn/devices/eui-24e124126a148401/up", "24e124126a148401"),
        ("zigbee2mqtt/Ổ cắm bàn", "o-cam-ban-6b1a"),
        ("d1/up", "d1"),
        ("d1", "d1"),
        ("/d1", "d1"),
        ("a/d1", ""),
        ("a//b/d1", "d1"),
        ("x" * 60_000, "d1"),
        ("a/" * 30_000, "d1"),
        ("a/" * 99 + "d1", "d1"),
        ("a/" * 101 + "d1", "d1"),
    ],
    ids=lambda text: text[:30],
)
def test_the_file_groups_by_the_prefix_that_the_core_tells(connection: sqlite3.Connection, on: str, device: str) -> None:
    quarantine.add(connection, [waiting("key", topic=on, device=device)], 2**20)
    assert connection.execute("SELECT prefix FROM quarantine_prefixes").fetchall() == [(topic_prefix(on, device),)]


def test_a_file_of_the_fourth_version_keeps_its_messages_and_learns_their_shares(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    old = connect(path)
    for kind, name in [("TRIGGER", "shared"), ("TRIGGER", "unshared"), ("INDEX", "oldest_of_key")]:
        old.execute(f"DROP {kind} {name}")
    for table in ("quarantine_shares", "quarantine_prefixes"):
        old.execute(f"DROP TABLE {table}")
    quarantine.add(old, [waiting("meter"), waiting("meter"), *invented(500)], 2**30)
    old.execute("PRAGMA user_version=4")
    old.close()
    connection = connect(path)
    try:
        assert quarantine.stock(connection).messages == 502
        counted, true = shares(connection)
        assert counted == true
        quarantine.add(connection, invented(1), 80 * KIB)
        assert waits(connection, "meter") == 2
        assert connection.execute("PRAGMA user_version").fetchone() == (8,)
    finally:
        connection.close()
