"""Settlement: what stored messages became when they came again, put in their place in one transaction.

Readings go into the journal, refusals become rejects, messages that must wait for something else go to the quarantine, and
the message leaves its old place. So it is the same with the gateway running, whose drain lane then finds the rows, and
without.

With the gateway running each commit is entered into the ledger, and people are told of it. A message in quarantine is one
reading there. When it comes again, it is as many as it holds; the rest of them are received then, with the source ``replay``.
One that holds none (such as a configuration frame) ends as a duplicate: it brought nothing new, was not refused, and nothing
of it is lost.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.core.batching.batch import Body
from gateway.core.ledger import HoldingPlace, Ledger
from gateway.core.message import QuarantinedMessage, Refusal
from gateway.ingest.events import Events
from gateway.ingest.storage import journal, quarantine, rejects
from gateway.ingest.storage.journal import JournalUse
from gateway.ingest.storage.quarantine import MadeRoom, QuarantineRow, QuarantineUse
from gateway.ingest.storage.reject_account import RejectAccount

Remove = Callable[[sqlite3.Connection, list[int]], int]
"""Removes the rows with these numbers; returns how many there were."""


class Limits(NamedTuple):
    """Limits of what is stored beside the journal.

    With less free space on the disk than ``min_free_bytes`` the quarantine does not grow; ``may_give_up``: under pressure from
    the broker, messages that cannot be stored may be lost.
    """

    rejects_max_bytes: int
    quarantine_max_bytes: int
    min_free_bytes: int = 0
    may_give_up: bool = True


@dataclass(slots=True)
class Replayed:
    """The result of a replay, in readings."""

    numbers: list[int] = field(default_factory=list)  # of the messages that leave their place; the others stay
    readings: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    empty: Counter[str] = field(default_factory=Counter)  # messages that turned out to hold no reading, by domain
    refused: list[Refusal] = field(default_factory=list)
    kept: list[Refusal] = field(default_factory=list)  # those of the refusals whose bytes are kept
    waiting: list[QuarantinedMessage] = field(default_factory=list)  # messages that now must wait for something else
    lost: int = 0  # messages that were damaged on disk
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
    """The result of a commit."""

    left: int  # messages that left their place with it; others had made room before
    made_room: MadeRoom  # messages that had to leave the quarantine for those that came into it
    stock: QuarantineUse  # totals of the quarantine after it


def commit(
    connection: sqlite3.Connection, result: Replayed, remove: Remove, first_row: int, now_ms: int, limits: Limits
) -> Committed:
    """Put what stored messages became in place of their rows, which ``remove`` forgets; journal rows are from ``first_row``."""
    left = remove(connection, result.numbers)
    if result.kept:
        rejects.add(connection, result.kept, limits.rejects_max_bytes)
    journal.append(connection, result.bodies, first_row, now_ms, refused=False)
    made_room = quarantine.add(connection, result.waiting, limits.quarantine_max_bytes) if result.waiting else MadeRoom()
    return Committed(left, made_room, quarantine.stock(connection))


@dataclass(slots=True)
class QuarantineAccount:
    """Counts messages that come, wait and leave; ``stock`` holds the totals after the last commit."""

    _ledger: Ledger
    _events: Events
    stock: QuarantineUse = field(default_factory=QuarantineUse)

    def found(self, stock: QuarantineUse) -> None:
        """Count the waiting messages at the start: an earlier run received them, and they are pending now."""
        self.stock = stock
        self._ledger.receive(stock.messages, "journal", "quarantine")

    def salvaged(self, rows: list[QuarantineRow]) -> list[QuarantinedMessage]:
        """Count messages of a damaged file, received by an earlier run; return those that can still be read."""
        messages = [message for _, message in rows if message is not None]
        self._ledger.receive(len(rows), "journal")
        self._lost(len(rows) - len(messages), "memory")
        return messages

    def stored(self, messages: list[QuarantinedMessage], made_room: MadeRoom, stock: QuarantineUse) -> None:
        """Count messages that moved from memory to disk."""
        self.stock = stock
        self._events.quarantine.works()
        self._ledger.move(len(messages), "memory", "quarantine")
        self._made_room(made_room)
        for (cause, key), number in Counter((message.cause.value, message.key) for message in messages).items():
            self._events.quarantine.waits(cause, key, number)

    def given_up(self, messages: list[QuarantinedMessage]) -> None:
        """Count messages that were given up, because others could not wait for the disk."""
        self._ledger.settle("expired", Counter(message.domain for message in messages))
        self._events.quarantine.not_kept(len(messages))

    def settled(self, result: Replayed, done: Committed) -> None:
        """The outcome of messages is durable; :mod:`gateway.ingest.storage.reject_account` settles what became a reject."""
        self.stock, ledger = done.stock, self._ledger
        self._events.quarantine.works()
        ended = result.received + result.empty.total() + result.lost
        # Each message that left was one reading here; one that waits again stays one. The rest of what it held is received now.
        ledger.receive(ended - (done.left - len(result.waiting)), "replay", "quarantine")
        ledger.move(result.readings.total(), "quarantine", "journal")
        ledger.settle("duplicate", result.duplicates + result.empty, "quarantine")
        self._lost(result.lost, "quarantine")
        self._made_room(done.made_room)

    def purged(self, domains: Counter[str], stock: QuarantineUse) -> None:
        """Count messages that a person removed, by domain."""
        self.stock = stock
        self._ledger.settle("expired", domains, "quarantine")

    def released(self, key: str, messages: int) -> None:
        """Count messages that waited for a key and have left."""
        if messages:
            self._events.quarantine.released(key, messages)

    def disk_fault(self, fault: Exception) -> None:
        """Note a commit that failed or timed out."""
        self._events.quarantine.refused(str(fault))

    def _lost(self, messages: int, place: HoldingPlace) -> None:
        if messages:
            self._ledger.settle("lost", {"unknown": messages}, place)
            self._events.quarantine.damaged(messages)

    def _made_room(self, made_room: MadeRoom) -> None:
        self._ledger.settle("expired", made_room.domains, "quarantine")
        self._events.quarantine.made_room(made_room.origins)


@dataclass(frozen=True, slots=True)
class JournalAccount:
    """Counts readings that come into the journal beside those of the spool."""

    _ledger: Ledger
    _events: Events
    _rejects: RejectAccount

    def found(self, stock: JournalUse) -> None:
        """Count what is there at the start: an earlier run received it, and it is pending now."""
        self._ledger.receive(stock.readings, "journal", "journal")
        self._events.backlog_found(stock.readings)

    def salvaged(self, bodies: list[Body]) -> None:
        """Count rows of a damaged journal that come into the new one."""
        self._ledger.receive(sum(body.readings for body in bodies), "journal", "journal")

    def waits_for_newer(self, readings: int) -> None:
        """Count readings in the file of a newer release: they are pending until that one is installed again."""
        self._ledger.receive(readings, "journal", "journal")
        self._ledger.of_newer = readings

    def gone(self, readings: int) -> None:
        """Count readings that an earlier run stored and that are lost; nobody can say of which domain they were."""
        self._ledger.receive(readings, "journal", "journal")
        self._ledger.settle("lost", {"unknown": readings} if readings else {}, "journal")

    def replayed(self, result: Replayed, done: Committed) -> None:
        """Count rejects that were sent through again: their readings are in the journal, in quarantine, or at their end."""
        self._ledger.receive(result.received, "replay", "journal")
        self._ledger.settle("duplicate", result.duplicates, "journal")
        self._rejects.settle(result.refused, result.kept, "journal")
        self._ledger.receive(len(result.waiting), "replay", "quarantine")
        self._ledger.settle("expired", done.made_room.domains, "quarantine")
        self._events.quarantine.made_room(done.made_room.origins)
