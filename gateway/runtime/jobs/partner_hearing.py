"""Asks at a take-over what the other machine of the pair had heard: a device that was silent then is silent still.

The live machine writes of each registered device, once a minute, how long it has been silent. Those points outlive it in the
database. From the newest of each device follows the last time at which it was heard, and until when somebody listened: from
there to the take-over nobody did. What the database does not tell is judged from the take-over on.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from gateway.core.batching.pacing import LinkBudget
from gateway.core.status.health import registered_devices
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import StoreFault, TimeSpan
from gateway.monitoring.status.known_devices import KnownDevices
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from schemas.quantities import HEALTH

log = logging.getLogger("gateway.jobs")

_AGAIN_S: Final = 30.0
_REACH_MS: Final = 180_000
"""The points are a minute apart, and VictoriaMetrics shows the newest up to half a minute late."""
_TOGETHER_MS: Final = 90_000
"""Points that are older than the newest of all by more than this are no part of the last round."""
_KEEP_ALIVES: Final = 2
"""Keep-alives until a take-over."""

SilencePoint = tuple[int, float]
"""A time in ms, and the seconds that a device had been silent then."""


class PartnerHearing:
    """Asks the database once, and gives the devices what it says."""

    def __init__(self, config: Config, devices: KnownDevices, clock: WallClock, link: LinkBudget) -> None:
        self._influxdb = config.influxdb
        self._link = link
        self._reach_ms = _REACH_MS + _KEEP_ALIVES * round(config.mqtt.standby.keep_alive.total_seconds() * 1000)
        self._devices = devices
        self._clock = clock

    async def run(self) -> None:
        """Ask until there is an answer; the take-over is now."""
        end_ms = self._clock.now_ms()
        while not await self._ask(TimeSpan(end_ms - self._reach_ms, end_ms)):
            await self._clock.sleep(_AGAIN_S)

    async def _ask(self, window: TimeSpan) -> bool:
        """Ask for the points of a window; False: the database does not answer."""
        devices = {device.name: device for device in registered_devices(self._devices.streams)}
        newest: dict[str, SilencePoint] = {}
        try:
            async with open_store(self._influxdb, self._link) as store:
                async for series, rows in store.rows(HEALTH, ["silence_s"], window, devices):
                    known = [(time_ms, float(silence_s)) for time_ms, (silence_s,) in rows if silence_s is not None]
                    newest[series.device] = max([newest.get(series.device, (0, 0.0)), *known])
        except (StoreFault, ConfigurationFault) as fault:
            log.warning("what the other machine heard is not known yet, so silence is judged from now on: %s", fault)
            return False
        heard_ms, until_ms = last_heard(newest)
        for name, seen_ms in heard_ms.items():
            devices[name].last_seen_ms = max(devices[name].last_seen_ms, seen_ms)
        if heard_ms:
            self._devices.silence.hearing.heard_elsewhere(until_ms)
            log.info("%d devices were heard by the other machine, the last round of which was at %d", len(heard_ms), until_ms)
        return True


def last_heard(newest: Mapping[str, SilencePoint]) -> tuple[Mapping[str, int], int]:
    """Return device → the last time at which it was heard, and the time until which all of them could be heard."""
    times_ms: Sequence[int] = [time_ms for time_ms, _ in newest.values()]
    last_ms = max(times_ms, default=0)
    until_ms = min((time_ms for time_ms in times_ms if last_ms - time_ms <= _TOGETHER_MS), default=0)
    heard_ms = {name: time_ms - round(silence_s * 1000) for name, (time_ms, silence_s) in newest.items() if time_ms}
    return heard_ms, until_ms
