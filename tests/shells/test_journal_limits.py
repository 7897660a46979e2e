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
from gateway.disk.database import DatabaseFault, begin
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


def _needed_bytes(bodies: list[Body]) -> int:
    return sum(len(body.gzip) + 300 for body in bodies)


@pytest.mark.parametrize(("missing_bytes", "gives_up"), [(0, False), (1, True), (2, True)])
def test_rows_are_given_up_for_what_would_not_fit_to_the_byte(missing_bytes: int, gives_up: bool, tmp_path: Path) -> None:  # noqa: FBT001
    async def story() -> None:
        store = _store(tmp_path, max_bytes=2**24)
        with closing(store.database):
            assert (await store.append(_bodies(5))).given_up == {}
            more = _bodies(3)
            limit = store.used_bytes + _needed_bytes(more) - missing_bytes
            tight = Store(store.database, JournalSection(path=store.database.path, min_free_bytes=0, max_bytes=limit))
            tight.stock()
            assert tight.has_room(more) is not gives_up
            assert bool((await tight.append(more)).given_up) is gives_up

    asyncio.run(story())


def test_a_journal_above_its_limit_shrinks_a_little_with_each_commit(tmp_path: Path) -> None:
    """Not all at once: what is given up would have been written in an hour."""

    async def story() -> None:
        store = _store(tmp_path, max_bytes=2**24)
        with closing(store.database):
            await store.append(_bodies(40))
            tight = Store(store.database, JournalSection(path=store.database.path, min_free_bytes=0, max_bytes=10_000))
            before = tight.stock().batches
            for _ in range(10):
                assert 1 <= len((await tight.append(_bodies(1))).given_up) <= 2
            assert tight.stock().batches < before

    asyncio.run(story())


@pytest.mark.parametrize(("free_bytes", "gives_up"), [(1_000_000, False), (999_999, True)])
def test_a_disk_that_would_be_short_gives_up_the_oldest_rows(
    free_bytes: int,
    gives_up: bool,  # noqa: FBT001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        store = _store(tmp_path, max_bytes=2**24, min_free_bytes=1_000_000)
        with closing(store.database):
            monkeypatch.setattr(store.database, "free_bytes", lambda: 2**40)
            await store.append(_bodies(5))
            more = _bodies(2)
            monkeypatch.setattr(store.database, "free_bytes", lambda: free_bytes + _needed_bytes(more))
            appended = await store.append(more)
            assert (len(appended.rows), bool(appended.given_up)) == (2, gives_up)

    asyncio.run(story())


def test_whether_the_journal_takes_something_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        store = _store(tmp_path, max_bytes=2**24)
        with closing(store.database):
            assert await store.takes_something()
            run = store.database.run

            async def fails(*_: object) -> None:
                raise DatabaseFault("disk full")

            monkeypatch.setattr(store.database, "run", fails)
            assert not await store.takes_something()
            monkeypatch.setattr(store.database, "run", run)
            store.used_bytes = 2**24 + 1
            assert not await store.takes_something()

    asyncio.run(story())


def test_a_disk_that_is_gone_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = _store(tmp_path, max_bytes=2**24)

    def gone() -> int:
        raise DatabaseFault("gone")

    with closing(store.database):
        assert store.has_room([])
        monkeypatch.setattr(store.database, "free_bytes", gone)
        assert not store.has_room([])


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
