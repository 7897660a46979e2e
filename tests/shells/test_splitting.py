"""Who is to blame when InfluxDB refuses a reading that stands alone: the reading, or the database."""

import asyncio
import gzip

import pytest

from gateway.core.batching import encode
from gateway.core.message import Reading
from gateway.core.write_result import Answer
from gateway.delivery.breaker import Breaker
from gateway.delivery.splitting import Split, Splitter
from gateway.events import Events

OWN = b"own"
GOOD, REFUSED, BROKEN, AWAY = Answer(204), Answer(400, "unable to parse"), Answer(500, "panic"), Answer(503)


class Influxdb:
    """Answers to readings and to the gateway's own points in the order given, and remembers what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def write(self, body: bytes) -> Answer:
        """The next answer."""
        self.asked.append("own" if body == OWN else gzip.decompress(body).decode())
        return self.answers.pop(0)


def split(influxdb: Influxdb, readings: str = "a") -> Split | None:
    """Split readings that are named by letters."""

    async def work() -> Split | None:
        breaker = Breaker(Events())
        splitter = Splitter(influxdb, breaker, Events(), lambda: OWN)
        return await splitter.split(encode([Reading(letter, "water") for letter in readings]))

    return asyncio.run(work())


@pytest.mark.parametrize("refusal", [REFUSED, BROKEN], ids=["400", "500"])
def test_a_reading_that_is_refused_before_and_after_our_own_is_taken_is_rejected(refusal: Answer) -> None:
    influxdb = Influxdb(refusal, GOOD, refusal)
    outcome = split(influxdb)
    assert outcome is not None
    assert [refused.payload for refused in outcome.rejected] == [b"a"]
    assert influxdb.asked == ["a", "own", "a"]


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
