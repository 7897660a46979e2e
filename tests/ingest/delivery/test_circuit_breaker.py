"""The circuit breaker's probe, while InfluxDB takes no readings."""

import asyncio

import pytest

from gateway.core.batching.write_result import Answer
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.events import Events
from tests.ingest.delivery.delivering import note_waits, probe, until

PAGE = Answer(200, "<html>top up</html>")
OWN, REFUSED = b"a point of our own", b"what was refused"


async def _tried_first(*, given_up: bool) -> bytes:
    """Return the body tried first after one was refused for a fault of the database, and perhaps given up since."""
    breaker, tried = CircuitBreaker(Events()), asyncio.Queue[bytes]()

    async def write(body: bytes) -> Answer:
        await tried.put(body)
        return PAGE

    breaker.open(PAGE, REFUSED)
    if given_up:
        breaker.refused = None
    probing = probe(breaker, write, OWN)
    first = await tried.get()
    probing.cancel()
    return first


def test_what_the_database_refused_is_the_probe() -> None:
    """At its limit of series it takes our own point and none of the readings."""
    assert asyncio.run(_tried_first(given_up=False)) == REFUSED


def test_readings_that_were_given_up_do_not_come_in_by_the_probe() -> None:
    """They are counted as expired."""
    assert asyncio.run(_tried_first(given_up=True)) == OWN


TAKEN, BAD, AWAY, NO_RIGHTS = Answer(204), Answer(400, "unable to parse"), Answer(503), Answer(401)


async def _after_a_probe(answer: Answer, refused: bytes | None) -> CircuitBreaker:
    """A breaker that was open, after its first probe got this answer."""
    breaker, tried = CircuitBreaker(Events()), asyncio.Event()

    async def write(_: bytes) -> Answer:
        tried.set()
        return answer

    breaker.open(PAGE, refused)
    probing = probe(breaker, write, OWN)
    await tried.wait()
    await asyncio.sleep(0)
    probing.cancel()
    return breaker


@pytest.mark.parametrize(
    ("answer", "refused", "closes"),
    [
        pytest.param(TAKEN, None, True, id="our-own-taken"),
        pytest.param(BAD, None, False, id="our-own-refused"),
        pytest.param(AWAY, None, False, id="our-own-away"),
        pytest.param(TAKEN, REFUSED, True, id="readings-taken"),
        pytest.param(BAD, REFUSED, True, id="readings-judged"),
        pytest.param(Answer(400, "beyond retention policy"), REFUSED, True, id="readings-too-old"),
        pytest.param(AWAY, REFUSED, False, id="readings-away"),
        pytest.param(NO_RIGHTS, REFUSED, False, id="readings-refused-for-the-database"),
    ],
)
def test_the_breaker_closes_when_influxdb_takes_self_point_or_judges_readings(
    answer: Answer,
    refused: bytes | None,
    closes: bool,  # noqa: FBT001
) -> None:
    """Nothing is wrong with a point of our own: a database that refuses it is at fault, whatever it says."""
    breaker = asyncio.run(_after_a_probe(answer, refused))
    assert (breaker.is_open, breaker.closed.is_set()) == (not closes, closes)


@pytest.mark.parametrize(
    ("answer", "body", "first"),
    [
        pytest.param(NO_RIGHTS, REFUSED, REFUSED, id="a-faulty-database"),
        pytest.param(AWAY, REFUSED, OWN, id="away"),
        pytest.param(NO_RIGHTS, None, OWN, id="nothing-was-written"),
    ],
)
def test_only_what_a_faulty_database_refused_is_tried_before_our_own(answer: Answer, body: bytes | None, first: bytes) -> None:
    async def tried_first() -> bytes:
        breaker, tried = CircuitBreaker(Events()), asyncio.Queue[bytes]()

        async def write(body: bytes) -> Answer:
            await tried.put(body)
            return AWAY

        breaker.open(answer, body)
        breaker.open(AWAY)  # found by another write
        breaker.open(NO_RIGHTS)  # and by a probe, which is not a reading
        probing = probe(breaker, write, OWN)
        got = await tried.get()
        probing.cancel()
        return got

    assert asyncio.run(tried_first()) == first


def test_what_was_refused_before_influxdb_came_back_is_not_the_probe_of_the_next_outage() -> None:
    async def tried_first() -> bytes:
        breaker, tried = CircuitBreaker(Events()), asyncio.Queue[bytes]()

        async def write(body: bytes) -> Answer:
            await tried.put(body)
            return AWAY

        breaker.open(NO_RIGHTS, REFUSED)
        breaker.close()
        breaker.open(AWAY)
        probing = probe(breaker, write, OWN)
        got = await tried.get()
        probing.cancel()
        return got

    assert asyncio.run(tried_first()) == OWN


def test_the_server_s_wish_of_a_probe_is_kept_before_the_next() -> None:
    async def work() -> float:
        loop = asyncio.get_running_loop()
        breaker, tried_s, twice = CircuitBreaker(Events()), list[float](), asyncio.Event()

        async def write(_: bytes) -> Answer:
            tried_s.append(loop.time())
            if len(tried_s) == 2:
                twice.set()
            return Answer(503, "", 0.5)

        breaker.open(AWAY)
        probing = probe(breaker, write, OWN)
        await twice.wait()
        probing.cancel()
        return tried_s[1] - tried_s[0]

    assert asyncio.run(work()) >= 0.5


