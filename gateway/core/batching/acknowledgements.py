"""Acknowledgements owed to the broker, and the order in which they leave.

PUBACKs leave in the order of receipt [MQTT-4.6.0-2], so batches are acknowledged in the order in which they were begun: one
that is done waits for those before it. Acknowledgements end with their connection: after a reconnect identifiers may mean other
messages. While the first copy of a message still waits here, the broker sends it again; that copy is recognised by identifier
and content, is not processed, and its acknowledgement waits behind the first. RabbitMQ does not keep identifiers
[MQTT-4.4.0-1] but counts from 1 on each connection. There another message of equal bytes could have the identifier of a first
copy, so nothing is recognised, and what comes again carries bit 64.
"""

from collections import deque
from dataclasses import dataclass, field

from gateway.core.batching.batch import Batch, Owed


@dataclass(slots=True)
class Acknowledger:
    """The account of acknowledgements owed on the present connection, whose number grows by one with each."""

    connection: int = 0
    owed: int = 0
    _order: deque[Batch] = field(default_factory=deque)
    _first_copies: dict[int, int] = field(default_factory=dict)
    _oldest: int | None = None  # identifier of the oldest first copy, until the first message was sent again

    def begin(self, batch: Batch) -> None:
        """Begin a batch; it is acknowledged after all batches begun before it."""
        self._order.append(batch)

    def owe(self, batch: Batch, packet_id: int, fingerprint: int) -> None:
        """Add a message of the present connection, to be acknowledged with ``batch``, which must be the newest."""
        owed = batch.owed
        if not owed or owed[-1].connection != self.connection:
            owed.append(Owed(self.connection))
        last = owed[-1]
        last.packet_ids.append(packet_id)
        last.fingerprints.append(fingerprint)
        self.owed += 1

    def is_second_copy(self, packet_id: int, fingerprint: int) -> bool:
        """Tell if a message that is marked as sent before is one whose first copy still waits."""
        if self._oldest is not None:
            if packet_id == 1 != self._oldest:  # the broker sends the oldest first: it has numbered them anew
                self._first_copies.clear()
            self._oldest = None
        return bool(self._first_copies) and self._first_copies.get(packet_id) == fingerprint

    def connected(self, *, session_present: bool) -> None:
        """Begin a new connection. Without the old session nothing is sent again, and its identifiers become invalid."""
        self.connection += 1
        self.owed = 0
        self._first_copies.clear()
        for batch in self._order:
            if not session_present:
                batch.owed.clear()
            for owed in batch.owed:
                self._first_copies.update(zip(owed.packet_ids, owed.fingerprints, strict=True))
        self._oldest = next(iter(self._first_copies), None)

    def disconnected(self) -> None:
        """Forget the connection that ended, and the acknowledgements owed on it."""
        self.connection += 1
        self.owed = 0

    def unfinished(self) -> list[Batch]:
        """The batches that hold anything now which is not acknowledged yet."""
        return [
            batch
            for batch in self._order
            if batch.readings or batch.refusals or batch.owed or batch.asked or batch.behind or batch.tells
        ]

    def has_any(self, batches: list[Batch]) -> bool:
        """Tell if one of some batches is not acknowledged yet."""
        return any(batch in self._order for batch in batches)

    def release(self) -> list[int]:
        """Identifiers to acknowledge now, in order: those of the batches that are done. Other bringers are told."""
        ready: list[int] = []
        while self._order and not (self._order[0].holds or self._order[0].asked):
            batch = self._order.popleft()
            for tell in batch.tells:
                tell()
            for owed in batch.owed:
                if owed.connection == self.connection:
                    ready += owed.packet_ids
                elif self._first_copies:
                    for packet_id, fingerprint in zip(owed.packet_ids, owed.fingerprints, strict=True):
                        if self._first_copies.get(packet_id) == fingerprint:
                            del self._first_copies[packet_id]
        self.owed -= len(ready)
        return ready
