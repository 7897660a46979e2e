"""Pauses of the drain lane: before InfluxDB and the disk, and a soft beginning after an outage."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.core.batching.catch_up import DrainShare
from gateway.core.batching.write_result import Answer
from gateway.ingest.delivery import backlog, drain_lane
from gateway.ingest.storage import journal
from gateway.ingest.storage.database import DatabaseFault
from tests.ingest.delivery.delivering import note_waits, until
from tests.ingest.delivery.draining import Rig, rig, story

WRITTEN, AWAY, REFUSED, BROKEN = Answer(204), Answer(503), Answer(400, "unable to parse"), Answer(500, "panic")
PAUSE_S = 5.0


class Shares(list[DrainShare]):
    """All shares there were, each of which pauses after a write.

    :ivar answers_s: how long each write took that InfluxDB took.
    :ivar looks: how long live answers took meanwhile.
    :ivar put_off: how often it could not take one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answers_s: list[float] = []
        self.looks: list[float | None] = []
        self.put_off = 0


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> Shares:
    """Those of the lane."""
    made = Shares()

    class Watched(DrainShare):
        def __post_init__(self) -> None:
            made.append(self)

        def written(self, answer_s: float, live_s: float | None, *, held_up: bool = False) -> None:
            del held_up
            made.answers_s.append(answer_s)
            made.looks.append(live_s)
            self.pause_s = PAUSE_S

        def put_off(self) -> None:
            made.put_off += 1

    monkeypatch.setattr(drain_lane, "DrainShare", Watched)
    return made


async def answer(gate: Rig, *answers: Answer) -> None:
    """To one write after the other."""
    for each in answers:
        await until(lambda: gate.influxdb.waits)
        gate.influxdb.answer(each)


def now_s() -> float:
    return asyncio.get_running_loop().time()


def test_a_disk_that_fails_is_asked_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried_s: list[float] = []
    next_rows = journal.next_rows

    async def work() -> None:
        loop = asyncio.get_running_loop()

        def fails_thrice(*args: Any) -> Any:  # noqa: ANN401 - passed on
            tried_s.append(loop.time())
            if len(tried_s) <= 3:
                raise DatabaseFault("disk full")
            return next_rows(*args)

        monkeypatch.setattr(journal, "next_rows", fails_thrice)
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await answer(gate, WRITTEN)
            await gate.empty()
        assert min(later - earlier for earlier, later in pairwise(tried_s[:4])) > 0.9

    story(work)


def test_after_an_outage_the_lane_pauses_by_how_long_that_took_and_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shares: Shares
) -> None:
    aways_s: list[float] = []

    def start_pause_s(away_s: float, _: object) -> float:
        aways_s.append(away_s)
        return PAUSE_S

    monkeypatch.setattr(drain_lane, "start_pause_s", start_pause_s)

    async def work() -> None:
        async with rig(tmp_path) as gate:
            gate.events.live_answers.observe(9.0)  # before the outage
            gate.breaker.open(AWAY)
            await gate.put(["a"])
            await asyncio.sleep(20.0)
            closed_s = now_s()
            gate.breaker.close()
            await gate.posted("a")
            assert now_s() - closed_s > PAUSE_S - 0.1
            assert [19.0 < away_s < 2000.0 for away_s in aways_s] == [True]
            assert len(shares) == 2
            await answer(gate, WRITTEN)
            await gate.empty()
            assert shares.looks == [None]

    story(work)


def test_the_lane_pauses_after_a_write_as_long_as_its_share_says(tmp_path: Path, shares: Shares) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"], ["b"], refused=True)  # each goes alone
            await answer(gate, WRITTEN)
            answered_s = now_s()
            await gate.posted("b")
            assert now_s() - answered_s > PAUSE_S - 0.1
            (took_s,) = shares.answers_s
            assert 0.0 <= took_s < 100.0
            await answer(gate, WRITTEN)
            assert len(shares) == 1
            await gate.empty()
            assert len(shares) > 1, "the next backlog begins softly too"

    story(work)


def test_what_influxdb_wishes_is_waited_before_the_next_write(tmp_path: Path, shares: Shares) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await answer(gate, Answer(503, "", 50.0))
            answered_s = now_s()
            await until(lambda: gate.influxdb.waits)
            assert now_s() - answered_s > 49.0
            assert shares.put_off == 1
            await answer(gate, WRITTEN)
            await gate.empty()

    story(work)


def test_a_row_that_was_split_for_its_server_errors_puts_nothing_off(tmp_path: Path, shares: Shares) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await answer(gate, BROKEN, BROKEN, BROKEN, WRITTEN, WRITTEN)  # our own point is the fourth
            await gate.empty()
            assert (shares.put_off, gate.account) == (2, {"written": 1})

    story(work)


def test_the_pauses_after_failures_begin_anew_when_something_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits_s = note_waits(monkeypatch)

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"])
            await answer(gate, AWAY, AWAY, AWAY, WRITTEN)
            await gate.put(["b"])
            await answer(gate, AWAY, WRITTEN)
            await gate.empty()
            assert waits_s == [waits_s[0], 2 * waits_s[0], 4 * waits_s[0], waits_s[0]]

    story(work)


def test_a_split_that_influxdb_interrupts_is_tried_again_after_a_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits_s = note_waits(monkeypatch)

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a", "b"], refused=True)
            await answer(gate, REFUSED, AWAY)
            answered_s = now_s()
            await until(lambda: gate.breaker.is_open)
            gate.breaker.close()
            await gate.posted("a", "b")
            (wait_s,) = waits_s
            assert now_s() - answered_s > 0.9 * wait_s
            await answer(gate, WRITTEN)
            await gate.empty()

    story(work)


def test_what_is_settled_soon_after_a_removal_waits_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each commit costs flash."""
    monkeypatch.setattr(backlog, "_REMOVE_EVERY_S", 100_000.0)

    async def work() -> None:
        async with rig(tmp_path) as gate:
            await gate.put(["a"], ["b"], refused=True)
            await answer(gate, WRITTEN, WRITTEN)
            await until(lambda: not gate.ledger.pending["journal"])
            await asyncio.sleep(10.0)
            assert (await gate.file.run(journal.stock)).batches == 1

    story(work)


def test_behind_a_budget_the_lane_writes_what_it_carries_and_waits_until_that_is_paid(tmp_path: Path) -> None:
    async def work() -> None:
        async with rig(tmp_path) as gate:
            gate.influxdb.link.max_bytes_per_s = 500
            await gate.put(*[[f"reading {number}"] for number in range(40)])
            await until(lambda: gate.influxdb.waits)
            assert len(gate.influxdb.asked[0][0]) < 20, "what a second carries, though its share allows 200"
            began_s = now_s()
            gate.influxdb.link.sent(1000, began_s, began_s)
            gate.influxdb.answer(WRITTEN)
            await until(lambda: gate.influxdb.waits)
            assert now_s() - began_s >= 1.9
            while gate.ledger.total("written") < 40:
                await answer(gate, WRITTEN)
                await asyncio.sleep(0.1)
            await gate.empty()

    story(work)
