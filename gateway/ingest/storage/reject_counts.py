"""Counts of rejects by day, reason and device, which outlive the gateway: those whose bytes are not kept are in them too.

New counts go from memory to the file every quarter of an hour and at the stop; a kill loses those of a quarter of an hour.
A day has five hundred rows, or a thousand: where there are more, as in a flood of invented names, the smallest become one row a
reason, without a device. So a save writes about 35 kB at most, and a month at its fullest is read in 35 ms of CPU.
"""

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final, NamedTuple

from gateway.core.message import Refusal
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.support.clock import WallClock

DAYS_KEPT: Final = 31
_SAVE_EVERY_S: Final = 900.0
_ROWS_MAX: Final = 500
"""Rows of a day, and of the memory; twice as many before those of a day are added up."""
_ROWS: Final = (
    "(SELECT day, reason, device, number FROM reject_counts UNION ALL "
    "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?))"
)


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
