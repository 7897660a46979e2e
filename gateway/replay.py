"""Rejects sent through the pipeline again, with the time at which they arrived.

One transaction: what becomes data now goes into the journal, what is refused again becomes a reject again, and the old rejects
are gone. So it is the same with the gateway running, whose drain lane then finds the rows, and without.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from gateway import journal, rejects
from gateway.core.batching import Body, encode
from gateway.core.message import Reading, Refusal, StoredMessage
from gateway.core.process import Processor
from gateway.rejects import DELIVERY_STAGE

_READINGS_PER_ROW = 1000


@dataclass(slots=True)
class Replayed:
    """What came of a replay, in readings."""

    numbers: list[int]
    readings: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    refused: list[Refusal] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        """Counts for people and programs."""
        return {
            "messages": len(self.numbers),
            "readings": self.readings.total(),
            "duplicates": self.duplicates.total(),
            "rejected_again": len(self.refused),
        }

    @property
    def received(self) -> int:
        """All readings that were taken in by it."""
        return self.readings.total() + self.duplicates.total() + len(self.refused)


def work(processor: Processor, chosen: list[tuple[int, Refusal]]) -> Replayed:
    """Send rejects through the core, oldest first; nothing is stored yet."""
    result = Replayed(numbers=[number for number, _ in chosen])
    readings: list[Reading] = []
    for _, refusal in sorted(chosen, key=lambda pair: pair[0]):
        if refusal.stage == DELIVERY_STAGE:
            readings.append(Reading(refusal.payload.decode(), refusal.domain))
            continue
        outcome = processor.process(StoredMessage(refusal.topic, refusal.payload), refusal.arrival_ms)
        readings += outcome.readings
        result.refused += outcome.refusals
        result.duplicates[outcome.domain] += outcome.duplicates
    for start in range(0, len(readings), _READINGS_PER_ROW):
        result.bodies.append(encode(readings[start : start + _READINGS_PER_ROW]))
        result.readings.update(result.bodies[-1].domains)
    return result


def commit(connection: sqlite3.Connection, result: Replayed, first_row: int, now_ms: int, max_bytes: int) -> None:
    """Put the outcome of :func:`work` in the place of the rejects it came from, in the journal from ``first_row`` on."""
    rejects.remove(connection, result.numbers)
    if result.refused:
        rejects.add(connection, result.refused, max_bytes)
    journal.append(connection, result.bodies, first_row, now_ms, refused=False)
