"""Whether InfluxDB takes readings. While it does not (open), all goes to the journal; a probe or a late answer ends that.

A probe is a point of the gateway's own. But a database at its limit of series, or whose rights end somewhere, takes that point
and not the readings: what was refused for a fault of the database is the probe itself. Its bytes may be written many times.
"""

import asyncio
from collections.abc import Awaitable, Callable
from random import random

from gateway.core.delivery.backoff import Backoff
from gateway.core.delivery.write_result import Answer, Fate, fate_of
from gateway.events import Events


class CircuitBreaker:
    """One for all lanes.

    :ivar closed: set while InfluxDB takes readings; lanes wait on it.
    :ivar on_close: called when it closes.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._opened = asyncio.Event()
        self.closed = asyncio.Event()
        self.closed.set()
        self._opened_s = asyncio.get_running_loop().time()
        self._wish_s: float | None = None
        self._refused: bytes | None = None
        self.on_close: Callable[[], None] = lambda: None

    @property
    def is_open(self) -> bool:
        """Whether InfluxDB is in trouble."""
        return self._opened.is_set()

    def open(self, answer: Answer, body: bytes | None = None) -> None:
        """InfluxDB gave an answer that is no batch's own fault, or none in time; ``body`` is what was written."""
        self._events.trouble(answer.describe())
        self._wish_s = answer.retry_after_s
        if body is not None and fate_of(answer) is Fate.FAULTY_DATABASE:
            self._refused = body
        if not self.is_open:
            self._opened_s = asyncio.get_running_loop().time()
            self.closed.clear()
            self._opened.set()

    def close(self) -> None:
        """InfluxDB took something, or refused it for its content: it works."""
        if not self._events.influxdb_up:
            self._events.recovered(asyncio.get_running_loop().time() - self._opened_s)
        if self.is_open:
            self._refused = None
            self._opened.clear()
            self.closed.set()
            self.on_close()

    def forget_refused(self) -> None:
        """What was refused may have been given up; it must not come in any more."""
        self._refused = None

    async def run_probe(self, write: Callable[[bytes], Awaitable[Answer]], self_point: Callable[[], bytes]) -> None:
        """While open, try what was refused or a point of the gateway's own, ever less often; until cancelled."""
        backoff = Backoff(0.1, 5.0)
        while True:
            await self._opened.wait()
            await asyncio.sleep(backoff.next_s(random(), self._wish_s))  # noqa: S311 - jitter is no secret
            if not self.is_open:
                backoff.reset()
                continue
            tried = self._refused
            answer = await write(tried or self_point())
            fate = fate_of(answer)
            if fate is Fate.WRITTEN or (tried and fate not in {Fate.RETRY, Fate.FAULTY_DATABASE}):
                backoff.reset()
                self.close()
            elif self.is_open:
                self.open(answer)
