"""Looks that are repeated: what each sees, saves and tells, and how often."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.core.devices.broker_drops import SequenceGaps
from gateway.core.readings.clock_trust import ClockTrust
from gateway.core.status.verdict import Fleet
from gateway.ingest.events import Events
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.runtime.jobs import looks
from gateway.runtime.jobs.looks import HISTORY, ClockWatch, DropWatch, JournalGauge, RateWatch
from gateway.runtime.pipeline.build import Parts
from tests.clocks import SetClock
from tests.core.making import NOW_MS, message, topic
from tests.runtime.jobs.closing_rig import config_of
from tests.waiting import PATIENCE_S


class Stop(Exception):  # noqa: N818 - ends a lane
    """Enough was seen."""


class Clock(SetClock):
    """Notes pauses, and ends the lane after some."""

    def __init__(self, pauses: int) -> None:
        super().__init__(NOW_MS)
        self.left, self.slept = pauses, list[float]()

    async def sleep(self, seconds: float) -> None:
        """Note it; the time passes at once."""
        self.slept.append(seconds)
        self.at_ms += round(1000 * seconds)
        self.left -= 1
        if not self.left:
            raise Stop


def looked(lane: Callable[[], Awaitable[None]]) -> None:
    """Run a lane until its clock ends it."""

    async def story() -> None:
        with pytest.raises(Stop):
            await lane()

    asyncio.run(asyncio.wait_for(story(), PATIENCE_S))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "journal.db")
    made.open()
    yield made
    made.close()


def saved(database: Database, name: str) -> str | None:
    return database.run_here(keyvalue.get, name)


def test_the_clock_is_judged_each_minute_and_its_time_saved_each_quarter_of_an_hour(database: Database) -> None:
    judged: list[int] = []

    class Trust(ClockTrust):
        """Notes judgements."""

        def judge(self, now_ms: int) -> bool:
            """Note it."""
            judged.append(now_ms)
            return super().judge(now_ms)

    trust = Trust(not_before_ms=0, max_future_ms=300_000)
    before = Clock(15)
    looked(ClockWatch(database, trust, before).run)
    assert saved(database, keyvalue.NEWEST_TIME) is None
    assert (before.slept, judged) == ([60.0] * 15, [NOW_MS + 60_000 * minute for minute in range(15)])
    looked(ClockWatch(database, trust, Clock(16)).run)
    assert saved(database, keyvalue.NEWEST_TIME) == str(NOW_MS + 15 * 60_000)


def test_drops_are_looked_at_every_five_seconds_and_the_brokers_count_is_saved_when_it_changes(database: Database) -> None:
    events, clock, told = Events(), Clock(3), list[tuple[int, ...]]()

    class Gaps(SequenceGaps):
        """Finds gaps at once."""

        def look(self, devices: Any, now_ms: int) -> tuple[int, int] | None:  # noqa: ANN401 - of any devices
            """Find some at the first look."""
            told.append((len(devices), now_ms))
            return (3, 40) if now_ms == NOW_MS else None

    class Streams:
        """One device."""

        devices = {"m1": None}  # noqa: RUF012 - read only

    events.drops.total = 5
    looked(DropWatch(database, Streams(), Gaps(), events, clock).run)  # type: ignore[arg-type]
    assert (clock.slept, told) == ([5.0] * 3, [(1, NOW_MS), (1, NOW_MS + 5000), (1, NOW_MS + 10_000)])
    assert (events.gaps, events.gaps_ms) == ((3, 40), NOW_MS)
    assert saved(database, keyvalue.DROPPED) == "5"


@contextmanager
def built(folder: Path) -> Iterator[Parts]:
    """A gateway of one registered device."""
    (folder / "devices.yaml").write_text("devices: [{id: m1, site: s1, domain: water, interval: 15min}]")
    database = Database(folder / "journal.db")
    database.open()
    made: list[Parts] = []

    async def make() -> None:
        made.append(Parts(config_of(folder, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh"), database, SetClock(NOW_MS)))

    asyncio.run(make())
    yield made[0]
    database.close()


def test_rates_are_counted_each_second_and_the_hours_kept_with_the_share_of_silent_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent: list[tuple[int, Fleet]] = []
    with built(tmp_path) as parts:
        status, database = parts.watching.status, parts.foundation.database
        clock = Clock(60)
        monkeypatch.setattr(looks, "WallClock", lambda: clock)
        status.ledger.receive(3, "mqtt")
        monkeypatch.setattr(type(status.history), "note_silent", lambda *told: silent.append(told[1:]))
        looked(RateWatch(database, status).run)
        assert (clock.slept, saved(database, HISTORY) is not None, len(silent)) == ([1.0] * 60, True, 1)
        assert silent[0][0] == NOW_MS
        kept = saved(database, HISTORY)
        assert kept is not None
        loaded: list[str] = []
        monkeypatch.setattr(type(status.history), "load", lambda _, text: loaded.append(text))
        clock.left = 1
        looked(RateWatch(database, status).run)
        assert loaded == [kept]

        async def fails(*_: object) -> None:
            raise DatabaseFault("disk I/O error")

        monkeypatch.setattr(database, "run", fails)
        clock.left = 1
        looked(RateWatch(database, status).run)
        assert loaded == [kept], "the chart begins empty"


def test_the_journal_is_measured_every_five_seconds_and_works_again_once_it_takes_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway")
    with built(tmp_path) as parts:
        status, database, journal = parts.watching.status, parts.foundation.database, parts.delivery.fallback.journal
        events, clock = parts.foundation.events, Clock(3)
        monkeypatch.setattr(looks, "WallClock", lambda: clock)
        gauge = JournalGauge(database, journal, status.journal, events)
        assert status.journal.room_bytes is None
        looked(gauge.run)
        assert clock.slept == [5.0] * 3
        assert status.journal.used_bytes > 0
        assert status.journal.room_bytes is not None
        for trouble, is_up, ends in (("full", False, False), ("", True, False), ("full", True, True)):
            caplog.clear()
            events.journal_trouble, events.influxdb_up = trouble, is_up
            clock.left = 1
            looked(gauge.run)
            assert ("stores readings again" in caplog.text) is ends, (trouble, is_up)

        async def fails(*_: object) -> None:
            raise DatabaseFault("disk I/O error")

        monkeypatch.setattr(database, "run", fails)
        clock.left = 2
        looked(gauge.run)


def test_a_round_of_alarms_leaves_a_step_of_the_clock_out_of_all_silences(tmp_path: Path) -> None:
    with built(tmp_path) as parts:
        clock, events = Clock(5), parts.foundation.events
        ticks: list[tuple[int, bool]] = []

        class Alarms:
            """Notes rounds."""

            def tick(self, now_ms: int, _: object, *, clock_trusted: bool) -> Iterator[None]:
                """Note it."""
                ticks.append((now_ms, clock_trusted))
                yield

        steps = iter([(NOW_MS, 0), (NOW_MS + 60_000, 60_000), (NOW_MS + 125_001, 120_000), (NOW_MS + 3_780_001, 180_000)])
        clock.now_and_steady_ms = lambda: next(steps)  # type: ignore[method-assign]
        events.connected("mqtt://b", NOW_MS - 10_000_000, session_present=True)
        rounds = looks.AlarmRounds(Alarms(), parts.processing.processor.streams, _trusted(), events, clock)  # type: ignore[arg-type]

        async def story() -> None:
            with pytest.raises((Stop, StopIteration, RuntimeError)):
                await rounds.run()

        parts.processing.processor.process(message({"ph": 7}, topic("m1")), NOW_MS)
        lost: list[int] = []
        events.reception.lose = lost.append  # type: ignore[method-assign,assignment]
        asyncio.run(story())
        assert clock.slept[:3] == [60.0] * 3
        assert [at_ms for at_ms, _ in ticks] == [NOW_MS + 60_000, NOW_MS + 125_001, NOW_MS + 3_780_001]
        assert lost == [NOW_MS + 120_000, NOW_MS + 185_001], "more than five seconds, however long it was"


def _trusted() -> ClockTrust:
    return ClockTrust(not_before_ms=0, max_future_ms=300_000)
