"""A reading that waited while its hour was closed is noted when it is written, and no note is lost with its row."""

import asyncio
from pathlib import Path

from gateway.core.batching.write_result import Answer
from gateway.core.message import Outcome, Reading
from gateway.core.readings.replay import LateReadings
from gateway.core.readings.steps import HOUR_MS
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.hours_again import HoursAgain
from tests.ingest.delivery.delivering import until
from tests.ingest.delivery.draining import Rig, rig, story

HOUR = 500_000
WRITTEN, AWAY, REFUSED = Answer(204), Answer(503), Answer(400, "unable to parse")


def line(device: str, hour: int) -> str:
    return f"water,device={device},site=s ph=7 {hour * HOUR_MS + 1234}"


async def noted(file: Database) -> dict[str, list[tuple[int, int]]]:
    """The notes that a gateway finds which begins with this file; read behind what its thread does just now."""
    return await file.in_thread(lambda: dict(HoursAgain(file, LateReadings(), lambda _: True).take()))


def test_rows_of_the_journal_are_judged_when_they_were_written(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            gate.hours_again.close(HOUR * HOUR_MS)
            await gate.put([line("m1", HOUR), line("m2", HOUR + 1)], [line("m1", HOUR + 1)])
            await until(lambda: gate.influxdb.waits)
            gate.hours_again.close((HOUR + 1) * HOUR_MS)  # while they are on their way
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert await noted(gate.file) == {"m1": [(HOUR, HOUR + 1)]}, "saved with the row gone, without a word from anybody"

    story(work)


def test_a_row_that_is_split_is_judged_and_one_that_is_not_written_is_not(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            gate.hours_again.close((HOUR + 1) * HOUR_MS)
            await gate.put([line("m1", HOUR), line("m2", HOUR)], refused=True)
            await gate.posted(line("m1", HOUR), line("m2", HOUR))
            gate.influxdb.answer(REFUSED)
            for _ in range(2):
                await until(lambda: gate.influxdb.waits)
                assert gate.late.drain() == {}
                gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert await noted(gate.file) == {device: [(HOUR, HOUR + 1)] for device in ("m1", "m2")}
            await gate.put([line("m3", HOUR)])
            await gate.posted(line("m3", HOUR))
            assert await gate.make_room() == 1
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert "m3" not in await noted(gate.file)

    story(work)


def test_a_row_stays_until_the_notes_about_it_are_saved(tmp_path: Path) -> None:
    """Killed in between, the gateway writes the row again, and judges it again."""

    async def work() -> None:
        async with rig(tmp_path) as gate:
            gate.hours_again.close((HOUR + 1) * HOUR_MS)
            removed = gate.store.settle
            stands: list[dict[str, list[tuple[int, int]]]] = []

            async def removing(*_: object) -> None:
                stands.append(await noted(gate.file))
                raise DatabaseFault("killed, for a test")

            gate.store.settle = removing  # type: ignore[method-assign, assignment]
            await gate.put([line("m1", HOUR)])
            await until(lambda: gate.influxdb.waits)
            gate.influxdb.answer(WRITTEN)
            await until(lambda: stands)
            assert stands[0] == {"m1": [(HOUR, HOUR + 1)]}
            gate.store.settle = removed  # type: ignore[method-assign]
            await gate.empty()

    story(work)


async def _posted(gate: Rig, text: str) -> None:
    outcome = Outcome("water")
    outcome.readings.append(Reading(text, "water"))
    gate.queue.add(outcome, asyncio.get_running_loop().time())
    gate.live_lane.pump()
    await gate.posted(text)


def test_a_batch_in_memory_is_judged_if_an_hour_was_closed_while_it_waited(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path, drains=False) as gate:
            gate.hours_again.close(HOUR * HOUR_MS)
            await until(lambda: asyncio.get_running_loop().time() > gate.hours_again.closed_s)
            await _posted(gate, line("m1", HOUR - 1))
            gate.influxdb.answer(WRITTEN)
            await until(lambda: gate.account == {"written": 1})
            assert gate.late.drain() == {}, "judged when it came, and there is nothing new"
            await _posted(gate, line("m1", HOUR))
            gate.hours_again.close((HOUR + 1) * HOUR_MS)
            gate.influxdb.answer(WRITTEN)
            await until(lambda: gate.account == {"written": 2})
            assert gate.late.drain() == {"m1": {HOUR}}

    story(work)
