"""Bisection of a body that InfluxDB refused: it is halved until each refused reading is alone.

Before such a reading becomes a reject, a point of the gateway itself is tried: if that is refused too, the database is at fault
and nothing is rejected. If it is accepted, the reading is tried once more: the database may have been repaired in between.

The drain lane bisects rows of the journal. Batches that the journal cannot take are bisected from memory, each at once: they
must not wait for the disk. PUBACKs leave in the order of receipt, so no later message could be acknowledged, and
the broker would soon send nothing more: one wrong reading would stop a province for as long as a disk is full.
"""

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from random import random
from typing import Final

from gateway.core.batching.batch import Batch, Body, decode, encode
from gateway.core.batching.pacing import Backoff
from gateway.core.batching.write_result import Answer, Fate, fate_of
from gateway.core.ledger import Ledger
from gateway.core.message import REJECT_KEPT_BYTES, Reading, Refusal
from gateway.core.readings.line_protocol import device_of_line
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker, Probe
from gateway.ingest.delivery.influxdb import LinkedOutput
from gateway.ingest.events import Events
from gateway.ingest.storage.reject_account import RejectWriter
from gateway.ingest.storage.rejects import DELIVERY_STAGE
from gateway.support.clock import WallClock
from schemas.rejects import RejectReason

SERVER_ERROR: Final = 500


@dataclass(slots=True)
class Bisected:
    """The readings of a body by outcome; ``too_large``: those of the smallest part that InfluxDB found too large."""

    too_large: int | None = None
    written: Counter[str] = field(default_factory=Counter)
    expired: Counter[str] = field(default_factory=Counter)
    rejected: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bisector:
    """Writes bodies, and halves those that are refused."""

    influxdb: LinkedOutput
    _breaker: CircuitBreaker
    _events: Events
    probe: Probe
    _clock: WallClock

    async def write(self, gzip: bytes) -> Answer:
        """Post a body and count its answer."""
        began_s = time.monotonic()
        answer = await self.influxdb.write(gzip)
        self._events.answered(fate_of(answer).value, time.monotonic() - began_s, live=False)
        return answer

    async def bisect(self, body: Body, *, too_large: bool = False) -> Bisected | None:
        """Halve a body, perhaps refused for its size, until every reading is settled; None if InfluxDB could not judge all."""
        found = Bisected(body.readings if too_large else None)
        readings = decode(body)
        parts = deque(_halves(readings) if len(readings) > 1 else [readings])
        suspect: list[Reading] | None = None
        while parts:
            part = parts.popleft()
            half = encode(part)
            answer = await self.write(half.gzip)
            fate = fate_of(answer)
            refused = fate is Fate.SPLIT or answer.status == SERVER_ERROR
            if fate is Fate.WRITTEN:
                found.written.update(half.domains)
            elif fate is Fate.EXPIRED:
                found.expired.update(half.domains)
            elif len(part) > 1 and (refused or fate is Fate.SPLIT_SMALLER):
                parts.extendleft(reversed(_halves(part)))
                if fate is Fate.SPLIT_SMALLER:
                    found.too_large = min(found.too_large or len(part), len(part))
            elif refused and part is suspect:
                found.rejected.append(_refusal(part[0], answer, self._clock.now_ms()))
            elif refused and await self.probe.takes_self_point():
                suspect = part
                parts.appendleft(part)
            else:
                self._breaker.open(answer, half.gzip)
                return None
        return found


@dataclass(slots=True)
class UnspooledRefusals:
    """Bisects refused batches that the journal cannot store, one after the other."""

    _bisector: Bisector
    _breaker: CircuitBreaker
    _queue: BatchQueue
    _ledger: Ledger
    _reject_writer: RejectWriter
    _batches: deque[Batch] = field(default_factory=deque)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, batches: list[Batch]) -> None:
        """Add batches that no other part holds."""
        self._batches.extend(batches)
        self._came.set()

    async def run(self) -> None:
        """Work until cancelled."""
        backoff = Backoff(0.2, 10.0)
        while True:
            await self._came.wait()
            await self._breaker.closed.wait()
            if await self._settle(self._batches[0]):
                self._batches.popleft()
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next_s(random()))  # noqa: S311 - jitter is no secret
            if not self._batches:
                self._came.clear()

    async def _settle(self, batch: Batch) -> bool:
        """Bisect one batch; tell if InfluxDB could judge all of it. If not, it is written again, which changes nothing."""
        found = await self._bisector.bisect(batch.body)
        if found is None:
            return False
        self._ledger.settle("written", found.written)
        self._ledger.settle("expired", found.expired)
        if found.rejected:
            self._reject_writer.keep(batch, found.rejected)
        self._queue.deliveries.settled(batch, written=True)
        self._queue.release(batch)
        return True


def _halves(readings: list[Reading]) -> list[list[Reading]]:
    middle = len(readings) // 2
    return [readings[:middle], readings[middle:]]


def _refusal(reading: Reading, answer: Answer, now_ms: int) -> Refusal:
    """Return the reject of a point: its lines are the payload."""
    why, kept = f"InfluxDB answered {answer.describe()}", reading.lines.encode()[:REJECT_KEPT_BYTES]
    device = device_of_line(reading.lines) or ""
    return Refusal(RejectReason.INFLUXDB_REJECTED, why, "", kept, DELIVERY_STAGE, now_ms, device, reading.domain)
