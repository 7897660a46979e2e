"""The interface of a simulated device: a pure function from an instant to measured values."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from firmware_sim.signals import DAY_S, clamp, local_s, noise_at

SensorValue = float | int | bool
SensorValues = dict[str, SensorValue]

EXCHANGED_AT: Final = 0.8
"""A battery is exchanged when so much of it is used, long before the device is silent."""

HEALTH_EVERY: Final = 10
"""Every so many readings of a battery device carry its state, the first one included."""

_SAME: Final = 1e-6
"""Instants are floating-point numbers: so much of an interval makes no other reading."""


def shown(value: float, per_unit: int) -> float:
    """``value`` as a display with so many steps in a unit shows it: half up, at a third of the cost of round()."""
    return math.floor(value * per_unit + 0.5) / per_unit


@dataclass(slots=True)
class Sample:
    """A measurement at one instant: canonical quantities, text tags, and now and then the device's own state."""

    values: SensorValues
    tags: dict[str, str] = field(default_factory=dict)
    health: SensorValues = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadingTimes:
    """The times at which a device measures: at an interval, and from an instant on at another one.

    :ivar first_s: the first reading; only needed where there is another interval.
    :ivar live_s: the instant from which on it measures at the other one.
    """

    interval_s: float
    first_s: float = 0.0
    live_s: float = math.inf
    live_interval_s: float = 1.0

    def before_s(self, instant_s: float, readings: int = 1) -> float:
        """Return the time of the reading that was so many before that of an instant."""
        if instant_s < self.live_s:
            return instant_s - readings * self.interval_s
        live = math.floor((instant_s - self.live_s) / self.live_interval_s + _SAME)
        if readings <= live:
            return instant_s - readings * self.live_interval_s
        last = math.ceil((self.live_s - self.first_s) / self.interval_s - _SAME) - 1
        return self.first_s + (last - (readings - live - 1)) * self.interval_s


class Sensors(Protocol):
    """A device's sensors."""

    def sample(self, instant_s: float, index: int) -> Sample:
        """Read the sensors at ``instant_s`` (simulated, seconds since 1970) for the reading number ``index``."""


class DeviceRegister(NamedTuple):
    """A counter of a device.

    :ivar resolution: the smallest step that it shows.
    """

    field: str
    resolution: float

    def shown(self, value: float) -> float:
        """Round ``value`` as the device shows it; a count is a whole number."""
        if self.resolution >= 1:
            return math.floor(value)
        return round(value, len(f"{self.resolution:g}") - 2)


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """One kind of device of a domain.

    :ivar name: part of the device's id.
    :ivar share: how common it is, against the other kinds of its domain.
    :ivar make: a device of this kind, from its own generator and its interval in seconds.
    :ivar registers: its counters.
    """

    name: str
    share: float
    make: Callable[[random.Random, float], Sensors]
    registers: tuple[DeviceRegister, ...] = ()


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery that runs down and is exchanged in time, and the radio it feeds."""

    key: int
    life_s: float
    age_s: float
    rssi_dbm: float

    @classmethod
    def fitted(cls, source: random.Random) -> "Battery":
        """A battery of two to ten years, somewhere in its life."""
        life_s = source.uniform(700, 3_600) * DAY_S
        return cls(source.getrandbits(60), life_s, source.uniform(0, life_s), source.uniform(-118, -62))

    def health(self, instant_s: float, index: int) -> SensorValues:
        """Its state, where the reading ``index`` carries one."""
        if index % HEALTH_EVERY:
            return {}
        left = 1 - EXCHANGED_AT * ((local_s(instant_s) + self.age_s) % self.life_s) / self.life_s
        noise = noise_at(self.key, instant_s)
        return {
            "battery_pct": shown(100 * left, 10),
            "battery_v": shown(clamp(3.0 + 0.62 * left + 0.005 * noise.first, 2.9, 3.7), 1000),
            "rssi_dbm": math.floor(self.rssi_dbm + 6 * noise.second),
            "snr_db": shown((self.rssi_dbm + 118) / 6 + 2 * noise.third, 10),
        }
