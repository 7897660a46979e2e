"""The queue of batches: readings in memory, from the broker until they are durable, and the acknowledgements owed for them.

Theory of operation
-------------------
Each message adds its readings to the open batch, which is the last of the queue and is never posted while it is open. The live
lane (:mod:`gateway.ingest.delivery.live_lane`) takes batches from the front and posts them; the spool
(:mod:`gateway.ingest.delivery.spool`) takes them into the journal. A batch is always in one of these places:

- *queued*: it waits for the live lane or the spool;
- *in flight*: it was posted and InfluxDB has not answered. It may be in the journal as well; then it has a ``row``, occupies
  no lane, and is released already;
- *in other hands*: the spool is storing it, or it is being split;
- *released*: it is durable, and its messages are acknowledged as soon as those of all earlier batches are.

A batch may have several holds: its readings, its rejects, messages on their way into the quarantine. Each holder calls
:meth:`BatchQueue.release` once; the last release takes the batch out of memory. Batches are acknowledged in the order in which
they were begun, whatever the order in which they were released (:mod:`gateway.core.batching.batch`).

A commit of the spool may overtake the answer to a write that it is storing. So the commit marks the batches it stores
(:meth:`BatchQueue.committing`), and whoever needs to know whether a batch has a row waits for the commit first.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Container
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.core.batching.batch import Acknowledger, Batch
from gateway.core.ledger import End, Ledger, ReadingSource
from gateway.core.message import Outcome, QuarantinedMessage
from gateway.ingest.delivery.delivery_log import DeliveryLog
from gateway.ingest.delivery.flood_queue import FloodQueue

_IN_FLIGHT_MAX: Final = 16
"""Most writes in flight, including those of stored batches; 100 ms apart they last until the oldest has stalled."""
_GONE: Final = 0
"""Number of a row that was given up; the journal's numbers begin with 1."""
_SMALLEST_LIMIT: Final = 100
"""Readings in a batch, whatever InfluxDB finds too large: a larger one is split in the drain lane."""


