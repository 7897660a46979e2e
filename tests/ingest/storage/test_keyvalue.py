"""Kept values: written and deleted by name, many in a commit, and a disk that fails costs no reading."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.batching.batch import Batch
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.keyvalue import KeptValueWriter
from tests.ingest.delivery.delivering import until


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "journal.db")
    opened.open()
    yield opened
    opened.close()


async def fails(*_: object) -> None:
    raise DatabaseFault("disk full")


def test_values_are_found_by_name_and_by_the_beginning_of_it(file: Database) -> None:
    run = file.run_here
    run(keyvalue.put_all, {"birth a": "1", "birth b": "2", "birt": "3"})
    run(keyvalue.put_all, {"birth a": None, "birth b": "4", "nothing": None})
    run(keyvalue.put, "birth c", "5")
    assert run(keyvalue.get_prefix, "birth ") == {"birth b": "4", "birth c": "5"}
    assert run(keyvalue.get_prefix, "") == {"birt": "3", "birth b": "4", "birth c": "5"}
    assert (run(keyvalue.get, "birth b"), run(keyvalue.get, "birth a")) == ("4", None)


def test_a_value_that_cannot_be_saved_or_deleted_is_told(
    file: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        await keyvalue.save(file, "a", "1")
        await keyvalue.save(file, "b", "2")
        await keyvalue.forget(file, ["a"])
        assert file.run_here(keyvalue.get_prefix, "") == {"b": "2"}
        assert not caplog.messages
        monkeypatch.setattr(file, "run", fails)
        await keyvalue.save(file, "b", "3")
        await keyvalue.forget(file, ["b"])

    asyncio.run(story())
    assert caplog.messages == ["b cannot be saved: disk full", "what is done cannot be deleted: disk full"]


@pytest.mark.parametrize("works", [True, False])
def test_a_batch_waits_for_its_values_however_the_disk_does(
    file: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, works: bool
) -> None:
    released: list[Batch] = []

    async def story() -> None:
        if not works:
            monkeypatch.setattr(file, "run", fails)
        writer, batches = KeptValueWriter(file, released.append), [Batch(), Batch()]
        writer.save({}, batches[0])
        assert batches[0].holds == 1, "without values it does not wait"
        writer.save({"birth a": "1"}, batches[0])
        writer.save({"birth b": "2", "sums m1": "3"}, batches[1])
        writer.save({"birth a": "4"}, None)
        assert [batch.holds for batch in batches] == [2, 2]
        task = asyncio.create_task(writer.run())
        await until(lambda: len(released) == 2)
        assert released == batches
        writer.save({"birth b": None}, batches[0])
        await until(lambda: len(released) == 3)
        task.cancel()

    caplog.set_level(logging.WARNING)
    asyncio.run(story())
    kept = file.run_here(keyvalue.get_prefix, "")
    if works:
        assert kept == {"birth a": "4", "sums m1": "3"}
    else:
        assert caplog.messages == [f"{kinds} of devices cannot be saved: disk full" for kinds in ("birth, sums", "birth")]
