"""What must wait is acknowledged when it is on disk, and comes in when what it waits for is known; the ledger balances."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gateway.core.waiting import WaitCause
from gateway.disk import journal, quarantine, rejects
from gateway.disk.database import DatabaseFault
from gateway.disk.replay import Limits
from schemas.rejects import RejectReason
from tests.shells.quarantined import Pipeline, rig, until, waiting


def test_a_batch_is_let_go_when_its_message_is_on_disk(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            batch = gate.come(waiting(), waiting("m2"))
            assert (batch.holds, gate.account()) == (2, {"memory": 2})
            await until(lambda: gate.released)
            assert (gate.released, gate.account()) == ([batch], {"quarantine": 2})
            assert await gate.count("quarantine") == 2

    asyncio.run(story())


def test_what_waits_comes_in_by_its_key_in_order_of_arrival(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(*[waiting(arrival_ms=at) for at in (3, 1, 2)], waiting("m2"))
            gate.quarantine.release("m1", "nobody")
            await until(lambda: gate.account() == {"journal": 6, "quarantine": 1})
            assert gate.pipeline.came == [("t/m1", 1), ("t/m1", 2), ("t/m1", 3)]
            assert gate.ledger.received == Counter(mqtt=4, replay=3)
            assert (await gate.database.run(journal.stock)).readings == 6
            assert gate.quarantine.stock.messages == 1

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
            gate.quarantine.release("m1")
            await until(lambda: gate.pipeline.came and not gate.quarantine.releasing)
            assert gate.account() == account
            assert await gate.count("rejects") == account.get("rejected", 0)

    asyncio.run(story())


def test_what_waits_for_something_else_is_found_under_that(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting(payload=b"waits-for m2"))
            gate.quarantine.release("m1")
            await until(lambda: gate.pipeline.came and not gate.quarantine.releasing)
            assert await gate.database.run(quarantine.having, ["m1", "m2"]) == ["m2"]
            gate.quarantine.release("m2")
            await until(lambda: gate.account() == {"journal": 1})

    asyncio.run(story())


def test_what_was_freed_too_soon_stays_where_it_is(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path, pipeline=Pipeline(unknown={"m1"})) as gate:
            gate.come(waiting())
            gate.quarantine.release("m1")
            await until(lambda: gate.pipeline.came and not gate.quarantine.releasing)
            assert gate.account() == {"quarantine": 1}
            gate.pipeline.unknown.clear()
            gate.quarantine.release("m1")
            await until(lambda: gate.account() == {"journal": 2})

    asyncio.run(story())


def test_many_messages_come_in_by_and_by(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(*[waiting(arrival_ms=at) for at in range(1000)])
            gate.quarantine.release("m1")
            await until(lambda: gate.account() == {"journal": 2000})
            assert (await gate.database.run(journal.stock)).batches == 5

    asyncio.run(story())


def test_nothing_is_let_go_while_the_disk_does_not_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            monkeypatch.setattr(gate.database, "free_bytes", _fails)
            gate.come(waiting())
            await until(lambda: gate.events.quarantine_trouble)
            assert (gate.released, gate.account()) == ([], {"memory": 1})
            monkeypatch.undo()
            assert await gate.quarantine.flush()
            assert (len(gate.released), gate.events.quarantine_trouble, gate.account()) == (1, "", {"quarantine": 1})

    asyncio.run(story())


def test_what_the_disk_does_not_take_is_given_up_when_the_broker_presses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that came after it could be acknowledged."""
    monkeypatch.setattr("gateway.disk.quarantine_keeper._RETRY_S", 0.001)

    async def story() -> None:
        async with rig(tmp_path, min_free_bytes=1) as gate:
            monkeypatch.setattr(gate.database, "free_bytes", _fails)
            batch = gate.come(waiting(domain="water"), waiting(domain="water"))
            await until(lambda: gate.events.quarantine_trouble)
            assert gate.account() == {"memory": 2}
            gate.pressed = True
            await until(lambda: gate.released == [batch])
            assert gate.account() == {"expired": 2}

    asyncio.run(story())


def _fails() -> int:
    raise OSError("no space left")


