"""The drain lane: from the journal to InfluxDB, beside the live lane and behind it.

One row at a time: those that InfluxDB refused come first, since they are settled quickly, then the oldest. A row that is
settled is removed in a commit with others, a second apart at most; one that is posted again after a crash in between changes
nothing, for the bytes are the same.

A refused row is split in halves until the readings InfluxDB does not want stand alone. Before such a reading becomes a reject,
a point of the gateway's own is tried: if that is refused too, the database is at fault and nothing is rejected. What is
counted of a split row is counted when all of it is settled, so an interrupted split starts anew and counts once.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import random
from typing import Final

from gateway import journal
from gateway.breaker import Breaker
from gateway.core.batching import decode, encode
from gateway.core.ledger import Ledger
from gateway.core.message import REJECT_KEPT_BYTES, Reading, Refusal
from gateway.core.retry import Backoff
from gateway.core.write_result import Answer, Fate, fate_of
from gateway.database import DatabaseFault
from gateway.deliver import Delivery, Writer
from gateway.events import Events
from gateway.keeper import RejectKeeper
from gateway.rejects import DELIVERY_STAGE
from gateway.store import Store
from gateway.to_journal import ToJournal
from schemas.rejects import RejectReason

_REMOVE_EVERY_S: Final = 1.0
_REMOVE_MOST: Final = 20
_SERVER_ERROR: Final = 500
_SERVER_ERRORS_MAX: Final = 3


@dataclass(slots=True)
class _Split:
    """What came of the readings of a row so far.

    :ivar too_large: readings of the smallest part that InfluxDB found too large.
    """

    too_large: int | None = None
    written: Counter[str] = field(default_factory=Counter)
    expired: Counter[str] = field(default_factory=Counter)
    rejected: list[Refusal] = field(default_factory=list)


class Drain:
    """Brings the backlog in."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        influxdb: Writer,
        breaker: Breaker,
        delivery: Delivery,
        to_journal: ToJournal,
        store: Store,
        keeper: RejectKeeper,
        ledger: Ledger,
        events: Events,
        own_point: Callable[[], bytes],
        rejects_max_bytes: int,
    ) -> None:
        self._influxdb = influxdb
        self._breaker = breaker
        self._delivery = delivery
        self._backlog = to_journal.backlog
        self._store = store
        self._keeper = keeper
        self._ledger = ledger
        self._events = events
        self._own_point = own_point
        self._rejects_max_bytes = rejects_max_bytes
        self._current: int | None = None
        self._settled: list[int] = []
        self._kept: list[Refusal] = []
        self._removal = asyncio.Lock()
        self._next_removal_s = 0.0
        self._failures: Counter[int] = Counter()
        self._backoff = Backoff(0.2, 10.0)
        self._brought_in = 0

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
        if self._current in removed:
            self._current = None
        self._ledger.settle("expired", expired, "journal")
        return expired.total()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._backlog.wait()
            await self._breaker.closed.wait()
            try:
                await self._step()
            except DatabaseFault as fault:
                self._events.journal_refused(str(fault))
                await asyncio.sleep(1.0)

    async def _step(self) -> None:
        skip = frozenset(self._settled) | self._delivery.rows_in_flight()
        entry = await self._store.database.run(journal.first, skip)
        if entry is None:
            self._backlog.clear()
            await self.remove_settled()
            await self._store.database.give_back()
            if self._brought_in:
                self._events.drained(self._brought_in)
                self._brought_in = 0
            return
        self._current = entry.row
        if not entry.intact:
            self._events.row_damaged(entry.row, entry.body.readings)
            self._ledger.settle("lost", entry.body.domains, "journal")
            self._settled.append(entry.row)
        else:
            await self._post(entry)
        if len(self._settled) >= _REMOVE_MOST or asyncio.get_running_loop().time() >= self._next_removal_s:
            await self.remove_settled()

    async def _post(self, entry: journal.Entry) -> None:
        answer = await self._write(entry.body.gzip)
        fate = fate_of(answer)
        if self._current != entry.row:
            return
        if fate is Fate.WRITTEN:
            self._ledger.settle("written", entry.body.domains, "journal")
            self._done(entry)
        elif fate is Fate.EXPIRED:
            self._ledger.settle("expired", entry.body.domains, "journal")
            self._done(entry)
        elif fate in {Fate.SPLIT, Fate.SPLIT_SMALLER}:
            await self._settle_split(entry, too_large=fate is Fate.SPLIT_SMALLER)
        else:
            await self._put_off(entry, fate, answer)

    async def _put_off(self, entry: journal.Entry, fate: Fate, answer: Answer) -> None:
        """InfluxDB cannot take it now. A row that alone draws server errors is split: something in it may trip the server."""
        if answer.status == _SERVER_ERROR:
            self._failures[entry.row] += 1
            if self._failures[entry.row] >= _SERVER_ERRORS_MAX and await self._takes_our_own():
                await self._settle_split(entry)
                return
        if fate is Fate.FAULTY_DATABASE:
            self._breaker.open(answer)
        await asyncio.sleep(self._backoff.next_s(random(), answer.retry_after_s))  # noqa: S311 - jitter is no secret

    def _done(self, entry: journal.Entry) -> None:
        self._backoff.reset()
        self._failures.pop(entry.row, None)
        self._settled.append(entry.row)
        self._brought_in += entry.body.readings

    async def _settle_split(self, entry: journal.Entry, *, too_large: bool = False) -> None:
        outcome = await self._split(entry, entry.body.readings if too_large else None)
        if outcome is None:
            await asyncio.sleep(self._backoff.next_s(random()))  # noqa: S311 - jitter is no secret
            return
        if self._current != entry.row:
            return
        if outcome.too_large is not None and outcome.written:
            self._delivery.remember_smaller(outcome.too_large)
        self._ledger.settle("written", outcome.written, "journal")
        self._ledger.settle("expired", outcome.expired, "journal")
        chosen = self._keeper.choose(outcome.rejected)
        kept = set(map(id, chosen))
        for refusal in outcome.rejected:
            self._ledger.settle("rejected", {refusal.domain: 1}, "journal")
            self._events.rejected(refusal, kept=id(refusal) in kept)
        self._kept += chosen
        self._done(entry)

    async def _split(self, entry: journal.Entry, too_large: int | None) -> _Split | None:
        """Halve until all is settled; None when InfluxDB could not judge all of it."""
        outcome = _Split(too_large)
        readings = decode(entry.body)
        parts = deque(_halves(readings) if len(readings) > 1 else [readings])
        while parts:
            part = parts.popleft()
            body = encode(part)
            answer = await self._write(body.gzip)
            fate = fate_of(answer)
            if fate is Fate.WRITTEN:
                outcome.written.update(body.domains)
            elif fate is Fate.EXPIRED:
                outcome.expired.update(body.domains)
            elif len(part) > 1 and (fate in {Fate.SPLIT, Fate.SPLIT_SMALLER} or answer.status == _SERVER_ERROR):
                parts.extendleft(reversed(_halves(part)))
                if fate is Fate.SPLIT_SMALLER:
                    outcome.too_large = min(outcome.too_large or len(part), len(part))
            elif len(part) == 1 and (fate is Fate.SPLIT or answer.status == _SERVER_ERROR) and await self._takes_our_own():
                outcome.rejected.append(_refusal(part[0], answer))
            else:
                self._breaker.open(answer)
                return None
        return outcome

    async def _takes_our_own(self) -> bool:
        return fate_of(await self._influxdb.write(self._own_point())) is Fate.WRITTEN

    async def _write(self, gzip: bytes) -> Answer:
        began_s = time.monotonic()
        answer = await self._influxdb.write(gzip)
        self._events.answered(fate_of(answer).value, time.monotonic() - began_s)
        return answer

    async def remove_settled(self) -> None:
        """Forget the rows that are settled, and keep the rejects they left, in one commit."""
        self._next_removal_s = asyncio.get_running_loop().time() + _REMOVE_EVERY_S
        async with self._removal:
            rows, kept = list(self._settled), list(self._kept)
            if rows:
                await self._store.settle(rows, kept, self._rejects_max_bytes)
                del self._settled[: len(rows)], self._kept[: len(kept)]


def _halves(readings: list[Reading]) -> list[list[Reading]]:
    middle = len(readings) // 2
    return [readings[:middle], readings[middle:]]


def _refusal(reading: Reading, answer: Answer) -> Refusal:
    """The reject of a point: its lines are the payload."""
    _, found, behind = reading.lines.partition(",device=")
    device = behind.replace(" ", ",").split(",", 1)[0] if found else ""
    return Refusal(
        RejectReason.INFLUXDB_REJECTED,
        f"InfluxDB answered {answer.describe()}",
        "",
        reading.lines.encode()[:REJECT_KEPT_BYTES],
        DELIVERY_STAGE,
        time.time_ns() // 1_000_000,
        device,
        reading.domain,
    )
