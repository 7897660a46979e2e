"""The progress of the period job stands in the file, and a writing of a period is never counted twice."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ingest.database.store import TimeSpan
from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.periods.progress import PeriodProgress

DAY = 86_400_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "journal.db")
    database.open()
    yield database
    database.close()


def test_each_writing_of_a_period_has_a_greater_number_also_after_the_file_was_lost(database: Database) -> None:
    progress, day, month, now_ms = PeriodProgress(database), TimeSpan(DAY, 2 * DAY), TimeSpan(DAY, 31 * DAY), 2 * DAY
    hours = [progress.number(day, now_ms, again=False) for _ in range(2)]
    again = [progress.number(day, now_ms, again=True) for _ in range(2)]
    assert hours[0] == hours[1] < again[0] < again[1]
    assert progress.number(month, now_ms, again=True) == hours[0]
    assert PeriodProgress(database).number(day, now_ms + 60_000 + 1, again=True) >= again[1]
    assert 0 < PeriodProgress(database).number(day, now_ms + 366 * DAY, again=True) < 3_600_000


def test_what_is_closed_survives(database: Database) -> None:
    async def closed() -> None:
        progress = PeriodProgress(database)
        progress.begin_at(3 * DAY)
        await progress.close_hour(3 * DAY + 1, 3 * DAY + 2)

    asyncio.run(closed())
    restored = PeriodProgress(database)
    assert (restored.hour_ms, restored.day_ms, restored.asked_ms) == (3 * DAY + 1, 3 * DAY, 3 * DAY + 2)


def test_a_machine_of_a_pair_begins_anew(database: Database) -> None:
    async def closed() -> None:
        progress = PeriodProgress(database)
        await progress.close_hour(3 * DAY, 3 * DAY)
        await progress.close_day(3 * DAY)

    asyncio.run(closed())
    restored = PeriodProgress(database)
    assert restored.day_ms == 3 * DAY
    restored.begin_anew()
    assert (restored.hour_ms, restored.day_ms) == (0, 0)


def test_to_begin_at_a_time_leaves_out_what_lies_before_and_opens_nothing_again(database: Database) -> None:
    progress = PeriodProgress(database)
    progress.hour_ms, progress.day_ms = 3 * DAY + 1, 2 * DAY
    for at_ms, hour_ms, day_ms in ((DAY, 3 * DAY + 1, 2 * DAY), (3 * DAY, 3 * DAY + 1, 3 * DAY), (4 * DAY, 4 * DAY, 4 * DAY)):
        progress.begin_at(at_ms)
        assert (progress.hour_ms, progress.day_ms) == (hour_ms, day_ms)
