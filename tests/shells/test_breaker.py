"""What the probe tries while InfluxDB does not take readings."""

import asyncio

from gateway.core.write_result import Answer
from gateway.delivery.breaker import Breaker
from gateway.events import Events

PAGE = Answer(200, "<html>top up</html>")
OWN, REFUSED = b"a point of our own", b"what was refused"


async def _tried_first(*, given_up: bool) -> bytes:
    """What is tried after a body was refused for a fault of the database, and perhaps given up since."""
    breaker, tried = Breaker(Events()), asyncio.Queue[bytes]()

    async def write(body: bytes) -> Answer:
        await tried.put(body)
        return PAGE

    breaker.open(PAGE, REFUSED)
    if given_up:
        breaker.forget_refused()
    probe = asyncio.create_task(breaker.run_probe(write, lambda: OWN))
    first = await tried.get()
    probe.cancel()
    return first


def test_what_the_database_refused_is_the_probe() -> None:
    """At its limit of series it takes our own point and none of the readings."""
    assert asyncio.run(_tried_first(given_up=False)) == REFUSED


def test_readings_that_were_given_up_do_not_come_in_by_the_probe() -> None:
    """They are counted as expired."""
    assert asyncio.run(_tried_first(given_up=True)) == OWN
