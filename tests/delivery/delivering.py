"""Delivery and the way into the journal, without broker, InfluxDB and disk: what a test answers, and what leaves."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.delivery.acknowledgements import Acknowledger
from gateway.core.delivery.backoff import Backoff
from gateway.core.delivery.batch import Body, decode
from gateway.core.delivery.write_result import Answer
from gateway.core.ledger import Ledger
from gateway.core.message import Outcome, Reading, Refusal
from gateway.delivery.bounded_journal import Appended, BoundedJournal, JournalFull
from gateway.delivery.circuit_breaker import CircuitBreaker
from gateway.delivery.live_lane import Delivery, DeliveryLimits, Hooks
from gateway.delivery.spool import Spool
from gateway.events import Events
from tests.waiting import PATIENCE_S

WINDOW = 20
"""The Receive Maximum: ten messages owed are half of it."""


class Influxdb:
    """In InfluxDB's place: each write waits until a test answers it."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], asyncio.Future[Answer]]] = []

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
        """Whether a write is unanswered."""
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


class Rig:
    """Delivery and the way into the journal, without broker, InfluxDB and disk."""

    to_journal_task: asyncio.Task[None]

    def __init__(self, **limits: Any) -> None:  # noqa: ANN401 - of any limit
        self.influxdb, self.journal = Influxdb(), Journal()
        self.ledger, self.events, self.acknowledger = Ledger(since_ms=0), Events(), Acknowledger()
        self.breaker = CircuitBreaker(self.events)
        self.acknowledged: list[int] = []
        self.settled_late: list[int] = []
        self.refused: list[Refusal] = []
        self.left_in_journal = 0
        self.resumed = 0
        usual = DeliveryLimits(0.0, max_readings=1000, stall_s=30.0, receive_maximum=WINDOW, memory_bytes=2**25)
        self.delivery = Delivery(
            replace(usual, **limits), self.influxdb, self.breaker, self.ledger, self.events, self.acknowledger
        )
        self.spool = Spool(self.delivery, self.breaker, self.journal, self.ledger, self.events)
        self.delivery.hooks = Hooks(
            keep_refusals=lambda _, refusals: self.refused.extend(refusals),
            spool=self.spool.wake,
            refused=self.spool.refused,
            settled_late=self.settled_late.append,
            left_in_journal=self._leave,
            acknowledge=self.acknowledged.extend,
            resume_reading=self._resume,
        )
        self.breaker.on_close = self.delivery.pump
        self.acknowledger.connected(session_present=False)
        self._packet_id = 0

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
        self.delivery.pump()

    def take(self, outcome: Outcome, *, floods: bool = False) -> None:
        """A message comes, with the next packet identifier."""
        batch = self.delivery.take(outcome, 0.0, floods=floods)
        self._packet_id += 1
        self.acknowledger.owe(batch, self._packet_id, 0)

    def _leave(self) -> None:
        self.left_in_journal += 1

    def _resume(self) -> None:
        self.resumed += 1

    @property
    def posted(self) -> list[str]:
        """All lines that InfluxDB was asked to write."""
        return [line for lines, _ in self.influxdb.asked for line in lines]


@asynccontextmanager
async def rig(**limits: Any) -> AsyncIterator[Rig]:  # noqa: ANN401 - of any limit
    """A rig at work; at its end the ledger balances and all is acknowledged in order."""
    made = Rig(**limits)
    made.to_journal_task = asyncio.create_task(made.spool.run())
    tasks = [asyncio.create_task(made.delivery.run()), made.to_journal_task]
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield made
            await until(made.settled)
        assert made.acknowledged == sorted(made.acknowledged)
        assert (made.delivery.memory_bytes, made.ledger.imbalance) == (0, 0)
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
    """What is waited before each next try from now on, in seconds, by the least luck."""
    waits_s: list[float] = []
    next_s = Backoff.next_s

    def noted(backoff: Backoff, luck: float, wish_s: float | None = None) -> float:
        del luck
        waits_s.append(next_s(backoff, 0.0, wish_s))
        return waits_s[-1]

    monkeypatch.setattr(Backoff, "next_s", noted)
    return waits_s
