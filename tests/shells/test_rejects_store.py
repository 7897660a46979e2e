"""Rejects on disk: those of one device are found without looking at all others."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.message import Refusal
from gateway.disk import rejects
from gateway.disk.tables import connect
from schemas.rejects import RejectReason

ROOM = 2**30


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A new file."""
    opened = connect(tmp_path / "journal.db")
    yield opened
    opened.close()


def refusal(device: str, detail: str = "") -> Refusal:
    return Refusal(RejectReason.BAD_JSON, detail, f"t/{device}", b"?", "decode", 1000, device, "water")


def plan(connection: sqlite3.Connection, **which: object) -> str:
    """How SQLite finds what :func:`rejects.select` asks for."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    rejects.select(connection, **which)  # type: ignore[arg-type] # as the callers name it
    connection.set_trace_callback(None)
    return "\n".join(row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {asked[0]}"))


def test_the_newest_of_a_device_are_found(connection: sqlite3.Connection) -> None:
    rejects.add(connection, [refusal(device, f"{number}") for number in range(4) for device in ("m1", "m2")], ROOM)
    found = rejects.select(connection, device="m2", most=2)
    assert [(number, one.device, one.detail) for number, one in found] == [(8, "m2", "3"), (6, "m2", "2")]


@pytest.mark.parametrize("which", [{"device": "m1"}, {"device": "m1", "before": 9}, {"device": "m1", "reason": "bad_json"}])
def test_a_device_s_rejects_are_neither_searched_nor_sorted(connection: sqlite3.Connection, which: dict[str, object]) -> None:
    assert "SEARCH rejects USING INDEX of_device (device=?" in plan(connection, **which)
    assert "B-TREE" not in plan(connection, **which)


def test_a_file_of_an_older_version_gets_the_index_and_keeps_its_rejects(tmp_path: Path) -> None:
    old = connect(tmp_path / "journal.db")
    rejects.add(old, [refusal("m1")], ROOM)
    old.execute("DROP INDEX of_device")
    old.execute("PRAGMA user_version=2")
    old.close()
    new = connect(tmp_path / "journal.db")
    assert "of_device" in plan(new, device="m1")
    assert rejects.select(new, device="m1") == [(1, refusal("m1"))]
    new.close()
