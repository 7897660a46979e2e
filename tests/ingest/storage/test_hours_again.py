"""The hours to work out again stand in the file until they are worked out or told, whatever is killed meanwhile."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from gateway.core.readings.replay import LateReadings, merged, runs_of
from gateway.core.readings.steps import HOUR_MS
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.hours_again import HoursAgain


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "journal.db")
    database.open()
    yield database
    database.close()


def hours_again(database: Database, late: LateReadings | None = None) -> HoursAgain:
    return HoursAgain(database, late or LateReadings(), lambda device: device != "unregistered")


def test_hours_of_a_device_are_kept_as_runs(database: Database) -> None:
    async def marked() -> None:
        again = hours_again(database)
        again.mark("d1", [(5, 7), (10, 11), (7, 8)])
        again.wait("d2", 3)
        again.wait("d2", 6)
        again.wait("d3", 6)
        again.end_waiting("d3", 8)
        await again.save()

    asyncio.run(marked())
    restored = hours_again(database)
    assert restored.take() == {"d1": [(5, 8), (10, 11)], "d2": [(3, 6)], "d3": [(6, 8)]}
    assert restored.waits_from == {"d2": 6}
    assert runs_of({10, 5, 7, 6}) == [(5, 8), (10, 11)]
    assert merged([(5, 9), (6, 7), (9, 10)]) == [(5, 10)]
    assert runs_of(()) == []


def test_what_is_marked_while_the_rest_is_worked_out_stays_for_the_next_time(database: Database) -> None:
    async def marked() -> None:
        again = hours_again(database)
        again.mark("d1", [(5, 7)])
        assert again.take() == {"d1": [(5, 7)]}
        again.mark("d1", [(6, 7)])
        await again.save()
        assert hours_again(database).take() == {"d1": [(5, 7)]}, "not worked out yet"
        await again.settle()

    asyncio.run(marked())
    assert hours_again(database).take() == {"d1": [(6, 7)]}


def test_hours_that_are_not_closed_yet_wait_until_they_are(database: Database) -> None:
    async def marked() -> None:
        again = hours_again(database)
        again.mark("d1", [(5, 8)])
        again.mark("d2", [(9, 10)])
        assert again.take(6) == {"d1": [(5, 6)]}
        await again.settle()

    asyncio.run(marked())
    assert hours_again(database).take(8) == {"d1": [(6, 8)]}
    assert hours_again(database).take(10) == {"d1": [(6, 8)], "d2": [(9, 10)]}


def test_the_hours_of_one_device_are_bounded(database: Database) -> None:
    again = hours_again(database)
    again.mark("d1", [(0, 5), (7_000, 20_000)])
    assert again.take() == {"d1": [(10_000, 20_000)]}


def test_what_came_late_is_saved_for_registered_devices(database: Database) -> None:
    late = LateReadings()

    async def noted() -> None:
        for device in ("d1", "unregistered"):
            late.note(device, 5 * HOUR_MS)
        await hours_again(database, late).save()

    asyncio.run(noted())
    assert hours_again(database).take() == {"d1": [(5, 6)]}


def test_what_a_full_disk_did_not_take_is_saved_the_next_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def noted() -> None:
        again = hours_again(database)
        again.mark("d1", [(5, 6)])
        with monkeypatch.context() as patched:
            patched.setattr(keyvalue, "put_all", Mock(side_effect=DatabaseFault("the disk is full")))
            with pytest.raises(DatabaseFault):
                await again.save()
        await again.save()

    asyncio.run(noted())
    assert hours_again(database).take() == {"d1": [(5, 6)]}
