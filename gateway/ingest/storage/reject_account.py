"""The account of rejects: the one place that decides which bytes are kept, enters each into ledger and events, and counts it.

A reject comes about in four ways: a message is refused as it comes in, InfluxDB refuses a reading of the journal, a message
leaves the quarantine, a reject is replayed. Each stores the bytes in a commit of its own, with whatever must be durable at the
same moment; the settlement is the same for all.

What is refused as it comes in is committed a few times a second at most, without delaying good readings. A reject that is not
kept does not wait for the disk: in a flood of garbage all but the first of each minute are counted and released at once.

Counts by day, reason and device outlive the gateway. New ones go from memory to the file every quarter of an hour and at the
stop; a kill loses those of a quarter of an hour. A day has five hundred rows, or a thousand: where there are more, as in a
flood of invented names, the smallest become one row a reason, without a device. So a save writes about 35 kB at most, and a
month at its fullest is read in 35 ms of CPU.
"""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final, NamedTuple

from gateway.core.batching.batch import Batch
from gateway.core.batching.rates import RateLimit, StrangersRateLimit
from gateway.core.devices.places import topic_prefix
from gateway.core.ledger import HoldingPlace, Ledger
from gateway.core.message import Refusal
from gateway.ingest.events import Events
from gateway.ingest.storage import rejects
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.support.clock import WallClock
from schemas.rejects import RejectReason

_COMMIT_EVERY_S: Final = 0.2
_PATIENCE_S: Final = 1.0
"""Time after which a reject is counted and released: the disk is full or hangs."""
DAYS_KEPT: Final = 31
_SAVE_EVERY_S: Final = 900.0
_ROWS_MAX: Final = 500
"""Rows of a day, and of the memory; twice as many before those of a day are added up."""
_ROWS: Final = (
    "(SELECT day, reason, device, number FROM reject_counts UNION ALL "
    "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?))"
)


@dataclass(slots=True)
class RejectAccount:
    """Selects the rejects to keep, and settles all.

    ``noted`` is told each reject when it is settled, ``not_taken`` each device of which InfluxDB refused a reading, and when.
    """

    _ledger: Ledger
    _events: Events
    _clock: WallClock
    _: KW_ONLY
    max_bytes: int
    is_registered: Callable[[str], bool] = lambda _device: True
    not_taken: Callable[[str, int], None] = lambda _device, _at_ms: None
    noted: Callable[[Refusal], None] = lambda _refusal: None
    _rate_limit: RateLimit = field(default_factory=RateLimit)
    _strangers_limit: StrangersRateLimit = field(init=False)

    def __post_init__(self) -> None:
        self._strangers_limit = StrangersRateLimit(self.max_bytes)

    def choose(self, refusals: list[Refusal]) -> list[Refusal]:
        """Return those that may be kept: a flood of one fault of one device, or of unregistered ones, is only counted."""
        now_ms = self._clock.now_ms()
        usual = [r for r in refusals if self._rate_limit.allow(r.device or r.topic, r.reason.value, now_ms)]
        chosen = [r for r in usual if self.is_registered(r.device) or self._strangers_limit.allow(*_share(r), now_ms)]
        if len(usual) < len(refusals):
            self._events.rejects_not_kept(len(refusals) - len(usual), "more than 20 a minute of one device and reason")
        if len(chosen) < len(usual):
            self._events.strangers_not_kept(len(usual) - len(chosen), _share(usual[-1])[0])
        return chosen

    def settle(self, refusals: Sequence[Refusal], kept: Sequence[Refusal], place: HoldingPlace = "memory") -> None:
        """Count and report rejects that were held in ``place``; the bytes of those in ``kept`` are stored."""
        kept_ids = frozenset(map(id, kept))
        for refusal in refusals:
            self._events.rejected(refusal, kept=id(refusal) in kept_ids)
            self.noted(refusal)
            if refusal.reason is RejectReason.INFLUXDB_REJECTED:
                self.not_taken(refusal.device, refusal.arrival_ms)
        self._ledger.settle("rejected", Counter(refusal.domain for refusal in refusals), place)

    def not_stored(self, refusals: list[Refusal], why: str) -> None:
        """Settle rejects in memory whose bytes could not be stored."""
        self._events.rejects_not_kept(len(refusals), why)
        self.settle(refusals, ())


