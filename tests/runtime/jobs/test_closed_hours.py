"""A reading is late from the first question about its hour on, whatever is answered, also after a restart."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.periods.progress import PeriodProgress
from gateway.runtime.pipeline.build import Parts
from tests.clocks import SetClock
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, message, topic
from tests.runtime.jobs.closing_rig import SETTLED, config_of

FIRST_MS = NOW_MS // HOUR_MS * HOUR_MS
"""The hour that is to be closed next begins here."""


@asynccontextmanager
async def ailing_influxdb() -> AsyncIterator[str]:
    """The address of one that is there and answers no question."""

    async def answer(request: web.Request) -> web.Response:
        is_ping = request.path == "/ping"
        return web.Response(status=204 if is_ping else 500, headers={"X-Influxdb-Version": "1.6.7"} if is_ping else {})

    runner = web.ServerRunner(web.Server(answer))  # type: ignore[arg-type]
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def hours_late(folder: Path, url: str) -> list[set[int]]:
    """Return the hours that readings have worked out again, two before their hour is asked for and two after."""
    (folder / "devices.yaml").write_text(json.dumps({"devices": [{"id": "m1", "domain": "water"}]}))
    config, clock = config_of(folder, url, "Asia/Ho_Chi_Minh"), SetClock(FIRST_MS + HOUR_MS + SETTLED)
    database = Database(config.journal.path)
    database.open()
    await PeriodProgress(database).close_hour(FIRST_MS, FIRST_MS + SETTLED)
    parts = Parts(config, database, clock)
    processor, job = parts.processing.processor, parts.closing.job

    def late(at_ms: int) -> set[int]:
        outcome = processor.process(message({"ts": at_ms, "ph": 7}, topic("m1")), clock.at_ms)
        assert outcome.readings
        return processor.evaluator.late.drain().get("m1", set())

    before = [late(FIRST_MS + SETTLED - 1), late(FIRST_MS + 30 * MINUTE_MS)]
    async with parts.delivery.destination:
        assert job.is_due()
        await job.close_ended()
    database.close()
    return [*before, late(FIRST_MS + 31 * MINUTE_MS), late(clock.at_ms)]


def test_a_reading_is_late_once_its_hour_was_asked_for_by_this_run_or_the_one_before_whatever_was_answered(
    tmp_path: Path,
) -> None:
    async def story() -> list[set[int]]:
        async with ailing_influxdb() as url:
            return await hours_late(tmp_path, url)

    hour = FIRST_MS // HOUR_MS
    assert asyncio.run(story()) == [{hour}, set(), {hour}, set()]
