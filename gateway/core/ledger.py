"""The account that must balance: every reading received is written, duplicate, rejected, expired, lost or pending.

Pending is kept by those who hold the readings, not worked out from the rest; so an imbalance shows a reading that nobody holds.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

End = Literal["written", "duplicate", "rejected", "expired", "lost"]
Place = Literal["memory", "journal", "quarantine"]
ReadingSource = Literal["mqtt", "journal", "replay"]

ENDS: Final[tuple[End, ...]] = ("written", "duplicate", "rejected", "expired", "lost")


@dataclass(slots=True)
class Ledger:
    """Counts since the process started."""

    since_ms: int
    received: Counter[ReadingSource] = field(default_factory=Counter)
    outcomes: dict[End, Counter[str]] = field(default_factory=lambda: {outcome: Counter() for outcome in ENDS})
    pending: dict[Place, int] = field(default_factory=lambda: {"memory": 0, "journal": 0, "quarantine": 0})

    def receive(self, readings: int, source: ReadingSource, place: Place = "memory") -> None:
        """Readings came in and are held in ``place``."""
        self.received[source] += readings
        self.pending[place] += readings

    def move(self, readings: int, origin: Place, place: Place) -> None:
        """Readings changed hands."""
        self.pending[origin] -= readings
        self.pending[place] += readings

    def settle(self, outcome: End, domains: Mapping[str, int], place: Place = "memory") -> None:
        """Readings that were held in ``place`` came to their end; counted by domain."""
        self.outcomes[outcome].update(domains)
        self.pending[place] -= sum(domains.values())

    def total(self, outcome: End) -> int:
        """Readings that came to this end, of all domains."""
        return self.outcomes[outcome].total()

    @property
    def imbalance(self) -> int:
        """Readings received that are neither settled nor pending; 0, or there is a fault in the gateway."""
        settled = sum(self.total(outcome) for outcome in ENDS)
        return self.received.total() - settled - sum(self.pending.values())

    def document(self) -> dict[str, object]:
        """The account as ``/api/ledger`` shows it."""
        return {
            "since": self.since_ms,
            "received": self.received.total(),
            **{outcome: self.total(outcome) for outcome in ENDS},
            "pending": dict(self.pending),
            "imbalance": self.imbalance,
        }
