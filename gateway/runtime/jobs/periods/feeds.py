"""Figures of closed periods for alarms: nights, days, and the usual hours of each device.

Usual hours are kept in the file too, so alarms that compare with them hold after a restart while the database is away.
"""

import asyncio
import logging
from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.core.alarms.engine import Alarms
from gateway.core.alarms.rules import Night, Usual
from gateway.core.alarms.watch import FLOW
from gateway.ingest.database.store import Store, TimeSpan
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.monitoring.reports.completeness import PeriodCompleteness
from gateway.monitoring.reports.nights import LowestFlow
from gateway.monitoring.reports.rollup_points import written_name
from gateway.monitoring.reports.roster import Roster
from gateway.monitoring.reports.usual import usual_hours
from gateway.monitoring.status.known_devices import KnownDevices
from schemas.registry import RegisteredDevice

log = logging.getLogger("gateway.jobs")

_PREFIX: Final = "usual."
_TOGETHER: Final = 100

KeptHours = dict[str, list[float | None]]


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
        """Work out the usual hours up to a midnight; tell and keep them.

        :raises StoreFault: the database does not answer.
        :raises DatabaseFault: they cannot be kept.
        """
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

    def _usual_fields(self) -> Iterator[str]:
        rules = self._alarms.rules
        yield from (limit.field for limit in rules.limits() if isinstance(limit.of, Usual))
        if any(isinstance(condition, Night) for _, _, condition in rules.conditions()):
            yield FLOW

    def _date(self, day: TimeSpan) -> date:
        return datetime.fromtimestamp(day.start_ms // 1000, self._zone).date()
