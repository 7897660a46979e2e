"""Rounds of the engine: each minute all registered devices are checked for silence and wrong clocks."""

import asyncio
from typing import Final

from gateway.core.alarms.engine import Alarms
from gateway.core.devices.streams import Streams
from gateway.core.readings.clock_trust import ClockTrust
from gateway.core.status.health import registered_devices
from gateway.ingest.events import Events
from gateway.support.clock import WallClock

_EVERY_S: Final = 60.0
_STEP_MS: Final = 5000
"""A clock that moved further than time passed, by more than this, was set, or the machine slept."""


class AlarmRounds:
    """Runs the engine's rounds. While the broker is away it runs none: no device can be heard then."""

    def __init__(self, alarms: Alarms, streams: Streams, trust: ClockTrust, events: Events, clock: WallClock) -> None:
        self._alarms = alarms
        self._streams = streams
        self._trust = trust
        self._events = events
        self._clock = clock

    async def run(self) -> None:
        """Make a round each minute until cancelled."""
        before = self._clock.now_and_steady_ms()
        while True:
            await self._clock.sleep(_EVERY_S)
            now = self._clock.now_and_steady_ms()
            self._leave_out_step(before, now)
            before = now
            if self._events.mqtt_connected:
                devices = registered_devices(self._streams)
                for _ in self._alarms.tick(now[0], devices, clock_trusted=not self._trust.doubted):
                    await asyncio.sleep(0)

    def _leave_out_step(self, before: tuple[int, int], now: tuple[int, int]) -> None:
        """Subtract a step of the clock from all silences: a clock may be hours behind until there is a network."""
        (before_ms, steady_before_ms), (now_ms, steady_ms) = before, now
        stepped_ms = (now_ms - before_ms) - (steady_ms - steady_before_ms)
        if stepped_ms > _STEP_MS and self._events.mqtt_connected:
            self._events.hearing.lose(now_ms - stepped_ms)
            self._events.hearing.regain(now_ms)
