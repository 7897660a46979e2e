"""The report of late readings by a gateway that does not close hours itself: it tells the one that does, in the database.

That is one of several gateways that does not lead, or a passive machine of a pair. Late is what comes after its hour may have
been closed, and what was on its way then: the journal of this gateway does not keep another one from closing an hour, as it
keeps that itself. Each is judged by :class:`gateway.ingest.storage.hours_again.HoursAgain`, where it stands until it is told.

It tells them as points of the measurement ``late``. A point has the device as its tag, and as its fields the first hour of a
run and the one behind its last, hours since 1970 in UTC. It stands at the time when it was told, a millisecond after the one
before.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.core.batching.batch import packed
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.readings.late_readings import HOUR_MS, HourRun
from gateway.core.readings.line_protocol import tag_text
from gateway.ingest.database.store import Store, TimeSpan
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.influxdb import Output
from gateway.ingest.storage.database import DatabaseFault
from gateway.ingest.storage.hours_again import HoursAgain
from gateway.monitoring.status.status import Status
from gateway.support.logs import RareLog

_EVERY_S: Final = 60.0
_CLOSED_AFTER_MS: Final = 15 * 60_000
"""An hour is closed later than this after its end: what comes before needs no word."""
_LINES: Final = 2000
"""Points in one write."""
READABLE_AFTER_S: Final = 12.0
"""VictoriaMetrics shows a point up to eleven seconds after it took it: whoever is to read it must find it."""
LATE: Final = "late"
_FIELDS: Final = ("first_hour", "end_hour")


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
    for device, hours in runs.items():
        for told_ms, (first, end) in enumerate(hours, at_ms):
            yield f"{LATE}{tag_text([('device', device)])} first_hour={float(first)!r},end_hour={float(end)!r} {told_ms}"


async def late_hours(store: Store, devices: Collection[str], told: TimeSpan) -> dict[str, list[HourRun]]:
    """Read the hours that others told within a span of time, by device; :class:`StoreFault` if the database does not answer."""
    found: dict[str, list[HourRun]] = defaultdict(list)
    async for series, rows in store.rows(LATE, _FIELDS, told, devices):
        for _, (first, end) in rows:
            if first is not None and end is not None:
                found[series.device].append((int(first), int(end)))
    return found
