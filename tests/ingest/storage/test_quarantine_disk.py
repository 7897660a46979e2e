"""The quarantine on a disk that does not take what comes, or not now: nothing that was acknowledged is forgotten."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.ingest.storage import quarantine
from gateway.ingest.storage.database import DatabaseFault
from gateway.ingest.storage.quarantine_lanes import QuarantineIn
from tests.ingest.storage.quarantined import retry_after, rig, until, waiting


def test_nothing_is_let_go_while_the_disk_does_not_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            monkeypatch.setattr(gate.database, "free_bytes", _fails)
            gate.come(waiting())
            await until(lambda: gate.events.quarantine.trouble)
            assert (gate.released, gate.account()) == ([], {"memory": 1})
            monkeypatch.undo()
            assert await gate.quarantine_in.flush()
            assert (len(gate.released), gate.events.quarantine.trouble, gate.account()) == (1, "", {"quarantine": 1})

    asyncio.run(story())


def test_what_the_disk_does_not_take_is_given_up_when_the_broker_presses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that came after it could be acknowledged."""
    retry_after(0.001, monkeypatch)

    async def story() -> None:
        async with rig(tmp_path, min_free_bytes=1) as gate:
            monkeypatch.setattr(gate.database, "free_bytes", _fails)
            batch = gate.come(waiting(domain="water"), waiting(domain="water"))
            await until(lambda: gate.events.quarantine.trouble)
            assert gate.account() == {"memory": 2}
            gate.under_pressure = True
            await until(lambda: gate.released == [batch])
            assert gate.account() == {"expired": 2}

    asyncio.run(story())


def test_nothing_is_given_up_where_the_configuration_forbids_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with rig(tmp_path, min_free_bytes=1, under_pressure=True, may_give_up=False) as gate:
            monkeypatch.setattr(gate.database, "free_bytes", _fails)
            gate.come(waiting())
            await until(lambda: gate.events.quarantine.trouble)
            assert (gate.released, gate.account()) == ([], {"memory": 1})
            monkeypatch.undo()

    asyncio.run(story())


def _fails() -> int:
    raise OSError("no space left")


def test_what_the_core_has_seen_is_committed_however_often_that_must_be_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent through again it would be a duplicate of itself."""
    retry_after(0.001, monkeypatch)
    failures = iter([True, True, False])
    commit = quarantine.remove

    def fails_twice(*args: Any) -> int:  # noqa: ANN401 - passed on
        if next(failures):
            raise DatabaseFault("disk full")
        return commit(*args)

    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting())
            monkeypatch.setattr("gateway.ingest.storage.quarantine.remove", fails_twice)
            gate.keys.release("m1")
            await until(lambda: gate.account() == {"journal": 2})
            assert gate.pipeline.came == [("t/m1", 1000)]

    asyncio.run(story())


def test_on_a_disk_that_is_nearly_full_the_quarantine_does_not_grow(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path, min_free_bytes=2**62) as gate:
            gate.come(*[waiting(payload=bytes(100_000)) for _ in range(20)])
            await until(lambda: gate.released)
            assert gate.kept.stock.bytes <= 2**20
            assert gate.account()["expired"] == 10

    asyncio.run(story())


def test_what_was_salvaged_is_not_given_up_with_what_the_broker_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was acknowledged long ago: nobody would send it again."""
    retry_after(0.001, monkeypatch)

    async def story() -> None:
        async with rig(tmp_path, min_free_bytes=1, under_pressure=True) as gate:
            monkeypatch.setattr(gate.database, "free_bytes", _fails)
            salvage = asyncio.create_task(gate.quarantine_in.take_back([(1, waiting("saved"))]))
            await until(lambda: gate.events.quarantine.trouble)
            batch = gate.come(waiting("came"))
            await until(lambda: gate.released == [batch])
            assert gate.account() == {"memory": 1, "expired": 1}
            monkeypatch.undo()
            await salvage
            assert gate.account() == {"quarantine": 1, "expired": 1}
            assert await gate.database.run(quarantine.having, ["saved", "came"]) == ["saved"]

    asyncio.run(story())


def test_what_the_disk_does_not_take_yet_is_not_forgotten_by_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was processed before its key was released, and is nowhere that a release would look."""
    retry_after(0.01, monkeypatch)

    async def story() -> None:
        async with rig(tmp_path, min_free_bytes=1) as gate:
            tries = iter(range(10))
            monkeypatch.setattr(gate.database, "free_bytes", lambda: 2**40 if next(tries) >= 5 else _fails())
            gate.come(waiting())
            await until(lambda: gate.events.quarantine.trouble)
            gate.keys.release("m1")
            await until(lambda: gate.account() == {"journal": 2})

    asyncio.run(story())


def test_messages_keep_their_order_over_a_commit_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room the oldest messages go: after a failed commit that must not be the newest."""
    retry_after(0.001, monkeypatch)

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


def test_a_release_that_the_disk_interrupts_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    retry_after(0.001, monkeypatch)
    select_key = quarantine.select_key
    failures = iter([True, True, False, False, False])

    def fails_twice(*args: Any, **how: Any) -> Any:  # noqa: ANN401 - passed on
        if next(failures):
            raise DatabaseFault("disk full")
        return select_key(*args, **how)

    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting())
            await until(lambda: gate.released)
            monkeypatch.setattr(quarantine, "select_key", fails_twice)
            gate.keys.release("m1")
            await until(lambda: gate.events.quarantine.trouble == "disk full")
            await until(lambda: gate.account() == {"journal": 2})

    asyncio.run(story())


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Record at each attempt if the disk worked; commits follow each other quickly, attempts after a failure never."""
    took: list[bool] = []
    flush = QuarantineIn.flush

    async def noted(keeper: QuarantineIn) -> bool:
        took.append(await flush(keeper))
        return took[-1]

    monkeypatch.setattr(QuarantineIn, "flush", noted)
    monkeypatch.setattr("gateway.ingest.storage.quarantine_lanes._COMMIT_EVERY_S", 0.001)
    retry_after(3600.0, monkeypatch)
    return took


def test_nobody_looks_whether_something_must_wait_before_it_comes(tmp_path: Path, flushes: list[bool]) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            for came in (1, 2):
                gate.come(waiting())
                await until(lambda came=came: len(gate.released) == came)
                await asyncio.sleep(0.05)
            assert flushes == [True, True]

    asyncio.run(story())


def test_a_disk_that_does_not_take_what_comes_is_tried_again_after_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flushes: list[bool]
) -> None:
    async def story() -> None:
        async with rig(tmp_path) as gate:
            monkeypatch.setattr(gate.database, "free_bytes", _fails)
            gate.come(waiting())
            await until(lambda: gate.events.quarantine.trouble)
            await asyncio.sleep(0.05)
            assert flushes == [False]

    asyncio.run(story())


def test_a_disk_that_does_not_take_what_came_of_a_message_is_tried_again_after_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry_after(3600.0, monkeypatch)
    tries: list[int] = []

    def fails(*_: Any) -> int:  # noqa: ANN401 - of any
        tries.append(1)
        raise DatabaseFault("disk full")

    async def story() -> None:
        async with rig(tmp_path) as gate:
            gate.come(waiting())
            monkeypatch.setattr("gateway.ingest.storage.quarantine.remove", fails)
            gate.keys.release("m1")
            await until(lambda: gate.events.quarantine.trouble)
            await asyncio.sleep(0.05)
            assert len(tries) == 1

    asyncio.run(story())
