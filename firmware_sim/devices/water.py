"""Water: customer meters, district meters, reservoirs and quality stations."""

import random
from dataclasses import dataclass
from typing import Final

from firmware_sim.devices.source import Battery, DeviceKind, DeviceRegister, Sample
from firmware_sim.signals import DAY_S, HOUR_S, Curve, Signal, around, clamp, noise_at, rippled

DEMAND: Final = Curve(
    (
        *(0.35, 0.30, 0.28, 0.30, 0.45, 0.85, 1.45, 1.60, 1.30, 1.10, 1.05, 1.10),
        *(1.15, 0.95, 0.85, 0.85, 0.95, 1.25, 1.60, 1.65, 1.40, 1.10, 0.75, 0.50),
    )
)
"""A town's demand over the day against its mean: a peak before work, a longer one in the evening."""

FILLING: Final = Curve(
    (
        *(0.45, 0.55, 0.65, 0.75, 0.84, 0.90, 0.84, 0.74, 0.65, 0.60, 0.62, 0.64),
        *(0.60, 0.58, 0.60, 0.64, 0.66, 0.58, 0.48, 0.38, 0.30, 0.28, 0.32, 0.38),
    )
)
"""How full a reservoir is over the day: pumped up at night, drawn down by the peaks."""

LEAKING: Final = 0.03
"""The share of house meters whose water has not stood still for a day."""

DAYLIGHT_WARMTH: Final = Curve((-1.0, -0.6, 0.4, 1.0, 0.6, -0.4), step_s=DAY_S / 6)


@dataclass(frozen=True, slots=True)
class CustomerMeter:
    """A house's meter: volume in litres, what flows, whether it has not stood still for a day."""

    key: int
    start_m3: float
    flow: Signal
    leaks: bool
    warmth_c: float
    battery: Battery

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "CustomerMeter":
        """A household of two to nine."""
        return cls(
            key=source.getrandbits(60),
            start_m3=source.uniform(0, 4_000),
            flow=rippled(source, DEMAND, source.uniform(0.012, 0.06)),
            leaks=source.random() < LEAKING,
            warmth_c=source.uniform(17, 24),
            battery=Battery.fitted(source),
        )

    def sample(self, instant_s: float, index: int) -> Sample:
        """Volume, flow, water temperature, leak alarm."""
        noise = noise_at(self.key, instant_s)
        values = {
            "volume_m3": round(self.start_m3 + self.flow.integral(instant_s) / HOUR_S, 3),
            "flow_m3_h": round(around(noise, 1.0, 0.01) * self.flow.at(instant_s), 4),
            "temperature_c": round(around(noise, self.warmth_c + DAYLIGHT_WARMTH.at(instant_s), 0.1), 1),
            "alarm_leak": self.leaks,
        }
        return Sample(values, health=self.battery.health(instant_s, index))


@dataclass(frozen=True, slots=True)
class DistrictMeter:
    """The inflow of a supply district, and the pressure that falls as the flow rises."""

    key: int
    start_m3: float
    flow: Signal
    head_kpa: float

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "DistrictMeter":
        """A district of some hundred houses."""
        return cls(
            key=source.getrandbits(60),
            start_m3=source.uniform(0, 500_000),
            flow=rippled(source, DEMAND, source.uniform(8, 80)),
            head_kpa=source.uniform(280, 620),
        )

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """Volume, flow, pressure."""
        noise = noise_at(self.key, instant_s)
        flow_m3_h = self.flow.at(instant_s)
        friction = (flow_m3_h / self.flow.scale) ** 2
        values = {
            "volume_m3": round(self.start_m3 + self.flow.integral(instant_s) / HOUR_S, 3),
            "flow_m3_h": round(around(noise, 1.0, 0.01) * flow_m3_h, 3),
            "pressure_kpa": round(around(noise, self.head_kpa - 45 * friction, 1.5), 1),
        }
        return Sample(values)


@dataclass(frozen=True, slots=True)
class Reservoir:
    """A tank on a hill with its pump."""

    key: int
    height_m: float

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "Reservoir":
        """A tank of two to six metres."""
        return cls(source.getrandbits(60), source.uniform(2.0, 6.0))

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """Level, how full, the sensor's distance from the surface, whether the pump fills it."""
        filled = FILLING.at(instant_s)
        level_m = round(around(noise_at(self.key, instant_s), filled * self.height_m, 0.004), 3)
        values = {
            "level_m": level_m,
            "fill_pct": round(100 * level_m / self.height_m, 1),
            "distance_m": round(self.height_m + 0.4 - level_m, 3),
            "pump_on": FILLING.at(instant_s + 60) > filled,
        }
        return Sample(values)


@dataclass(frozen=True, slots=True)
class QualityStation:
    """A quality station at the treatment plant's outlet."""

    key: int
    chlorine_mg_l: float
    conductivity_us_cm: float
    turbidity: Signal

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "QualityStation":
        """A plant at a mountain stream."""
        return cls(
            key=source.getrandbits(60),
            chlorine_mg_l=source.uniform(0.42, 0.9),
            conductivity_us_cm=source.uniform(120, 420),
            turbidity=rippled(source, Curve((1.0, 1.3, 1.1, 0.9), step_s=DAY_S), source.uniform(0.3, 0.9)),
        )

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """The usual set of a drinking-water probe."""
        noise = noise_at(self.key, instant_s)
        demand = DEMAND.at(instant_s)
        values = {
            "ph": round(around(noise, 7.25, 0.06), 2),
            "chlorine_mg_l": round(clamp(around(noise, self.chlorine_mg_l - 0.08 * demand, 0.02), 0.0, 20.0), 2),
            "turbidity_ntu": round(around(noise, 1.0, 0.03) * self.turbidity.at(instant_s), 3),
            "conductivity_us_cm": round(around(noise, self.conductivity_us_cm, 2.0), 1),
            "temperature_c": round(around(noise, 19.5 + DAYLIGHT_WARMTH.at(instant_s), 0.1), 1),
            "orp_mv": round(around(noise, 650, 8)),
        }
        return Sample(values)


KINDS: Final = (
    DeviceKind("meter", 0.70, CustomerMeter.make, (DeviceRegister("volume_m3", 0.001),)),
    DeviceKind("district", 0.15, DistrictMeter.make, (DeviceRegister("volume_m3", 0.001),)),
    DeviceKind("reservoir", 0.08, Reservoir.make),
    DeviceKind("quality", 0.07, QualityStation.make),
)
