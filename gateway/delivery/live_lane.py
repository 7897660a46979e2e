"""Delivery: readings to InfluxDB, acknowledged when they are durable somewhere.

Theory of operation
-------------------
Readings collect in the open batch, the last of the queue. :meth:`Delivery.pump` starts a write whenever the live lane is free
and :class:`~gateway.core.delivery.pacing.Pacing` allows; all else follows from events, nothing polls.

*Healthy (breaker closed).* A batch is posted; 204 makes it done; the journal is not touched.

*Slow.* Several writes are under way (:class:`~gateway.core.delivery.pacing.Pacing`). A broker drops what it cannot hand over:
when half of the Receive Maximum is owed and a write has been unanswered for :data:`_HURRY_S`, what flies is stored in the
journal as well (:mod:`gateway.delivery.spool`) and acknowledged. It flies on, holds no lane any more, and its 204 takes its
row out again.

*A flood.* When InfluxDB is too slow for it, the readings of devices that flood are kept apart
(:mod:`gateway.delivery.flood_queue`).

*Trouble.* A write is refused for a reason that is not its own, or unanswered for ``stall``: the breaker opens, and that batch
and all that wait go to the journal in one commit. Until it closes every batch goes there. Writes in flight go on and hold
nobody up; a late 204 takes its row out of the journal again and closes the breaker; a probe closes it otherwise.

*A batch refused for its content* goes to the journal alone, marked, and the drain lane (:mod:`gateway.delivery.drain_lane`)
splits it. The live lane never splits.

*The journal cannot take it either.* Batches stay in the queue, unacknowledged, in their order; when memory reaches its limit
the socket is not read. They are posted when the breaker closes.

Invariants: a batch is in the queue, in flight or released; one with a row stands in the journal, whether in flight or not; its
``holds`` reach 0 once; batches are released in the order in which they were begun.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol

from gateway.core.delivery.acknowledgements import Acknowledger
from gateway.core.delivery.batch import Batch, Body
from gateway.core.delivery.pacing import SLOW_ANSWER_S, Pacing
from gateway.core.delivery.write_result import Answer, Fate, fate_of
from gateway.core.ledger import Ledger
from gateway.core.message import Outcome, QuarantinedMessage, Reading, Refusal
from gateway.delivery.circuit_breaker import CircuitBreaker
from gateway.delivery.flood_queue import FloodQueue
from gateway.events import Events

_HURRY_S: Final = 0.25
"""While a device floods it is :data:`~gateway.core.delivery.pacing.SLOW_ANSWER_S`: half of what may be owed comes as quickly
then.
"""
_TIMER_S: Final = 0.001
"""The event loop's timers are no finer; to wait for less than this would be to turn in circles."""
_FLYING_MAX: Final = 16
"""Writes under way, with those whose batches are stored; 100 ms apart they last until the oldest has stalled."""
_ASIDE_S: Final = 1.0
"""Readings that were taken aside wait for the journal at most so long."""
_GONE: Final = 0
"""Number of a row that is no more; the journal's begin with 1."""
_SMALLEST_LIMIT: Final = 100
"""Readings in a batch, whatever InfluxDB finds too large: what is still larger than it takes is split in the drain lane."""


class Writer(Protocol):
    """What delivery needs of InfluxDB."""

    async def write(self, gzip: bytes) -> Answer:
        """Post a body; never raises for what a network or a server does."""


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """The numbers of the configuration that delivery lives by."""

    max_delay_s: float
    max_readings: int
    stall_s: float
    receive_maximum: int
    memory_bytes: int


@dataclass(slots=True)
class Hooks:
    """Where delivery hands on; wired by the pipeline."""

    keep_refusals: Callable[[Batch, list[Refusal]], None]
    spool: Callable[[], None]
    refused: Callable[[Batch], None]
    settled_late: Callable[[int], None]
    left_in_journal: Callable[[], None]
    acknowledge: Callable[[list[int]], None]
    resume_reading: Callable[[], None]


