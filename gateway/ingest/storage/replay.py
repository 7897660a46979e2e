"""Rejects and quarantined messages sent through the pipeline again, with the time at which they arrived.

In one transaction readings go into the journal, refusals become rejects, messages that must wait for something
else go to the quarantine, and the message leaves its old place; one that waits for the same as before stays there. So it is
the same with the gateway running, whose drain lane then finds the rows, and without.
"""

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.core.batching.batch import Body, encode
from gateway.core.message import Message, Outcome, QuarantinedMessage, Reading, Refusal, StoredMessage
from gateway.core.process import Processor
from gateway.ingest.storage import journal, quarantine, rejects
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.quarantine_shares import MadeRoom
from gateway.ingest.storage.rejects import DELIVERY_STAGE, RejectFilter
from gateway.support.clock import WallClock
from schemas.rejects import RejectReason

_READINGS_PER_ROW: Final = 1000

Process = Callable[[Message, int], Awaitable[Outcome]]
"""The pipeline: a message and its arrival in ms → its outcome, including a codec's answer."""

Stored = tuple[int, Refusal | QuarantinedMessage | None]
"""Number and stored message; None: damaged."""

Remove = Callable[[sqlite3.Connection, list[int]], int]
"""Removes the rows with these numbers; returns how many there were."""


class Limits(NamedTuple):
    """Storage limits in bytes."""

    rejects_max_bytes: int
    quarantine_max_bytes: int


@dataclass(slots=True)
class Replayed:
    """The result of a replay, in readings.

    :ivar numbers: of the messages that leave their place; the others stay.
    :ivar empty: messages that turned out to hold no reading, by domain.
    :ivar kept: those of the refusals whose bytes are kept.
    :ivar waiting: messages that now must wait for something else.
    :ivar lost: messages that were damaged on disk.
    """

    numbers: list[int] = field(default_factory=list)
    readings: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)
    kept: list[Refusal] = field(default_factory=list)
    waiting: list[QuarantinedMessage] = field(default_factory=list)
    lost: int = 0
    bodies: list[Body] = field(default_factory=list)

    def document(self) -> dict[str, int]:
        """Counts for people and programs."""
        return {
            "messages": len(self.numbers),
            "readings": self.readings.total(),
            "duplicates": self.duplicates.total(),
            "rejected_again": len(self.refused),
            "waiting": len(self.waiting),
        }

    @property
    def received(self) -> int:
        """All readings that it received."""
        return self.readings.total() + self.duplicates.total() + len(self.refused)


class Committed(NamedTuple):
    """The result of a commit.

    :ivar left: messages that left their place with it; others had made room before.
    :ivar made_room: messages that had to leave the quarantine for those that came into it.
    """

    left: int
    made_room: MadeRoom


async def work(chosen: Iterable[Stored], process: Process) -> Replayed:
    """Send stored messages through the pipeline, in this order, without storing the results."""
    result = Replayed()
    readings: list[Reading] = []
    before: Stored = (0, None)
    for number, stored in chosen:
        is_replayed, before = _is_replayed(stored, before, result), (number, stored)
        if stored is None:
            result.numbers.append(number)
            result.lost += 1
        elif isinstance(stored, Refusal) and stored.stage == DELIVERY_STAGE:
            result.numbers.append(number)
            readings.append(Reading(stored.payload.decode(), stored.domain))
        elif is_replayed:
            result.numbers.append(number)
        else:
            outcome = await process(_message(stored), stored.arrival_ms)
            readings += outcome.readings
            _note(result, number, stored, outcome)
    for start in range(0, len(readings), _READINGS_PER_ROW):
        result.bodies.append(encode(readings[start : start + _READINGS_PER_ROW]))
        result.readings.update(result.bodies[-1].domains)
    result.kept = result.refused
    return result


async def replay_rejects(
    database: Database, process: Process, limits: Limits, clock: WallClock, chosen: RejectFilter
) -> AsyncIterator[tuple[Replayed, Committed]]:
    """Replay the chosen rejects of those present now, a megabyte at a time; report each part once it is durable.

    :raises DatabaseFault: the disk failed; parts reported before are done.
    """
    after, until = 0, await database.run(rejects.newest)
    while found := await database.run(rejects.next_after, after, until, chosen):
        after = found[-1][0]
        result = await work(found, process)
        first_row = database.reserve_rows(len(result.bodies))
        yield result, await database.run(commit, result, rejects.remove, first_row, clock.now_ms(), limits)


def _is_replayed(stored: Refusal | QuarantinedMessage | None, before: Stored, result: Replayed) -> bool:
    """Tell if a reject is another reading of the message that was replayed last: each would bring all of them once more."""
    number, last = before
    if not isinstance(stored, Refusal) or not isinstance(last, Refusal) or result.numbers[-1:] != [number]:
        return False
    of_one = (stored.reason, stored.topic, stored.arrival_ms) == (last.reason, last.topic, last.arrival_ms)
    return of_one and stored.payload == last.payload and stored.reason is RejectReason.TIME_CONFLICT


def _message(stored: Refusal | QuarantinedMessage) -> StoredMessage:
    if isinstance(stored, QuarantinedMessage):
        return StoredMessage(stored.topic, stored.payload, stored.retain, stored.duplicate, stored.properties)
    return StoredMessage(stored.topic, stored.payload)


def _note(result: Replayed, number: int, stored: Refusal | QuarantinedMessage, outcome: Outcome) -> None:
    """Count the outcome of one message; return True if it leaves its place."""
    side_effects = outcome.side_effects
    result.refused += outcome.refusals
    result.duplicates[outcome.domain] += outcome.duplicates
    if side_effects is not None and (side_effects.ask is not None or _waits_still(stored, side_effects.waiting)):
        return  # codecs are not called here, or it was released too soon
    result.numbers.append(number)
    if side_effects is not None and side_effects.waiting:
        result.waiting += side_effects.waiting
    elif not (outcome.readings or outcome.refusals or outcome.duplicates):
        result.empty[outcome.domain] += 1


def _waits_still(stored: Refusal | QuarantinedMessage, waiting: list[QuarantinedMessage]) -> bool:
    return isinstance(stored, QuarantinedMessage) and any(again.key == stored.key for again in waiting)


def without_codecs(processor: Processor) -> Process:
    """The core alone; a message whose codec must be called stays where it is."""

    async def process(message: Message, arrival_ms: int) -> Outcome:
        return processor.process(message, arrival_ms, replayed=True)

    return process


def commit(
    connection: sqlite3.Connection, result: Replayed, remove: Remove, first_row: int, now_ms: int, limits: Limits
) -> Committed:
    """Put the outcome of :func:`work` in the place of the rows it came from, in the journal from ``first_row`` on.

    :param remove: forgets those rows, :func:`gateway.ingest.storage.rejects.remove` or
    :func:`gateway.ingest.storage.quarantine.remove`.
    """
    left = remove(connection, result.numbers)
    if result.kept:
        rejects.add(connection, result.kept, limits.rejects_max_bytes)
    journal.append(connection, result.bodies, first_row, now_ms, refused=False)
    made_room = quarantine.add(connection, result.waiting, limits.quarantine_max_bytes) if result.waiting else MadeRoom()
    return Committed(left, made_room)
