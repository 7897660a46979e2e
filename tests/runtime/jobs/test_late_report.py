"""Late readings that another gateway received: it tells the hours, and the one that closes hours works them out again."""

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.core.batching.write_result import Answer
from gateway.ingest.database.store import TimeSpan
from gateway.ingest.storage.database import Database
from gateway.monitoring.reports.boundaries import ReportStep, midnight_ms, periods
from gateway.runtime.jobs.periods import progress
from gateway.runtime.jobs.periods.progress import LateReport, late_lines
from gateway.runtime.pipeline.build import Parts
from gateway.support.config.model import StandbySection
from tests.clocks import SetClock
from tests.core.making import NOW_MS, message, topic
from tests.monitoring.reports.points import EVERY, HOUR, point
from tests.runtime.jobs.closing_rig import SETTLED, ClosingRig, Running, config_of
from tests.runtime.jobs.test_period_job import DEVICES, FIRST, MINUTE, NAMES, ZONES, reported, story_of


@pytest.mark.real
def test_hours_that_another_gateway_tells_are_worked_out_again(rig: ClosingRig) -> None:
    local = ZoneInfo(ZONES[0])
    start_ms = midnight_ms(FIRST, local)
    end_ms = midnight_ms(FIRST + timedelta(days=2), local)
    rig.filled.write(story_of(start_ms, end_ms + HOUR))
    at_ms = start_ms + 23 * HOUR + 8 * MINUTE

    async def told(running: Running) -> None:
        await running.close(end_ms + SETTLED)
        register = 1000 + (at_ms - start_ms) / EVERY * 0.05 + 0.02  # elsewhere than the hours had thought
        hour = at_ms // HOUR
        lines = late_lines({"gap": [(hour, hour + 1)]}, end_ms + SETTLED + MINUTE)
        running.filled.write([point("gap", at_ms, register, register), *lines])
        await running.close(end_ms + SETTLED + HOUR)

    config = rig.config(DEVICES, ZONES[0])
    shared = config.model_copy(update={"devices": config.devices.model_copy(update={"moving": True})})
    rig.run(shared, start_ms, told)
    hours = list(periods(FIRST, FIRST + timedelta(days=1), ReportStep.HOUR, local))
    in_hours = rig.newest("hourly", "volume_used_m3", TimeSpan(start_ms, end_ms), NAMES)
    assert in_hours == reported(rig, hours, end_ms + SETTLED + HOUR)


MEMBER = {"share_leader": "another"}
PASSIVE = {"standby": StandbySection(machine="a")}
NOW_HOUR = NOW_MS // HOUR


@pytest.fixture(autouse=True)
def readable_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "READABLE_AFTER_S", 0.0)


class Told:
    """A gateway that does not close hours, before a database that a test answers for.

    :ivar lines: what it told.
    """

    def __init__(self, folder: Path, mqtt: Mapping[str, object], *answers: int) -> None:
        (folder / "devices.yaml").write_text(json.dumps({"devices": [{"id": "m1", "site": "s1", "domain": "water"}]}))
        config = config_of(folder, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh")
        self._config = config.model_copy(update={"mqtt": config.mqtt.model_copy(update=dict(mqtt))})
        self._answers = iter(answers)
        self.lines: list[str] = []

    async def _write(self, body: bytes) -> Answer:
        self.lines += zlib.decompress(body, wbits=31).decode().split("\n")
        return Answer(next(self._answers))

    def run(self, story: Callable[[Parts, LateReport], Awaitable[None]], *, killed: bool = False) -> None:
        """Run it as far as the story goes; a later run goes on from the same file."""
        database = Database(self._config.journal.path)
        database.open()

        async def begun() -> None:
            parts = Parts(self._config, database, SetClock(NOW_MS))
            setattr(parts.delivery.destination.influxdb, "write", self._write)  # noqa: B010 - in its place
            assert parts.closing.late_report is not None
            await story(parts, parts.closing.late_report)
            if not killed:
                await parts.closing.job.save()

        asyncio.run(begun())
        database.close()


def come(parts: Parts, *ago_h: int, device: str = "m1") -> None:
    for hours in ago_h:
        parts.processing.processor.process(message({"ts": NOW_MS - hours * HOUR, "ph": 7}, topic(device)), NOW_MS)


async def tell(_: Parts, report: LateReport) -> None:
    await report.tell()


@pytest.mark.parametrize("role", [MEMBER, PASSIVE], ids=["a-member", "a-passive-machine"])
def test_one_that_does_not_close_hours_tells_which_ones_got_readings(tmp_path: Path, role: Mapping[str, object]) -> None:
    gate = Told(tmp_path, role, 503, 204)

    async def story(parts: Parts, report: LateReport) -> None:
        report.close()
        come(parts, 0, 5, 4, 9)
        come(parts, 5, device="unregistered")
        for _ in range(3):
            await report.tell()

    gate.run(story)
    runs = [(NOW_HOUR - 9, NOW_HOUR - 8, 0), (NOW_HOUR - 5, NOW_HOUR - 3, 1)]
    lines = [f"late,device=m1 first_hour={float(first)},end_hour={float(end)} {NOW_MS + at}" for first, end, at in runs]
    assert gate.lines == lines * 2, "once more after a refusal, then no more"


@pytest.mark.parametrize("role", [MEMBER, PASSIVE], ids=["a-member", "a-passive-machine"])
def test_what_was_noted_is_told_after_a_restart_and_a_kill(tmp_path: Path, role: Mapping[str, object]) -> None:
    gate = Told(tmp_path, role, 503, 503, 204)

    async def noted(parts: Parts, report: LateReport) -> None:
        report.close()
        come(parts, 5)

    gate.run(noted)
    gate.run(tell, killed=True)
    gate.run(tell, killed=True)
    gate.run(tell, killed=True)
    gate.run(tell)
    hour = NOW_HOUR - 5
    assert gate.lines == [f"late,device=m1 first_hour={float(hour)},end_hour={float(hour + 1)} {NOW_MS}"] * 3


def test_what_stands_in_the_journal_is_told_when_it_is_written(tmp_path: Path) -> None:
    gate = Told(tmp_path, MEMBER, 204)

    async def story(parts: Parts, report: LateReport) -> None:
        report.close()
        parts.foundation.ledger.receive(1, "journal", "journal")
        come(parts, 5)
        await report.tell()
        assert gate.lines == []
        parts.foundation.ledger.settle("written", {"water": 1}, "journal")
        await report.tell()
        assert len(gate.lines) == 1

    gate.run(story)


def test_a_machine_that_became_live_works_hours_out_itself(tmp_path: Path) -> None:
    gate = Told(tmp_path, PASSIVE)

    async def story(parts: Parts, report: LateReport) -> None:
        assert parts.pairing.watch is not None
        parts.pairing.watch.live.set()
        report.close()
        come(parts, 5)
        async with asyncio.timeout(30):
            await report.run()
        await parts.closing.job.save()
        assert parts.processing.hours_again.take() == {"m1": [(NOW_HOUR - 5, NOW_HOUR - 4)]}

    gate.run(story)
    assert gate.lines == []
