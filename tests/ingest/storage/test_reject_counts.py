"""Counts of rejects: by day, reason and device, those not kept too; they outlive the gateway, and stay small."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from gateway.core.message import Refusal
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.reject_account import CountedDay, CountedRejects, RejectCounts, RejectHistory, add, history
from schemas.rejects import RejectReason
from tests.clocks import SetClock

VIETNAM = timezone(timedelta(hours=7))
EVENING_MS = 1_793_491_200_000 // 86_400_000 * 86_400_000 + 15 * 3_600_000
"""22:00 in Vietnam."""
TODAY = datetime.fromtimestamp(EVENING_MS / 1000, UTC).toordinal()


def refusal(device: str, reason: RejectReason = RejectReason.BAD_JSON) -> Refusal:
    return Refusal(reason, "", f"t/{device}", b"?", "decode", 1000, device, "water")


def seen(database: Database, counts: RejectCounts, reason: str | None = None, device: str | None = None) -> RejectHistory:
    return database.run_here(history, counts.today(), counts.new_rows(), reason, device, 10)


def test_counts_outlive_the_gateway_and_end_after_a_month(tmp_path: Path) -> None:
    clock = SetClock(EVENING_MS)
    counts, database = RejectCounts(clock, VIETNAM), Database(tmp_path / "journal.db")
    database.open()
    for one in (refusal("m1"), refusal("m1"), refusal("m2"), refusal("", RejectReason.BAD_PAYLOAD)):
        counts.note(one)
    asyncio.run(counts.save(database))
    clock.at_ms += 3 * 3_600_000  # another day in Vietnam
    later = RejectCounts(clock, VIETNAM)
    later.note(refusal("m1"))
    found = seen(database, later)
    assert found.by_reason == [CountedRejects("bad_json", 1, 4, 4), CountedRejects("bad_payload", 0, 1, 1)]
    assert found.by_device == [CountedRejects("m1", 1, 3, 3), CountedRejects("", 0, 1, 1), CountedRejects("m2", 0, 1, 1)]
    assert found.by_day == {TODAY: 4, TODAY + 1: 1}
    of_one = seen(database, later, "bad_json", "m2")
    assert (of_one.by_day, [row.name for row in of_one.by_device]) == ({TODAY: 1}, ["m1", "m2"])
    clock.at_ms += 31 * 86_400_000
    later.note(refusal("m3"))
    asyncio.run(later.save(database))
    assert database.run_here(lambda connection: connection.execute("SELECT min(day) FROM reject_counts").fetchone()) == (
        TODAY + 1 + 31,
    )
    database.close()


def test_what_the_disk_does_not_take_is_saved_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts, database = RejectCounts(SetClock(EVENING_MS), VIETNAM), Database(tmp_path / "journal.db")
    database.open()
    counts.note(refusal("m1"))

    async def fails(*_: object) -> None:
        raise DatabaseFault("disk full")

    async def story() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(database, "run", fails)
            with pytest.raises(DatabaseFault):
                await counts.save(database)
        await counts.save(database)
        await counts.save(database)

    asyncio.run(story())
    assert seen(database, counts).by_day == {TODAY: 1}
    database.close()


def test_invented_names_by_the_thousand_become_one_row_and_the_largest_keep_theirs(tmp_path: Path) -> None:
    database = Database(tmp_path / "journal.db")
    database.open()
    meter = CountedDay(TODAY, "bad_json", "meter")
    for part in range(10):
        invented = {CountedDay(TODAY, "bad_json", f"x{part}-{n}"): 1 for n in range(1000)}
        database.run_here(add, Counter({**invented, meter: 2}), 0)
    (rows,) = database.run_here(lambda connection: connection.execute("SELECT count(*) FROM reject_counts").fetchone())
    found = database.run_here(history, TODAY, "[]", None, None, 3)
    database.close()
    assert rows <= 1000
    assert found.by_day == {TODAY: 10_020}
    assert found.by_device[1] == CountedRejects("meter", 20, 20, 20)


def test_in_memory_are_five_hundred_names_at_most() -> None:
    counts = RejectCounts(SetClock(EVENING_MS), VIETNAM)
    for number in range(1500):
        counts.note(refusal(f"x{number}"))
    assert counts.new_rows().count("bad_json") == 501
