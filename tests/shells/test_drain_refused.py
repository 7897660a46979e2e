"""What the drain lane does with rows that InfluxDB does not take: who is at fault, and what becomes of the others."""

import asyncio
from pathlib import Path

import pytest

from gateway.core.write_result import Answer
from tests.shells.delivering import until
from tests.shells.draining import OWN, rig, story

WRITTEN, AWAY, REFUSED, NO_RIGHTS = Answer(204), Answer(503), Answer(400, "unable to parse"), Answer(401)
BROKEN = Answer(500, "panic")


@pytest.mark.parametrize("answer", [NO_RIGHTS, Answer(404), Answer(400, "max-series-per-database")], ids=lambda a: a.describe())
def test_a_faulty_database_that_the_drain_finds_opens_the_breaker_and_its_row_is_the_probe(
    tmp_path: Path, answer: Answer
) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await gate.posted("a")
            gate.influxdb.answer(answer)
            await until(lambda: gate.breaker.is_open)
            probe = asyncio.create_task(gate.breaker.run_probe(gate.influxdb.write, lambda: OWN))
            await gate.posted("a")
            gate.influxdb.answer(WRITTEN)
            await until(lambda: not gate.breaker.is_open)
            probe.cancel()
            await gate.posted("a")  # nothing is settled by a probe
            gate.influxdb.answer(WRITTEN)
            await gate.empty()

    story(work)


@pytest.mark.parametrize("answer", [AWAY, Answer(0), Answer(429), Answer(500), REFUSED], ids=lambda a: a.describe())
def test_what_influxdb_has_against_a_row_or_cannot_do_now_opens_no_breaker(tmp_path: Path, answer: Answer) -> None:
    """The live lane finds out for itself whether InfluxDB is away."""

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await gate.posted("a")
            gate.influxdb.answer(answer)
            await until(lambda: gate.influxdb.waits)
            assert not gate.breaker.is_open
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 1}

    story(work)


def test_a_row_that_draws_three_server_errors_is_split(tmp_path: Path) -> None:
    """Something in it may trip the server; our own point shows that it is not the server alone."""

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a", "b"])
            for _ in range(3):
                await gate.posted("a", "b")
                gate.influxdb.answer(BROKEN)
            for line in ("own", "a", "b"):
                await gate.posted(line)
                gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 2}

    story(work)


def test_a_server_that_fails_for_our_own_point_too_splits_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a", "b"])
            for _ in range(3):
                await gate.posted("a", "b")
                gate.influxdb.answer(BROKEN)
            await gate.posted("own")
            gate.influxdb.answer(BROKEN)
            await gate.posted("a", "b")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 2}

    story(work)


def test_server_errors_of_one_row_are_not_counted_for_another(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            for name in "ab":
                await gate.put([f"{name}1", f"{name}2"])
                for answer in (BROKEN, BROKEN, WRITTEN):
                    await gate.posted(f"{name}1", f"{name}2")
                    gate.influxdb.answer(answer)
            await gate.empty()
            assert gate.account == {"written": 4}

    story(work)


@pytest.mark.parametrize("answer", [REFUSED, BROKEN, Answer(413)], ids=lambda a: a.describe())
def test_rows_that_are_refused_together_are_judged_alone(tmp_path: Path, answer: Answer) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a1", "a2"], ["b1", "b2"])
            await gate.posted("a1", "a2", "b1", "b2")
            gate.influxdb.answer(answer)
            for row in "ab":
                await gate.posted(f"{row}1", f"{row}2")
                gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 4}

    story(work)


def test_what_is_older_than_influxdb_keeps_expires_alone(tmp_path: Path) -> None:
    too_old = Answer(400, "points beyond retention policy")

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a1", "a2"], ["b"])
            await gate.posted("a1", "a2", "b")
            gate.influxdb.answer(too_old)
            await gate.posted("a1", "a2")
            gate.influxdb.answer(too_old)
            await gate.posted("b")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 1, "expired": 2}

    story(work)