class Delivery:
    """The queue and the live lane."""

    hooks: Hooks

    def __init__(
        self,
        limits: DeliveryLimits,
        influxdb: Writer,
        breaker: CircuitBreaker,
        ledger: Ledger,
        events: Events,
        acknowledger: Acknowledger,
    ) -> None:
        self._limits = limits
        self._influxdb = influxdb
        self._breaker = breaker
        self._ledger = ledger
        self._events = events
        self._acknowledger = acknowledger
        self._much_owed = limits.receive_maximum // 2
        self._much_memory_bytes = limits.memory_bytes // 4
        self.memory_bytes = 0
        self.max_readings = limits.max_readings
        self.aside = FloodQueue()
        self.committing: set[Batch] = set()
        self.commit_lock = asyncio.Lock()
        self._taken = 0
        self._stalled_s = -inf
        self._pace = Pacing(limits.max_delay_s)
        self._queue: deque[Batch] = deque()
        self._flying: dict[Batch, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._tasks: asyncio.TaskGroup
        self._begin_batch()

    def take(self, outcome: Outcome, arrival_s: float, *, floods: bool = False) -> Batch:
        """Take what became of one message; the batch that it is acknowledged with.

        :param floods: its readings are kept apart.
        """
        batch = self._queue[-1]
        if len(batch.readings) >= self.max_readings:
            batch = self._begin_batch()
        readings = outcome.readings
        if readings:
            self.memory_bytes += self._add_aside(readings, arrival_s, batch) if floods else batch.add(readings, arrival_s)
            self._taken += len(readings)
        if outcome.refusals:
            size_bytes = sum(len(refusal.payload) for refusal in outcome.refusals)
            batch.refusals += outcome.refusals
            batch.size_bytes += size_bytes
            self.memory_bytes += size_bytes
            self._taken += len(outcome.refusals)
        if outcome.duplicates:
            self._taken += outcome.duplicates
            self._ledger.settle("duplicate", {outcome.domain: outcome.duplicates})
        return batch

    def _add_aside(self, readings: list[Reading], arrival_s: float, came_with: Batch) -> int:
        if not self.aside.batches:
            self._loop.call_later(_ASIDE_S, self.hooks.spool)
        return self.aside.add(readings, arrival_s, came_with, self.max_readings)

    def hold(self, batch: Batch, size_bytes: int) -> None:
        """A codec is asked for a message of ``batch``, which takes memory meanwhile; :meth:`take_late` ends it."""
        batch.asked += 1
        self.memory_bytes += size_bytes

    def take_late(self, batch: Batch, size_bytes: int, outcome: Outcome, arrival_s: float) -> Batch:
        """Take what became of a message that came with ``batch``; it travels with the batch that is returned."""
        self.memory_bytes -= size_bytes
        late = self.take(outcome, arrival_s)
        late.behind.append(batch)
        return late

    def take_waiting(self, batch: Batch, waiting: list[QuarantinedMessage]) -> None:
        """Messages go to the quarantine: each is one reading received, until it is known what it holds."""
        size_bytes = sum(len(message.payload) for message in waiting)
        batch.size_bytes += size_bytes
        self.memory_bytes += size_bytes
        self._taken += len(waiting)

    @property
    def open_batch(self) -> Batch:
        """The batch that collects: the last of the queue, never posted yet."""
        batch = self._queue[-1]
        return batch if len(batch.readings) < self.max_readings else self._begin_batch()

    @property
    def above_high_water(self) -> bool:
        """Whether memory is at its limit and the socket should rest."""
        return self.memory_bytes >= self._limits.memory_bytes

    @property
    def under_pressure(self) -> bool:
        """Half of what the broker hands over is owed, or much memory is used: it will soon drop what comes behind."""
        return self._acknowledger.owed >= self._much_owed or self.memory_bytes > self._much_memory_bytes

    def pump(self) -> None:
        """Start what may start. Called after every chunk of messages and every answer."""
        if self._taken:
            self._ledger.receive(self._taken, "mqtt")
            self._taken = 0
        if self._breaker.is_open:
            if self.has_queued or self.aside.batches:
                self.hooks.spool()
            return
        under_pressure = self.under_pressure
        if self._timer is not None and not under_pressure and len(self._queue) == 1:
            return  # its time will come
        now_s = self._loop.time()
        waited_s = now_s - next(iter(self._flying.values())) if self._flying else 0.0
        while self.has_queued and self._has_free_lane(waited_s):
            wait_s = self._pace.wait_s(now_s, waited_s, under_pressure=under_pressure)
            if wait_s > _TIMER_S and len(self._queue) == 1 and self._queue[0].readings:
                if self._timer is None:
                    self._timer = self._loop.call_later(wait_s, self._timed)
                break
            self._start(self.pop(), now_s)
        if under_pressure:
            self._press(now_s, waited_s)

    def _timed(self) -> None:
        self._timer = None
        self.pump()

    # The queue: the last batch is the open one.

    def _begin_batch(self) -> Batch:
        batch = Batch()
        self._queue.append(batch)
        self._acknowledger.begin(batch)
        return batch

    @property
    def has_queued(self) -> bool:
        """Whether anything waits that is not in flight."""
        first = self._queue[0]
        return len(self._queue) > 1 or bool(first.readings or first.refusals or first.owed or first.behind)

    def pop(self) -> Batch:
        """The first batch of the queue, which leaves it; its refusals go their own way."""
        batch = self._queue.popleft()
        if not self._queue:
            self._begin_batch()
        if batch.refusals:
            refusals, batch.refusals = batch.refusals, []
            self.hooks.keep_refusals(batch, refusals)
        return batch

    def requeue(self, batches: list[Batch]) -> None:
        """Batches return to the head of the queue, in their order."""
        self._queue.extendleft(reversed(batches))

    # The live lane.

    def _has_free_lane(self, waited_s: float) -> bool:
        """Whether a write may start while the oldest in flight has waited so long."""
        return not self._flying or (len(self.unspooled()) < self._pace.lanes(waited_s) and not self.saturated)

    @property
    def saturated(self) -> bool:
        """Whether so many writes are unanswered that no other is started, wherever their batches stand."""
        return len(self._flying) >= _FLYING_MAX

    def _start(self, batch: Batch, now_s: float) -> None:
        if not batch.readings:
            self.release_batch(batch)
            return
        body = batch.body  # sealed before anybody can store it: what flies has a row of its own, which its 204 takes out again
        self._pace.started(len(batch.readings), now_s)
        self._flying[batch] = now_s
        self._tasks.create_task(self._write(batch, body), name="live write")

    async def _write(self, batch: Batch, body: Body) -> None:
        watch = self._loop.call_later(min(_HURRY_S, self._limits.stall_s), self._watch, batch)
        answer = await self._influxdb.write(body.gzip)
        watch.cancel()
        now_s = self._loop.time()
        if batch in self.committing:
            async with self.commit_lock:
                pass  # the commit decides first whether the batch stands in the journal
        seconds = now_s - self._flying.pop(batch)
        self._pace.answered(seconds)
        fate = fate_of(answer)
        self._events.answered(fate.value, seconds)
        if fate not in {Fate.RETRY, Fate.FAULTY_DATABASE}:
            self._breaker.close()
        if batch.row == _GONE:
            pass
        elif fate is Fate.WRITTEN:
            self._written(batch, now_s)
        elif batch.row is None:
            self._not_written(batch, fate, answer)
        else:
            self.hooks.left_in_journal()
        self.pump()

    def _written(self, batch: Batch, now_s: float) -> None:
        for arrival_s, readings in batch.arrivals.items():
            self._events.delivery.observe(now_s - arrival_s, readings)
        if batch.row is not None:
            self._ledger.settle("written", batch.body.domains, "journal")
            self.hooks.settled_late(batch.row)
            return
        self._ledger.settle("written", batch.body.domains)
        self.release_batch(batch)

    def _not_written(self, batch: Batch, fate: Fate, answer: Answer) -> None:
        if fate is Fate.EXPIRED:
            self._ledger.settle("expired", batch.body.domains)
            self.release_batch(batch)
        elif fate in {Fate.SPLIT, Fate.SPLIT_SMALLER}:
            self.hooks.refused(batch)
        else:
            self.requeue([batch])
            self._breaker.open(answer, batch.body.gzip)

    def remember_smaller(self, readings: int) -> None:
        """InfluxDB found a body of so many readings too large and took smaller ones: no page in its place, then."""
        self.max_readings = min(self.max_readings, max(_SMALLEST_LIMIT, readings // 2))

    def _watch(self, batch: Batch) -> None:
        """Look after a write that is not answered yet, again when it will have stalled."""
        started_s = self._flying.get(batch)
        if started_s is None or self._breaker.is_open or started_s <= self._stalled_s:
            return
        now_s = self._loop.time()
        waited_s = now_s - started_s
        if waited_s < self._limits.stall_s:
            self.pump()
            self._loop.call_later(max(self._limits.stall_s - waited_s, _TIMER_S), self._watch, batch)
            return
        self._stalled_s = now_s  # what was under way beside it says nothing new when it stalls too
        self._breaker.open(Answer(0, f"no answer for {waited_s:.2f} s"))
        self.hooks.spool()

    def _press(self, now_s: float, waited_s: float) -> None:
        """The broker cannot wait: have what was kept apart stored, and what InfluxDB is too slow for."""
        patience_s = SLOW_ANSWER_S if self.aside.flooding else _HURRY_S
        is_slow = waited_s >= patience_s and (self.saturated or bool(self.unspooled()))
        if is_slow:
            self.aside.press(now_s)
        if is_slow or self.aside.batches:
            self.hooks.spool()

    def release_batch(self, batch: Batch) -> None:
        """One hold less. The last one releases the batch, and all that waited for it are acknowledged."""
        batch.holds -= 1
        if batch.holds:
            return
        was_crowded = self.above_high_water
        self.memory_bytes -= batch.size_bytes
        for came_with in batch.behind:
            came_with.asked -= 1
        packet_ids = self._acknowledger.release()
        if packet_ids:
            self.hooks.acknowledge(packet_ids)
        if was_crowded and not self.above_high_water:
            self.hooks.resume_reading()

    # What the way into the journal and the drain lane ask.

    def unspooled(self) -> list[Batch]:
        """Batches in flight that stand nowhere else."""
        return [batch for batch in self._flying if batch.row is None]

    def rows_in_flight(self) -> frozenset[int]:
        """Rows of the journal whose first write is still unanswered."""
        return frozenset(batch.row for batch in self._flying if batch.row is not None)

    def forget_rows(self, rows: Container[int]) -> None:
        """These rows were taken out of the journal and counted: what is answered to their first writes changes nothing."""
        for batch in self._flying:
            if batch.row in rows:
                batch.row = _GONE

    async def finish(self, patience_s: float) -> None:
        """Give what waits and flies ``patience_s`` to be written; stops early when InfluxDB is in trouble."""
        deadline_s = self._loop.time() + patience_s
        self._pace = Pacing(0.0)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (self._flying or self.has_queued) and not self._breaker.is_open and self._loop.time() < deadline_s:
            self.pump()
            await asyncio.sleep(0.01)

    async def run(self) -> None:
        """Hold the live writes until cancelled; a fault of one of them ends all."""
        async with asyncio.TaskGroup() as self._tasks:
            await asyncio.Event().wait()
