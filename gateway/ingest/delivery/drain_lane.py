"""The drain lane: from the journal to InfluxDB, beside the live lane and behind it.

Theory of operation
-------------------
There is one write at a time. Rows that InfluxDB refused come first and alone, since they are settled quickly; then the oldest.
The number of readings in a write and the pause before the next are decided in :mod:`gateway.core.batching.catch_up`, and by
the budget of the link, if it has one, in :mod:`gateway.core.batching.pacing`. When
InfluxDB does not take a write of several rows, each of them is written alone and judged alone.

A row that was refused for its content is bisected (:mod:`gateway.ingest.delivery.bisect_refused`). Its readings are counted
when all of them are settled, so an interrupted bisection begins again and counts once.

Two others may touch a row meanwhile (:mod:`gateway.ingest.delivery.backlog`): its first write may still be in flight, then the
lane leaves it alone; and it may be given up to make room while it is being written, then the answer counts nothing.

What was written is judged once more (:mod:`gateway.ingest.storage.hours_again`): hours may have been closed while it waited.

After an outage the lane begins with few readings, and not at the moment at which all gateways of a province begin.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import random
from typing import Final

from gateway.core.batching.batch import joined
from gateway.core.batching.catch_up import DrainShare, start_pause_s
from gateway.core.batching.pacing import Backoff
from gateway.core.batching.rates import Histogram
from gateway.core.batching.write_result import Answer, Fate, fate_of
from gateway.core.message import Refusal
from gateway.ingest.delivery.backlog import Backlog, Ends
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.bisect_refused import SERVER_ERROR, Bisector
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.events import Events
from gateway.ingest.storage import journal
from gateway.ingest.storage.database import DatabaseFault
from gateway.ingest.storage.reject_account import RejectAccount

_SERVER_ERRORS_MAX: Final = 3
_LINK_LOOK_S: Final = 1.0
"""Longest sleep of the backlog before its budget is looked at again."""


@dataclass(slots=True)
class _LiveAnswers:
    histogram: Histogram
    _answers: int = 0
    _sum_s: float = 0.0

    def pop_mean_s(self) -> float | None:
        """Return the mean of those answered since the last call; None if there were none."""
        answers, sum_s = self._answers, self._sum_s
        self.forget()
        return (self._sum_s - sum_s) / (self._answers - answers) if self._answers > answers else None

    def forget(self) -> None:
        """Discard earlier answer times."""
        self._answers, self._sum_s = sum(self.histogram.counts), self.histogram.sum_s


@dataclass(slots=True)
class DrainLane:
    """Writes the backlog to InfluxDB."""

    _bisector: Bisector
    _breaker: CircuitBreaker
    _queue: BatchQueue
    _backlog: Backlog
    _rejects: RejectAccount
    _events: Events
    _share: DrainShare = field(init=False)
    _live_answers: _LiveAnswers = field(init=False)
    _failures: Counter[int] = field(default_factory=Counter)
    _backoff: Backoff = field(default_factory=lambda: Backoff(0.2, 10.0))
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def __post_init__(self) -> None:
        self._live_answers = _LiveAnswers(self._events.live_answers)
        self._begin()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._backlog.grew.wait()
            if self._breaker.is_open:
                await self._wait_for_influxdb()
                continue
            try:
                await self._step()
            except DatabaseFault as fault:
                self._events.journal_refused(str(fault))
                self._backlog.grew.set()  # settled rows are still to be removed, even if nothing else comes
                await asyncio.sleep(1.0)

    async def _wait_for_influxdb(self) -> None:
        away_since_s = self._loop.time()
        await self._breaker.closed.wait()
        away_s = self._loop.time() - away_since_s
        await asyncio.sleep(start_pause_s(away_s, random()))  # noqa: S311 - jitter is no secret
        self._begin()

    def _begin(self) -> None:
        """Start a catch-up with few readings."""
        self._share = DrainShare(self._queue.max_readings)
        self._live_answers.forget()

    async def _step(self) -> None:
        link = self._bisector.influxdb.link
        entries = await self._backlog.next_rows(link.backlog_readings(self._share.readings))
        if not entries:
            await self._end()
            return
        if broken := [entry for entry in entries if not entry.intact]:
            await self._backlog.lose(broken)
        if intact := [entry for entry in entries if entry.intact]:
            await self._post(intact)
        if self._backlog.removal_due_in_s <= 0:
            await self._backlog.remove_settled()
        await asyncio.sleep(self._share.pause_s)
        while wait_s := link.backlog_wait_s(self._loop.time()):  # what live readings send meanwhile counts first
            await asyncio.sleep(min(wait_s, _LINK_LOOK_S))
            if self._breaker.is_open:
                return

    async def _end(self) -> None:
        if not await self._backlog.rest():
            return
        progress = self._backlog.progress
        if progress.began_s is not None:
            self._events.drained(progress.brought_in, self._loop.time() - progress.began_s)
        progress.end()
        self._begin()

    async def _post(self, entries: list[journal.Entry]) -> None:
        began_s = self._loop.time()
        body = joined([entry.body for entry in entries])
        readings = sum(entry.body.readings for entry in entries)
        self._bisector.influxdb.link.backlog_sent(len(body), readings, self._loop.time())
        answer = await self._bisector.write(body)
        fate = fate_of(answer)
        # Rows that were given up during the write are counted as expired already.
        entries = [entry for entry in entries if not self._backlog.was_given_up(entry.row)]
        if fate is Fate.WRITTEN:
            held_up = bool(self._queue.rows_in_flight())
            self._share.written(self._loop.time() - began_s, self._live_answers.pop_mean_s(), held_up=held_up)
            for entry in entries:
                self._settle(entry, {"written": entry.body.domains})
            progress = self._backlog.progress
            if left := self._backlog.readings:
                self._events.catching_up(progress.brought_in, left, progress.per_s(self._loop.time()))
        elif len(entries) > 1:
            await self._judge_together(entries, fate, answer)
        elif entries:
            await self._judge_alone(entries[0], fate, answer)

    async def _judge_together(self, entries: list[journal.Entry], fate: Fate, answer: Answer) -> None:
        """Handle a refused write of several rows: each is then written alone, which shows the faulty one."""
        if fate is Fate.SPLIT_SMALLER:
            self._share.too_large(sum(entry.body.readings for entry in entries))
        elif fate in {Fate.SPLIT, Fate.EXPIRED} or answer.status == SERVER_ERROR:
            self._share.refused()
        else:
            await self._put_off(entries[0], fate, answer)

    async def _judge_alone(self, entry: journal.Entry, fate: Fate, answer: Answer) -> None:
        if fate is Fate.EXPIRED:
            self._settle(entry, {"expired": entry.body.domains})
        elif fate in {Fate.SPLIT, Fate.SPLIT_SMALLER}:
            await self._bisect(entry, too_large=fate is Fate.SPLIT_SMALLER)
        else:
            await self._put_off(entry, fate, answer)

    async def _put_off(self, entry: journal.Entry, fate: Fate, answer: Answer) -> None:
        """Try later. A row that alone draws server errors is bisected: something in it may crash the server."""
        if answer.status == SERVER_ERROR:
            self._failures[entry.row] += 1
            if self._failures[entry.row] >= _SERVER_ERRORS_MAX and await self._bisector.probe.takes_self_point():
                await self._bisect(entry)
                return
        self._share.put_off()
        if fate is Fate.FAULTY_DATABASE:
            self._breaker.open(answer, entry.body.gzip)
        await asyncio.sleep(self._backoff.next_s(random(), answer.retry_after_s))  # noqa: S311 - jitter is no secret

    async def _bisect(self, entry: journal.Entry, *, too_large: bool = False) -> None:
        found = await self._bisector.bisect(entry.body, too_large=too_large)
        if found is None:
            await asyncio.sleep(self._backoff.next_s(random()))  # noqa: S311 - jitter is no secret
            return
        if self._backlog.was_given_up(entry.row):  # during the bisection, and counted as expired
            return
        if found.too_large is not None and found.written:
            self._queue.shrink_batches(found.too_large)
        kept = self._rejects.choose(found.rejected)
        self._rejects.settle(found.rejected, kept, "journal")
        self._settle(entry, {"written": found.written, "expired": found.expired}, kept)

    def _settle(self, entry: journal.Entry, ends: Ends, rejects: Sequence[Refusal] = ()) -> None:
        self._backoff.reset()
        self._failures.pop(entry.row, None)
        if ends.get("written"):
            self._backlog.hours_again.wrote(entry.body)
        self._backlog.settle(entry.row, ends, rejects)
        self._backlog.progress.add(entry.body.readings, self._loop.time())
