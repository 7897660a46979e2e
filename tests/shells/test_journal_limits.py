"""The journal at its limits: what makes room is counted to the reading, and no limit is so small that nothing can be stored."""

import asyncio
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from gateway.core.batching import Body, encode
from gateway.core.message import Reading
from gateway.delivery.store import Appended, JournalFull, Store
from gateway.disk import journal
from gateway.disk.database import begin
from gateway.settings.config import JournalSection

BODIES = 60


def _store(tmp_path: Path, **limits: object) -> Store:
    config = JournalSection.model_validate({"path": tmp_path / "journal.db", "min_free_bytes": 0} | limits)
    store = Store(begin(config.path), config)
    store.stock()
    return store


def _bodies(count: int, *, readings: int = 100) -> list[Body]:
    chance = Random(count)  # noqa: S311 - the same every time
    return [
        encode([Reading(f"water,device=m{n} flow_m3_h={chance.random()!r} {n}", "water") for n in range(readings)])
        for _ in range(count)
    ]


def test_what_makes_room_is_counted_to_the_reading(tmp_path: Path) -> None:
    async def story() -> None:
        store = _store(tmp_path, max_bytes=80_000)
        expired = 0
        with closing(store.database):
            for readings in range(100, 100 + 2 * BODIES, 2):
                appended = await store.append(_bodies(1, readings=readings))
                expired += sum(domains.total() for domains in appended.given_up.values())
            left = store.stock()
            received = sum(range(100, 100 + 2 * BODIES, 2))
            assert 0 < expired == received - left.readings
            assert store.used_bytes < 90_000
            newest = store.database.run_here(journal.everything, 0, 1000)[-1]
            assert newest.body.readings == 98 + 2 * BODIES

    asyncio.run(story())


def test_a_full_journal_gives_up_its_oldest_rows(tmp_path: Path) -> None:
    async def story() -> None:
        store = _store(tmp_path, max_bytes=80_000)
        given_up: list[int] = []
        with closing(store.database):
            for _ in range(BODIES):
                given_up += (await store.append(_bodies(1))).given_up
            left = [entry.row for entry in store.database.run_here(journal.everything, 0, 1000)]
            assert len(given_up) > 2
            assert given_up == list(range(1, len(given_up) + 1))
            assert left == list(range(len(given_up) + 1, BODIES + 1))

    asyncio.run(story())


def test_no_more_is_given_up_than_makes_room(tmp_path: Path) -> None:
    async def story() -> None:
        store = _store(tmp_path, max_bytes=2**20)
        with closing(store.database):
            bodies = _bodies(10)
            await store.append(bodies)
            enough_bytes = len(bodies[0].gzip) + len(bodies[1].gzip)
            removed = store.database.run_here(journal.remove_oldest, enough_bytes)
            assert list(removed) == [1, 2]
            assert store.stock().batches == 8

    asyncio.run(story())


@pytest.mark.parametrize(
    ("max_bytes", "bodies"),
    [
        pytest.param(20_000, 30, id="a-commit-larger-than-the-journal"),
        pytest.param(1_000, 1, id="a-body-larger-than-the-journal"),
    ],
)
def test_no_commit_is_too_large(max_bytes: int, bodies: int, tmp_path: Path) -> None:
    async def story() -> tuple[Appended, Appended, journal.Stock]:
        store = _store(tmp_path, max_bytes=max_bytes)
        with closing(store.database):
            return await store.append(_bodies(bodies)), await store.append(_bodies(bodies)), store.stock()

    first, second, left = asyncio.run(story())
    assert (len(first.rows), first.given_up) == (bodies, {})
    assert len(second.rows) == bodies
    assert set(second.given_up) <= set(first.rows)
    given_up = sum(domains.total() for domains in second.given_up.values())
    assert left.readings == 2 * bodies * 100 - given_up
    assert left.batches <= bodies + 1, "one makes room for one"


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        pytest.param({"max_bytes": 1_000, "when_full": "stop_acking"}, "stop_acking", id="stop-acking"),
        pytest.param({"min_free_bytes": 2**60}, "nothing can make room", id="disk-short"),
    ],
)
def test_what_cannot_be_stored_stays_with_the_broker(limits: dict[str, object], why: str, tmp_path: Path) -> None:
    async def story() -> None:
        store = _store(tmp_path, **limits)
        with closing(store.database):
            with pytest.raises(JournalFull, match=why):
                await store.append(_bodies(3))
            assert store.stock().batches == 0

    asyncio.run(story())