def test_lanes_wait_while_it_is_open_and_are_told_when_it_closes() -> None:
    async def work() -> None:
        breaker = CircuitBreaker(Events())
        assert (breaker.is_open, breaker.closed.is_set()) == (False, True)
        breaker.close()
        breaker.open(AWAY)
        breaker.open(AWAY)
        waits = asyncio.create_task(breaker.closed.wait())
        await asyncio.sleep(0)
        assert (breaker.is_open, breaker.closed.is_set(), waits.done()) == (True, False, False)
        breaker.close()
        breaker.close()
        await waits
        assert (breaker.is_open, breaker.closed.is_set()) == (False, True)

    asyncio.run(work())


def test_a_closed_breaker_is_not_probed_and_one_that_closed_meanwhile_not_either() -> None:
    async def work() -> int:
        breaker, tried = CircuitBreaker(Events()), list[bytes]()

        async def write(body: bytes) -> Answer:
            tried.append(body)
            return AWAY

        probing = probe(breaker, write, OWN)
        await asyncio.sleep(0.15)
        breaker.open(Answer(503, "", 0.1))
        breaker.close()
        await asyncio.sleep(0.25)
        probing.cancel()
        return len(tried)

    assert asyncio.run(work()) == 0


def test_the_server_s_wish_is_kept_before_the_first_probe() -> None:
    async def work() -> float:
        breaker, tried = CircuitBreaker(Events()), asyncio.Event()

        async def write(_: bytes) -> Answer:
            tried.set()
            return TAKEN

        loop = asyncio.get_running_loop()
        began_s = loop.time()
        breaker.open(Answer(503, "", 0.4))
        probing = probe(breaker, write, OWN)
        await tried.wait()
        probing.cancel()
        return loop.time() - began_s

    assert asyncio.run(work()) >= 0.4


def test_nobody_looks_for_a_probe_while_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    waits_s = note_waits(monkeypatch)

    async def work() -> None:
        breaker = CircuitBreaker(Events())
        probing = probe(breaker, lambda _: asyncio.sleep(0, TAKEN), OWN)
        for _ in range(100):
            await asyncio.sleep(0)
        probing.cancel()
        assert waits_s == []

    asyncio.run(work())


def test_each_outage_is_probed_soon_again_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    waits_s = note_waits(monkeypatch)

    async def work() -> None:
        breaker, answers = CircuitBreaker(Events()), iter([AWAY, AWAY, TAKEN, AWAY])
        breaker.open(AWAY)
        probing = probe(breaker, lambda _: asyncio.sleep(0, next(answers)), OWN)
        await breaker.closed.wait()
        breaker.open(AWAY)
        await until(lambda: len(waits_s) == 4)
        probing.cancel()
        assert waits_s == [waits_s[0], 2 * waits_s[0], 4 * waits_s[0], waits_s[0]]

    asyncio.run(work())


def test_an_outage_that_another_write_ended_counts_for_no_pause_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    waits_s = note_waits(monkeypatch)

    async def work() -> None:
        breaker = CircuitBreaker(Events())
        breaker.open(AWAY)
        probing = probe(breaker, lambda _: asyncio.sleep(0, AWAY), OWN)
        await until(lambda: len(waits_s) == 2)
        breaker.close()
        await asyncio.sleep(waits_s[1])  # it wakes just before and finds that it is closed
        breaker.open(AWAY)
        await until(lambda: len(waits_s) == 3)
        probing.cancel()
        assert waits_s == [waits_s[0], 2 * waits_s[0], waits_s[0]]

    asyncio.run(work())


def test_a_probe_that_fails_when_another_write_has_closed_the_breaker_does_not_open_it() -> None:
    async def work() -> None:
        breaker, asked, answers = CircuitBreaker(Events()), asyncio.Event(), asyncio.Event()

        async def write(_: bytes) -> Answer:
            asked.set()
            await answers.wait()
            return AWAY

        breaker.open(AWAY)
        probing = probe(breaker, write, OWN)
        await asked.wait()
        breaker.close()
        answers.set()
        for _ in range(10):
            await asyncio.sleep(0)
        probing.cancel()
        assert not breaker.is_open

    asyncio.run(work())


def test_the_alarm_of_an_outage_ends_with_it_and_says_how_long_it_took() -> None:
    told_s: list[float] = []

    class Told(Events):
        def recovered(self, after_s: float) -> None:
            told_s.append(after_s)
            super().recovered(after_s)

    async def work() -> None:
        loop, events = asyncio.get_running_loop(), Told()
        breaker = CircuitBreaker(events)
        await asyncio.sleep(0.05)
        began_s = loop.time()
        breaker.open(AWAY)
        assert (events.influxdb_up, events.influxdb_trouble) == (False, "503")
        await asyncio.sleep(0.05)
        breaker.close()
        breaker.close()
        assert (events.influxdb_up, events.influxdb_trouble) == (True, "")
        assert len(told_s) == 1
        assert 0.04 < told_s[0] <= loop.time() - began_s

    asyncio.run(work())
