"""The live lane: from the queue to InfluxDB, without touching the disk while InfluxDB keeps up.

Theory of operation
-------------------
:meth:`LiveLane.pump` posts the next batch whenever a lane is free and :class:`~gateway.core.batching.pacing.Pacing` allows. It
is called after every chunk of messages and every answer; nothing polls. While writes follow each other, messages are read when
the next one may start (:class:`~gateway.core.batching.pacing.ReadPacing`): nothing is decided in between.

*Healthy (breaker closed).* A batch is posted; 204 makes it durable; the journal is not touched.

*Slow.* Up to four writes are in flight. A broker drops messages that it cannot send: when half of the Receive Maximum is owed
and a write has been unanswered for :data:`_PATIENCE_S`, the spool (:mod:`gateway.ingest.delivery.spool`) stores what is in
flight as well, and it is acknowledged. The write stays in flight without occupying a lane; its 204 deletes the journal row.

*A flood.* When InfluxDB is too slow for it, the readings of devices that flood are kept apart
(:mod:`gateway.ingest.delivery.flood_queue`).

*Trouble.* A write is refused for a reason outside the batch, or unanswered for ``stall``: the breaker opens, and that batch
and all waiting ones go to the journal in one commit. Until it closes every batch goes there. Writes in flight go on and block
nothing; a late 204 deletes its row and closes the breaker; otherwise a successful probe closes it.

*A batch refused for its content* goes to the journal alone, marked, and the drain lane
(:mod:`gateway.ingest.delivery.drain_lane`) splits it. The live lane never splits.

*The journal fails too.* Batches stay in the queue, unacknowledged, in their order; when memory reaches its limit
the socket is not read. They are posted when the breaker closes.
"""

import asyncio
from dataclasses import dataclass, field
from math import inf
from typing import Final

from gateway.core.batching.batch import Batch, Body
from gateway.core.batching.pacing import SLOW_ANSWER_S, Pacing, ReadPacing
from gateway.core.batching.write_result import Answer, Fate, fate_of
from gateway.ingest.delivery.backlog import Backlog
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.influxdb import LinkedOutput
from gateway.ingest.delivery.spool import SpoolRequests
from gateway.ingest.events import Events
from gateway.ingest.storage.reject_account import RejectWriter

_PATIENCE_S: Final = 0.25
"""Patience with a slow write; ``SLOW_ANSWER_S`` while a device floods, since half of what may be owed then comes as quickly."""
_TIMER_S: Final = 0.001
"""Resolution of the event loop's timers; waiting for less would keep the loop busy."""
_AT_ONCE_S: Final = 1.5 * _TIMER_S
"""Shortest wait for a write. A timer that was set to ring a millisecond before one must not wait for it again."""
_FLOOD_WAITS_S: Final = 1.0
"""Longest wait for the journal of readings that were kept apart."""


