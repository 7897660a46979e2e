"""Exports while the gateway runs: the head of the audit log by MQTT, and the open data of each night.

The hash of a head proves all entries before it, on whatever machine keeps it. The broker retains the newest head under
``gateway/v1/{gateway}/audit`` as ``NUMBER:HASH``, ready for ``--known``. A subscriber elsewhere that writes down each head can
show that an entry was changed or taken out afterwards. Commands append to the log too, also while the gateway does not run; so
the job looks at the end of the file.

Open data are those of yesterday, and again those of a week ago, when late readings have come. What was done is seen by the
files, so a restart does it neither twice nor not at all.
"""

import asyncio
import logging
from datetime import date, datetime, time, timedelta
from time import monotonic
from typing import Final
from zoneinfo import ZoneInfo

from gateway.ingest.intake.connection import Connection
from gateway.monitoring.exports.open_files import OpenFiles
from gateway.runtime.jobs.own_command import CommandFailed, configured, printed
from gateway.support.audit.chain import ChainLink
from gateway.support.audit.log import AuditFault, AuditLog
from gateway.support.clock import WallClock, every
from gateway.support.config.model import Config

log = logging.getLogger("gateway.exports")

_LOOK_EVERY_S: Final = 1.0
_REPEAT_EVERY_S: Final = 3600.0
"""Heads go out without an acknowledgement, so the last one is repeated."""
_FROM: Final = time(3)
"""Local time from which it is done: the roll-ups of the day are written before."""
_DAYS_AGO: Final = (1, 8)
_EXPORT_EVERY_S: Final = 600.0
_AFTER_FAULT_S: Final = 3600.0


class AuditExport:
    """Publishes while ``audit.mqtt`` is set."""

    def __init__(self, audit: AuditLog, connection: Connection, gateway: str) -> None:
        self._audit = audit
        self._connection = connection
        self._topic = f"gateway/v1/{gateway}/audit"
        self._published: ChainLink | None = None
        self._repeat_s = 0.0

    async def run(self) -> None:
        """Publish until cancelled: at each new entry, and each hour."""
        await every(_LOOK_EVERY_S, WallClock(), self._look)

    async def _look(self) -> None:
        try:
            head = await asyncio.to_thread(self._audit.head)
        except AuditFault:  # who writes the next entry is told
            return
        if head != self._published or monotonic() >= self._repeat_s:
            payload = f"{head.number}:{head.hash}".encode()
            if self._connection.publish(self._topic, payload, retain=True):
                self._published, self._repeat_s = head, monotonic() + _REPEAT_EVERY_S


class OpenExport:
    """Writes while ``open_data.nightly`` is set."""

    def __init__(self, config: Config, clock: WallClock) -> None:
        self._config = config
        self._clock = clock
        self._zone = ZoneInfo(config.time.zone)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            wait_s = _EXPORT_EVERY_S
            for day in await asyncio.to_thread(self.due):
                try:
                    await printed("the open export", ["export", "open", *configured(self._config), "--day", day.isoformat()])
                except CommandFailed as fault:
                    log.warning("the open data of %s could not be written, and are tried again: %s", day, fault)
                    wait_s = _AFTER_FAULT_S
                    break
                log.info("the open data of %s are written", day)
            await asyncio.sleep(wait_s)

    def due(self) -> list[date]:
        """The days to write now."""
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, self._zone)
        begins = datetime.combine(now.date(), _FROM, self._zone)
        if now < begins:
            return []
        try:
            listed = OpenFiles(self._config.journal.path).listed()
        except OSError as error:
            log.warning("%s cannot be read: %s", error.filename, error.strerror)
            return []
        done = {file.day for file in listed if file.made_ms >= begins.timestamp() * 1000}
        days = [now.date() - timedelta(days=ago) for ago in _DAYS_AGO]
        return [day for day in days if day.isoformat() not in done]
