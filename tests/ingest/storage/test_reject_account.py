"""Rejects are settled in one place: what is kept of a flood, what is counted, and what people are told."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Concatenate, ParamSpec, TypeVar, cast

import pytest

from gateway.core.batching.batch import Batch
from gateway.core.ledger import HoldingPlace, Ledger
from gateway.core.message import QuarantinedMessage, Refusal, WaitCause
from gateway.ingest.events import Events
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.quarantine import MadeRoom, QuarantineUse
from gateway.ingest.storage.reject_account import RejectAccount, RejectWriter
from gateway.ingest.storage.settlement import Committed, JournalAccount, Replayed
from gateway.support.clock import WallClock
from schemas.rejects import RejectReason
from tests.clocks import SetClock
from tests.ingest.delivery.delivering import until

QUOTA = 20
"""What is kept a minute of one device and reason."""
P = ParamSpec("P")
T = TypeVar("T")


@pytest.mark.parametrize("place", ["memory", "journal", "quarantine"])
def test_a_settled_reject_leaves_its_place_and_the_account_balances(place: HoldingPlace) -> None:
    ledger, events = Ledger(since_ms=0), Events()
    ledger.receive(3, "mqtt", place)
    refusals = [Refusal(RejectReason.BAD_JSON, "", "t", b"x", "decode", 1, "d", domain) for domain in ("water", "water", "air")]
    RejectAccount(ledger, events, WallClock(), max_bytes=1000).settle(refusals, refusals[1:], place)
    assert (ledger.outcomes["rejected"], ledger.pending[place], ledger.imbalance) == ({"water": 2, "air": 1}, 0, 0)
    assert (events.rejects["bad_json"], events.rejects_kept["bad_json"]) == (3, 2)


def test_replayed_rejects_are_received_where_their_readings_wait_now() -> None:
    ledger, events = Ledger(since_ms=0), Events()
    rejects = RejectAccount(ledger, events, WallClock(), max_bytes=1000)
    again = Refusal(RejectReason.BAD_JSON, "", "t", b"x", "decode", 1, "d", "air")
    later = QuarantinedMessage(WaitCause.UNKNOWN_DEVICE, "m1", None, "t", b"x", retain=False, arrival_ms=1)
    result = Replayed([1, 2], Counter(water=3), Counter(water=2), refused=[again], kept=[again], waiting=[later])
    ledger.receive(1, "journal", "quarantine")
    JournalAccount(ledger, events, rejects).replayed(result, Committed(2, MadeRoom(Counter(air=1)), QuarantineUse()))
    assert (ledger.received["replay"], ledger.imbalance) == (7, 0)
    assert ledger.pending == {"memory": 0, "journal": 3, "quarantine": 1}
    ended = {"duplicate": {"water": 2}, "rejected": {"air": 1}, "expired": {"air": 1}}
    assert {end: domains for end, domains in ledger.outcomes.items() if domains} == ended


def test_garbage_of_devices_that_nobody_knows_is_counted_by_topic() -> None:
    garbage = [Refusal(RejectReason.BAD_JSON, "", f"t/{n % 2}", b"x", "decode", 1) for n in range(2 * QUOTA + 4)]
    assert len(RejectAccount(Ledger(since_ms=0), Events(), WallClock(), max_bytes=1000).choose(garbage)) == 2 * QUOTA


def test_how_many_are_not_kept_is_told_and_nothing_when_all_are() -> None:
    told: list[int] = []
    events = cast("Events", SimpleNamespace(rejects_not_kept=lambda number, _: told.append(number)))
    account = RejectAccount(Ledger(since_ms=0), events, WallClock(), max_bytes=1000)
    garbage = [Refusal(RejectReason.BAD_JSON, "", "t", b"x", "decode", 1) for _ in range(QUOTA)]
    account.choose(garbage)
    assert told == []
    assert len(account.choose([replace(one, topic="t/other") for one in [*garbage, *garbage[:3]]])) == QUOTA
    assert told == [3]


def test_rejects_of_invented_devices_are_kept_as_far_as_their_share_goes_and_of_a_registered_one_as_ever() -> None:
    told: list[tuple[int, str]] = []
    events = cast("Events", SimpleNamespace(strangers_not_kept=lambda *what: told.append(what)))
    account = RejectAccount(Ledger(since_ms=0), events, WallClock(), max_bytes=16_000, is_registered="meter".__eq__)
    made = Refusal(RejectReason.BAD_JSON, "", "", bytes(20), "decode", 1)
    garbage = [replace(made, device=name, topic=f"t/{name}") for name in [*(f"invented-{n}" for n in range(50)), "meter"]]
    kept = account.choose(garbage)
    assert [one.device for one in kept] == [*(f"invented-{n}" for n in range(5)), "meter"]
    assert told == [(45, "t/")]


def test_a_new_minute_keeps_again() -> None:
    clock = SetClock(0)
    account = RejectAccount(Ledger(since_ms=0), Events(), clock, max_bytes=1000)
    garbage = [Refusal(RejectReason.BAD_JSON, "", "t", b"x", "decode", 1) for _ in range(QUOTA + 1)]
    now_ms = 1_793_491_200_000
    for later_s, kept in ((0, QUOTA), (59, 0), (60, QUOTA), (119, 0)):
        clock.at_ms = now_ms + later_s * 1000
        assert len(account.choose(garbage)) == kept


class Disk(Database):
    """In the disk's place: it does nothing until it is let.

    :ivar asked: what it was asked to store.
    """

    def __init__(self) -> None:
        self.asked: list[Refusal] = []
        self.works = asyncio.Event()
        self.fault: DatabaseFault | None = None

    async def run(self, _do: Callable[Concatenate[sqlite3.Connection, P], T], /, *args: P.args, **_: P.kwargs) -> T:
        """Store some day."""
        refusals = args[0]
        assert isinstance(refusals, list)
        self.asked += refusals
        await self.works.wait()
        if self.fault is not None:
            raise self.fault
        return None  # type: ignore[return-value]


class Rig:
    """A writer of rejects at a disk that a test lets work, and a batch that came with garbage."""

    def __init__(self) -> None:
        self.disk, self.ledger, self.events = Disk(), Ledger(since_ms=0), Events()
        self.released: list[Batch] = []
        self.reject_writer = RejectWriter(
            self.disk, RejectAccount(self.ledger, self.events, WallClock(), max_bytes=1000), self.released.append
        )

    def come(self, refusals: int, device: str = "d") -> Batch:
        """A batch comes with so many messages of garbage from one device."""
        batch = Batch()
        self.ledger.receive(refusals, "mqtt")
        garbage = [Refusal(RejectReason.BAD_JSON, "no JSON", "t", b"x", "decode", 1, device, "water") for _ in range(refusals)]
        self.reject_writer.keep(batch, garbage)
        return batch


def test_a_batch_waits_until_its_rejects_are_on_disk() -> None:
    async def story() -> None:
        rig = Rig()
        batch = rig.come(3)
        flush = asyncio.create_task(rig.reject_writer.flush())
        await asyncio.sleep(0)
        assert (len(rig.disk.asked), batch.holds, rig.released, rig.ledger.pending["memory"]) == (3, 2, [], 3)
        rig.disk.works.set()
        await flush
        assert (rig.released, rig.ledger.total("rejected"), rig.events.rejects_kept["bad_json"]) == ([batch], 3, 3)

    asyncio.run(story())


def test_a_flood_of_garbage_is_counted_and_let_go_at_once_but_for_the_first_of_a_minute() -> None:
    async def story() -> None:
        rig = Rig()
        first, second, other = rig.come(QUOTA + 5), rig.come(1000), rig.come(1, "another")
        assert (first.holds, second.holds, other.holds) == (2, 1, 2)
        assert rig.ledger.total("rejected") == 5 + 1000
        rig.disk.works.set()
        await rig.reject_writer.flush()
        assert len(rig.disk.asked) == QUOTA + 1
        assert rig.ledger.total("rejected") == rig.events.rejects["bad_json"] == QUOTA + 1006
        assert rig.events.rejects_kept["bad_json"] == QUOTA + 1
        assert rig.ledger.pending["memory"] == rig.ledger.imbalance == 0
        assert rig.released == [first, other]

    asyncio.run(story())


def test_a_disk_that_does_not_take_them_costs_the_rejects_and_no_acknowledgement() -> None:
    async def story() -> None:
        rig = Rig()
        batch = rig.come(2)
        rig.disk.fault = DatabaseFault("full")
        rig.disk.works.set()
        await rig.reject_writer.flush()
        assert (rig.released, rig.ledger.total("rejected"), rig.events.rejects_kept.total()) == ([batch], 2, 0)

    asyncio.run(story())


def test_a_disk_that_stands_still_is_waited_for_a_second() -> None:
    async def story() -> None:
        rig = Rig()
        batch = rig.come(2)
        began_s = asyncio.get_running_loop().time()
        await rig.reject_writer.flush()
        assert (rig.released, rig.events.rejects_kept.total()) == ([batch], 0)
        assert asyncio.get_running_loop().time() - began_s >= 1.0

    asyncio.run(story())


def test_rejects_that_come_are_stored_while_the_keeper_runs() -> None:
    async def story() -> None:
        rig = Rig()
        rig.disk.works.set()
        task = asyncio.create_task(rig.reject_writer.run())
        await asyncio.sleep(0.01)
        assert rig.disk.asked == []
        for number in (1, 2):
            rig.come(1)
            await until(lambda number=number: len(rig.released) == number)
        await asyncio.sleep(0.3)
        assert (len(rig.disk.asked), task.done()) == (2, False)
        task.cancel()

    asyncio.run(story())


def test_nobody_looks_whether_a_reject_waits_before_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.storage.reject_account._COMMIT_EVERY_S", 0.001)
    flush, flushes = RejectWriter.flush, list[RejectWriter]()

    async def noted(reject_writer: RejectWriter) -> None:
        flushes.append(reject_writer)
        await flush(reject_writer)

    monkeypatch.setattr(RejectWriter, "flush", noted)

    async def story() -> None:
        rig = Rig()
        rig.disk.works.set()
        task = asyncio.create_task(rig.reject_writer.run())
        for number in (1, 2):
            rig.come(1)
            await until(lambda number=number: len(rig.released) == number)
            await asyncio.sleep(0.05)
        task.cancel()
        assert len(flushes) == 2

    asyncio.run(story())


def test_what_comes_within_a_moment_is_stored_in_one_commit() -> None:
    """A commit costs flash: a few a second are enough."""

    async def story() -> None:
        rig = Rig()
        rig.disk.works.set()
        task = asyncio.create_task(rig.reject_writer.run())
        rig.come(1)
        await until(lambda: rig.released)
        for _ in range(3):
            rig.come(1)
            await asyncio.sleep(0)
        assert len(rig.released) == 1
        await until(lambda: len(rig.released) == 4)
        task.cancel()

    asyncio.run(story())
