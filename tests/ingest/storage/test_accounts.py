"""The accounts of what is stored: each reading is counted where it is, and others are told of those they asked for."""

import asyncio
from collections import Counter
from contextlib import closing, suppress
from datetime import UTC
from pathlib import Path

import pytest

from gateway.core.batching.batch import encode
from gateway.core.ledger import Ledger
from gateway.core.message import Reading, Refusal
from gateway.core.readings.replay import LateReadings
from gateway.core.readings.steps import HOUR_MS
from gateway.ingest.events import Events
from gateway.ingest.storage import reject_account, rejects
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.hours_again import HoursAgain
from gateway.ingest.storage.journal import JournalUse
from gateway.ingest.storage.quarantine import QuarantineUse
from gateway.ingest.storage.reject_account import RejectAccount, RejectCounts
from gateway.ingest.storage.settlement import JournalAccount, QuarantineAccount, Replayed
from gateway.support.clock import WallClock
from schemas.rejects import RejectReason
from tests.ingest.storage.quarantined import waiting


def refusal(reason: RejectReason = RejectReason.BAD_JSON, device: str = "m1") -> Refusal:
    return Refusal(reason, "", "t", b"x", "deliver", 7, device, "water")


def test_a_result_is_told_in_counts() -> None:
    result = Replayed([1, 2], Counter(a=3), Counter(a=1), Counter(a=5), [refusal()], [], [waiting(), waiting()], lost=9)
    counts = {"messages": 2, "readings": 3, "duplicates": 1, "rejected_again": 1, "waiting": 2}
    assert (result.document(), result.received) == (counts, 5)


def test_messages_that_a_person_removed_expire() -> None:
    ledger = Ledger(since_ms=0)
    account, stock = QuarantineAccount(ledger, Events()), QuarantineUse(5, 50)
    account.found(stock)
    assert (account.stock, ledger.received) == (stock, {"journal": 5})
    account.purged(Counter(water=2, air=1), QuarantineUse(2, 20))
    assert (account.stock.messages, ledger.pending["quarantine"], ledger.outcomes["expired"]) == (2, 2, {"water": 2, "air": 1})
    assert ledger.imbalance == 0


def test_readings_of_other_runs_are_pending_or_lost() -> None:
    ledger, events = Ledger(since_ms=0), Events()
    account = JournalAccount(ledger, events, RejectAccount(ledger, events, WallClock(), max_bytes=1))
    account.found(JournalUse(1, 10, 5))
    account.salvaged([encode([Reading("a", "water")] * 3)])
    account.waits_for_newer(4)
    assert (ledger.pending["journal"], ledger.backlog) == (17, 13)
    account.gone(2)
    account.gone(0)
    assert (ledger.pending["journal"], ledger.outcomes["lost"], ledger.imbalance) == (17, {"unknown": 2}, 0)


def test_others_are_told_of_rejects_when_they_are_settled() -> None:
    ledger, events = Ledger(since_ms=0), Events()
    noted: list[Refusal] = []
    refused: list[tuple[str, int]] = []
    account = RejectAccount(
        ledger, events, WallClock(), max_bytes=1, noted=noted.append, not_taken=lambda *what: refused.append(what)
    )
    ledger.receive(2, "mqtt")
    both = [refusal(), refusal(RejectReason.INFLUXDB_REJECTED, "m2")]
    account.not_stored(both, "the disk is full")
    assert (noted, refused) == (both, [("m2", 7)])
    assert (events.rejects, events.rejects_kept, ledger.imbalance) == ({"bad_json": 1, "influxdb_rejected": 1}, {}, 0)


def test_counts_of_rejects_are_saved_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reject_account, "_SAVE_EVERY_S", 0.001)
    file, counts = Database(tmp_path / "journal.db"), RejectCounts(WallClock(), UTC)

    async def story() -> None:
        task = asyncio.create_task(counts.run(file))
        for number in (1, 2):
            counts.note(refusal())
            query = "SELECT coalesce(sum(number), 0) FROM reject_counts"
            while await file.run(lambda connection: connection.execute(query).fetchone()[0]) < number:  # noqa: ASYNC110, B023
                await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    file.open()
    with closing(file):
        asyncio.run(story())


def test_rejects_are_counted_of_the_devices_that_are_asked_for(tmp_path: Path) -> None:
    file = Database(tmp_path / "journal.db")
    file.open()
    with closing(file):
        file.run_here(rejects.add, [refusal(), refusal(device="m2"), refusal(device="m2")], 2**20)
        assert file.run_here(rejects.count_of, ["m2", "m3"]) == {"m2": 2, "m3": 0}
        assert file.run_here(rejects.newest) == 3


def test_what_was_written_after_its_hour_was_closed_is_worked_out_again(tmp_path: Path) -> None:
    file = Database(tmp_path / "journal.db")
    file.open()

    async def story() -> None:
        late = LateReadings()
        again = HoursAgain(file, late, "m1".__eq__)
        body = encode([Reading(f"water,device={device} ph=1 {HOUR_MS + 5}", "water") for device in ("m1", "m2")])
        again.wrote(body)
        assert again.closed_s < 0
        again.close(2 * HOUR_MS)
        closed_s = again.closed_s
        assert 0 < closed_s <= asyncio.get_running_loop().time()
        again.close(2 * HOUR_MS)
        assert again.closed_s == closed_s, "nothing more is closed"
        again.wrote(body)
        await again.save()
        assert again.take() == {"m1": [(1, 2)]}, "m2 is not registered"
        again.wait("m3", 5)
        again.wait("m3", 4)
        again.end_waiting("m3", 4)
        again.end_waiting("m4", 9)
        assert (again.take(), again.waits_from) == ({"m1": [(1, 2)]}, {})
        await again.settle()

    with closing(file):
        asyncio.run(story())
