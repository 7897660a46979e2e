"""The file and its thread: it is locked, a gateway starts with whatever is at its place, and a full disk has a reserve."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.ingest.storage import beside, database, keyvalue
from gateway.ingest.storage.beside import InUse, give_up_reserve, is_in_use, keep_reserve, lock
from gateway.ingest.storage.database import Damaged, Database, DatabaseFault, DiskFull, begin
from gateway.ingest.storage.recovery.set_aside import hindrance


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "journal.db")
    opened.open()
    yield opened
    opened.close()


def test_one_process_at_a_time_works_on_a_file(file: Database, tmp_path: Path) -> None:
    assert is_in_use(file.path)
    assert not is_in_use(tmp_path / "other.db")
    with pytest.raises(InUse, match=r"journal\.db is in use by a running gateway"):
        lock(file.path)
    with pytest.raises(InUse):
        begin(file.path)
    file.close()
    assert not is_in_use(file.path)
    assert (tmp_path / "journal.db.lock").exists()
    assert not (tmp_path / "other.db.lock").exists(), "a look makes no file"


def test_the_reserve_is_made_where_there_is_room_and_given_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.db"
    reserve = tmp_path / "journal.db.reserve"
    monkeypatch.setattr(beside, "_RESERVE_BYTES", 2**62)
    keep_reserve(path)
    assert not reserve.exists()
    monkeypatch.setattr(beside, "_RESERVE_BYTES", 4096)
    keep_reserve(path)
    keep_reserve(path)
    assert reserve.stat().st_size == 4096
    assert (give_up_reserve(path), give_up_reserve(path), reserve.exists()) == (True, False, False)


def test_a_full_disk_gives_the_reserve_for_what_removes_rows(file: Database) -> None:
    reserve = file.path.with_name("journal.db.reserve")

    def fill(connection: sqlite3.Connection, *, always: bool) -> str:
        if always or reserve.exists():
            connection.execute("PRAGMA max_page_count=1")
            connection.execute("INSERT INTO kept VALUES ('a', ?)", ("x" * 500_000,))
        return "done"

    async def story() -> None:
        keep_reserve(file.path)
        with pytest.raises(DiskFull, match="full"):
            await file.run(fill, always=False)
        assert reserve.exists(), "readings that come do not get it"
        assert await file.run_freeing(fill, always=False) == "done"
        assert not reserve.exists()
        with pytest.raises(DiskFull):
            await file.run_freeing(fill, always=True)

    asyncio.run(story())


def test_a_file_that_cannot_be_made_is_replaced_by_tables_that_store_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    absent = begin(tmp_path / "folder" / "journal.db")
    assert "cannot be opened" in absent.absence
    assert "check that the disk has room" in absent.absence
    assert absent.run_here(keyvalue.get, "a") is None
    with pytest.raises(DatabaseFault) as fault:
        absent.run_here(keyvalue.put, "a", "1")
    assert str(fault.value) == absent.absence
    assert (absent.to_salvage(), absent.newer()) == ([], [])

    async def story() -> None:
        await absent.give_pages_back()
        assert await absent.measure() == absent.used_bytes() > 0

    asyncio.run(story())
    absent.close()


def test_an_empty_folder_in_the_place_of_the_file_is_removed_and_a_full_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.db"
    path.mkdir(parents=True)
    with closing(begin(path)) as file:
        assert (file.absence, path.is_file()) == ("", True)
    path.unlink()
    path.mkdir()
    (path / "something").touch()
    with closing(begin(path)) as file:
        assert "not empty" in file.absence


def test_what_hinders_is_found_without_a_touch(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "journal.db").mkdir()
    assert hindrance(tmp_path / "new" / "journal.db") == ""
    assert hindrance(tmp_path / "file" / "journal.db") == f"{tmp_path / 'file'} is not a folder"
    assert hindrance(tmp_path / "journal.db") == "it is a folder"
    assert not (tmp_path / "new").exists()


def test_a_damaged_file_is_set_aside_and_its_fault_told_to_who_watches(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"no database" * 100)
    with closing(begin(path)) as file:
        assert file.absence == ""
        assert len(file.to_salvage()) == 1

        def damaged(_: sqlite3.Connection) -> None:
            error = sqlite3.DatabaseError("malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

        async def story() -> None:
            watch = asyncio.create_task(file.watch())
            with pytest.raises(Damaged, match=r"journal\.db is damaged: malformed"):
                await file.run(damaged)
            with pytest.raises(Damaged, match="is damaged"):
                await watch

        asyncio.run(story())
    with pytest.raises(DatabaseFault, match="is not open"):
        file.run_here(keyvalue.get, "a")
    with closing(begin(path, damaged=True)) as file:
        assert len(file.to_salvage()) == 2


def test_a_removed_file_is_saved_and_told(file: Database) -> None:
    async def story() -> None:
        file.run_here(keyvalue.put, "a", "1")
        assert await file.measure() > 0
        file.path.unlink()
        with pytest.raises(Damaged, match="removed or replaced under the running gateway"):
            await file.measure()
        [aside] = file.to_salvage()
        with closing(sqlite3.connect(aside)) as saved:
            assert saved.execute("SELECT value FROM kept").fetchall() == [("1",)]

    asyncio.run(story())


def test_numbers_of_rows_are_never_given_twice(file: Database) -> None:
    assert (file.reserve_rows(3), file.reserve_rows(0), file.reserve_rows(1), file.reserve_rows(1)) == (1, 4, 4, 5)


def test_a_commit_is_whole_or_not_done(file: Database) -> None:
    def half(connection: sqlite3.Connection) -> None:
        keyvalue.put(connection, "a", "1")
        connection.execute("no SQL")

    with pytest.raises(DatabaseFault, match=r"journal\.db: near"):
        file.run_here(half)
    assert file.run_here(keyvalue.get, "a") is None


def test_freed_pages_go_back_and_the_wal_ends_empty(file: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_GIVEN_BACK_TOGETHER", 10)

    async def story() -> None:
        file.limit_wal(10 * 1024)
        await file.run(keyvalue.put, "a", "x" * 200_000)
        full_bytes = await file.measure()
        await file.run(keyvalue.put_all, {"a": None})
        await file.give_pages_back()
        assert file.path.with_name("journal.db-wal").stat().st_size == 0
        assert file.path.stat().st_size < 100_000 < full_bytes
        assert await file.measure() == file.used_bytes() < 100_000

    asyncio.run(story())


def test_a_file_system_that_is_gone_is_told(file: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Any) -> None:  # noqa: ANN401 - of any path
        raise OSError(5, "Input/output error")

    assert file.free_bytes() > 0
    monkeypatch.setattr("gateway.ingest.storage.database.shutil.disk_usage", gone)
    with pytest.raises(DatabaseFault, match="Input/output error"):
        file.free_bytes()
