"""The account that must balance: every received reading is written, duplicate, rejected, expired, lost or pending.

Pending is counted by the parts that hold the readings, not computed from the rest, so an imbalance shows a reading that no
part holds.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

End = Literal["written", "duplicate", "rejected", "expired", "lost"]
HoldingPlace = Literal["memory", "journal", "quarantine"]
ReadingSource = Literal["mqtt", "journal", "replay"]

ENDS: Final[tuple[End, ...]] = get_args(End)
SOURCES: Final[tuple[ReadingSource, ...]] = get_args(ReadingSource)


@dataclass(slots=True)
class Ledger:
    """Counts since the process started; what only a newer release can read of the journal, ``of_newer``, is pending as well."""

    since_ms: int
    received: Counter[ReadingSource] = field(default_factory=Counter)
    outcomes: dict[End, Counter[str]] = field(default_factory=lambda: {outcome: Counter() for outcome in ENDS})
    pending: dict[HoldingPlace, int] = field(default_factory=lambda: {"memory": 0, "journal": 0, "quarantine": 0})
    of_newer: int = 0

    @property
    def backlog(self) -> int:
        """Readings of the journal that this release will bring in."""
        return self.pending["journal"] - self.of_newer

    def receive(self, readings: int, source: ReadingSource, place: HoldingPlace = "memory") -> None:
        """Count readings that came in and are held in ``place``."""
        self.received[source] += readings
        self.pending[place] += readings

    def move(self, readings: int, origin: HoldingPlace, place: HoldingPlace) -> None:
        """Move readings from one place to another."""
        self.pending[origin] -= readings
        self.pending[place] += readings

    def settle(self, outcome: End, domains: Mapping[str, int], place: HoldingPlace = "memory") -> None:
        """Settle readings that were held in ``place``, by domain."""
        self.outcomes[outcome].update(domains)
        self.pending[place] -= sum(domains.values())

    def total(self, outcome: End) -> int:
        """Readings with this outcome, over all domains."""
        return self.outcomes[outcome].total()

    @property
    def imbalance(self) -> int:
        """Received readings that are neither settled nor pending: 0, unless the gateway has a fault."""
        settled = sum(self.total(outcome) for outcome in ENDS)
        return self.received.total() - settled - sum(self.pending.values())

    def document(self) -> dict[str, object]:
        """The account in the form of ``/api/ledger``."""
        return {
            "since": self.since_ms,
            "received": self.received.total(),
            **{outcome: self.total(outcome) for outcome in ENDS},
            "pending": dict(self.pending),
            "imbalance": self.imbalance,
        }
