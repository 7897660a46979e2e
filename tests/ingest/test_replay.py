"""Replayed messages: all of them arrive, with their times and marks, and those that must wait on stay."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.batching.batch import decode
from gateway.core.devices.streams import Admission
from gateway.core.message import Message, Outcome, QuarantinedMessage, Reading, Refusal, SideEffects, WaitCause
from gateway.ingest.replay import without_codecs, work
from gateway.ingest.storage import journal, quarantine, rejects
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.rejects import DELIVERY_STAGE
from gateway.ingest.storage.settlement import Limits, Remove, Replayed, commit
from schemas.quantities import Quality
from schemas.rejects import RejectReason
from tests.core.line_protocol import parse
from tests.core.making import NOW_MS, message, pipeline, registered_device
from tests.core.profiled import pipeline as profile_pipeline
from tests.core.profiled import sent
from tests.stored_rejects import stored_rejects

ROOM = Limits(2**20, 2**20)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    """An empty one."""
    made = Database(tmp_path / "journal.db")
    made.open()
    with closing(made):
        yield made


def many(count: int) -> QuarantinedMessage:
    """A message of so many readings."""
    return QuarantinedMessage(WaitCause.UNKNOWN_DEVICE, "m1", None, "t/m1", b"%d" % count, retain=False, arrival_ms=NOW_MS)


async def as_it_says(message: Message, arrival_ms: int) -> Outcome:
    """A pipeline: as many readings as the payload says."""
    outcome = Outcome("water")
    outcome.readings = [
        Reading(f"water,n={message.payload.decode()} ph=7 {arrival_ms + n}", "water") for n in range(int(message.payload))
    ]
    return outcome


@pytest.mark.parametrize("counts", [(1000,), (1001,), (2500,), (400, 700), (999, 1, 1, 1000)], ids=str)
def test_a_replay_of_more_readings_than_a_row_holds_loses_none(file: Database, counts: tuple[int, ...]) -> None:
    result = asyncio.run(work([(n, many(count)) for n, count in enumerate(counts, start=1)], as_it_says))
    _commit(file, result, quarantine.remove)
    lines = [reading.lines for entry in file.run_here(journal.everything) for reading in decode(entry.body)]
    assert lines == [f"water,n={count} ph=7 {NOW_MS + n}" for count in counts for n in range(count)]
    assert result.readings == {"water": sum(counts)}
    together = file.run_here(journal.next_rows, frozenset(), 10_000, 100)
    assert len(together) == len(result.bodies), "none is marked as refused, which would go alone"
    assert file.run_here(journal.stock).batches == -(-sum(counts) // 1000)


def _commit(file: Database, result: Replayed, remove: Remove) -> None:
    file.run_here(commit, result, remove, file.reserve_rows(len(result.bodies)), NOW_MS, ROOM)


def _unknown(*, duplicate: bool = False) -> QuarantinedMessage:
    """A message of a device that nobody registered, from the pipeline itself."""
    outcome = pipeline(admission=Admission("quarantine")).process(message({"ph": 7}, duplicate=duplicate), NOW_MS)
    assert outcome.side_effects is not None
    (waits,) = outcome.side_effects.waiting
    return waits


@pytest.mark.parametrize("duplicate", [False, True])
def test_a_message_that_may_stand_twice_says_so_when_it_comes_out_of_quarantine(file: Database, duplicate: bool) -> None:  # noqa: FBT001
    """Nobody else knows: the mark of the broker is gone with its packet."""
    file.run_here(quarantine.add, [_unknown(duplicate=duplicate)], 2**20)
    rows = [row for _, row in file.run_here(quarantine.select_key, "d1")]
    result = asyncio.run(work(rows, without_codecs(pipeline({"d1": registered_device()}))))
    (body,) = result.bodies
    (reading,) = decode(body)
    quality = int(parse(reading.lines).fields["quality"])
    assert bool(quality & Quality.MAY_STAND_TWICE) is duplicate
    assert quality & Quality.GATEWAY_TIME
    assert parse(reading.lines).time_ms == NOW_MS


def test_the_readings_that_one_message_had_refused_are_replayed_together_and_stay_as_many() -> None:
    text = "match: {topic: 't/{device}'}\npoints:\n" + "".join(
        f"  - {{measurement: water, fields: {{ph: /{name}}}}}\n" for name in "abc"
    )
    into = profile_pipeline(text)
    refused = [
        refusal
        for now_ms in (NOW_MS, NOW_MS + 1000)
        for refusal in into.process(sent({"a": 7, "b": 6, "c": 5}), now_ms).refusals
    ]
    for _ in range(3):
        result = asyncio.run(work(list(enumerate(refused, start=1)), without_codecs(into)))
        assert (result.numbers, result.readings.total(), result.duplicates.total()) == ([1, 2, 3, 4], 0, 2)
        refused = result.refused
        assert [refusal.reason for refusal in refused] == [RejectReason.TIME_CONFLICT] * 4


def test_a_message_that_still_waits_for_the_same_stays_in_its_place(file: Database) -> None:
    """Put back it would be the newest: those that came after it would come in before it."""
    file.run_here(quarantine.add, [_unknown(), many(1)], 2**20)
    before = _rows(file)
    rows = [row for _, row in file.run_here(quarantine.select_key, "d1")]
    result = asyncio.run(work(rows, without_codecs(pipeline(admission=Admission("quarantine")))))
    assert (result.numbers, result.waiting, result.empty) == ([], [], {})
    _commit(file, result, quarantine.remove)
    assert _rows(file) == before


@pytest.mark.parametrize(
    ("side_effects", "numbers", "empty"),
    [
        pytest.param(SideEffects(waiting=[many(1)]), [], 0, id="waits-for-the-same"),
        pytest.param(SideEffects(waiting=[replace(many(1), key="m2"), many(1)]), [], 0, id="waits-for-the-same-and-more"),
        pytest.param(SideEffects(waiting=[replace(many(1), key="m2")]), [1], 0, id="waits-for-something-else"),
        pytest.param(SideEffects(released=["n1"]), [1], 1, id="frees-others-and-holds-no-reading"),
        pytest.param(None, [1], 1, id="holds-no-reading"),
    ],
)
def test_a_message_leaves_its_place_unless_it_still_waits_for_the_same(
    side_effects: SideEffects | None, numbers: list[int], empty: int
) -> None:
    async def process(*_: object) -> Outcome:
        outcome = Outcome("water")
        outcome.side_effects = side_effects
        return outcome

    result = asyncio.run(work([(1, many(1))], process))
    assert (result.numbers, result.empty.total()) == (numbers, empty)


@pytest.mark.parametrize("waits", [True, False], ids=["quarantine", "reject"])
def test_a_message_that_comes_again_keeps_the_time_of_its_arrival(waits: bool) -> None:  # noqa: FBT001
    """Its device has been heard since: a message of now would be stamped behind that."""
    processor = pipeline({"d1": registered_device()})
    processor.process(message({"ph": 7}), NOW_MS)
    stored: QuarantinedMessage | Refusal = _unknown()
    if not waits:
        stored = Refusal(RejectReason.BAD_JSON, "", stored.topic, stored.payload, "decode", NOW_MS)
    stored.arrival_ms = NOW_MS - 5000
    result = asyncio.run(work([(1, stored)], without_codecs(processor)))
    (reading,) = decode(result.bodies[0])
    assert parse(reading.lines).time_ms == NOW_MS - 5000


def _rows(file: Database) -> list[tuple[int, str]]:
    def read(connection: sqlite3.Connection) -> list[tuple[int, str]]:
        return connection.execute("SELECT id, key FROM quarantine ORDER BY id").fetchall()

    return file.run_here(read)


def test_a_reject_that_must_wait_now_leaves_the_rejects_for_the_quarantine(file: Database) -> None:
    """It never waited for anything, so it waits for nothing still."""
    refused = Refusal(RejectReason.UNKNOWN_DEVICE, "", message({}).topic, message({"ph": 7}).payload, "intake", NOW_MS)
    file.run_here(rejects.add, [refused], 2**20)
    chosen = file.run_here(stored_rejects)
    result = asyncio.run(work(chosen, without_codecs(pipeline(admission=Admission("quarantine")))))
    _commit(file, result, rejects.remove)
    assert (file.run_here(rejects.count), file.run_here(quarantine.stock).messages) == ({}, 1)


def test_a_point_that_influxdb_refused_is_sent_again_as_it_is(file: Database) -> None:
    line = f"water,device=d1 ph=7 {NOW_MS}"
    refused = Refusal(
        RejectReason.INFLUXDB_REJECTED, "400", "", line.encode(), DELIVERY_STAGE, NOW_MS, device="d1", domain="water"
    )
    file.run_here(rejects.add, [refused], 2**20)
    result = asyncio.run(work(file.run_here(stored_rejects), as_it_says))
    _commit(file, result, rejects.remove)
    (entry,) = file.run_here(journal.everything)
    assert [reading.lines for reading in decode(entry.body)] == [line]
    assert file.run_here(rejects.count) == {}


def test_a_replay_says_what_came_of_it(file: Database) -> None:
    processor = pipeline({"d1": registered_device()})
    sent = [{"ts": NOW_MS, "ph": 7}, {"ts": NOW_MS, "ph": 7}, {"ts": NOW_MS, "ph": 8}, {}]
    stored = [Refusal(RejectReason.BAD_JSON, "", message(one).topic, message(one).payload, "decode", NOW_MS) for one in sent]
    file.run_here(rejects.add, stored, 2**20)
    chosen = sorted(file.run_here(stored_rejects))
    result = asyncio.run(work(chosen, without_codecs(processor)))
    assert result.document() == {"messages": 4, "readings": 1, "duplicates": 1, "rejected_again": 2, "waiting": 0}
    assert result.received == 4
    _commit(file, result, rejects.remove)
    assert sum(file.run_here(rejects.count).values()) == 2
