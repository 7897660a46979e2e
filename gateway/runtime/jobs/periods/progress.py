"""Progress of the period job: the periods that are closed, and the hours in them that late readings change, day by day.

A closed period is written and confirmed by the database. What is closed stands in the file; where that was lost, the newest day
in the database tells.

The boundaries of an hour are interpolated between the readings around it. So a late reading changes all hours from the reading
before it to the one after it. What asks the database raises :class:`StoreFault` while that does not answer.

A gateway that does not close hours itself tells the one that does of late readings, in the database. That is one of several
gateways that does not lead, or a passive machine of a pair. Late is what comes after its hour may have been closed, and what
was on its way then: the journal of this gateway does not keep another one from closing an hour, as it keeps that itself. Each
is judged by :class:`gateway.ingest.storage.hours_again.HoursAgain`, where it stands until it is told.

It tells them as points of the measurement ``late``. A point has the device as its tag, and as its fields the first hour of a
run and the one behind its last, hours since 1970 in UTC. It stands at the time when it was told, a millisecond after the one
before.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, starmap
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from gateway.core.batching.batch import packed
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.readings.line_protocol import tag_text
from gateway.core.readings.replay import HourRun
from gateway.core.readings.steps import HOUR_MS
from gateway.ingest.database.store import Side, Store, TimeSpan, batches
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.influxdb import Output
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.hours_again import HoursAgain
from gateway.monitoring.reports.boundaries import day_of, hours
from gateway.monitoring.reports.roster import Roster, nearest_heard
from gateway.monitoring.status.status import Status
from gateway.support.logs import RareLog

_PREFIX: Final = "periods."
_HOUR: Final = "periods.hour_ms"
_DAY: Final = "periods.day_ms"
_ASKED: Final = "periods.asked_ms"
_HEARD: Final = "periods.heard_ms"
_COMPLETENESS: Final = "periods.completeness"
_NUMBER_MS: Final = 30_000
"""Time in which the number of a writing grows by one at least. A gateway looks a minute after its start."""
_WRITINGS_MAX: Final = 100
"""Periods whose writings are counted: more days than late readings can reach back."""
_EVERY_S: Final = 60.0
_CLOSED_AFTER_MS: Final = 15 * 60_000
"""An hour is closed later than this after its end: what comes before needs no word."""
_LINES: Final = 2000
"""Points in one write."""
READABLE_AFTER_S: Final = 12.0
"""VictoriaMetrics shows a point up to eleven seconds after it took it: whoever is to read it must find it."""
LATE: Final = "late"
_FIELDS: Final = ("first_hour", "end_hour")


class PeriodProgress:
    """The periods that are closed.

    :ivar hour_ms: end of the last closed hour; 0 before the first.
    :ivar day_ms: end of the last closed day; 0 before the first.
    :ivar asked_ms: the time at which the last hour was asked for: later arrivals may change closed periods.
    :ivar heard_ms: the time until which it is known what came late to other gateways; 0: nobody asked.
    :ivar completeness: domain → the share of readings of the newest closed day that arrived.
    """

    def __init__(self, database: Database) -> None:
        """Take up what the run before has left; ``database`` is open."""
        self._database = database
        saved = database.run_here(keyvalue.get_prefix, _PREFIX)
        self.hour_ms = int(saved.get(_HOUR, 0))
        self.day_ms = int(saved.get(_DAY, 0))
        self.asked_ms = int(saved.get(_ASKED, 0))
        self.heard_ms = int(saved.get(_HEARD, 0))
        self.completeness = msgspec.json.decode(saved.get(_COMPLETENESS, "{}"), type=dict[str, float])
        self._writings: dict[TimeSpan, int] = {}

    def begin_anew(self) -> None:
        """Forget which hours and days are closed: another machine may have closed more."""
        self.hour_ms = self.day_ms = 0

    def begin_at(self, at_ms: int) -> None:
        """Leave out what lies before a time."""
        self.hour_ms, self.day_ms = max(self.hour_ms, at_ms), max(self.day_ms, at_ms)

    def number(self, period: TimeSpan, now_ms: int, *, again: bool) -> int:
        """The number of a writing of a month, or of a day or some of its hours; ``again``: some may have been written just now.

        It grows with the time, so that it is greater than all before, whatever was killed meanwhile, or lost with the file.
        """
        grown = 1 + max(0, now_ms - period.start_ms) // _NUMBER_MS
        number = self._writings[period] = max(self._writings.get(period, 0) + again, grown)
        self._writings = dict(sorted(self._writings.items())[-_WRITINGS_MAX:])
        return number

    async def close_hour(self, end_ms: int, asked_ms: int) -> None:
        """Note that an hour is written, of what stood in the database at a time."""
        self.hour_ms, self.asked_ms = end_ms, asked_ms
        values = {
            _HOUR: str(end_ms),
            _ASKED: str(asked_ms),
            _DAY: str(self.day_ms),
        }  # where days begin is saved with the first hour
        await self._database.run(keyvalue.put_all, values)

    async def note_heard(self, until_ms: int) -> None:
        """Note that all is known, and saved, that came late to other gateways until a time."""
        self.heard_ms = until_ms
        await self._database.run(keyvalue.put, _HEARD, str(until_ms))

    async def close_day(self, end_ms: int) -> None:
        """Note that a day is written."""
        self.day_ms = end_ms
        await self._database.run(keyvalue.put, _DAY, str(end_ms))

    async def keep_completeness(self, completeness: dict[str, float]) -> None:
        """Keep the figures of the newest day."""
        self.completeness = completeness
        await self._database.run(keyvalue.put, _COMPLETENESS, msgspec.json.encode(completeness).decode())


async def newest_closed_day(store: Store, roster: Roster, window: TimeSpan) -> int | None:
    """Return the time of the newest completeness in a span of time; None where there is none.

    It is the beginning of its day, or as many ms behind it as the day was written. Devices are written together, so
    the first ones that were written at all tell it.
    """
    for some in batches(roster.by_id):
        names = roster.names(some)
        times = [rows[-1][0] async for _, rows in store.rows("completeness", ["expected"], window, names) if rows]
        if times:
            return max(times)
    return None


LateMarks = Mapping[str, Collection[HourRun]]
"""Device → its hours."""


class LateDay(NamedTuple):
    """A local day with ``hours``, without gaps, that must be worked out again, and the ``devices`` with a late hour in it."""

    day: TimeSpan
    hours: list[TimeSpan]
    devices: set[str]


def late_days(marks: LateMarks, zone: ZoneInfo, closed_ms: int) -> list[LateDay]:
    """The days to work out again, the oldest first, with those of their hours that are closed."""
    found: dict[TimeSpan, tuple[set[int], set[str]]] = {}
    days: dict[int, list[TimeSpan]] = {}
    for device, marked in marks.items():
        for hour in chain.from_iterable(starmap(range, marked)):
            if hour not in days:
                ends = (hour * HOUR_MS, (hour + 1) * HOUR_MS - 1)
                days[hour] = sorted({day_of(at_ms, zone) for at_ms in ends})
            for day in days[hour]:
                late, devices = found.setdefault(day, (set(), set()))
                late.add(hour)
                devices.add(device)
    return [
        LateDay(day, spans, devices)
        for day, (late, devices) in sorted(found.items())
        if (spans := _local(day, late, closed_ms))
    ]


def _local(day: TimeSpan, late: Collection[int], closed_ms: int) -> list[TimeSpan]:
    first_ms, last_ms = min(late) * HOUR_MS, (max(late) + 1) * HOUR_MS
    return [span for span in hours(day) if span.start_ms < last_ms and span.end_ms > first_ms and span.end_ms <= closed_ms]


async def with_neighbours(
    store: Store, roster: Roster, marks: LateMarks, zone: ZoneInfo, closed_ms: int
) -> dict[str, list[HourRun]]:
    """Add the hours up to the readings on both sides of each late hour; devices have their ids of the registry."""
    found = {device: list(marked) for device, marked in marks.items()}
    for late in await asyncio.to_thread(late_days, marks, zone, closed_ms):
        span = TimeSpan(late.hours[0].start_ms, late.hours[-1].end_ms)
        before = await nearest_heard(store, roster, Side.UP_TO, span.start_ms - 1, late.devices)
        after = await nearest_heard(store, roster, Side.AFTER, span.end_ms - 1, late.devices)
        for device in late.devices:
            first_ms, last_ms = before.get(device, span.start_ms), after.get(device, span.end_ms - 1)
            if first_ms < span.start_ms - HOUR_MS or last_ms >= span.end_ms + HOUR_MS:
                found[device].append((first_ms // HOUR_MS, last_ms // HOUR_MS + 1))
            else:
                found[device] += [(at_ms // HOUR_MS, at_ms // HOUR_MS + 1) for at_ms in (first_ms, last_ms)]
    return found


@dataclass(slots=True)
class LateReport:
    """Tells each minute which hours got readings after their end; what cannot be written is told a minute later.

    ``closes_itself`` tells if this gateway closes hours by now: a passive machine that became live.
    """

    _status: Status
    _hours_again: HoursAgain
    _influxdb: Output
    _breaker: CircuitBreaker
    _closes_itself: Callable[[], bool]
    _log: RareLog = field(default_factory=RareLog)

    async def run(self) -> None:
        """Tell until cancelled, or until this gateway closes hours itself."""
        while not self._closes_itself():
            self.close()
            await self.tell()
            await self._status.clock.sleep(_EVERY_S)

    def close(self) -> None:
        """Take what comes from now on for hours that have ended for late."""
        self._hours_again.close((self._status.clock.now_ms() - _CLOSED_AFTER_MS) // HOUR_MS * HOUR_MS)

    async def tell(self) -> None:
        """Tell what was noted, once its readings stand in the database."""
        try:
            await self._hours_again.save()
            if not self._breaker.is_open and not self._status.ledger.backlog and await self._wrote_all():
                await self._hours_again.settle()
        except DatabaseFault as fault:
            self._log.say("save", logging.WARNING, "what came late is not remembered over a restart: %s", fault)

    async def _wrote_all(self) -> bool:
        runs = self._hours_again.take()
        if runs:
            await asyncio.sleep(READABLE_AFTER_S)
        lines = list(late_lines(runs, self._status.clock.now_ms()))
        for at in range(0, len(lines), _LINES):
            if fate_of(await self._influxdb.write(packed(lines[at : at + _LINES]))) is not Fate.WRITTEN:
                return False
        return True


def late_lines(runs: Mapping[str, Iterable[HourRun]], at_ms: int) -> Iterator[str]:
    """The points of runs of hours, by device."""
    for device, of_device in runs.items():
        for told_ms, (first, end) in enumerate(of_device, at_ms):
            yield f"{LATE}{tag_text([('device', device)])} first_hour={float(first)!r},end_hour={float(end)!r} {told_ms}"


async def late_hours(store: Store, devices: Collection[str], told: TimeSpan) -> dict[str, list[HourRun]]:
    """Read the hours that others told within a span of time, by device; :class:`StoreFault` if the database does not answer."""
    found: dict[str, list[HourRun]] = defaultdict(list)
    async for series, rows in store.rows(LATE, _FIELDS, told, devices):
        for _, (first, end) in rows:
            if first is not None and end is not None:
                found[series.device].append((int(first), int(end)))
    return found