@dataclass(slots=True)
class LiveLane:
    """Posts batches as they come."""

    _influxdb: LinkedOutput
    _breaker: CircuitBreaker
    queue: BatchQueue
    _spool_requests: SpoolRequests
    _backlog: Backlog
    _reject_writer: RejectWriter
    _events: Events
    _pacing: Pacing = field(init=False)
    _read_pacing: ReadPacing = field(default_factory=ReadPacing)
    _last_stall_s: float = -inf
    _timer: asyncio.TimerHandle | None = None
    _flood_timer: asyncio.TimerHandle | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _writes: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)

    def __post_init__(self) -> None:
        self._pacing = Pacing(self.queue.limits.max_delay_s)

    async def run(self) -> None:
        """Run the writes until cancelled, and start again after each outage; a bug in one write ends all."""
        async with self._writes:
            while True:
                await self._breaker.opened.wait()
                await self._breaker.closed.wait()
                self.pump()

    def pump(self) -> None:
        """Start every write that may start. Called after every chunk of messages and every answer."""
        queue = self.queue
        queue.count_received()
        if self._breaker.is_open:
            if queue.has_queued or queue.flood_queue.batches:
                self._spool_requests.wake()
            return
        if queue.flood_queue.batches and self._flood_timer is None:
            self._flood_timer = self._loop.call_later(_FLOOD_WAITS_S, self._spool_flood)
        under_pressure = queue.under_pressure
        if self._timer is not None and not under_pressure and queue.has_only_open:
            return  # a timer will call again
        now_s = self._loop.time()
        posted_s = queue.oldest_posted_s
        waited_s = 0.0 if posted_s is None else now_s - posted_s
        while queue.has_queued and self._has_free_lane(waited_s):
            wait_s = self._pacing.wait_s(now_s, waited_s, under_pressure=under_pressure)
            if wait_s > _AT_ONCE_S and queue.has_only_open and queue.first.readings:
                if self._timer is None:
                    self._timer = self._loop.call_later(wait_s, self._timed)
                break
            self._post(queue.pop(), now_s)
        if under_pressure:
            self._press(now_s, waited_s)

    def _timed(self) -> None:
        """Start the next write, with the messages that waited for it. They wait no longer, even if no write may start."""
        self._timer = None
        self.queue.broker.read_now(self.pump)

    def _spool_flood(self) -> None:
        self._flood_timer = None
        if self.queue.flood_queue.batches:
            self._spool_requests.wake()

    def _has_free_lane(self, waited_s: float) -> bool:
        """Tell if a write may start, given the wait of the oldest in flight. Stored batches occupy no lane."""
        queue = self.queue
        if queue.oldest_posted_s is None:
            return True
        return len(queue.unspooled()) < self._pacing.lanes(waited_s) and not queue.saturated

    def _press(self, now_s: float, waited_s: float) -> None:
        """Have the spool store writes that InfluxDB is too slow for, and floods kept apart: the broker cannot wait."""
        floods = self.queue.flood_queue
        patience_s = SLOW_ANSWER_S if floods.flooding else _PATIENCE_S
        # Writes in flight that are stored already need no other commit: the spool would loop.
        is_slow = waited_s >= patience_s and (self.queue.saturated or bool(self.queue.unspooled()))
        if is_slow:
            floods.keep_apart(now_s)
        if is_slow or floods.batches:
            self._spool_requests.wake()

    def _post(self, batch: Batch, now_s: float) -> None:
        """Post a batch, and let messages wait for the next read or the next write, if that is worth it."""
        queue = self.queue
        if batch.refusals:
            self._reject_writer.keep_refusals(batch)
        if not batch.readings:
            queue.release(batch)
            return
        # Sealed before the spool can store it: a sealed batch gets a row of its own, which its 204 deletes again. With
        # others in that row it would delete them unwritten.
        body = batch.body
        self._pacing.started(len(batch.readings), now_s, self._influxdb.link.live_apart_s(len(body.gzip)))
        queue.start_write(batch, now_s)
        self._read_pacing.started(len(batch.readings), now_s)
        next_write_s = self._pacing.wait_s(now_s) - _TIMER_S
        queue.broker.read_apart(self._read_pacing.apart_s)
        wait_s = self._read_pacing.wait_s(next_write_s, queue.broker.round_trip_s)
        if wait_s and not queue.under_pressure:
            queue.broker.read_later(wait_s)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(wait_s, self._timed)
        self._writes.create_task(self._write(batch, body), name="live write")

    async def _write(self, batch: Batch, body: Body) -> None:
        watch = self._loop.call_later(min(_PATIENCE_S, self.queue.limits.stall_s), self._watch, batch)
        answer = await self._influxdb.write(body.gzip)
        watch.cancel()
        now_s = self._loop.time()
        # A commit under way decides first if the batch stands in the journal. Settled before that, the batch would be released
        # twice, and its row would be written and counted again.
        await self.queue.until_committed(batch)
        seconds = now_s - self.queue.end_write(batch)
        self._pacing.answered(seconds)
        fate = fate_of(answer)
        self._events.answered(fate.value, seconds)
        if fate not in {Fate.RETRY, Fate.FAULTY_DATABASE}:
            self._breaker.close()
        if not self.queue.was_given_up(batch):
            self._settle(batch, fate, answer, now_s)
        self.pump()

    def _settle(self, batch: Batch, fate: Fate, answer: Answer, now_s: float) -> None:
        if fate is Fate.WRITTEN:
            for arrival_s, readings in batch.arrivals.items():
                self._events.delivery.observe(now_s - arrival_s, readings)
            if min(batch.arrivals) <= self._backlog.hours_again.closed_s:
                self._backlog.hours_again.wrote(batch.body)  # an hour was closed while it was on its way
        if batch.row is not None:
            if fate is Fate.WRITTEN:  # the late 204 deletes the row
                self._backlog.settle(batch.row, {"written": batch.body.domains})
            else:
                self._backlog.grew.set()  # the drain lane may have it
        elif fate is Fate.WRITTEN:
            self.queue.settle(batch, "written")
        elif fate is Fate.EXPIRED:
            self.queue.settle(batch, "expired")
        elif fate in {Fate.SPLIT, Fate.SPLIT_SMALLER}:
            self._spool_requests.add_refused(batch)
        else:
            self.queue.requeue([batch])
            self._breaker.open(answer, batch.body.gzip)

    def _watch(self, batch: Batch) -> None:
        """Check a write that is not answered yet, and again when it will have stalled."""
        posted_s = self.queue.posted_s(batch)
        if posted_s is None or self._breaker.is_open or posted_s <= self._last_stall_s:
            return
        now_s = self._loop.time()
        waited_s = now_s - posted_s
        if waited_s < self.queue.limits.stall_s:
            self.pump()
            self._loop.call_later(max(self.queue.limits.stall_s - waited_s, _TIMER_S), self._watch, batch)
            return
        # InfluxDB may answer and close the breaker again. Writes posted before this stall tell nothing new when they stall too.
        self._last_stall_s = now_s
        self._breaker.open(Answer(0, f"no answer for {waited_s:.2f} s"))
        self._spool_requests.wake()

    async def finish(self, patience_s: float) -> None:
        """Wait up to ``patience_s`` for waiting and posted batches to be written; stop early if InfluxDB is in trouble."""
        queue = self.queue
        deadline_s = self._loop.time() + patience_s
        self._pacing = Pacing(0.0)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while queue.oldest_posted_s is not None or queue.has_queued:
            if self._breaker.is_open or self._loop.time() >= deadline_s:
                return
            self.pump()
            await asyncio.sleep(0.01)
