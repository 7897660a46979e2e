"""The journal at its limits: what makes room is counted to the reading, and no limit is so small that nothing can be stored."""

import asyncio
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from gateway.core.batching.batch import Body, encode
from gateway.core.message import Reading
from gateway.ingest.delivery.backlog import Appended, BoundedJournal, JournalFull
from gateway.ingest.storage import journal
from gateway.ingest.storage.database import DatabaseFault, begin
from gateway.support.clock import WallClock
from gateway.support.config.model import JournalSection

BODIES = 60


def _store(tmp_path: Path, **limits: object) -> BoundedJournal:
    config = JournalSection.model_validate({"path": tmp_path / "journal.db", "min_free_bytes": 0} | limits)
    store = BoundedJournal(begin(config.path), config, WallClock())
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
            tight = BoundedJournal(
                store.database, JournalSection(path=store.database.path, min_free_bytes=0, max_bytes=limit), WallClock()
            )
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
            tight = BoundedJournal(
                store.database, JournalSection(path=store.database.path, min_free_bytes=0, max_bytes=10_000), WallClock()
            )
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
    async def story() -> tuple[Appended, Appended, journal.JournalUse]:
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


def test_rows_are_read_up_to_as_many_readings_as_are_wanted_and_in_pages(tmp_path: Path) -> None:
    store = _store(tmp_path)
    with closing(store.database):
        run = store.database.run_here
        run(journal.append, _bodies(4, readings=10), 1, 5, refused=False)
        assert [entry.row for entry in run(journal.next_rows, frozenset(), 30, 100)] == [1, 2, 3]
        assert [entry.row for entry in run(journal.next_rows, frozenset(), 29, 100)] == [1, 2]
        assert [entry.row for entry in run(journal.next_rows, frozenset(), 5, 100)] == [1]
        assert [entry.row for entry in run(journal.next_rows, frozenset({1, 3}), 99, 1)] == [2]
        run(journal.append, _bodies(2, readings=10), 5, 5, refused=True)
        assert [entry.row for entry in run(journal.next_rows, frozenset(), 99, 100)] == [5]
        assert [entry.row for entry in run(journal.everything, 2, 3)] == [3, 4, 5]


def test_an_empty_journal_holds_nothing_and_an_unknown_domain_is_said(tmp_path: Path) -> None:
    store = _store(tmp_path)
    with closing(store.database):
        run = store.database.run_here
        assert run(journal.stock) == journal.JournalUse(0, 0, None)
        run(journal.append, _bodies(3, readings=10), 1, 5, refused=False)
        assert run(journal.stock) == journal.JournalUse(3, 30, 5)
        run(lambda connection: connection.execute("UPDATE journal SET domains = '{\"water\": 9}' WHERE id = 2"))
        run(lambda connection: connection.execute("UPDATE journal SET domains = 'x' WHERE id = 3"))
        assert run(journal.drop) == {1: {"water": 10}, 2: {"unknown": 10}, 3: {"unknown": 10}}


@pytest.mark.parametrize(("missing_bytes", "takes"), [(0, True), (1, False), (2, False)])
def test_a_journal_that_may_not_forget_takes_what_fits_to_the_byte(missing_bytes: int, takes: bool, tmp_path: Path) -> None:  # noqa: FBT001
    async def story() -> None:
        store = _store(tmp_path, max_bytes=2**24, when_full="stop_acking")
        with closing(store.database):
            await store.append(_bodies(5))
            more = _bodies(3)
            limit = store.used_bytes + _needed_bytes(more) - missing_bytes
            config = JournalSection(path=store.database.path, min_free_bytes=0, max_bytes=limit, when_full="stop_acking")
            tight = BoundedJournal(store.database, config, WallClock())
            tight.stock()
            if takes:
                assert len((await tight.append(more)).rows) == 3
            else:
                with pytest.raises(JournalFull):
                    await tight.append(more)

    asyncio.run(story())


def test_what_is_stored_is_of_now_and_not_refused_and_what_is_settled_takes_no_room(tmp_path: Path) -> None:
    async def story() -> None:
        store = _store(tmp_path, max_bytes=2**24)
        with closing(store.database):
            rows = (await store.append(_bodies(50))).rows
            oldest_ms = store.stock().oldest_ms
            assert oldest_ms is not None
            assert abs(oldest_ms - time.time() * 1000) < 60_000
            assert len(store.database.run_here(journal.next_rows, frozenset(), 10_000, 100)) == 50
            await store.database.give_pages_back()
            await store.settle(rows[:25], [], 2**20)
            await store.database.give_pages_back()
            half_bytes = store.used_bytes
            await store.settle(rows[25:], [], 2**20)
            assert store.used_bytes < half_bytes

    asyncio.run(story())
