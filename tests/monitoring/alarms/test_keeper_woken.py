"""The keeper as it runs: woken by what changes, and asleep while nothing does."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sized
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.ingest.storage import alarms as stored
from gateway.ingest.storage.alarms import Changes, PlannedWork
from gateway.ingest.storage.database import Database
from gateway.monitoring.alarms.outbox import WEBHOOK
from tests.clocks import SetClock
from tests.core.alarms.alarming import above, rule
from tests.core.making import HOUR_MS, NOW_MS
from tests.monitoring.alarms.keeping import HOT, HOT_C, Kept, opened
from tests.waiting import PATIENCE_S

SLOW_TO_RISE = rule(above("temperature_c", 30.0), name="warm", for_ms=HOUR_MS)


class QuickClock(SetClock):
    """Its seconds take ten milliseconds."""

    def real_s(self, seconds: float) -> float:
        """Return a hundredth."""
        return seconds / 100


class Running:
    """A keeper that runs.

    :ivar commits: how often it committed.
    """

    def __init__(self, file: Database) -> None:
        self.kept = Kept(file, HOT, SLOW_TO_RISE)
        self.kept.keeper._clock = self.clock = QuickClock(NOW_MS)  # noqa: SLF001 - in its place
        self.commits = 0
        self._commit = self.kept.keeper.commit
        setattr(self.kept.keeper, "commit", self._counted)  # noqa: B010 - in its place

    async def _counted(self, *, pending: bool = True) -> None:
        await self._commit(pending=pending)
        self.commits += 1

    def run(self, story: Callable[[], Awaitable[None]]) -> None:
        """Run it through a story, which begins when it has looked at what the run before left."""

        async def told() -> None:
            running = asyncio.create_task(self.kept.keeper.run())
            await met(lambda: self.commits == 1)
            await story()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

        asyncio.run(told())

    def push(self, temperature_c: float) -> None:
        """Have the engine look at a reading."""
        self.clock.at_ms += 1000
        self.kept.bed.push(self.clock.at_ms, {"temperature_c": temperature_c}, "d1")

    async def stored(self, number: int, read: Callable[[sqlite3.Connection], Sized]) -> None:
        """Wait until so many rows stand on disk."""
        async with asyncio.timeout(PATIENCE_S):
            while len(await self.kept.file.run(read)) != number:  # noqa: ASYNC110 - a disk sets no event
                await asyncio.sleep(0.005)


async def met(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.005)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with opened(tmp_path) as file:
        yield Running(file)


def test_a_change_wakes_the_keeper_and_is_told_and_stored(running: Running) -> None:
    async def story() -> None:
        running.push(HOT_C)
        await met(lambda: running.kept.told == ["raised hot@d1"])
        await running.stored(1, stored.history)

    running.run(story)


def test_while_nothing_happens_the_keeper_sleeps(running: Running) -> None:
    async def story() -> None:
        await asyncio.sleep(0.5)  # at the pace of two looks a second there would be a hundred
        assert running.commits == 1

    running.run(story)


def test_a_state_of_which_nobody_is_told_yet_is_stored_within_a_minute(running: Running) -> None:
    async def story() -> None:
        running.push(HOT_C)
        running.push(HOT_C)
        await running.stored(2, stored.states)
        await asyncio.sleep(0.1)
        commits = running.commits
        await asyncio.sleep(0.3)
        assert running.commits == commits

    running.run(story)


def test_what_a_receiver_took_is_forgotten_on_disk(running: Running) -> None:
    async def story() -> None:
        running.push(HOT_C)
        await met(lambda: len(running.kept.told) == 1)
        await running.stored(2, stored.notices)
        running.kept.keeper.taken(running.kept.keeper.outbox.first(WEBHOOK, 1))
        await running.stored(1, stored.notices)

    running.run(story)


def test_the_end_of_planned_work_wakes_the_keeper(running: Running) -> None:
    async def story() -> None:
        await running.kept.keeper.plan(PlannedWork(NOW_MS, NOW_MS + HOUR_MS, "Lan", "a new pump", "", "d1"))
        running.push(HOT_C)
        await met(lambda: len(running.kept.points) == 1)
        assert running.kept.told == []
        running.clock.at_ms += HOUR_MS
        await met(lambda: running.kept.told == ["raised hot@d1"])

    running.run(story)


def test_what_the_disk_refused_is_tried_again_without_news(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_connection: sqlite3.Connection, _changes: Changes) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async def story() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(stored, "commit", full)
            running.push(HOT_C)
            await met(lambda: running.commits > 1)
        before = running.commits
        await running.stored(1, stored.history)
        assert running.commits <= before + 2, "within seconds"

    running.run(story)
