"""The account of the quarantine: each commit is entered into the ledger, and people are told of it.

In the ledger a waiting message is one reading. When it comes again, it is as many as it holds; the rest of them are received
then, with the source ``replay``. One that holds none (such as a configuration frame) ends as a duplicate: it brought nothing
new, was not refused, and nothing of it is lost.
"""

from collections import Counter

from gateway.core.ledger import HoldingPlace, Ledger
from gateway.core.message import QuarantinedMessage
from gateway.ingest.events import Events
from gateway.ingest.storage.quarantine import QuarantineRow, QuarantineUse
from gateway.ingest.storage.quarantine_shares import MadeRoom
from gateway.ingest.storage.settlement import Committed, Replayed


class QuarantineAccount:
    """Counts messages that come, wait and leave.

    :ivar stock: totals after the last commit.
    """

    def __init__(self, ledger: Ledger, events: Events) -> None:
        self._ledger = ledger
        self._events = events
        self.stock = QuarantineUse(0, 0, {})

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

    def settled(self, result: Replayed, done: Committed, stock: QuarantineUse) -> None:
        """The outcome of messages is durable; :mod:`gateway.ingest.storage.reject_account` settles what became a reject."""
        self.stock = stock
        ledger = self._ledger
        self._events.quarantine.works()
        ended = result.received + result.empty.total() + result.lost
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
