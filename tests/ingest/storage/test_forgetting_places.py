"""Forgetting goes through every place: what names the device is found whole and removed, and nothing of others is."""

import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gateway.core.alarms.alarm import AlarmKey
from gateway.core.batching.batch import decode, encode
from gateway.core.message import Reading, Refusal
from gateway.ingest.storage import alarms, journal, quarantine, reject_account, rejects
from gateway.ingest.storage.alarms import Changes, Notice, PlannedWork, SavedState
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.device_memory import device_rows
from gateway.ingest.storage.forgetting import DeviceNames, devices_in, forget, found, photographed, photos_of
from gateway.ingest.storage.reject_account import CountedDay
from schemas.rejects import RejectReason
from tests.ingest.storage.quarantined import waiting

MINE = DeviceNames(["m1", "meter 1"])


def _line(device: str) -> str:
    return f"water,device={device},site=s flow_m3_h=1 1"


def _refusal(device: str, topic: str) -> Refusal:
    return Refusal(RejectReason.BAD_JSON, "", topic, b"x", "decode", 1, device, "water")


def _fill(connection: sqlite3.Connection) -> None:
    readings = [Reading(_line(device), "water") for device in ("m1", "m2", "m1", "m1,lane=2")]
    journal.append(connection, [encode(readings), encode(readings[:1]), encode(readings[1:2])], 5, 7, refused=True)
    rejects.add(connection, [_refusal("m1", "t"), _refusal("", "a/m1/b"), _refusal("m11", "a/m11")], 2**20)
    reject_account.add(connection, Counter({CountedDay(3, "r", "m1"): 1, CountedDay(3, "r", "m2"): 1}), 0)
    quarantine.add(connection, [waiting("m1", device="m1"), waiting("m1"), waiting("m2", device="m2")], 2**20)
    lines = [f"{name}\t{json.dumps({'source': source})}" for name, source in (("m1", ""), ("k1", "meter 1"), ("m2", "m2"))]
    connection.execute("INSERT INTO device_state VALUES (1, ?)", (zlib.compress("\n".join(lines).encode()),))
    connection.execute("INSERT INTO device_state VALUES (2, ?)", (zlib.compress(b"m2\t{}\nm3\tno document"),))
    connection.execute("INSERT INTO device_state VALUES (3, ?)", (b"damaged",))
    states: dict[AlarmKey, SavedState | None] = {
        AlarmKey("burst", place): SavedState(b"{}", held_back=False) for place in ("m1", "m2")
    }
    told = [_line("m1"), '{"device":"m1"}', '{"device":"m2"}', '["m1"]']
    alarms.commit(connection, Changes(states, notices={number: Notice(number, "r", body) for number, body in enumerate(told)}))
    connection.execute("INSERT INTO alarm_history (place, transition) VALUES ('m1', '{}'), ('m2', '{}')")
    for device in ("m1", "m2", ""):
        alarms.plan(connection, PlannedWork(1, 2, "An", "", device=device))


def _with_file(tmp_path: Path, story: Callable[[Database], None]) -> None:
    file = Database(tmp_path / "journal.db")
    file.open()
    with closing(file):
        file.run_here(_fill)
        story(file)


def test_all_that_names_the_device_is_found_whole(tmp_path: Path) -> None:
    def story(file: Database) -> None:
        places = file.run_here(found, MINE)
        assert {title: len(rows) for title, rows in places.items()} == {
            "readings in the journal": 4,
            "rejects": 2,
            "counts of rejects": 1,
            "messages in quarantine": 2,
            "states of alarms": 1,
            "history of alarms": 1,
            "messages about alarms": 2,
            "planned work": 1,
            "state and sums": 2,
            "kept values": 0,
        }
        assert places["readings in the journal"][0] == {"line": _line("m1")}
        assert places["states of alarms"] == [{"alarm": "burst", "place": "m1", "state": "{}", "held_back": 0}]
        assert [row["name"] for row in places["state and sums"]] == ["m1", "k1"]
        assert places["rejects"][1]["topic"] == "a/m1/b"

    _with_file(tmp_path, story)


def test_what_is_removed_is_counted_and_the_rest_stays_as_it_was(tmp_path: Path) -> None:
    def story(file: Database) -> None:
        before = {title: len(rows) for title, rows in file.run_here(found, MINE).items()}
        assert file.run_here(devices_in) == {"m1", "m2", "m11", "k1", "m3"}
        assert file.run_here(forget, MINE) == before
        assert not any(file.run_here(found, MINE).values())
        assert file.run_here(devices_in) == {"m2", "m11", "m3"}
        left = file.run_here(journal.everything)
        assert [(entry.row, [reading.lines for reading in decode(entry.body)]) for entry in left] == [
            (5, [_line("m2")]),
            (7, [_line("m2")]),
        ]
        query = "SELECT created_ms, refused FROM journal"
        assert file.run_here(lambda connection: connection.execute(query).fetchall()) == [(7, 1), (7, 1)]
        states = {row: [name for name, _ in lines] for row, lines in file.run_here(device_rows)}
        assert states == {3: [], 2: ["m2", "m3"], 1: ["m2"]}
        assert len(file.run_here(alarms.notices)) == 2
        assert len(file.run_here(alarms.planned_work, 0)) == 2

    _with_file(tmp_path, story)


def test_what_is_removed_is_overwritten(tmp_path: Path) -> None:
    seen: list[int] = []

    def story(file: Database) -> None:
        def traced(connection: sqlite3.Connection) -> None:
            connection.set_trace_callback(
                lambda statement: seen.append(_secure(connection)) if "DELETE FROM rejects" in statement else None
            )
            forget(connection, MINE)
            connection.set_trace_callback(None)
            seen.append(_secure(connection))

        file.run_here(traced)

    _with_file(tmp_path, story)
    assert (seen[0], seen[-1]) == (1, 0)


def _secure(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA secure_delete").fetchone()[0])


def test_photos_are_found_by_every_name_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    assert (photographed(path), photos_of(path, MINE, remove=True), path.exists()) == ([], 0, False)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE photos (device, at_ms, body)")
        connection.executemany("INSERT INTO photos VALUES (?, 1, x'00')", [("m1",), ("m2",)])
    assert (photos_of(path, MINE, remove=False), photographed(path)) == (1, ["m1", "m2"])
    assert (photos_of(path, MINE, remove=True), photographed(path)) == (1, ["m2"])
