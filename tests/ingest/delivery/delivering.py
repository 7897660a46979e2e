"""Delivery and the way into the journal, without broker, InfluxDB and disk: what a test answers, and what leaves."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf
from typing import Any

import pytest

from gateway.core.batching.batch import Acknowledger, Batch, Body, decode, encode
from gateway.core.batching.pacing import Backoff, LinkBudget
from gateway.core.batching.write_result import Answer
from gateway.core.ledger import Ledger
from gateway.core.message import Outcome, Reading, Refusal
from gateway.ingest.delivery.backlog import Appended, Backlog, BoundedJournal, Ends, JournalFull
from gateway.ingest.delivery.batch_queue import BatchQueue, Broker, DeliveryLimits
from gateway.ingest.delivery.bisect_refused import UnspooledRefusals
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker, Probe, SelfPoint
from gateway.ingest.delivery.delivery_log import DeliveryLog
from gateway.ingest.delivery.influxdb import LinkedOutput
from gateway.ingest.delivery.live_lane import LiveLane
from gateway.ingest.delivery.spool import Spool, SpoolRequests
from gateway.ingest.events import Events
from gateway.ingest.storage.hours_again import HoursAgain
from gateway.ingest.storage.journal import Removed
from gateway.ingest.storage.reject_account import RejectWriter
from gateway.support.clock import WallClock
from tests.ingest.delivery.far_broker import FarBroker
from tests.waiting import PATIENCE_S

OWN = encode([Reading("own", "gateway")]).gzip
WINDOW = 20
"""The Receive Maximum: ten messages owed are half of it."""


class Influxdb:
    """In InfluxDB's place: each write waits until a test answers it."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], asyncio.Future[Answer]]] = []
        self.link = LinkBudget()

    async def write(self, gzip: bytes) -> Answer:
        """Take a body."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.asked.append((zlib.decompress(gzip, wbits=31).decode().split("\n"), answer))
        return await answer

    def answer_all(self) -> None:
        """204 to all that wait."""
        while self.waits:
            self.answer(Answer(204))

    def answer(self, answer: Answer) -> None:
        """To the oldest that waits."""
        next(asked for _, asked in self.asked if not asked.done()).set_result(answer)

    @property
    def waits(self) -> bool:
        """Tell if a write is unanswered."""
        return not all(asked.done() for _, asked in self.asked)


class Journal(BoundedJournal):
    """In the journal's place.

    :ivar stored: the lines of each row.
    :ivar refused: those of them that InfluxDB refused.
    :ivar full: it takes nothing.
    :ivar works: a commit ends when this is set.
    """

    def __init__(self) -> None:
        self.stored: list[list[str]] = []
        self.refused: list[str] = []
        self.full = False
        self.commits = 0
        self.works = asyncio.Event()
        self.works.set()

    async def append(self, bodies: list[Body], *, refused: bool = False) -> Appended:
        """Store."""
        self.commits += 1
        await asyncio.sleep(0)
        await self.works.wait()
        if self.full:
            raise JournalFull("full, for a test")
        if refused:
            self.refused += [reading.lines for body in bodies for reading in decode(body)]
        self.stored += [[reading.lines for reading in decode(body)] for body in bodies]
        return Appended(list(range(len(self.stored) - len(bodies) + 1, len(self.stored) + 1)), {}, 100)


class Rows(Backlog):
    """The backlog, and what became of its rows.

    :ivar settled_late: rows that a late 204 settled.
    :ivar given_up: those that made room.
    """

    def __init__(self, journal: Journal, queue: BatchQueue, breaker: CircuitBreaker, ledger: Ledger, events: Events) -> None:
        super().__init__(journal, queue, breaker, ledger, events, 2**20, NoHours())
        self.settled_late: list[int] = []
        self.given_up: list[Removed] = []

    def settle(self, row: int, ends: Ends, rejects: Sequence[Refusal] = ()) -> None:
        """Settle."""
        self.settled_late.append(row)
        super().settle(row, ends, rejects)

    def give_up(self, removed: Removed) -> int:
        """Give up."""
        self.given_up.append(removed)
        return super().give_up(removed)


class NoHours(HoursAgain):
    """In the place of the hours to work out again: none is ever closed."""

    def __init__(self) -> None:
        self.closed_s = -inf

    def wrote(self, body: Body) -> None:
        """Judge nothing."""

    async def save(self) -> None:
        """Save nothing."""


class Rejects(RejectWriter):
    """In the place of the reject writer, which is never in the way."""

    def __init__(self) -> None:
        self.refused: list[Refusal] = []

    def keep_refusals(self, batch: Batch) -> None:
        """Take them."""
        self.refused += batch.refusals
        batch.refusals = []


class Unspooled(UnspooledRefusals):
    """In the place of those who split from memory."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def add(self, batches: list[Batch]) -> None:
        """Take them."""
        self.batches += batches


class OwnPoint(SelfPoint):
    """The gateway's point, always the same."""

    def __init__(self, body: bytes = OWN) -> None:
        self._body = body

    def body(self) -> bytes:
        """Return it."""
        return self._body


