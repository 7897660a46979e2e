"""Rows of the drain lane that InfluxDB refuses: the row that is at fault, and the fate of the others."""

from pathlib import Path

import pytest

from gateway.core.batching.write_result import Answer
from tests.ingest.delivery.delivering import OWN, probe, until
from tests.ingest.delivery.draining import rig, story

WRITTEN, AWAY, REFUSED, NO_RIGHTS = Answer(204), Answer(503), Answer(400, "unable to parse"), Answer(401)
BROKEN = Answer(500, "panic")


@pytest.mark.parametrize("rows", [[["a"]], [["a"], ["b"]]], ids=["alone", "with-another"])
@pytest.mark.parametrize("answer", [NO_RIGHTS, Answer(404), Answer(400, "max-series-per-database")], ids=lambda a: a.describe())
def test_a_faulty_database_that_the_drain_finds_opens_the_breaker_and_its_row_is_the_probe(
    tmp_path: Path, answer: Answer, rows: list[list[str]]
) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(*rows)
            await gate.posted(*[line for row in rows for line in row])
            gate.influxdb.answer(answer)
            await until(lambda: gate.breaker.is_open)
            probing = probe(gate.breaker, gate.influxdb.write, OWN)
            await gate.posted("a")
            gate.influxdb.answer(WRITTEN)
            await until(lambda: not gate.breaker.is_open)
            probing.cancel()
            await gate.posted(*[line for row in rows for line in row])  # nothing is settled by a probe
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
            assert (gate.account, gate.queue.max_readings) == ({"written": 2}, 1000)

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


def test_what_is_too_old_in_a_split_row_expires_and_the_rest_is_written(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a", "b"], refused=True)
            for answer in (REFUSED, Answer(400, "points beyond retention policy"), WRITTEN):
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer(answer)
            await gate.empty()
            assert gate.account == {"written": 1, "expired": 1}

    story(work)


def test_the_size_that_influxdb_found_too_large_is_remembered_for_the_live_lane(tmp_path: Path) -> None:
    lines = [str(number) for number in range(400)]

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(lines)
            await gate.posted(*lines)
            gate.influxdb.answer(Answer(413))
            for half in (lines[:200], lines[200:]):
                await gate.posted(*half)
                gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 400}
            assert gate.queue.max_readings == 200

    story(work)


def test_a_row_that_is_split_for_what_it_holds_makes_no_batch_smaller(tmp_path: Path) -> None:
    lines = [str(number) for number in range(400)]

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(lines)
            await gate.posted(*lines)
            gate.influxdb.answer(REFUSED)
            for half in (lines[:200], lines[200:]):
                await gate.posted(*half)
                gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.queue.max_readings == 1000

    story(work)


def test_a_size_at_which_nothing_was_written_says_nothing_of_size(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["bad1", "bad2"])
            await gate.posted("bad1", "bad2")
            gate.influxdb.answer(Answer(413))
            for bad in ("bad1", "bad2"):
                for line, answer in ((bad, REFUSED), ("own", WRITTEN), (bad, REFUSED)):
                    await gate.posted(line)
                    gate.influxdb.answer(answer)
            await gate.empty()
            assert (gate.account, gate.queue.max_readings) == ({"rejected": 2}, 1000)

    story(work)


def test_an_influxdb_that_goes_away_during_a_split_judges_nothing_and_gets_the_row_again(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a", "b"], refused=True)
            for answer in (REFUSED, AWAY):
                await until(lambda: gate.influxdb.waits)
                gate.influxdb.answer(answer)
            await until(lambda: gate.breaker.is_open)
            gate.breaker.close()
            await gate.posted("a", "b")
            gate.influxdb.answer(WRITTEN)
            await gate.empty()
            assert gate.account == {"written": 2}

    story(work)
