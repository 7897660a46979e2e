"""A reading that InfluxDB refuses when it is posted alone: the fault of the reading, or of the database."""

import asyncio
import gzip
import time

import pytest

from gateway.core.batching.batch import encode
from gateway.core.batching.pacing import LinkBudget
from gateway.core.batching.write_result import Answer
from gateway.core.message import REJECT_KEPT_BYTES, Reading
from gateway.ingest.delivery.bisect_refused import Bisected, Bisector
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker, Probe
from gateway.ingest.events import Events
from gateway.support.clock import WallClock
from tests.ingest.delivery.delivering import OwnPoint, probe

OWN = b"own"
GOOD, REFUSED, BROKEN, AWAY = Answer(204), Answer(400, "unable to parse"), Answer(500, "panic"), Answer(503)


class Influxdb:
    """Answers to readings and to the gateway's own points in the order given, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.link = LinkBudget()

    async def write(self, body: bytes) -> Answer:
        """The next answer."""
        self.asked.append("own" if body == OWN else gzip.decompress(body).decode())
        return self.answers.pop(0)


def bisecting(influxdb: Influxdb, breaker: CircuitBreaker, events: Events | None = None) -> Bisector:
    return Bisector(influxdb, breaker, events or Events(), Probe(breaker, influxdb, OwnPoint(OWN)), WallClock())


def split(influxdb: Influxdb, readings: str = "a", *, too_large: bool = False) -> Bisected | None:
    """Bisected readings that are named by letters."""

    async def work() -> Bisected | None:
        breaker = CircuitBreaker(Events())
        bisector = bisecting(influxdb, breaker)
        body = encode([Reading(letter, "water") for letter in readings])
        return await (bisector.bisect(body, too_large=True) if too_large else bisector.bisect(body))

    return asyncio.run(work())


@pytest.mark.parametrize("refusal", [REFUSED, BROKEN], ids=["400", "500"])
def test_a_reading_that_is_refused_before_and_after_our_own_is_taken_is_rejected(refusal: Answer) -> None:
    influxdb = Influxdb(refusal, GOOD, refusal)
    outcome = split(influxdb)
    assert outcome is not None
    assert [refused.payload for refused in outcome.rejected] == [b"a"]
    assert influxdb.asked == ["a", "own", "a"]


def test_an_answer_to_the_backlog_is_measured_and_is_not_taken_for_one_to_a_live_write() -> None:
    """By those it is seen whether the backlog makes live readings wait."""
    events = Events()

    async def write() -> None:
        await bisecting(Influxdb(GOOD), CircuitBreaker(events), events).write(encode([Reading("a", "water")]).gzip)

    asyncio.run(write())
    assert (sum(events.requests["written"].counts), sum(events.live_answers.counts)) == (1, 0)
    assert 0 <= events.requests["written"].sum_s < 100.0


@pytest.mark.parametrize("refusal", [REFUSED, BROKEN], ids=["400", "500"])
def test_a_database_that_is_mended_between_the_reading_and_our_own_costs_no_reading(refusal: Answer) -> None:
    influxdb = Influxdb(refusal, GOOD, GOOD)
    outcome = split(influxdb)
    assert outcome is not None
    assert (outcome.rejected, outcome.written.total()) == ([], 1)


def test_a_database_that_refuses_our_own_too_is_at_fault() -> None:
    assert split(Influxdb(REFUSED, REFUSED)) is None


def test_a_database_that_goes_away_meanwhile_judges_nothing() -> None:
    assert split(Influxdb(REFUSED, GOOD, AWAY)) is None


def test_each_reading_that_stands_alone_is_judged_by_itself() -> None:
    influxdb = Influxdb(REFUSED, GOOD, REFUSED, REFUSED, GOOD, GOOD)
    outcome = split(influxdb, "ab")
    assert outcome is not None
    assert [refused.payload for refused in outcome.rejected] == [b"a"]
    assert outcome.written.total() == 1
    assert influxdb.asked == ["a", "own", "a", "b", "own", "b"]


TOO_LARGE = Answer(413)


@pytest.mark.parametrize(
    ("answers", "told", "smallest"),
    [
        pytest.param([GOOD, GOOD], False, None, id="nothing"),
        pytest.param([GOOD, GOOD], True, 8, id="the-whole"),
        pytest.param([GOOD, TOO_LARGE, GOOD, GOOD], True, 4, id="and-one-half"),
        pytest.param([GOOD, TOO_LARGE, GOOD, GOOD], False, 4, id="one-half"),
        pytest.param([TOO_LARGE, TOO_LARGE, GOOD, GOOD, GOOD, TOO_LARGE, GOOD, GOOD], True, 2, id="halves-of-halves"),
    ],
)
def test_the_smallest_part_that_was_too_large_is_told(answers: list[Answer], told: bool, smallest: int | None) -> None:  # noqa: FBT001
    outcome = split(Influxdb(*answers), "abcdefgh", too_large=told)
    assert outcome is not None
    assert (outcome.too_large, outcome.written.total()) == (smallest, 8)


def test_readings_are_halved_in_their_order_until_those_that_are_refused_stand_alone() -> None:
    influxdb = Influxdb(REFUSED, GOOD, REFUSED, GOOD, REFUSED, GOOD, REFUSED, GOOD)
    outcome = split(influxdb, "abcdef")
    assert outcome is not None
    assert influxdb.asked == ["a\nb\nc", "a", "b\nc", "b", "c", "own", "c", "d\ne\nf"]
    assert [refused.payload for refused in outcome.rejected] == [b"c"]


@pytest.mark.parametrize("answer", [AWAY, Answer(401)], ids=["away", "no-rights"])
def test_what_is_no_fault_of_the_readings_splits_nothing_further(answer: Answer) -> None:
    influxdb = Influxdb(answer)
    assert split(influxdb, "abcd") is None
    assert influxdb.asked == ["a\nb"]


def test_a_single_reading_that_is_too_large_stays_with_the_journal() -> None:
    """No reading is rejected for a limit of the server."""
    assert split(Influxdb(TOO_LARGE)) is None


def test_readings_too_old_expire_and_the_others_are_written() -> None:
    outcome = split(Influxdb(Answer(400, "beyond retention policy"), GOOD), "ab")
    assert outcome is not None
    assert (outcome.expired, outcome.written) == ({"a": 1}, {"b": 1})


def test_a_reject_names_the_device_and_keeps_the_line() -> None:
    line = "water,area=a,device=m1,site=s ph=7 5" + "0" * REJECT_KEPT_BYTES

    async def work() -> Bisected | None:
        bisector = bisecting(Influxdb(REFUSED, GOOD, REFUSED), CircuitBreaker(Events()))
        return await bisector.bisect(encode([Reading(line, "water")]))

    outcome = asyncio.run(work())
    assert outcome is not None
    (refused,) = outcome.rejected
    assert (refused.device, refused.domain, refused.payload) == ("m1", "water", line.encode()[:REJECT_KEPT_BYTES])
    assert abs(refused.arrival_ms - time.time() * 1000) < 60_000
    assert (refused.stage, refused.reason.value) == ("deliver", "influxdb_rejected")
    assert "400 unable to parse" in refused.detail


def test_a_database_that_judges_nothing_opens_the_breaker_with_the_part_it_refused() -> None:
    async def work() -> tuple[bool, bytes]:
        breaker, tried = CircuitBreaker(Events()), asyncio.Queue[bytes]()
        full = Answer(400, "max-series-per-database")
        bisector = bisecting(Influxdb(GOOD, full), breaker)
        assert await bisector.bisect(encode([Reading("a", "water"), Reading("b", "water")])) is None

        async def write(body: bytes) -> Answer:
            await tried.put(body)
            return full

        probing = probe(breaker, write, OWN)
        first = await tried.get()
        probing.cancel()
        return breaker.is_open, first

    is_open, tried = asyncio.run(work())
    assert is_open
    assert gzip.decompress(tried) == b"b"
