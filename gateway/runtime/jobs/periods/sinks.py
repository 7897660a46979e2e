"""Ways of the figures of closed periods: to the database, one write at a time, which gives way to readings, and to alarms.

A meter of three phases has a line of five thousand characters, which takes longer to make than to process twenty readings. So
lines are made some at a time, and a body is small enough to be compressed in a millisecond.

Alarms get nights, days, and the usual hours of each device. Usual hours are kept in the file too, so alarms that compare with
them hold after a restart while the database is away.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.core.alarms.engine import Alarms
from gateway.core.alarms.rules import Losses, Night, Stuck, Usual
from gateway.core.alarms.watch import FLOW
from gateway.core.batching.batch import packed
from gateway.core.batching.write_result import Answer, Fate, fate_of
from gateway.ingest.database.store import Store, TimeSpan
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.influxdb import Output
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.monitoring.reports.completeness import PeriodCompleteness
from gateway.monitoring.reports.counted import counted_days, counted_hours, families_days
from gateway.monitoring.reports.nights import LowestFlow, usual_hours
from gateway.monitoring.reports.rollup_points import RollupPoint, written_name
from gateway.monitoring.reports.roster import Roster
from gateway.monitoring.status.known_devices import KnownDevices
from schemas.registry import RegisteredDevice

log = logging.getLogger("gateway.jobs")

_LINES_A_TURN: Final = 10
_TOGETHER_CHARACTERS: Final = 256 * 1024
_LOOK_AGAIN_S: Final = 0.05
_PLACES: Final = ("the database", "the second place (influxdb.rollups)")
_PREFIX: Final = "usual."
_TOGETHER: Final = 100

KeptHours = dict[str, list[float | None]]


class Postponed(Exception):  # noqa: N818 - nothing is wrong with the job
    """The database does not take points now; the text says why."""


class RollupWriter:
    """Writes points in batches, outside the ledger: points that are not confirmed are worked out again.

    The ``second_place``, if there is one, keeps the same points longer. Each method raises :class:`Postponed` while the
    database does not take them; ``written`` counts those that it confirmed.
    """

    def __init__(
        self, influxdb: Output, breaker: CircuitBreaker, queue: BatchQueue, second_place: Output | None = None
    ) -> None:
        self._places = [influxdb] if second_place is None else [influxdb, second_place]
        self._breaker = breaker
        self._queue = queue
        self._lines: list[str] = []
        self._characters = 0
        self.written = 0

    async def add(self, points: Iterable[RollupPoint], writing: int) -> None:
        """Add points, each made when asked for, and write when there are enough; ``writing``: as :meth:`RollupPoint.line`."""
        for number, point in enumerate(points, start=1):
            self._lines.append(point.line(writing))
            self._characters += len(self._lines[-1])
            if self._characters >= _TOGETHER_CHARACTERS:
                await self.flush()
            elif number % _LINES_A_TURN == 0:
                await asyncio.sleep(0)

    async def flush(self) -> None:
        """Write the remaining points; on return each place has confirmed all of them."""
        if not self._lines:
            return
        body = packed(self._lines)
        while self._queue.under_pressure or self._queue.saturated:  # noqa: ASYNC110 - readings come first; no event tells
            await asyncio.sleep(_LOOK_AGAIN_S)
        if self._breaker.is_open:
            raise Postponed("InfluxDB is away")
        began_s = asyncio.get_running_loop().time()
        for place, name in zip(self._places, _PLACES, strict=False):
            self._judge(await place.write(body), name)
        self.written += len(self._lines)
        self.drop()
        await asyncio.sleep(asyncio.get_running_loop().time() - began_s)  # at most half of the time is ours

    def drop(self) -> None:
        """Drop the points that are not written: the period will be worked out again."""
        self._lines, self._characters = [], 0

    def _judge(self, answer: Answer, place: str) -> None:
        """Judge an answer. A refusal that no other try can change is logged and passed over, or the job would never go on."""
        fate = fate_of(answer)
        if fate in {Fate.RETRY, Fate.FAULTY_DATABASE, Fate.SPLIT_SMALLER}:
            raise Postponed(f"{place} answers {answer.describe()}")
        if fate is not Fate.WRITTEN:
            log.warning("roll-ups: %s refuses some of %d points: %s", place, len(self._lines), answer.describe())


class AlarmFeeds:
    """Passes the figures to the alarm engine."""

    def __init__(self, alarms: Alarms, devices: KnownDevices, database: Database, zone: ZoneInfo) -> None:
        self._alarms = alarms
        self._devices = devices
        self._database = database
        self._zone = zone

    async def restore(self) -> None:
        """Restore the usual hours that were kept."""
        try:
            kept = iter((await self._database.run(keyvalue.get_prefix, _PREFIX)).items())
        except DatabaseFault as fault:
            log.warning("what is usual of devices cannot be read, and is learnt again in the night: %s", fault)
            return
        while some := list(islice(kept, _TOGETHER)):
            for name, text in some:
                self._alarms.usual(name.removeprefix(_PREFIX), msgspec.json.decode(text, type=KeptHours))
            await asyncio.sleep(0)

    def night(self, device: RegisteredDevice, day: TimeSpan, night: LowestFlow, now_ms: int) -> None:
        """Tell the lowest flow of a device's night."""
        if (found := self._devices.find(written_name(device))) is not None:
            self._alarms.night(found, self._date(day), night.flow_m3_h, night.coverage, now_ms)

    def day(self, device: RegisteredDevice, figures: PeriodCompleteness, now_ms: int) -> None:
        """Tell the completeness of a device's newest day."""
        if (found := self._devices.find(written_name(device))) is not None and figures.expected:
            ratio = figures.received / figures.expected
            self._alarms.day(found, ratio, now_ms, longest_gap_s=figures.longest_gap_s)

    async def learn_usual(self, store: Store, roster: Roster, end_ms: int) -> None:
        """Work out the usual hours up to a midnight; tell and keep them; or :class:`StoreFault`, :class:`DatabaseFault`."""
        fields = set(self._usual_fields())
        changes: dict[str, str | None] = {}
        if not fields:
            return
        async for id_, hours in usual_hours(store, roster, fields, end_ms, self._zone):
            name = written_name(roster.by_id[id_])
            if self._alarms.usual(name, hours):
                changes[_PREFIX + name] = msgspec.json.encode(hours).decode()
            if len(changes) >= _TOGETHER:
                await self._database.run(keyvalue.put_all, changes)
                changes = {}
        await self._database.run(keyvalue.put_all, changes)

    async def judge_counted(self, store: Store, roster: Roster, end_ms: int, now_ms: int) -> list[tuple[str, int]]:
        """Have judged what registers and the meters behind parents counted up to a midnight, or raise :class:`StoreFault`.

        Return devices whose register was found stuck, or moving again, and since when it was: all since is to be marked.
        """
        if not any(any(self._alarms.rules.of(kind)) for kind in (Stuck, Losses)):
            return []
        found: list[tuple[str, int]] = []
        newest = datetime.fromtimestamp(end_ms // 1000, self._zone).toordinal() - 1
        for domain in roster.domains():
            days = await counted_days(store, roster, domain, end_ms, self._zone)
            async for id_, hours in counted_hours(store, roster, domain, days, end_ms):
                device = self._devices.find(written_name(roster.by_id[id_]))
                if device is not None and (since_ms := self._alarms.counted_hours(device, hours)) is not None:
                    found.append((device.name, since_ms))
                await asyncio.sleep(0)
            for id_, family in families_days(roster, domain, days, newest):
                if (device := self._devices.find(written_name(roster.by_id[id_]))) is not None:
                    self._alarms.counted_days(device, family, now_ms)
                await asyncio.sleep(0)
        return found

    def _usual_fields(self) -> Iterator[str]:
        rules = self._alarms.rules
        yield from (limit.field for limit in rules.limits() if isinstance(limit.of, Usual))
        if any(rules.of(Night)):
            yield FLOW

    def _date(self, day: TimeSpan) -> date:
        return datetime.fromtimestamp(day.start_ms // 1000, self._zone).date()
