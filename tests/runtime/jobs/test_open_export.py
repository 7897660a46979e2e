"""The open data of each night: which days are due."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.monitoring.exports.open_files import OpenFiles
from gateway.runtime.jobs.exports import OpenExport
from gateway.support.config.model import Config
from tests.clocks import SetClock

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


@pytest.fixture
def files(tmp_path: Path) -> OpenFiles:
    return OpenFiles(tmp_path / "journal.db")


def due(files: OpenFiles, now: str) -> list[date]:
    config = Config.model_validate({"journal": {"path": str(files.folder.parent / "journal.db")}})
    return OpenExport(config, SetClock(at(now))).due()


def test_yesterday_and_the_day_a_week_before_are_due_from_three_in_the_night(files: OpenFiles) -> None:
    assert due(files, "2026-11-20T02:59") == []
    assert due(files, "2026-11-20T03:00") == [date(2026, 11, 19), date(2026, 11, 12)]


def test_what_was_written_this_night_is_not_due_and_what_was_written_before_is(files: OpenFiles) -> None:
    made = [
        files.write("2026-11-19", "water", [], at("2026-11-20T03:05")),
        files.write("2026-11-12", "water", [], at("2026-11-13T03:05")),
    ]
    files.keep(made, date(2026, 1, 1))
    assert due(files, "2026-11-20T04:00") == [date(2026, 11, 12)]
    assert due(files, "2026-11-21T04:00") == [date(2026, 11, 20), date(2026, 11, 13)]
