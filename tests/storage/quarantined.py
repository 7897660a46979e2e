"""A quarantine on a file of its own, before a pipeline that does what payloads say."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.core.delivery.batch import Batch
from gateway.core.ledger import Ledger
from gateway.core.message import CodecAsk, Message, Outcome, QuarantinedMessage, Reading, Refusal, SideEffects, WaitCause
from gateway.events import Events
from gateway.storage.database import Database
from gateway.storage.quarantine_keeper import Hooks, Quarantine
from gateway.storage.replay import Limits
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
    """What is refused again."""
    return Refusal(RejectReason.BAD_JSON, "", message.topic, message.payload, "decode", arrival_ms, domain="water")


@dataclass
class Pipeline:
    """A pipeline that does what the payload says; messages of ``unknown`` keys wait again."""

    unknown: set[str] = field(default_factory=set)
    came: list[tuple[str, int]] = field(default_factory=list)

    async def process(self, message: Message, arrival_ms: int) -> Outcome:
        """What becomes of a message."""
        self.came.append((message.topic, arrival_ms))
        outcome = Outcome("water")
        words = message.payload.decode().split()
        key = message.topic.removeprefix("t/")
        if key in self.unknown:
            outcome.side_effects = SideEffects(waiting=[waiting(key)])
        elif words[0] == "waits-for":
            larger = b"1 reading".ljust(int(words[2]) if len(words) > 2 else 0)
            outcome.side_effects = SideEffects(waiting=[waiting(words[1], arrival_ms, topic=message.topic, payload=larger)])
        elif words[0] == "asks":
            outcome.side_effects = SideEffects(ask=CodecAsk("codec", b"", 0, arrival_ms, arrival_ms, {}, "", None))
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
    """A quarantine on a file of its own."""

    database: Database
    pipeline: Pipeline = field(default_factory=Pipeline)
    ledger: Ledger = field(default_factory=lambda: Ledger(since_ms=0))
    events: Events = field(default_factory=Events)
    released: list[Batch] = field(default_factory=list)
    has_room: bool = True
    room_asked: int = 0
    journaled: int = 0
    chosen_max: int = 1000
    pressed: bool = False
    limits: Limits = ROOM
    min_free_bytes: int = 0

    def __post_init__(self) -> None:
        hooks = Hooks(
            process=self._process,
            release_batch=self.released.append,
            choose=self._choose,
            journaled=self._journaled,
            has_room=self._has_room,
            pressed=lambda: self.pressed,
        )
        self.quarantine = Quarantine(self.database, self.ledger, self.events, self.limits, self.min_free_bytes, hooks)

    async def _process(self, message: Message, arrival_ms: int) -> Outcome:
        assert self.quarantine.releasing, "what the core has seen is not durable yet"
        return await self.pipeline.process(message, arrival_ms)

    def _has_room(self) -> bool:
        self.room_asked += 1
        return self.has_room

    def _journaled(self) -> None:
        self.journaled += 1

    def _choose(self, refusals: list[Refusal]) -> list[Refusal]:
        return refusals[: self.chosen_max]

    def come(self, *messages: QuarantinedMessage) -> Batch:
        """Messages come from the broker in one batch."""
        batch = Batch()
        self.ledger.receive(len(messages), "mqtt")
        self.quarantine.keep(batch, list(messages))
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


@asynccontextmanager
async def rig(folder: Path, **how: Any) -> AsyncIterator[Rig]:  # noqa: ANN401 - of any field
    """A quarantine at work."""
    database = Database(folder / "journal.db")
    database.open()
    made = Rig(database, **how)
    made.quarantine.find_stock()
    assert not made.quarantine.releasing
    task = asyncio.create_task(made.quarantine.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield made
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        database.close()


async def until(condition: Callable[[], object]) -> None:
    """Return once it holds."""
    while not condition():  # noqa: ASYNC110 - a condition of the parts, which know nothing of us
        await asyncio.sleep(0.001)
