"""Devices of earlier runs: whose id has changed, what a command reads of them, and what goes on while a gateway runs."""

import asyncio
import json
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gateway.core.devices.device import Device
from gateway.core.devices.setback import Setback
from gateway.core.devices.streams import Streams
from gateway.core.message import Arrival, StoredMessage
from gateway.core.readings.sums import KEPT
from gateway.ingest.storage import device_snapshots, keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.device_memory import (
    ChangedId,
    StoredMemory,
    changed_ids,
    former_id,
    keep_counters,
    stored_device,
    stored_devices,
)
from gateway.ingest.storage.device_snapshots import note_running
from tests.core.making import HOUR_MS, NOW_MS, registered_device
from tests.ingest.delivery.delivering import until
from tests.ingest.storage.device_run import Run


def test_ids_that_an_earlier_version_made_are_known_before_a_device_speaks() -> None:
    registry = {
        "wm-1": registered_device(id="wm-1", source="meter 1"),
        "wm-2": registered_device(id="wm-2", source="meter/2"),
        "wm-3": registered_device(id="wm-3"),
    }
    streams = Streams(registry)
    assert former_id("meter/2 x:y.z-_") == "meter_2_x:y.z-_"
    lines = {
        "meter_1": "{}",
        "meter_2": "{}",
        "wm-2": "{}",
        "pump_3": json.dumps({"source": "pump 3"}),
        "m9": json.dumps({"source": "m9"}),
        "broken": '"source"',
        "worse": '{"source"',
        "number": '{"source":7}',
        "empty": '{"source":""}',
    }
    changed = changed_ids(lines, streams)
    now = streams.id_of("pump 3")
    assert changed == [ChangedId("meter 1", "meter_1", "wm-1"), ChangedId("pump 3", "pump_3", now)]
    assert str(changed[0]) == "meter_1 → wm-1"


def test_a_device_under_another_id_is_told_when_it_is_first_heard(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = Run(tmp_path / "journal.db", 10)
    with closing(run.database):
        run.memory.lines["meter_1"] = "{}"
        for name, source in (("meter~1", "meter 1"), ("meter_1", "meter_1"), ("other", "other")):
            run.memory.restore(Device(name, None, source), run.field_sets)
        assert [text.partition(" is ")[0] for text in caplog.messages] == ["'meter 1', called meter_1 until now,"]
        assert run.memory.remembers("other") is False


def test_commands_read_the_newest_state_and_the_counters_that_people_changed(tmp_path: Path) -> None:
    run = Run(tmp_path / "journal.db", 10)
    with closing(run.database):
        run.hear("m1", NOW_MS - HOUR_MS, 5.0)
        run.save()
        run.hear("m1", NOW_MS, 7.0)
        run.hear("m2", NOW_MS)
        run.save()
        run.database.run_here(lambda connection: connection.execute("INSERT INTO device_state VALUES (99, x'00')"))
        run.database.run_here(keyvalue.put, KEPT + "m2", "broken")
        found = {device.name: device for device in stored_devices(run.database)}
        assert sorted(found) == ["m1", "m2"]
        assert stored_device(run.database, frozenset({"m3"})) is None
        device = stored_device(run.database, frozenset({"m1", "meter 1"}))
        assert device is not None
        assert device.counters is not None
        keep_counters(run.database, device)
        assert KEPT + "m1" in run.database.run_here(keyvalue.get_prefix, KEPT)
        memory, again = StoredMemory(run.database, NOW_MS), Device("m1", None)
        memory.restore(again, run.field_sets)
        assert again.last_seen_ms == NOW_MS
        twice = Device("m1", None)
        memory.restore(twice, run.field_sets)
        memory.restore(Device("new", None), run.field_sets)
        assert twice.last_seen_ms == 0, "it is restored once"


def test_a_damaged_row_is_told_and_its_devices_start_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.db"
    with closing(Run(path, 10).database) as file:
        file.run_here(lambda connection: connection.execute("INSERT INTO device_state VALUES (7, x'00')"))
    with closing(Run(path, 10).database):
        assert [text.partition(" cannot")[0] for text in caplog.messages] == ["the stored state of devices in row 7"]


def test_the_steps_of_devices_are_read_while_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    run = Run(path, 10)
    with closing(run.database):
        run.hear("m1", NOW_MS)
        run.stop()
        run.database.run_here(keyvalue.put_all, {KEPT + name: "{}" for name in ("a", "b", "c", "m1", "wm")})
    run = Run(path, 3, ["wm"])
    with closing(run.database):
        assert sorted(run.memory.steps) == ["a", "b", "m1", "wm"], "m1 is one of three others"
        assert KEPT + "c" not in run.database.run_here(keyvalue.get_prefix, KEPT)


def test_ids_that_may_have_changed_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal.db"
    run = Run(path, 10)
    with closing(run.database):
        run.hear("a_1", NOW_MS)
        run.hear("b-2", NOW_MS)
        run.stop()
        run.database.run_here(keyvalue.put_all, {"ids by whole names": None})
    for told in (1, 1):
        with closing(Run(path, 10).database):
            assert sum("1 devices may have" in text and text.endswith(": a_1") for text in caplog.messages) == told


def test_a_run_that_was_killed_is_known_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    run = Run(path, 10)
    with closing(run.database):
        assert not run.memory.is_outdated
        run.hear("m1", NOW_MS)
        run.save()
    for stops in (True, False):
        run = Run(path, 10)
        with closing(run.database):
            assert run.memory.is_outdated is stops
            run.stop()
            if not stops:
                assert run.database.run_here(keyvalue.get, "running") is None
                note_running(run.database)
                assert run.database.run_here(keyvalue.get, "running") == "1"


def test_new_registered_devices_are_saved_soon_and_when_the_registry_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_snapshots, "_SUBSCRIBED_WITHIN_S", 0.0)
    monkeypatch.setattr(device_snapshots, "_SAVE_EVERY_S", 0.05)
    run = Run(tmp_path / "journal.db", 10, ["wm-1"])
    run.streams.meet("wm-1")

    async def story() -> None:
        task = asyncio.create_task(run.states.run())
        await until(lambda: run.devices["wm-1"].registered_ms == NOW_MS)
        await until(lambda: run.states._rows.keys() == {"wm-1"})  # noqa: SLF001
        run.hear("m2", NOW_MS)
        await until(lambda: "m2" in run.states._rows)  # noqa: SLF001
        monkeypatch.setattr(device_snapshots, "_SAVE_EVERY_S", 3600.0)
        run.states.registry_changed()
        await until(lambda: not run.states._registry_changed.is_set())  # noqa: SLF001
        run.devices["wm-1"].registered_ms = 0
        run.states.registry_changed()
        await until(lambda: run.devices["wm-1"].registered_ms == NOW_MS)
        heard = run.devices["wm-1"]
        heard.registered_ms, heard.last_seen_ms = 0, NOW_MS
        run.states.registry_changed()
        await until(lambda: not run.states._registry_changed.is_set())  # noqa: SLF001
        assert heard.registered_ms == 0, "it was heard"
        assert not task.done()
        task.cancel()

    with closing(run.database):
        asyncio.run(story())


