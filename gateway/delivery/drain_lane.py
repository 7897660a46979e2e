"""The drain lane: from the journal to InfluxDB, beside the live lane and behind it.

One write at a time: rows that InfluxDB refused come first and alone, since they are settled quickly, then the oldest. How many
readings a write holds and how long the lane pauses before the next is decided in :mod:`gateway.core.delivery.catch_up`.
Whatever InfluxDB has against a write of several rows, each of them is written alone then, and judged alone. A row that is
settled is removed in a commit with others, a second apart; one that is posted again after a crash in between changes nothing,
for the points are the same.

A refused row is split (:mod:`gateway.delivery.bisect_refused`). What is counted of it is counted when all of it is settled, so
an interrupted split starts anew and counts once.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import random
from typing import Final

from gateway.core.delivery.backoff import Backoff
from gateway.core.delivery.batch import joined
from gateway.core.delivery.catch_up import Progress, Share, start_pause_s
from gateway.core.delivery.write_result import Answer, Fate, fate_of
from gateway.core.ledger import Ledger
from gateway.core.message import Refusal
from gateway.delivery.bisect_refused import SERVER_ERROR, Bisector
from gateway.delivery.bounded_journal import BoundedJournal
from gateway.delivery.circuit_breaker import CircuitBreaker
from gateway.delivery.live_lane import Delivery, Writer
from gateway.delivery.reject_writer import RejectWriter
from gateway.delivery.spool import Spool
from gateway.events import Events, Histogram
from gateway.storage import journal
from gateway.storage.database import DatabaseFault

_REMOVE_EVERY_S: Final = 1.0
_ROWS_MAX: Final = 500
_SERVER_ERRORS_MAX: Final = 3


class Drain:
    """Brings the backlog in."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        influxdb: Writer,
        breaker: CircuitBreaker,
        delivery: Delivery,
        spool: Spool,
        store: BoundedJournal,
        reject_writer: RejectWriter,
        ledger: Ledger,
        events: Events,
        self_point: Callable[[], bytes],
        rejects_max_bytes: int,
        progress: Progress,
    ) -> None:
        self._splitter = Bisector(influxdb, breaker, events, self_point)
        self._breaker = breaker
        self._delivery = delivery
        self._backlog = spool.backlog
        self._store = store
        self._reject_writer = reject_writer
        self._ledger = ledger
        self._events = events
        self._rejects_max_bytes = rejects_max_bytes
        self._progress = progress
        self._share = Share(delivery.max_readings)
        self._live = _LiveAnswers(events.live_answers)
        self._current: set[int] = set()
        self._settled: list[int] = []
        self._kept: list[Refusal] = []
        self._removal = asyncio.Lock()
        self._next_removal_s = 0.0
        self._failures: Counter[int] = Counter()
        self._backoff = Backoff(0.2, 10.0)
        self._loop = asyncio.get_running_loop()

    def settled_late(self, row: int) -> None:
        """A row's first write was answered after all: it is in InfluxDB."""
        self._settled.append(row)
        self._backlog.set()

    def give_up(self, removed: journal.Removed) -> int:
        """Rows were taken out before they came in: whoever holds one forgets it, and their readings expire; how many did.

        Not those of a row that was settled and only waited to be removed.
        """
        unsettled = [domains for row, domains in removed.items() if row not in self._settled]
        expired = sum(unsettled, Counter[str]())
        self._delivery.forget_rows(removed)
        self._breaker.forget_refused()
        self._current.difference_update(removed)
        self._ledger.settle("expired", expired, "journal")
        return expired.total()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._backlog.wait()
            if self._breaker.is_open:
                await self._wait_for_influxdb()
                continue
            try:
                await self._step()
            except DatabaseFault as fault:
                self._events.journal_refused(str(fault))
                self._backlog.set()  # settled rows are to be removed yet, even if nothing else comes
                await asyncio.sleep(1.0)

    async def _wait_for_influxdb(self) -> None:
        """After an outage begin softly, and not at the moment at which all others begin."""
        away_since_s = self._loop.time()
        await self._breaker.closed.wait()
        away_s = self._loop.time() - away_since_s
        await asyncio.sleep(start_pause_s(away_s, random()))  # noqa: S311 - jitter is no secret
        self._begin()

    def _begin(self) -> None:
        self._share = Share(self._delivery.max_readings)
        self._live.forget()

    async def _step(self) -> None:
        async with self._delivery.commit_lock:  # until a commit under way is done nobody knows that its rows are in flight
            skip = frozenset(self._settled) | self._delivery.rows_in_flight()
            entries = await self._store.database.run(journal.next_rows, skip, self._share.readings, _ROWS_MAX)
        if not entries:
            await self._end()
            return
        self._current = {entry.row for entry in entries}
        if broken := [entry for entry in entries if not entry.intact]:
            await self._lose(broken)
        if intact := [entry for entry in entries if entry.intact]:
            await self._post(intact)
        if self._loop.time() >= self._next_removal_s:
            await self.remove_settled()
        await asyncio.sleep(self._share.pause_s)

    async def _lose(self, broken: list[journal.Entry]) -> None:
        """Rows are not what was stored."""
        for entry in broken:
            self._events.row_damaged(entry.row, entry.body.readings)
            self._ledger.settle("lost", entry.body.domains, "journal")
            self._settled.append(entry.row)
        await self._store.note_lost(sum(entry.body.readings for entry in broken))

    async def _end(self) -> None:
        self._backlog.clear()
        if (too_early_s := self._next_removal_s - self._loop.time()) > 0:
            self._loop.call_later(too_early_s, self._backlog.set)
            return
        await self.remove_settled()
        await self._store.database.requeue()
        if self._progress.began_s is not None:
            self._events.drained(self._progress.brought_in, time.monotonic() - self._progress.began_s)
        self._progress.end()
        self._begin()

    async def _post(self, entries: list[journal.Entry]) -> None:
        began_s = time.monotonic()
        answer = await self._splitter.write(joined([entry.body for entry in entries]))
        fate = fate_of(answer)
        entries = [entry for entry in entries if entry.row in self._current]
        if fate is Fate.WRITTEN:
            held_up = bool(self._delivery.rows_in_flight())
            self._share.taken(time.monotonic() - began_s, self._live.since_last_look_s(), held_up=held_up)
            for entry in entries:
                self._ledger.settle("written", entry.body.domains, "journal")
                self._done(entry)
            self._tell()
        elif len(entries) > 1:
            await self._judge_alone(entries, fate, answer)
        elif entries:
            await self._judge(entries[0], fate, answer)

    def _tell(self) -> None:
        left = self._ledger.pending["journal"]
        if left:
            self._events.catching_up(self._progress.brought_in, left, self._progress.per_s(time.monotonic()))

    async def _judge_alone(self, entries: list[journal.Entry], fate: Fate, answer: Answer) -> None:
        """InfluxDB did not take several rows in one write. What it has against one of them shows when that is written alone."""
        if fate is Fate.SPLIT_SMALLER:
            self._share.too_large(sum(entry.body.readings for entry in entries))
        elif fate in {Fate.SPLIT, Fate.EXPIRED} or answer.status == SERVER_ERROR:
            self._share.refused()
        else:
            await self._put_off(entries[0], fate, answer)

    async def _judge(self, entry: journal.Entry, fate: Fate, answer: Answer) -> None:
        if fate is Fate.EXPIRED:
            self._ledger.settle("expired", entry.body.domains, "journal")
            self._done(entry)
        elif fate in {Fate.SPLIT, Fate.SPLIT_SMALLER}:
            await self._settle_split(entry, too_large=fate is Fate.SPLIT_SMALLER)
        else:
            await self._put_off(entry, fate, answer)

    async def _put_off(self, entry: journal.Entry, fate: Fate, answer: Answer) -> None:
        """InfluxDB cannot take it now. A row that alone draws server errors is split: something in it may trip the server."""
        if answer.status == SERVER_ERROR:
            self._failures[entry.row] += 1
            if self._failures[entry.row] >= _SERVER_ERRORS_MAX and await self._splitter.takes_our_own():
                await self._settle_split(entry)
                return
        self._share.put_off()
        if fate is Fate.FAULTY_DATABASE:
            self._breaker.open(answer, entry.body.gzip)
        await asyncio.sleep(self._backoff.next_s(random(), answer.retry_after_s))  # noqa: S311 - jitter is no secret

    def _done(self, entry: journal.Entry) -> None:
        self._backoff.reset()
        self._failures.pop(entry.row, None)
        self._settled.append(entry.row)
        self._progress.note(entry.body.readings, time.monotonic())

    async def _settle_split(self, entry: journal.Entry, *, too_large: bool = False) -> None:
        outcome = await self._splitter.split(entry.body, too_large=too_large)
        if outcome is None:
            await asyncio.sleep(self._backoff.next_s(random()))  # noqa: S311 - jitter is no secret
            return
        if entry.row not in self._current:
            return
        if outcome.too_large is not None and outcome.written:
            self._delivery.remember_smaller(outcome.too_large)
        self._ledger.settle("written", outcome.written, "journal")
        self._ledger.settle("expired", outcome.expired, "journal")
        chosen = self._reject_writer.choose(outcome.rejected)
        kept = set(map(id, chosen))
        for refusal in outcome.rejected:
            self._ledger.settle("rejected", {refusal.domain: 1}, "journal")
            self._events.rejected(refusal, kept=id(refusal) in kept)
        self._kept += chosen
        self._done(entry)

    async def remove_settled(self) -> None:
        """Forget the rows that are settled, and keep the rejects they left, in one commit."""
        self._next_removal_s = self._loop.time() + _REMOVE_EVERY_S
        async with self._removal:
            rows, kept = list(self._settled), list(self._kept)
            if rows:
                await self._store.settle(rows, kept, self._rejects_max_bytes)
                del self._settled[: len(rows)], self._kept[: len(kept)]


@dataclass(slots=True)
class _LiveAnswers:
    """How long InfluxDB takes to answer live writes, from one look to the next."""

    histogram: Histogram
    _answers: int = 0
    _sum_s: float = 0.0

    def since_last_look_s(self) -> float | None:
        """The mean; None: none was answered."""
        answers, sum_s = self._answers, self._sum_s
        self.forget()
        return (self._sum_s - sum_s) / (self._answers - answers) if self._answers > answers else None

    def forget(self) -> None:
        """The next look begins here."""
        self._answers, self._sum_s = sum(self.histogram.counts), self.histogram.sum_s