def test_what_the_core_has_seen_is_committed_however_often_that_must_be_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent through again it would be a duplicate of itself."""
    monkeypatch.setattr("gateway.disk.quarantine_keeper._RETRY_S", 0.001)
    failures = iter([True, True, False])
    commit = quarantine.remove

    def fails_twice(*args: Any) -> int:  # noqa: ANN401 - passed on
        if next(failures):
            raise DatabaseFault("disk full")
        return commit(*args)

    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting())
            monkeypatch.setattr("gateway.disk.quarantine.remove", fails_twice)
            gate.quarantine.release("m1")
            await until(lambda: gate.account() == {"journal": 2})
            assert gate.pipeline.came == [("t/m1", 1000)]

    asyncio.run(story())


def test_a_full_journal_takes_nothing_out_of_quarantine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.disk.quarantine_keeper._NO_ROOM_S", 0.001)

    async def story() -> None:
        async with rig(tmp_path, has_room=False) as gate:
            gate.come(waiting())
            gate.quarantine.release("m1")
            await until(lambda: gate.released)
            assert (gate.pipeline.came, gate.account()) == ([], {"quarantine": 1})
            gate.has_room = True
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


def test_on_a_disk_that_is_nearly_full_the_quarantine_does_not_grow(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path, min_free_bytes=2**62) as gate:
            gate.come(*[waiting(payload=bytes(100_000)) for _ in range(20)])
            await until(lambda: gate.released)
            assert gate.quarantine.stock.bytes <= 2**20
            assert gate.account()["expired"] == 10

    asyncio.run(story())


def test_what_waited_in_vain_becomes_a_reject(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000

    async def story() -> None:
        async with rig(tmp_path) as gate:
            birth = {"cause": WaitCause.NO_BIRTH, "domain": "power"}
            gate.come(waiting("g/n", expires_ms=now_ms - 1, **birth), waiting("g/n", expires_ms=now_ms + 600_000, **birth))
            await until(lambda: gate.account() == {"quarantine": 1, "rejected": 1})
            ((_, reject),) = await gate.database.run(rejects.select)
            assert (reject.reason, reject.payload, reject.domain) == (RejectReason.NO_BIRTH, b"2 readings", "power")
            assert "g/n" in reject.detail

    asyncio.run(story())


def test_what_stands_there_at_the_start_is_pending_and_can_come_in(tmp_path: Path) -> None:
    async def first() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting())
            await until(lambda: gate.released)

    async def second() -> None:
        async with rig(tmp_path) as gate:
            assert gate.account() == {"quarantine": 1}
            assert gate.ledger.received == Counter(journal=1)
            gate.quarantine.release("m1")
            await until(lambda: gate.account() == {"journal": 2})

    asyncio.run(first())
    asyncio.run(second())


def test_what_was_salvaged_waits_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            await gate.quarantine.take_back([(1, waiting()), (2, None), (3, waiting("m2"))])
            assert gate.account() == {"quarantine": 2, "lost": 1}
            assert await gate.count("quarantine") == 2

    asyncio.run(story())


def test_a_damaged_message_is_lost_and_said(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting(), waiting())
            await until(lambda: gate.released)
            await gate.database.run(lambda connection: connection.execute("UPDATE quarantine SET payload = x'00' WHERE id = 1"))
            gate.quarantine.release("m1")
            await until(lambda: gate.account() == {"lost": 1, "journal": 2})
            assert await gate.count("quarantine") == 0

    asyncio.run(story())


def test_what_was_salvaged_is_not_given_up_with_what_the_broker_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was acknowledged long ago: nobody would send it again."""
    monkeypatch.setattr("gateway.disk.quarantine_keeper._RETRY_S", 0.001)

    async def story() -> None:
        async with rig(tmp_path, min_free_bytes=1, pressed=True) as gate:
            monkeypatch.setattr(gate.database, "free_bytes", _fails)
            salvage = asyncio.create_task(gate.quarantine.take_back([(1, waiting("saved"))]))
            await until(lambda: gate.events.quarantine_trouble)
            batch = gate.come(waiting("came"))
            await until(lambda: gate.released == [batch])
            assert gate.account() == {"memory": 1, "expired": 1}
            monkeypatch.undo()
            await salvage
            assert gate.account() == {"quarantine": 1, "expired": 1}
            assert await gate.database.run(quarantine.having, ["saved", "came"]) == ["saved"]

    asyncio.run(story())


def test_what_the_disk_does_not_take_yet_is_not_forgotten_by_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was judged before its key became free, and stands nowhere where a release would look."""
    monkeypatch.setattr("gateway.disk.quarantine_keeper._RETRY_S", 0.01)

    async def story() -> None:
        async with rig(tmp_path, min_free_bytes=1) as gate:
            tries = iter(range(10))
            monkeypatch.setattr(gate.database, "free_bytes", lambda: 2**40 if next(tries) >= 5 else _fails())
            gate.come(waiting())
            await until(lambda: gate.events.quarantine_trouble)
            gate.quarantine.release("m1")
            await until(lambda: gate.account() == {"journal": 2})

    asyncio.run(story())


def test_a_message_that_waits_in_vain_sooner_than_all_others_is_not_forgotten(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            later_ms = time.time_ns() // 1_000_000 + 600_000
            gate.come(waiting("late", expires_ms=later_ms))
            await until(lambda: gate.released)
            gate.come(waiting("soon", expires_ms=later_ms - 600_000 + 50))
            await until(lambda: gate.account() == {"quarantine": 1, "rejected": 1})
            gate.come(waiting("later", expires_ms=later_ms + 600_000), waiting("sooner", expires_ms=later_ms - 599_900))
            await until(lambda: gate.account() == {"quarantine": 2, "rejected": 2})
            assert await gate.database.run(quarantine.having, ["late", "soon", "later", "sooner"]) == ["late", "later"]

    asyncio.run(story())


def test_messages_keep_their_order_over_a_commit_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room the oldest go: after a failed commit that must not be the newest."""
    monkeypatch.setattr("gateway.disk.quarantine_keeper._RETRY_S", 0.001)

    async def story() -> None:
        async with rig(tmp_path) as gate:
            run = gate.database.run

            async def fails_once(*_: Any, **__: Any) -> None:  # noqa: ANN401 - passed on
                monkeypatch.setattr(gate.database, "run", run)
                gate.come(waiting("second"))
                raise DatabaseFault("disk full")

            monkeypatch.setattr(gate.database, "run", fails_once)
            gate.come(waiting("first"))
            await until(lambda: len(gate.released) == 2)
            rows = await run(lambda connection: connection.execute("SELECT key FROM quarantine ORDER BY id").fetchall())
            assert rows == [("first",), ("second",)]

    asyncio.run(story())