def test_devices_without_a_place_are_told_and_old_ones_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(device_snapshots, "_LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(device_snapshots, "_AGE_EVERY_S", 0.001)
    run = Run(tmp_path / "journal.db", 2)

    async def story() -> None:
        for number in range(2):
            run.streams.meet(f"d{number}")
            run.hear(f"d{number}", NOW_MS - number - 24 * HOUR_MS)
        await run.states.save()
        run.database.run_here(keyvalue.put_all, {KEPT + "d1": "{}"})
        run.streams.places.turned_away.note("site/", 3)
        task = asyncio.create_task(run.states.watch_places())
        await until(lambda: "d1" not in run.devices)
        await until(lambda: "d1" not in run.states._rows)  # noqa: SLF001
        while await run.database.run(keyvalue.get_prefix, KEPT):  # noqa: ASYNC110 - the file tells nobody
            await asyncio.sleep(0)
        assert not run.streams.places.turned_away.take()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    with closing(run.database):
        asyncio.run(story())
    assert any("site/" in text for text in caplog.messages)


def test_last_messages_are_saved_at_the_stop_up_to_a_mebibyte_setbacks_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_snapshots, "_MESSAGES_MAX_BYTES", 25)
    path = tmp_path / "journal.db"
    run = Run(path, 10)
    with closing(run.database):
        for name in ("a", "b", "c"):
            run.hear(name, NOW_MS).last_message = Arrival(StoredMessage("t", bytes(10)), NOW_MS)
        run.devices["c"].setback = Setback("bad_json", NOW_MS)
        run.hear("d", NOW_MS)
        run.save()
        run.stop()
    run = Run(path, 10)
    with closing(run.database):
        kept = {name: run.meet(name).last_message is not None for name in ("a", "b", "c", "d")}
        assert kept == {"a": True, "b": False, "c": True, "d": False}


def test_an_exchange_is_saved_at_once_and_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path / "journal.db", 10)

    async def fails(*_: object) -> None:
        raise DatabaseFault("full")

    async def story() -> None:
        device = run.hear("m1", NOW_MS)
        await run.states.meter_exchanged(device)
        assert run.rows() == 1
        run.hear("m1", NOW_MS + 1, 2.0)
        monkeypatch.setattr(Database, "run", fails)
        with pytest.raises(DatabaseFault):
            await run.states.save_counters(device)
        with pytest.raises(DatabaseFault):
            await run.states.save_at_stop(windows=False)

    with closing(run.database):
        asyncio.run(story())