class Broker(Protocol):
    """The connection that messages come by and acknowledgements go by."""

    @property
    def round_trip_s(self) -> float:
        """Seconds to the broker and back; infinite: unknown."""

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Send the PUBACKs of these messages, in this order."""

    def resume_reading(self) -> None:
        """Read messages again: memory has room."""

    def read_apart(self, seconds: float) -> None:
        """Start reads so many seconds apart; 0: read messages as they come."""

    def read_later(self, seconds: float) -> None:
        """Let messages wait until :meth:`read_now`, so many seconds from now."""

    def read_now(self, then: Callable[[], None]) -> None:
        """Process what has come since :meth:`read_later`, then call ``then``. From there on messages are read as they come."""


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """The limits of the configuration that delivery keeps."""

    max_delay_s: float
    max_readings: int
    stall_s: float
    receive_maximum: int
    memory_bytes: int


class BatchQueue:
    """Batches in memory."""

    def __init__(
        self, limits: DeliveryLimits, acknowledger: Acknowledger, ledger: Ledger, broker: Broker, deliveries: DeliveryLog
    ) -> None:
        self.limits = limits
        self.flood_queue = FloodQueue()  # readings of devices that flood, kept apart from the batches they came with
        self.max_readings = limits.max_readings
        self.memory_bytes = 0  # taken by what is not released yet, and by messages whose codec is asked
        self._acknowledger = acknowledger
        self._ledger = ledger
        self.broker = broker
        self.deliveries = deliveries
        self._much_owed = limits.receive_maximum // 2
        self._much_memory_bytes = limits.memory_bytes // 4
        self._received = 0
        self._source: ReadingSource = "mqtt"
        self._queue: deque[Batch] = deque()
        self._in_flight: dict[Batch, float] = {}
        self._commit = asyncio.Lock()
        self._committing: set[Batch] = set()
        self._begin_batch()

    # Messages come in.

    def add(self, outcome: Outcome, arrival_s: float, source: ReadingSource = "mqtt", *, floods: bool = False) -> Batch:
        """Add the outcome of one message, kept apart if it ``floods``; return the batch that it is acknowledged with."""
        batch = self._queue[-1]
        if len(batch.readings) >= self.max_readings:
            batch = self._begin_batch()
        if source != self._source:
            self.count_received()
            self._source = source
        readings = outcome.readings
        if readings:
            if floods:
                self.memory_bytes += self.flood_queue.add(readings, arrival_s, batch, self.max_readings)
            else:
                self.memory_bytes += batch.add(readings, arrival_s)
            self._received += len(readings)
        if outcome.refusals:
            batch.refusals += outcome.refusals
            self._grow(batch, sum(len(refusal.payload) for refusal in outcome.refusals))
            self._received += len(outcome.refusals)
        if outcome.duplicates:
            self._received += outcome.duplicates
            self._ledger.settle("duplicate", {outcome.domain: outcome.duplicates})
        return batch

    def await_codec(self, batch: Batch, size_bytes: int) -> None:
        """Keep ``batch`` waiting for a codec asked about one of its messages; :meth:`add_answered` ends that."""
        batch.asked += 1
        self.memory_bytes += size_bytes

    def add_answered(
        self, batch: Batch, size_bytes: int, outcome: Outcome, arrival_s: float, source: ReadingSource = "mqtt"
    ) -> Batch:
        """Add the outcome of a message of ``batch`` whose codec answered; return the batch that its readings travel with."""
        self.memory_bytes -= size_bytes
        later = self.add(outcome, arrival_s, source)
        later.behind.append(batch)
        return later

    def add_quarantined(self, batch: Batch, messages: list[QuarantinedMessage]) -> None:
        """Account for messages that go to the quarantine: each counts as one reading received until its content is known."""
        self._grow(batch, sum(len(message.payload) for message in messages))
        self._received += len(messages)

    def _grow(self, batch: Batch, size_bytes: int) -> None:
        batch.size_bytes += size_bytes
        self.memory_bytes += size_bytes

    def count_received(self) -> None:
        """Enter the readings received since the last call into the ledger, once for each chunk of messages."""
        if self._received:
            self._ledger.receive(self._received, self._source)
            self._received = 0

    @property
    def above_high_water(self) -> bool:
        """True when memory is at its limit, so that the socket should rest."""
        return self.memory_bytes >= self.limits.memory_bytes

    @property
    def under_pressure(self) -> bool:
        """True when half of the Receive Maximum is owed, or much memory is used: the broker will soon drop messages."""
        return self._acknowledger.owed >= self._much_owed or self.memory_bytes > self._much_memory_bytes

    # The queue: the last batch is the open one.

    def _begin_batch(self) -> Batch:
        batch = Batch()
        self._queue.append(batch)
        self._acknowledger.begin(batch)
        return batch

    @property
    def open_batch(self) -> Batch:
        """The batch that collects: the last of the queue."""
        batch = self._queue[-1]
        return batch if len(batch.readings) < self.max_readings else self._begin_batch()

    @property
    def first(self) -> Batch:
        """The batch that is popped next; it may be the open one."""
        return self._queue[0]

    @property
    def has_only_open(self) -> bool:
        """True when no full batch waits."""
        return len(self._queue) == 1

    @property
    def has_queued(self) -> bool:
        """True when anything waits for the live lane or the spool."""
        first = self._queue[0]
        return len(self._queue) > 1 or bool(first.readings or first.refusals or first.owed or first.behind or first.tells)

    def pop(self) -> Batch:
        """Take the first batch out of the queue; the caller must store its refusals."""
        batch = self._queue.popleft()
        if not self._queue:
            self._begin_batch()
        return batch

    def requeue(self, batches: list[Batch]) -> None:
        """Put batches back at the head of the queue, in their order."""
        self._queue.extendleft(reversed(batches))

    def shrink_batches(self, readings: int) -> None:
        """Make smaller batches: InfluxDB found a body with this many readings too large, and accepted smaller ones."""
        self.max_readings = min(self.max_readings, max(_SMALLEST_LIMIT, readings // 2))

    # Writes in flight.

    def start_write(self, batch: Batch, now_s: float) -> None:
        """Register a batch that is posted now."""
        self._in_flight[batch] = now_s
        self.deliveries.posted(batch, now_s)

    def end_write(self, batch: Batch) -> float:
        """Remove a batch whose write was answered; return when it was posted."""
        return self._in_flight.pop(batch)

    def posted_s(self, batch: Batch) -> float | None:
        """Return when a batch was posted; None when it is not in flight."""
        return self._in_flight.get(batch)

    @property
    def oldest_posted_s(self) -> float | None:
        """The instant at which the oldest write in flight was posted."""
        return next(iter(self._in_flight.values()), None)

    @property
    def saturated(self) -> bool:
        """True when so many writes are unanswered that no other is started, whether their batches are stored or not."""
        return len(self._in_flight) >= _IN_FLIGHT_MAX

    def unspooled(self) -> list[Batch]:
        """Return the batches in flight that are not in the journal."""
        return [batch for batch in self._in_flight if batch.row is None]

    # Rows of the journal whose batches are in flight.

    @asynccontextmanager
    async def committing(self) -> AsyncIterator[list[Batch]]:
        """Hold every answer to the unspooled batches, which are yielded, until the commit that stores them has ended."""
        async with self._commit:
            batches = self.unspooled()
            self._committing.update(batches)
            try:
                yield batches
            finally:
                self._committing.clear()

    async def until_committed(self, batch: Batch) -> None:
        """Return when no commit under way stores ``batch``: only then ``row`` tells if it is in the journal."""
        if batch in self._committing:
            async with self._commit:
                pass

    @asynccontextmanager
    async def between_commits(self) -> AsyncIterator[frozenset[int]]:
        """Hold back commits and yield the rows whose first write is unanswered.

        During a commit it is not known yet that its rows are in flight: the drain lane would post them a second time.
        """
        async with self._commit:
            yield self.rows_in_flight()

    def rows_in_flight(self) -> frozenset[int]:
        """Return the rows of the journal whose first write is still unanswered."""
        return frozenset(batch.row for batch in self._in_flight if batch.row is not None)

    def forget_rows(self, rows: Container[int]) -> None:
        """Forget rows that were given up and counted: the answers to their first writes must not count them again."""
        for batch in self._in_flight:
            if batch.row in rows:
                batch.row = _GONE

    # Batches leave.

    def was_given_up(self, batch: Batch) -> bool:
        """Tell if the row of a batch was given up, so that the answer to its write changes nothing."""
        return batch.row == _GONE

    def settle(self, batch: Batch, end: End) -> None:
        """Count all readings of a batch that is not in the journal, and release it."""
        self.deliveries.settled(batch, written=end == "written")
        self._ledger.settle(end, batch.body.domains)
        self.release(batch)

    def spooled(self, batch: Batch, row: int, now_s: float) -> None:
        """Release a batch whose readings are now in a row of the journal."""
        batch.row = row
        self.deliveries.stored(batch, row, now_s)
        self._ledger.move(len(batch.readings), "memory", "journal")
        self.release(batch)

    def release(self, batch: Batch) -> None:
        """Release one hold. After the last one the batch is done: acknowledge it, and batches that waited only for it."""
        batch.holds -= 1
        if batch.holds:
            return
        was_above = self.above_high_water
        self.memory_bytes -= batch.size_bytes
        for came_with in batch.behind:
            came_with.asked -= 1
        packet_ids = self._acknowledger.release()
        if packet_ids:
            self.broker.acknowledge(packet_ids)
        if was_above and not self.above_high_water:
            self.broker.resume_reading()