def _share(refusal: Refusal) -> tuple[str, int]:
    """Return the topic prefix of a reject, and the bytes that it takes."""
    return topic_prefix(refusal.topic, refusal.device), rejects.size_of(refusal)


@dataclass(slots=True)
class RejectWriter:
    """Stores the refusals of batches, and releases the batches then."""

    _database: Database
    _account: RejectAccount
    _release: Callable[[Batch], None]
    _waiting: list[tuple[Batch, list[Refusal]]] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def has_waiting(self) -> bool:
        """True when refusals wait to be stored."""
        return bool(self._waiting)

    def keep_refusals(self, batch: Batch) -> None:
        """Store the refusals that came with the messages of ``batch``, which is held until then."""
        refusals, batch.refusals = batch.refusals, []
        self.keep(batch, refusals)

    def keep(self, batch: Batch, refusals: list[Refusal]) -> None:
        """Store refusals; ``batch`` is held until then."""
        chosen = self._account.choose(refusals)
        if len(chosen) < len(refusals):
            chosen_ids = frozenset(map(id, chosen))
            self._account.settle([refusal for refusal in refusals if id(refusal) not in chosen_ids], ())
        if chosen:
            batch.holds += 1
            self._waiting.append((batch, chosen))
            self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            await asyncio.sleep(_COMMIT_EVERY_S)

    async def flush(self) -> None:
        """Store all waiting refusals: all, or none if the disk does not store them in time."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        refusals = [refusal for _, own in waiting for refusal in own]
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._database.run(rejects.add, refusals, self._account.max_bytes)
            self._account.settle(refusals, refusals)
        except TimeoutError:
            self._account.not_stored(refusals, f"the disk did not store them within {_PATIENCE_S:g} s")
        except DatabaseFault as fault:
            self._account.not_stored(refusals, str(fault))
        for batch, _ in waiting:
            self._release(batch)


class CountedDay(NamedTuple):
    """A local day, as :meth:`datetime.date.toordinal` has it, a reason and a device; empty: it has no row of its own."""

    day: int
    reason: str
    device: str


class CountedRejects(NamedTuple):
    """Rejects of one reason, or of one device; the name is empty for all devices without a row of their own."""

    name: str
    today: int
    week: int
    month: int


class RejectHistory(NamedTuple):
    """Counts of the last 31 days; ``by_day``: day → number."""

    by_reason: list[CountedRejects]
    by_device: list[CountedRejects]
    by_day: dict[int, int]


class RejectCounts:
    """Counts rejects, by the days of a time zone."""

    def __init__(self, clock: WallClock, zone: tzinfo) -> None:
        self._clock = clock
        self._zone = zone
        self._new: Counter[CountedDay] = Counter()
        self._day, self._day_ends_ms, self._day_begins_ms = 0, 0, 0

    def note(self, refusal: Refusal) -> None:
        """Count a reject of now."""
        key = CountedDay(self.today(), refusal.reason.value, refusal.device)
        if key not in self._new and len(self._new) >= _ROWS_MAX:
            key = key._replace(device="")
        self._new[key] += 1

    def today(self) -> int:
        """The local day of now."""
        now_ms = self._clock.now_ms()
        if not self._day_begins_ms <= now_ms < self._day_ends_ms:
            at = datetime.fromtimestamp(now_ms / 1000, self._zone)
            midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
            self._day = at.toordinal()
            self._day_begins_ms = int(midnight.timestamp() * 1000)
            self._day_ends_ms = int((midnight + timedelta(days=1)).timestamp() * 1000)
        return self._day

    async def run(self, database: Database) -> None:
        """Save every quarter of an hour, until cancelled."""
        while True:
            await asyncio.sleep(self._clock.real_s(_SAVE_EVERY_S))
            with suppress(DatabaseFault):  # said elsewhere; they are saved with the next ones
                await self.save(database)

    async def save(self, database: Database) -> None:
        """Save the new counts; if the disk fails, which raises :class:`DatabaseFault`, they are kept."""
        if not self._new:
            return
        new, self._new = self._new, Counter()
        try:
            await database.run(add, new, self.today() - DAYS_KEPT)
        except DatabaseFault:
            self._new.update(new)
            raise

    def new_rows(self) -> str:
        """The counts that are not in the file yet, for :func:`history`."""
        return json.dumps([(*key, number) for key, number in self._new.items()])


def add(connection: sqlite3.Connection, new: Counter[CountedDay], last_forgotten: int) -> None:
    """Add counts to those in the file; those up to a day are forgotten."""
    _put(connection, new)
    connection.execute("DELETE FROM reject_counts WHERE day <= ?", (last_forgotten,))
    for day in {key.day for key in new}:
        (rows,) = connection.execute("SELECT count(*) FROM reject_counts WHERE day = ?", (day,)).fetchone()
        if rows > 2 * _ROWS_MAX:
            _add_up_smallest(connection, day, rows - _ROWS_MAX)


def _put(connection: sqlite3.Connection, new: Counter[CountedDay]) -> None:
    connection.executemany(
        "INSERT INTO reject_counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number",
        [(*key, number) for key, number in sorted(new.items())],
    )


def _add_up_smallest(connection: sqlite3.Connection, day: int, rows: int) -> None:
    """Make the smallest rows of a day one row a reason."""
    query = "SELECT reason, device, number FROM reject_counts WHERE day = ? AND device != '' ORDER BY number LIMIT ?"
    smallest = connection.execute(query, (day, rows)).fetchall()
    connection.executemany(
        "DELETE FROM reject_counts WHERE day = ? AND reason = ? AND device = ?",
        [(day, reason, device) for reason, device, _ in smallest],
    )
    together: Counter[CountedDay] = Counter()
    for reason, _, number in smallest:
        together[CountedDay(day, reason, "")] += number
    _put(connection, together)


def history(
    connection: sqlite3.Connection, today: int, new_rows: str, reason: str | None, device: str | None, devices_max: int
) -> RejectHistory:
    """Count the rejects of the last days: by reason those of a device, by device those of a reason, by day those of both.

    ``new_rows`` are not in the file yet (:meth:`RejectCounts.new_rows`); ``devices_max`` devices are counted by name.
    """

    def select(what: str, reason: str | None, device: str | None, order: str) -> list[Any]:
        query = (
            f"SELECT {what} FROM {_ROWS} WHERE day > ? AND reason = coalesce(?, reason) AND device = coalesce(?, device) "  # noqa: S608 - constants
            f"AND day <= ? {order}"
        )
        return connection.execute(query, (new_rows, today - DAYS_KEPT, reason, device, today)).fetchall()

    def counted(by: str, reason: str | None, device: str | None, most: int) -> list[CountedRejects]:
        counts = ", ".join(f"coalesce(sum(number) FILTER (WHERE day > {today - days}), 0)" for days in (1, 7, DAYS_KEPT))
        order = f"GROUP BY {by} ORDER BY 4 DESC, 1 LIMIT {most}"
        return [CountedRejects(*row) for row in select(f"{by}, {counts}", reason, device, order)]

    by_day = dict(select("day, sum(number)", reason, device, "GROUP BY day ORDER BY day"))
    return RejectHistory(counted("reason", None, device, 100), counted("device", reason, None, devices_max), by_day)
