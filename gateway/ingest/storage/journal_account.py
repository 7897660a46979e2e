"""The account of the journal: what is found, salvaged and replayed there is entered into the ledger."""

from gateway.core.batching.batch import Body
from gateway.core.ledger import Ledger
from gateway.ingest.events import Events
from gateway.ingest.storage.journal import JournalUse
from gateway.ingest.storage.reject_account import RejectAccount
from gateway.ingest.storage.settlement import Committed, Replayed


class JournalAccount:
    """Counts readings that come into the journal beside those of the spool."""

    def __init__(self, ledger: Ledger, events: Events, rejects: RejectAccount) -> None:
        self._ledger = ledger
        self._events = events
        self._rejects = rejects

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
