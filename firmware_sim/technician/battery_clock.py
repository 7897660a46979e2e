"""Clock and battery of a played device, as the conditions that hold bend them. Pure."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.technician.controls import BATTERY, CLOCK_STOPPED, DAY_AHEAD, DAY_BEHIND

DAY_MS: Final = 86_400_000
DRAIN_S: Final = 60.0
"""A battery that drains is empty after so long."""
LOW_PCT: Final = 10.0
FULL_PCT: Final = 100.0
EMPTY_V, FULL_V = 2.9, 3.6


@dataclass(slots=True)
class DeviceClock:
    """The clock. No two readings share a time, unless it stands.

    :ivar step_ms: the smallest step that it shows.
    """

    conditions: AbstractSet[str]
    step_ms: int = 1
    _last_ms: int = 0
    _stopped_ms: int | None = None

    def read(self, now_ms: int) -> int:
        """The time of the next reading."""
        if CLOCK_STOPPED in self.conditions:
            if self._stopped_ms is None:
                self._stopped_ms = self._last_ms or now_ms // self.step_ms * self.step_ms
            return self._stopped_ms
        self._stopped_ms = None
        self._last_ms = max(now_ms // self.step_ms * self.step_ms, self._last_ms + self.step_ms)
        return self._last_ms + DAY_MS * ((DAY_AHEAD in self.conditions) - (DAY_BEHIND in self.conditions))


@dataclass(slots=True)
class DeviceBattery:
    """The battery: as the sensors tell, until it drains."""

    conditions: AbstractSet[str]
    _drains_since_ms: int | None = None

    def is_empty(self, now_ms: int) -> bool:
        """Tell if nothing is left to send with."""
        return self._left(now_ms) == 0.0

    def state(self, health: SensorValues, now_ms: int) -> SensorValues:
        """The device's own state, of which the sensors tell ``health``."""
        left = self._left(now_ms)
        if BATTERY not in self.conditions:
            return health
        pct = round(health.get("battery_pct", FULL_PCT) * left, 1)
        return health | {
            "battery_pct": pct,
            "battery_v": round(EMPTY_V + (FULL_V - EMPTY_V) * pct / FULL_PCT, 3),
            "battery_low": pct < LOW_PCT,
        }

    def _left(self, now_ms: int) -> float:
        """The share that is left."""
        if BATTERY not in self.conditions:
            self._drains_since_ms = None
            return 1.0
        if self._drains_since_ms is None:
            self._drains_since_ms = now_ms
        return max(1.0 - (now_ms - self._drains_since_ms) / (DRAIN_S * 1000), 0.0)
