"""The time is saved for the next start, unless our clock is doubted."""

import asyncio
from pathlib import Path

import pytest

from gateway.core.readings.clock_trust import ClockTrust
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.looks import ClockWatch
from tests.clocks import SetClock
from tests.core.making import NOW_MS


@pytest.mark.parametrize(("ours_ms", "saved"), [(NOW_MS, str(NOW_MS)), (NOW_MS - 1, None)], ids=["believed", "doubted"])
def test_the_time_is_saved_if_we_believe_in_it(tmp_path: Path, ours_ms: int, saved: str | None) -> None:
    trust = ClockTrust(not_before_ms=NOW_MS, max_future_ms=300_000)
    trust.judge(ours_ms)
    database = Database(tmp_path / "journal.db")
    database.open()
    asyncio.run(ClockWatch(database, trust, SetClock(ours_ms)).save())
    assert database.run_here(keyvalue.get, keyvalue.NEWEST_TIME) == saved
    database.close()
