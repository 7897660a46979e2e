"""Quarantined messages are acknowledged when they are on disk, and come in when their cause is gone; the ledger balances."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from gateway.core.message import REJECT_KEPT_BYTES, WaitCause
from gateway.ingest.events import Events
from gateway.ingest.storage import journal, quarantine
from gateway.ingest.storage.settlement import Limits
from gateway.ingest.waiting_events import QuarantineEvents
from schemas.rejects import RejectReason
from tests.ingest.storage.quarantined import Pipeline, rig, until, waiting
from tests.stored_rejects import stored_rejects


def test_a_batch_is_let_go_when_its_message_is_on_disk(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            batch = gate.come(waiting(), waiting("m2"))
            assert (batch.holds, gate.account()) == (2, {"memory": 2})
            await until(lambda: gate.released)
            assert (gate.released, gate.account()) == ([batch], {"quarantine": 2})
            assert (await gate.count("quarantine"), gate.kept.stock.messages) == (2, 2)

    asyncio.run(story())


def test_what_waits_comes_in_by_its_key_in_order_of_arrival(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(*[waiting(arrival_ms=at) for at in (3, 1, 2)], waiting("m2"))
            gate.keys.release("m1", "nobody")
            await until(lambda: gate.account() == {"journal": 6, "quarantine": 1})
            assert gate.pipeline.came == [("t/m1", 1), ("t/m1", 2), ("t/m1", 3)]
            assert gate.ledger.received == Counter(mqtt=4, replay=3)
            assert (await gate.database.run(journal.stock)).readings == 6
            assert gate.kept.stock.messages == 1

    asyncio.run(story())


@pytest.mark.parametrize(
    ("payload", "account"),
    [
        pytest.param(b"3 readings", {"journal": 3}, id="readings"),
        pytest.param(b"refused", {"rejected": 1}, id="refused"),
        pytest.param(b"duplicate", {"duplicate": 1}, id="known-already"),
        pytest.param(b"ignored", {"duplicate": 1}, id="holds-no-reading"),
        pytest.param(b"waits-for m2", {"quarantine": 1}, id="waits-for-something-else"),
        pytest.param(b"asks", {"quarantine": 1}, id="asks-a-codec-that-nobody-asks"),
    ],
)
def test_the_ledger_balances_whatever_a_message_turns_out_to_hold(
    tmp_path: Path, payload: bytes, account: dict[str, int]
) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting(payload=payload))
            gate.keys.release("m1")
            await until(lambda: gate.pipeline.came and not gate.quarantine_out.releasing)
            assert gate.account() == account
            assert await gate.count("rejects") == account.get("rejected", 0)

    asyncio.run(story())


def test_it_is_said_how_many_came_in_for_a_key_and_nothing_when_none_did(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []

    class Told(QuarantineEvents):
        def released(self, key: str, number: int) -> None:
            told.append((key, number))

    async def story() -> None:
        async with rig(tmp_path, events=Events(quarantine=Told()), pipeline=Pipeline(unknown={"m2"})) as gate:
            gate.come(waiting(), waiting(), waiting("m2"))
            gate.keys.release("m1", "m2")
            await until(lambda: len(gate.pipeline.came) == 3 and not gate.quarantine_out.releasing)
            await asyncio.sleep(0.05)
            assert told == [("m1", 2)]

    asyncio.run(story())


def test_what_waits_for_something_else_is_found_under_that(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting(payload=b"waits-for m2"))
            gate.keys.release("m1")
            await until(lambda: gate.pipeline.came and not gate.quarantine_out.releasing)
            assert await gate.database.run(quarantine.having, ["m1", "m2"]) == ["m2"]
            gate.keys.release("m2")
            await until(lambda: gate.account() == {"journal": 1})

    asyncio.run(story())


def test_what_waits_for_something_else_waits_for_it_no_longer_than_it_should(tmp_path: Path) -> None:
    """As a frame of a Sparkplug node that was registered meanwhile, whose birth did not come."""

    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.pipeline.expires_ms = time.time_ns() // 1_000_000 - 1
            gate.come(waiting(payload=b"waits-for m2"))
            gate.keys.release("m1")
            await until(lambda: gate.account() == {"rejected": 1})

    asyncio.run(story())


def test_what_was_freed_too_soon_stays_where_it_is(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path, pipeline=Pipeline(unknown={"m1"})) as gate:
            gate.come(*[waiting(arrival_ms=at) for at in (1, 2, 3)])
            gate.keys.release("m1")
            await until(lambda: gate.pipeline.came and not gate.quarantine_out.releasing)
            await asyncio.sleep(0.05)
            assert (gate.account(), len(gate.pipeline.came)) == ({"quarantine": 3}, 3)
            gate.pipeline.unknown.clear()
            gate.keys.release("m1")
            await until(lambda: gate.account() == {"journal": 6})

    asyncio.run(story())


def test_many_messages_come_in_by_and_by(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(*[waiting(arrival_ms=at) for at in range(1000)])
            gate.keys.release("m1")
            await until(lambda: gate.account() == {"journal": 2000})
            assert (await gate.database.run(journal.stock)).batches == 5

    asyncio.run(story())


def test_a_full_journal_takes_nothing_out_of_quarantine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.storage.quarantine_lanes._NO_ROOM_S", 0.001)

    async def story() -> None:
        async with rig(tmp_path, room=False) as gate:
            gate.come(waiting())
            gate.keys.release("m1")
            await until(lambda: gate.released and gate.room_asked)
            assert (gate.pipeline.came, gate.account()) == ([], {"quarantine": 1})
            gate.room = True
            await until(lambda: gate.account() == {"journal": 2})

    asyncio.run(story())


def test_the_oldest_expire_when_there_is_no_room(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path, limits=Limits(2**20, 1000)) as gate:
            gate.come(*[waiting(domain="water") for _ in range(10)])
            await until(lambda: gate.released)
            account = gate.account()
            assert account == {"quarantine": 6, "expired": 4}
            assert gate.ledger.outcomes["expired"] == {"water": 4}

    asyncio.run(story())


def test_what_waited_in_vain_becomes_a_reject(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000

    async def story() -> None:
        async with rig(tmp_path) as gate:
            birth: dict[str, Any] = {"cause": WaitCause.NO_BIRTH, "domain": "power"}
            gate.come(waiting("g/n", expires_ms=now_ms - 1, **birth), waiting("g/n", expires_ms=now_ms + 600_000, **birth))
            await until(lambda: gate.account() == {"quarantine": 1, "rejected": 1})
            ((_, reject),) = await gate.database.run(stored_rejects)
            assert (reject.reason, reject.payload, reject.domain) == (RejectReason.NO_BIRTH, b"2 readings", "power")
            assert "g/n" in reject.detail

    asyncio.run(story())


def test_what_stood_there_at_the_start_waits_in_vain_no_longer_than_it_should(tmp_path: Path) -> None:
    async def first() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting(expires_ms=time.time_ns() // 1_000_000 + 500))
            await until(lambda: gate.released)

    async def second() -> None:
        async with rig(tmp_path) as gate:
            await until(lambda: gate.account() == {"rejected": 1})

    asyncio.run(first())
    asyncio.run(second())


def test_nobody_looks_for_what_waits_in_vain_before_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, others = Mock(wraps=quarantine.expired), Mock(wraps=quarantine.having)
    monkeypatch.setattr(quarantine, "expired", looks)
    monkeypatch.setattr(quarantine, "having", others)

    async def story() -> None:
        async with rig(tmp_path) as gate:
            now_ms = time.time_ns() // 1_000_000
            gate.come(waiting("m1", expires_ms=now_ms - 1), waiting("m2", expires_ms=now_ms + 600_000))
            await until(lambda: gate.account() == {"quarantine": 1, "rejected": 1})
            await asyncio.sleep(0.1)
            assert looks.call_count == 2, "one finds it, one finds no more"
            assert others.call_count < 10

    asyncio.run(story())


@pytest.mark.parametrize("cause", WaitCause)
def test_what_waited_in_vain_is_rejected_with_the_words_for_its_cause(tmp_path: Path, cause: WaitCause) -> None:
    async def story() -> None:
        async with rig(tmp_path, chosen_max=1) as gate:
            now_ms = time.time_ns() // 1_000_000
            payload = b"x" * (REJECT_KEPT_BYTES + 1)
            gate.come(*[waiting("key", cause=cause, expires_ms=now_ms - 1, payload=payload)] * 2)
            await until(lambda: gate.account() == {"rejected": 2})
            ((_, reject),) = await gate.database.run(stored_rejects)
            assert (reject.topic, len(reject.payload)) == ("t/key", REJECT_KEPT_BYTES)
            assert "replay" in reject.detail or "rebirth" in reject.detail
            assert (gate.events.rejects.total(), gate.events.rejects_kept.total()) == (2, 1)

    asyncio.run(story())


def test_of_what_is_refused_again_only_what_is_chosen_is_kept(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path, chosen_max=1) as gate:
            gate.come(*[waiting(payload=b"refused")] * 3)
            gate.keys.release("m1")
            await until(lambda: gate.account() == {"rejected": 3})
            assert await gate.count("rejects") == 1
            assert (gate.events.rejects_kept.total(), gate.journaled.is_set()) == (1, False)

    asyncio.run(story())


def test_the_drain_lane_is_told_of_readings_that_came_out_of_quarantine(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting(), waiting(payload=b"ignored"))
            gate.keys.release("m1")
            await until(lambda: gate.account() == {"journal": 2, "duplicate": 1})
            await until(gate.journaled.is_set)
            oldest_ms = (await gate.database.run(journal.stock)).oldest_ms
            assert oldest_ms is not None
            assert abs(oldest_ms - time.time() * 1000) < 60_000

    asyncio.run(story())


def test_a_message_that_must_wait_for_something_else_may_push_out_older_ones(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path, limits=Limits(2**20, 600)) as gate:
            gate.come(waiting("m3", domain="power"), waiting("m1", payload=b"waits-for m2 400", domain="water"))
            await until(lambda: gate.released)
            gate.keys.release("m1")
            await until(lambda: gate.account() == {"quarantine": 1, "expired": 1})
            assert gate.ledger.outcomes["expired"] == {"power": 1}
            assert await gate.database.run(quarantine.having, ["m1", "m2", "m3"]) == ["m2"]

    asyncio.run(story())


def test_what_stands_there_at_the_start_is_pending_and_can_come_in(tmp_path: Path) -> None:
    async def first() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting())
            await until(lambda: gate.released)

    async def second() -> None:
        async with rig(tmp_path) as gate:
            assert gate.account() == {"quarantine": 1}
            assert gate.kept.stock.messages == 1
            assert gate.ledger.received == Counter(journal=1)
            gate.keys.release("m1")
            await until(lambda: gate.account() == {"journal": 2})

    asyncio.run(first())
    asyncio.run(second())


def test_what_was_salvaged_waits_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            await gate.quarantine_in.take_back([(1, waiting()), (2, None), (3, waiting("m2"))])
            assert gate.account() == {"quarantine": 2, "lost": 1}
            assert await gate.count("quarantine") == 2

    asyncio.run(story())


def test_a_damaged_message_is_lost_and_said(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting(), waiting())
            await until(lambda: gate.released)
            await gate.database.run(lambda connection: connection.execute("UPDATE quarantine SET payload = x'00' WHERE id = 1"))
            gate.keys.release("m1")
            await until(lambda: gate.account() == {"lost": 1, "journal": 2})
            assert await gate.count("quarantine") == 0

    asyncio.run(story())


def test_a_message_that_waits_in_vain_sooner_than_all_others_is_not_forgotten(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            later_ms = time.time_ns() // 1_000_000 + 600_000
            gate.come(waiting("late", expires_ms=later_ms))
            await until(lambda: gate.released)
            gate.come(waiting("soon", expires_ms=later_ms - 600_000 + 500))
            await until(lambda: gate.account() == {"quarantine": 1, "rejected": 1})
            gate.come(waiting("later", expires_ms=later_ms + 600_000), waiting("sooner", expires_ms=later_ms - 599_000))
            await until(lambda: gate.account() == {"quarantine": 2, "rejected": 2})
            assert await gate.database.run(quarantine.having, ["late", "soon", "later", "sooner"]) == ["late", "later"]

    asyncio.run(story())
