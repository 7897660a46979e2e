"""Late readings that another gateway received: it tells the hours, and the one that closes hours works them out again."""

import asyncio
import json
import zlib
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.core.delivery.write_result import Answer
from gateway.pipeline.build import build
from gateway.reports.boundaries import ReportStep, midnight_ms, periods
from gateway.reports.late_points import late_lines
from gateway.reports.store import TimeSpan
from gateway.storage.database import Database
from tests.clocks import SetClock
from tests.core.making import NOW_MS, message, topic
from tests.jobs.closing_rig import SETTLED, ClosingRig, Running, config_of
from tests.jobs.test_period_job import DEVICES, FIRST, MINUTE, NAMES, ZONES, reported, story_of
from tests.reports.points import EVERY, HOUR, point


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


def test_one_that_does_not_close_hours_tells_which_ones_got_readings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "devices.yaml").write_text(json.dumps({"devices": [{"id": "m1", "site": "s1", "domain": "water"}]}))
    config = config_of(tmp_path, "http://127.0.0.1:1", "Asia/Ho_Chi_Minh")
    mqtt = config.mqtt.model_copy(update={"share_group": "g", "share_leader": "another"})
    database, written, answers = Database(tmp_path / "journal.db"), list[str](), [503, 204]
    database.open()

    async def write(body: bytes) -> Answer:
        written.append(zlib.decompress(body, wbits=31).decode())
        return Answer(answers[len(written) - 1])

    async def story() -> None:
        parts = build(config.model_copy(update={"mqtt": mqtt}), database, SetClock(NOW_MS))
        monkeypatch.setattr(parts.delivery.destination.influxdb, "write", write)
        report, process = parts.closing.late_report, parts.processing.processor.process
        assert report is not None
        report.close()
        for ago_ms in (0, 5 * HOUR, 4 * HOUR, 9 * HOUR):
            process(message({"ts": NOW_MS - ago_ms, "ph": 7}, topic("m1")), NOW_MS)
        process(message({"ts": NOW_MS - 5 * HOUR, "ph": 7}, topic("unregistered")), NOW_MS)
        for _ in range(3):
            await report.tell()

    asyncio.run(story())
    database.close()
    hour = NOW_MS // HOUR
    runs = [(hour - 9, hour - 8, 0), (hour - 5, hour - 3, 1)]
    lines = [f"late,device=m1 first_hour={float(first)},end_hour={float(end)} {NOW_MS + at}" for first, end, at in runs]
    assert written == ["\n".join(lines)] * 2, "once more after a refusal, then no more"
