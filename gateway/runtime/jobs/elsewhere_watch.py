"""The watch over what other gateways hear: each minute the database is asked whose readings have come since the last answer.

The first question goes a month back, so that a device that has been silent for days is known as one that was heard. Should that
be too much for the database, the next one goes back no further than silence needs. A gateway that cannot write hears devices
whose readings are not there: so it is asked, too, how far each of them has got (:mod:`gateway.runtime.jobs.member_watch`).
"""

import asyncio
import logging
from typing import Final

from gateway.core.batching.pacing import LinkBudget
from gateway.core.status.health import registered_devices
from gateway.core.status.membership import Elsewhere
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import Side, StoreFault
from gateway.monitoring.status.known_devices import KnownDevices
from gateway.runtime.jobs.member_watch import MemberWatch
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from schemas.quantities import DOMAINS, HEALTH

log = logging.getLogger("gateway.jobs")

_EVERY_S: Final = 60.0
_FIRST_REACH_MS: Final = 31 * 86_400_000
_OVERLAP_MS: Final = 900_000
"""Readings are older than the moment at which they can be read: a link is slow, or a clock is behind."""


class ElsewhereWatch:
    """Asks the database, and tells :class:`Elsewhere`."""

    def __init__(self, config: Config, elsewhere: Elsewhere, devices: KnownDevices, clock: WallClock, link: LinkBudget) -> None:
        self._influxdb = config.influxdb
        self._link = link
        self._ahead_ms = round(config.time.max_future.total_seconds() * 1000)
        self._elsewhere = elsewhere
        self._members = MemberWatch(elsewhere.members, devices.streams.tenures, self._ahead_ms)
        self._devices = devices
        self._clock = clock
        self._answered_ms: int | None = None
        self._trouble = ""

    async def run(self) -> None:
        """Ask each minute until cancelled."""
        while True:
            await self.ask()
            await self._clock.sleep(_EVERY_S)

    async def ask(self) -> None:
        """Ask whose readings have come; without an answer nothing changes, and what was known is soon too old."""
        now_ms, names, longest_ms = self._clock.now_ms(), set[str](), 0
        for number, device in enumerate(registered_devices(self._devices.streams)):
            names.add(device.name)
            longest_ms = max(longest_ms, self._devices.silence.after_ms(device))
            if number % 1000 == 0:
                await asyncio.sleep(0)
        if self._answered_ms is not None:
            reach_ms = max(0, now_ms - self._answered_ms) + _OVERLAP_MS
        else:
            reach_ms = longest_ms if self._trouble else max(longest_ms, _FIRST_REACH_MS)
        try:
            found = await self._newest(now_ms, reach_ms)
        except (StoreFault, ConfigurationFault) as fault:
            self._say(f"what other gateways hear is not known, so nothing is called silent: {fault}")
            return
        self._say("")
        self._answered_ms = now_ms
        self._elsewhere.take(found, names, now_ms)

    async def _newest(self, now_ms: int, reach_ms: int) -> dict[str, int]:
        """The times of the newest readings in the database, by device; ask for the other gateways, too.

        :raises StoreFault: it does not answer.
        :raises ConfigurationFault: its secrets cannot be read.
        """
        found: dict[str, int] = {}
        until_ms, reach_ms = now_ms + self._ahead_ms, reach_ms + self._ahead_ms
        async with open_store(self._influxdb, self._link) as store:
            for measurement in (*DOMAINS, HEALTH):
                async for device, newest_ms in store.heard(measurement, Side.UP_TO, until_ms, reach_ms, None):
                    found[device] = max(newest_ms, found.get(device, 0))
            await self._members.ask(store, now_ms)
        return found

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.warning("%s", trouble)
        elif self._trouble and not trouble:
            log.info("the database tells again what other gateways hear")
        self._trouble = trouble
