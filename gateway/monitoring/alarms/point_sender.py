"""The sender to InfluxDB: it writes each change of an alarm, however late, and every five minutes all active alarms."""

import asyncio
import logging
from collections.abc import Sequence
from random import random
from typing import Final

from gateway.core.batching.batch import encode
from gateway.core.batching.pacing import Backoff
from gateway.core.batching.write_result import Answer, Fate, fate_of
from gateway.core.message import Reading
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.influxdb import Writer
from gateway.monitoring.alarms.documents import MEASUREMENT
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.alarms.outbox import INFLUXDB
from gateway.support.clock import WallClock, every

log = logging.getLogger("gateway.alarms")

_REPEAT_EVERY_S: Final = 300.0
_TOGETHER: Final = 1000


class PointSender:
    """Writes the measurement ``alarm``. Its points are outside the ledger, and never in the journal."""

    def __init__(self, keeper: AlarmKeeper, influxdb: Writer, breaker: CircuitBreaker, clock: WallClock) -> None:
        self._keeper = keeper
        self._influxdb = influxdb
        self._breaker = breaker
        self._clock = clock

    async def run(self) -> None:
        """Write each change until cancelled; changes wait while InfluxDB is away."""
        seen, backoff, outbox = -1, Backoff(0.5, 60.0), self._keeper.outbox
        while True:
            await self._breaker.closed.wait()
            while waiting := outbox.first(INFLUXDB, _TOGETHER):
                answer = await self._write([notice.body for notice in waiting])
                fate = fate_of(answer)
                if not fate.is_of_the_batch:
                    await asyncio.sleep(backoff.next_s(random(), answer.retry_after_s))  # noqa: S311 - jitter is no secret
                    break
                if fate is not Fate.WRITTEN:  # for its content: it would be refused for ever
                    log.error("InfluxDB refuses %d changes of alarms, which are left out: %s", len(waiting), answer.describe())
                self._keeper.taken(waiting)
                backoff.reset()
            else:
                seen = await self._keeper.changed.after(seen)

    async def repeat(self) -> None:
        """Write the active alarms every five minutes until cancelled. A write that fails is made up by the next."""
        await every(_REPEAT_EVERY_S, self._clock, self._write_active, first_s=_REPEAT_EVERY_S)

    async def _write_active(self) -> None:
        lines = [] if self._breaker.is_open else self._keeper.repeated_points()
        for at in range(0, len(lines), _TOGETHER):
            await self._write(lines[at : at + _TOGETHER])

    async def _write(self, lines: Sequence[str]) -> Answer:
        return await self._influxdb.write(encode([Reading(line, MEASUREMENT) for line in lines]).gzip)