class Answering:
    """In InfluxDB's place: a function of the test answers."""

    def __init__(self, answer: Callable[[bytes], Awaitable[Answer]]) -> None:
        self._answer = answer

    async def write(self, gzip: bytes) -> Answer:
        """Take a body."""
        return await self._answer(gzip)


def probe(breaker: CircuitBreaker, answer: Callable[[bytes], Awaitable[Answer]], own: bytes = OWN) -> asyncio.Task[None]:
    """Probe from now on."""
    return asyncio.create_task(Probe(breaker, Answering(answer), OwnPoint(own)).run())


class Lanes:
    """The queue, the live lane and the spool, without broker, InfluxDB and disk."""

    def __init__(self, influxdb: LinkedOutput, rejects: RejectWriter, broker: Broker, **limits: Any) -> None:  # noqa: ANN401
        """:param limits: of delivery, those that are not as usual."""
        self.journal, self.unspooled = Journal(), Unspooled()
        self.ledger, self.events, self.acknowledger = Ledger(since_ms=0), Events(), Acknowledger()
        self.breaker = CircuitBreaker(self.events)
        usual = DeliveryLimits(0.0, max_readings=1000, stall_s=30.0, receive_maximum=WINDOW, memory_bytes=2**25)
        self.queue = BatchQueue(replace(usual, **limits), self.acknowledger, self.ledger, broker, DeliveryLog(WallClock()))
        self.backlog = Rows(self.journal, self.queue, self.breaker, self.ledger, self.events)
        self.spool_requests = requests = SpoolRequests(self.queue)
        self.live_lane = LiveLane(influxdb, self.breaker, self.queue, requests, self.backlog, rejects, self.events)
        self.spool = Spool(requests, self.queue, self.live_lane.pump, self.breaker, self.backlog, rejects, self.unspooled)


class Rig(FarBroker, Lanes):
    """Lanes before an InfluxDB that a test answers for; it is the broker as well.

    :ivar acknowledged: messages that the broker need not keep any more.
    :ivar resumed: how often the socket was read again.
    """

    spool_task: asyncio.Task[None]

    def __init__(self, **limits: Any) -> None:  # noqa: ANN401 - of any limit
        self.influxdb, self.rejects = Influxdb(), Rejects()
        super().__init__(self.influxdb, self.rejects, self, **limits)
        self.acknowledged: list[int] = []
        self.resumed = 0
        self.acknowledger.connected(session_present=False)
        self._packet_id = 0

    def acknowledge(self, packet_ids: list[int]) -> None:
        """As the broker."""
        self.acknowledged += packet_ids

    def resume_reading(self) -> None:
        """As the broker."""
        self.resumed += 1

    def settled(self) -> bool:
        """Answer what was asked; tell if all is acknowledged."""
        self.influxdb.answer_all()
        return not self.acknowledger.owed

    def come(self, *lines: str, floods: Iterable[str] = ()) -> None:
        """One reading a message, all in one chunk, each with the next packet identifier; some of a device that floods."""
        for line in lines:
            outcome = Outcome("water")
            outcome.readings.append(Reading(line, "water"))
            self.take(outcome, floods=line in floods)
        self.live_lane.pump()

    def take(self, outcome: Outcome, *, floods: bool = False) -> None:
        """A message comes, with the next packet identifier."""
        batch = self.queue.add(outcome, 0.0, floods=floods)
        self._packet_id += 1
        self.acknowledger.owe(batch, self._packet_id, 0)

    @property
    def posted(self) -> list[str]:
        """All lines that InfluxDB was asked to write."""
        return [line for lines, _ in self.influxdb.asked for line in lines]


@asynccontextmanager
async def rig(**limits: Any) -> AsyncIterator[Rig]:  # noqa: ANN401 - of any limit
    """A rig at work; at its end the ledger balances and all is acknowledged in order."""
    made = Rig(**limits)
    made.spool_task = asyncio.create_task(made.spool.run())
    tasks = [asyncio.create_task(made.live_lane.run()), made.spool_task]
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield made
            await until(made.settled)
        assert made.acknowledged == sorted(made.acknowledged)
        assert (made.queue.memory_bytes, made.ledger.imbalance) == (0, 0)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[..., object]) -> None:
    """Return once it holds; it is called without arguments, and may have defaults."""
    while not condition():  # noqa: ASYNC110 - a condition of the parts, which know nothing of us
        await asyncio.sleep(0.001)


def numbered(count: int, name: str = "q") -> list[str]:
    """Lines of so many readings."""
    return [f"{name}{number}" for number in range(count)]


def note_waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the waits before each next try from now on, in seconds, with the least jitter."""
    waits_s: list[float] = []
    next_s = Backoff.next_s

    def noted(backoff: Backoff, luck: float, wish_s: float | None = None) -> float:
        del luck
        waits_s.append(next_s(backoff, 0.0, wish_s))
        return waits_s[-1]

    monkeypatch.setattr(Backoff, "next_s", noted)
    return waits_s
