"""A quarantine on a file of its own, before a pipeline that does what payloads say."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.core.batching.batch import Batch
from gateway.core.ledger import Ledger
from gateway.core.message import CodecAsk, Message, Outcome, QuarantinedMessage, Reading, Refusal, SideEffects, WaitCause
from gateway.ingest.events import Events
from gateway.ingest.replay import work
from gateway.ingest.storage import quarantine_lanes
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.quarantine import QuarantineRow
from gateway.ingest.storage.quarantine_lanes import QuarantineIn, QuarantineOut, ReleasedKeys
from gateway.ingest.storage.reject_account import RejectAccount
from gateway.ingest.storage.settlement import Limits, QuarantineAccount, Replayed
from gateway.support.clock import WallClock
from schemas.rejects import IgnoreCause, RejectReason
from tests.waiting import PATIENCE_S

ROOM = Limits(2**26, 2**28)


def waiting(key: str = "m1", arrival_ms: int = 1000, **other: Any) -> QuarantinedMessage:  # noqa: ANN401 - of any field
    """A message of an unknown device, which holds two readings once it is known."""
    made = QuarantinedMessage(
        WaitCause.UNKNOWN_DEVICE, key, None, f"t/{key}", b"2 readings", retain=False, arrival_ms=arrival_ms
    )
    return replace(made, **other)


def refusal(message: Message, arrival_ms: int) -> Refusal:
    """Make a refusal of a message that is refused again."""
    return Refusal(RejectReason.BAD_JSON, "", message.topic, message.payload, "decode", arrival_ms, domain="water")


@dataclass
class Pipeline:
    """A pipeline that does what the payload says; messages of ``unknown`` keys wait again.

    :ivar expires_ms: the end of the wait of messages that wait for something else then.
    """

    unknown: set[str] = field(default_factory=set)
    came: list[tuple[str, int]] = field(default_factory=list)
    expires_ms: int | None = None

    async def process(self, message: Message, arrival_ms: int) -> Outcome:
        """Process a message."""
        self.came.append((message.topic, arrival_ms))
        outcome = Outcome("water")
        words = message.payload.decode().split()
        key = message.topic.removeprefix("t/")
        if key in self.unknown:
            outcome.side_effects = SideEffects(waiting=[waiting(key)])
        elif words[0] == "waits-for":
            larger = b"1 reading".ljust(int(words[2]) if len(words) > 2 else 0)
            outcome.side_effects = SideEffects(
                waiting=[waiting(words[1], arrival_ms, topic=message.topic, payload=larger, expires_ms=self.expires_ms)]
            )
        elif words[0] == "asks":
            outcome.side_effects = SideEffects(ask=CodecAsk("codec", b"", 0, arrival_ms))
        elif words[0] == "refused":
            outcome.refusals.append(refusal(message, arrival_ms))
        elif words[0] == "duplicate":
            outcome.duplicates = 1
        elif words[0] == "ignored":
            outcome.ignored = IgnoreCause.RULE
        else:
            outcome.readings = [Reading(f"water ph={n} {arrival_ms}", "water") for n in range(int(words[0]))]
        return outcome


@dataclass
class Rig:
    """A quarantine on a file of its own, with the parts around it: batches, the pipeline, the journal, the rejects."""

    database: Database
    pipeline: Pipeline = field(default_factory=Pipeline)
    ledger: Ledger = field(default_factory=lambda: Ledger(since_ms=0))
    events: Events = field(default_factory=Events)
    released: list[Batch] = field(default_factory=list)
    room: bool = True
    room_asked: int = 0
    journaled: asyncio.Event = field(default_factory=asyncio.Event)
    chosen_max: int = 1000
    under_pressure: bool = False
    limits: Limits = ROOM
    min_free_bytes: int = 0
    may_give_up: bool = True

    def __post_init__(self) -> None:
        database, limits = self.database, self.limits
        self.kept = QuarantineAccount(self.ledger, self.events)
        self.keys = ReleasedKeys(WallClock())
        own = limits._replace(min_free_bytes=self.min_free_bytes, may_give_up=self.may_give_up)
        self.quarantine_in = QuarantineIn(database, self.kept, self.keys, self.release, lambda: self.under_pressure, own)
        way_in = (database, self.kept, self.keys, self.quarantine_in)
        self.quarantine_out = QuarantineOut(
            *way_in, Rejects(self), self.journaled, limits, WallClock(), self.work, self.has_room
        )

    async def process(self, message: Message, arrival_ms: int) -> Outcome:
        """Process a message, as the pipeline does."""
        assert self.quarantine_out.releasing, "what the core has seen is not durable yet"
        return await self.pipeline.process(message, arrival_ms)

    async def work(self, rows: list[QuarantineRow]) -> Replayed:
        """Send messages through the pipeline."""
        return await work(rows, self.process)

    def has_room(self) -> bool:
        """Tell if the journal has room."""
        self.room_asked += 1
        return self.room

    def release(self, batch: Batch) -> None:
        """Release a batch."""
        self.released.append(batch)

    def come(self, *messages: QuarantinedMessage) -> Batch:
        """Messages come from the broker in one batch."""
        batch = Batch()
        self.ledger.receive(len(messages), "mqtt")
        self.quarantine_in.keep(batch, list(messages))
        return batch

    async def count(self, table: str) -> int:
        """Rows of a table."""
        query = f"SELECT count(*) FROM {table}"  # noqa: S608 - of this test
        return int(await self.database.run(lambda connection: connection.execute(query).fetchone()[0]))

    def account(self) -> dict[str, int]:
        """The ledger: where readings are and where they ended; it balances."""
        assert self.ledger.imbalance == 0
        ended = {outcome: counts.total() for outcome, counts in self.ledger.outcomes.items()}
        return {place: number for place, number in (ended | self.ledger.pending).items() if number}


class Rejects(RejectAccount):
    """The account of rejects; a test says how many of a commit are kept."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig.ledger, rig.events, WallClock(), max_bytes=rig.limits.rejects_max_bytes)
        self._chosen_max = rig.chosen_max

    def choose(self, refusals: list[Refusal]) -> list[Refusal]:
        """Choose the rejects that are kept."""
        return refusals[: self._chosen_max]


@asynccontextmanager
async def rig(folder: Path, **how: Any) -> AsyncIterator[Rig]:  # noqa: ANN401 - of any field
    """A quarantine at work."""
    database = Database(folder / "journal.db")
    database.open()
    made = Rig(database, **how)
    made.quarantine_in.find_stock()
    assert not made.quarantine_out.releasing
    tasks = [asyncio.create_task(made.quarantine_in.run()), asyncio.create_task(made.quarantine_out.run())]
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield made
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        database.close()


def retry_after(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the quarantine try again so long after a fault of the disk."""
    monkeypatch.setattr(quarantine_lanes, "_RETRY_S", seconds)


async def until(condition: Callable[..., object]) -> None:
    """Return once it holds; it is called without arguments, and may have defaults."""
    while not condition():  # noqa: ASYNC110 - a condition of the parts, which know nothing of us
        await asyncio.sleep(0.001)
