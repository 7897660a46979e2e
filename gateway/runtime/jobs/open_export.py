"""The open data of each night: those of yesterday, and again those of a week ago, when late readings have come.

What was done is seen by the files, so a restart does it neither twice nor not at all.
"""

import asyncio
import logging
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.monitoring.exports.open_files import OpenFiles
from gateway.runtime.jobs.own_command import CommandFailed, configured, printed
from gateway.support.clock import WallClock
from gateway.support.config.model import Config

log = logging.getLogger("gateway.exports")

_FROM: Final = time(3)
"""Local time from which it is done: the roll-ups of the day are written before."""
_DAYS_AGO: Final = (1, 8)
_LOOK_EVERY_S: Final = 600.0
_AFTER_FAULT_S: Final = 3600.0


class OpenExport:
    """Writes while ``open_data.nightly`` is set."""

    def __init__(self, config: Config, clock: WallClock) -> None:
        self._config = config
        self._clock = clock
        self._zone = ZoneInfo(config.time.zone)

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            wait_s = _LOOK_EVERY_S
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
