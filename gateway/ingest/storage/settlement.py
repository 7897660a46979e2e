"""Settlement: what stored messages became when they came again, put in their place in one transaction.

Readings go into the journal, refusals become rejects, messages that must wait for something else go to the quarantine, and the
message leaves its old place. So it is the same with the gateway running, whose drain lane then finds the rows, and without.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.core.batching.batch import Body
from gateway.core.message import QuarantinedMessage, Refusal
from gateway.ingest.storage import journal, quarantine, rejects
from gateway.ingest.storage.quarantine_shares import MadeRoom

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


def commit(
    connection: sqlite3.Connection, result: Replayed, remove: Remove, first_row: int, now_ms: int, limits: Limits
) -> Committed:
    """Put what stored messages became in the place of the rows they came from, in the journal from ``first_row`` on.

    :param remove: forgets those rows, :func:`gateway.ingest.storage.rejects.remove` or
    :func:`gateway.ingest.storage.quarantine.remove`.
    """
    left = remove(connection, result.numbers)
    if result.kept:
        rejects.add(connection, result.kept, limits.rejects_max_bytes)
    journal.append(connection, result.bodies, first_row, now_ms, refused=False)
    made_room = quarantine.add(connection, result.waiting, limits.quarantine_max_bytes) if result.waiting else MadeRoom()
    return Committed(left, made_room)
