"""The writer of the period job: it makes one write at a time, and gives way to readings.

A meter of three phases has a line of five thousand characters, which takes longer to make than to process twenty readings. So
lines are made some at a time, and a body is small enough to be compressed in a millisecond.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Final

from gateway.core.batching.batch import packed
from gateway.core.batching.write_result import Answer, Fate, fate_of
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.influxdb import Output
from gateway.monitoring.reports.rollup_points import RollupPoint

log = logging.getLogger("gateway.jobs")

_LINES_A_TURN: Final = 10
_TOGETHER_CHARACTERS: Final = 256 * 1024
_LOOK_AGAIN_S: Final = 0.05
_PLACES: Final = ("the database", "the second place (influxdb.rollups)")


class Postponed(Exception):  # noqa: N818 - nothing is wrong with the job
    """The database does not take points now; the text says why."""


class RollupWriter:
    """Writes points in batches, outside the ledger: points that are not confirmed are worked out again.

    :ivar written: points that the database confirmed.
    """

    def __init__(
        self, influxdb: Output, breaker: CircuitBreaker, queue: BatchQueue, second_place: Output | None = None
    ) -> None:
        """Begin.

        :param second_place: the database that keeps the same points longer, if there is one.
        """
        self._places = [influxdb] if second_place is None else [influxdb, second_place]
        self._breaker = breaker
        self._queue = queue
        self._lines: list[str] = []
        self._characters = 0
        self.written = 0

    async def add(self, points: Iterable[RollupPoint], writing: int) -> None:
        """Add points, and write when there are enough of them.

        :param points: each is made when it is asked for.
        :param writing: number of the writing; 0 on a database where a point replaces the one before.
        :raises Postponed: the database does not take them.
        """
        for number, point in enumerate(points, start=1):
            self._lines.append(point.line(writing))
            self._characters += len(self._lines[-1])
            if self._characters >= _TOGETHER_CHARACTERS:
                await self.flush()
            elif number % _LINES_A_TURN == 0:
                await asyncio.sleep(0)

    async def flush(self) -> None:
        """Write the remaining points; on return each place has confirmed all of them.

        :raises Postponed: the database does not take them.
        """
        if not self._lines:
            return
        body = packed(self._lines)
        while self._queue.under_pressure or self._queue.saturated:  # noqa: ASYNC110 - readings come first; no event tells
            await asyncio.sleep(_LOOK_AGAIN_S)
        if self._breaker.is_open:
            raise Postponed("InfluxDB is away")
        began_s = asyncio.get_running_loop().time()
        for place, name in zip(self._places, _PLACES, strict=False):
            self._judge(await place.write(body), name)
        self.written += len(self._lines)
        self.drop()
        await asyncio.sleep(asyncio.get_running_loop().time() - began_s)  # at most half of the time is ours

    def drop(self) -> None:
        """Drop the points that are not written: the period will be worked out again."""
        self._lines, self._characters = [], 0

    def _judge(self, answer: Answer, place: str) -> None:
        """Judge an answer. A refusal that no other try can change is logged and passed over, or the job would never go on."""
        fate = fate_of(answer)
        if fate in {Fate.RETRY, Fate.FAULTY_DATABASE, Fate.SPLIT_SMALLER}:
            raise Postponed(f"{place} answers {answer.describe()}")
        if fate is not Fate.WRITTEN:
            log.warning("roll-ups: %s refuses some of %d points: %s", place, len(self._lines), answer.describe())
