"""The cut between two sessions of this gateway: what of the messages of either it takes, so that each is taken once.

For a moment both sessions are subscribed, and the broker puts each message into both. One message, the *mark*, is published in
that time, and stands at one place in the order of both. What comes before it is taken from the former session, what comes
after it from the new one. :mod:`gateway.ingest.broker.session_move` says when.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import mqtt5

from gateway.core.mqtt_session import Event, Oversized


class CutPhase(Enum):
    """The session that is open, and what is taken of it."""

    LEAVING = auto()
    """The former one, up to the mark."""
    BETWEEN = auto()
    """None: the former one is being ended."""
    ENTERING = auto()
    """The new one, from the mark on."""
    SETTLED = auto()
    """The new one, all of it."""


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class SessionCut:
    """Lets messages through by the phase.

    :ivar topic: the one of marks, which nobody else may publish to.
    :ivar mark: tells the cut from others.
    :ivar guard: published behind all that may hold the mark; once it is back, a mark that did not come is lost.
    :ivar seen: payloads of marks that came.
    :ivar is_absent: the broker has no former session; ``is_told``: that the next one is absent is known, or no loss.
    :ivar owed: the mark's own packet, acknowledged once it is on disk that the cut is done.
    """

    topic: str
    acknowledge: Callable[[list[int]], None]
    phase: CutPhase = CutPhase.SETTLED
    mark: bytes = b""
    guard: bytes = b""
    seen: set[bytes] = field(default_factory=set)
    is_absent: bool = False
    is_told: bool = False
    owed: list[int] = field(default_factory=list)
    may_open: asyncio.Event = field(default_factory=_set)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def connected(self, *, session_present: bool) -> bool:
        """Note what the broker has; tell if a session that it lacks is a loss."""
        self.owed.clear()
        is_loss, self.is_told = not session_present and not self.is_told, False
        self.is_absent = self.phase is CutPhase.LEAVING and not session_present
        if self.phase is CutPhase.ENTERING and not session_present:
            self.phase = CutPhase.SETTLED
        self.news.set()
        return is_loss

    def taken(self, events: list[Event]) -> list[Event]:
        """The events of a chunk that are to be taken."""
        if self.phase is CutPhase.SETTLED:
            return events
        skipped: list[int] = []
        found = list(self._taken(events, skipped))
        if skipped:
            self.acknowledge(skipped)
        return found

    def _taken(self, events: Sequence[Event], skipped: list[int]) -> Iterator[Event]:
        for event in events:
            if not isinstance(event, (mqtt5.PublishPacket, Oversized)) or self.phase is CutPhase.SETTLED:
                yield event
                continue
            token = bytes(event.payload or b"") if event.topic == self.topic else b""
            if token:
                self.seen.add(token)
                self.news.set()
            if self.phase is CutPhase.LEAVING and self.mark not in self.seen:
                yield event
            elif self.phase is CutPhase.ENTERING and event.packet_id is not None:
                (self.owed if token == self.mark else skipped).append(event.packet_id)
            if self.phase is CutPhase.ENTERING and token and token in {self.mark, self.guard}:
                self.phase = CutPhase.SETTLED
