"""Messages on their way to the broker, and the faults that befall them there, whatever their payload. Pure."""

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, Self

from schemas.scenario import FaultKind

DELAYED: Final = 5
_TIMELESS: Final = b'"ts":null'


@dataclass(slots=True, eq=False)
class OutgoingMessage:
    """One MQTT message on its way.

    :ivar rows: its readings as rows of the ledger, JSON objects without ``at``, which is not known before the PUBACK.
    :ivar sent: how often it was handed to a connection.
    """

    topic: str
    domain: str
    payload: bytes
    rows: tuple[bytes, ...]
    retain: bool = False
    sent: int = 0

    def again(self) -> "OutgoingMessage":
        """The same message once more; nobody could tell a second reading without a time from the first."""
        repeated = tuple(row[:-1] + b',"dup":true}' for row in self.rows if _TIMELESS not in row)
        return OutgoingMessage(self.topic, self.domain, self.payload, repeated)


@dataclass(frozen=True, slots=True)
class FaultDraw:
    """Faults with the share of readings that each befalls, added up."""

    limits: tuple[tuple[float, FaultKind], ...] = ()

    @classmethod
    def of(cls, shares: Mapping[FaultKind, float], only: Collection[FaultKind] = tuple(FaultKind)) -> Self:
        """Those of a scenario, or of them some only."""
        kept = {kind: share for kind, share in shares.items() if kind in only}
        return cls(tuple(zip(accumulate(kept.values()), kept, strict=True)))

    def drawn(self, chance: random.Random) -> FaultKind | None:
        """Return the fault of one reading."""
        drawn = chance.random()
        return next((kind for limit, kind in self.limits if drawn < limit), None)


@dataclass(slots=True)
class Departures:
    """The messages of a device that have not left yet, each with the number of the reading behind which it leaves."""

    later: list[tuple[int, OutgoingMessage]] = field(default_factory=list)

    def leave(self, message: OutgoingMessage | None, kind: FaultKind | None, readings: int) -> list[OutgoingMessage]:
        """Return the messages that leave now: one as its fault has it, then earlier ones.

        :param message: None: the reading is kept for a later message.
        :param readings: number of the readings so far.
        """
        messages = [] if message is None else [message]
        befall = _ON_THE_WAY.get(kind) if kind is not None else None
        due = self.later
        if message is not None and befall is not None:
            messages, later = befall(message)
            self.later = [*due, *((readings + wait, waiting) for wait, waiting in later)]
        if due:
            messages += [waiting for number, waiting in self.later if number <= readings]
            self.later = [waiting for waiting in self.later if waiting[0] > readings]
        return messages

    def flush(self) -> list[OutgoingMessage]:
        """Return those that are left, at the end of a run."""
        left = [message for _, message in self.later]
        self.later.clear()
        return left


Departure = tuple[list[OutgoingMessage], list[tuple[int, OutgoingMessage]]]
"""Messages that leave now, and those that leave after so many readings."""


def _twice(message: OutgoingMessage) -> OutgoingMessage:
    """Say of a message that it went out before: its reading may stand twice if it has no time."""
    message.sent += 1
    return message


def _retained(message: OutgoingMessage) -> Departure:
    message.retain = True
    return [message], []


_ON_THE_WAY: Final[Mapping[FaultKind, Callable[[OutgoingMessage], Departure]]] = {
    FaultKind.DUPLICATE: lambda message: ([_twice(message)], [(1, message.again())]),
    FaultKind.RETRANSMIT: lambda message: ([_twice(message), message.again()], []),
    FaultKind.REORDER: lambda message: ([], [(1, message)]),
    FaultKind.DELAY: lambda message: ([], [(DELAYED, message)]),
    FaultKind.DROP: lambda _: ([], []),
    FaultKind.RETAINED: _retained,
}
"""Faults of a message rather than of a reading."""

OF_ANY_WIRE: Final = frozenset(_ON_THE_WAY) - {FaultKind.RETAINED}
"""Faults that befall a message whatever is in it; one that is retained comes again, and stands twice if it has no time."""
