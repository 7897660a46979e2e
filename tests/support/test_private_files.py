"""Files of the gateway can be read by its own user alone, whatever the umask."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.stores import _export
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.beside import keep_reserve
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.recovery.set_aside import rescue
from gateway.support.access.accounts import make_token
from gateway.support.private_files import replace_bytes, replace_file


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


@pytest.mark.usefixtures("_umask")
def test_files_are_for_their_owner_alone_and_new_folders_too(tmp_path: Path) -> None:
    path = tmp_path / "new" / "data" / "journal.db"
    file = Database(path)
    file.open()
    file.run_here(keyvalue.put, "name", "value")
    file.tally.note_lost(1, 1)
    keep_reserve(path)
    make_token(path)
    _export(file, path.with_name("export.lp"))

    def give_up(connection: sqlite3.Connection) -> None:
        connection.execute("COMMIT")
        rescue(connection, path)

    file.run_here(give_up)
    found = modes(tmp_path)
    file.close()
    aside = next(name for name in found if ".damaged-" in name)
    names = ["journal.db", *(f"journal.db{end}" for end in ("-wal", "-shm", ".lock", ".tally", ".token", ".reserve")), aside]
    assert {name: found.pop(name) for name in [*names, "export.lp"]} == dict.fromkeys([*names, "export.lp"], 0o600)
    assert found == {"new": 0o700, "data": 0o700}


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    file = Database(folder / "journal.db")
    file.open()
    file.close()
    assert modes(tmp_path)["data"] == 0o755


@pytest.mark.usefixtures("_umask")
def test_a_new_registry_is_for_its_owner_and_a_written_one_keeps_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, fsync, while_written = tmp_path / "devices.yaml", os.fsync, set[int]()

    def look_and_sync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode):
            while_written.add(stat.S_IMODE(found.st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look_and_sync)
    replace_file(path, "new")
    assert modes(tmp_path) == {"devices.yaml": 0o600}
    path.chmod(0o640)
    replace_file(path, "newer")
    assert modes(tmp_path) == {"devices.yaml": 0o640, "devices.yaml.bak": 0o640}
    assert while_written == {0o600}, "others never see it half written either"


def test_a_file_is_whole_when_it_is_synced_and_its_folder_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, fsync, synced = tmp_path / "list", os.fsync, list[str]()

    def look_and_sync(descriptor: int) -> None:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        synced.append(f"{os.fstat(descriptor).st_size} bytes" if is_file else f"folder with {path.read_bytes()!r}")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", look_and_sync)
    replace_bytes(path, b"whole")
    assert synced == ["5 bytes", "folder with b'whole'"]
