"""The town: air, noise, parking bays, street lights, people counters, rain gauges."""

import math
import random
from dataclasses import dataclass
from typing import Final

from firmware_sim.devices.source import Battery, DeviceKind, DeviceRegister, Sample, SensorValues
from firmware_sim.devices.traffic import RUSH
from firmware_sim.signals import HOUR_S, Curve, Signal, around, clamp, local_s, noise_at, rippled

HAZE: Final = Curve((1.1, 1.0, 1.0, 1.5, 1.3, 0.8, 0.7, 0.7, 0.9, 1.5, 1.4, 1.2), step_s=2 * HOUR_S)
WARMTH: Final = Curve((-3.0, -4.0, -3.5, 1.0, 4.5, 5.0, 2.0, -1.0), step_s=3 * HOUR_S)
VISITORS: Final = Curve(
    (
        *(0.05, 0.05, 0.05, 0.05, 0.30, 1.20, 2.00, 2.20, 2.00, 1.60, 1.30, 1.20),
        *(0.90, 0.90, 1.20, 1.60, 2.00, 2.20, 1.80, 1.20, 0.70, 0.30, 0.15, 0.05),
    )
)
BAY_TAKEN: Final = Curve((0.1, 0.1, 0.1, 0.6, 0.85, 0.8, 0.7, 0.3), step_s=3 * HOUR_S)
BAY_TURN_S: Final = 1_200.0
DUSK_H, DAWN_H = 18.25, 5.75
RAIN_HOURS: Final = 14 * 24


@dataclass(frozen=True, slots=True)
class AirStation:
    """Dust, gases and weather at a road."""

    key: int
    dust: Signal
    warmth_c: float

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "AirStation":
        """A station between a park and a junction."""
        return cls(source.getrandbits(60), rippled(source, HAZE, source.uniform(9, 30)), source.uniform(17, 27))

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """Dust, gases, temperature, pressure, humidity, noise level."""
        noise = noise_at(self.key, instant_s)
        dust = self.dust.at(instant_s)
        warmth = WARMTH.at(instant_s)
        traffic = RUSH.at(instant_s)
        values = {
            "pm1_ug_m3": round(around(noise, 0.7, 0.03) * dust, 1),
            "pm2_5_ug_m3": round(around(noise, 1.0, 0.04) * dust, 1),
            "pm10_ug_m3": round(around(noise, 1.6, 0.05) * dust, 1),
            "no2_ug_m3": round(around(noise, 8 + 14 * traffic, 2.0), 1),
            "o3_ug_m3": round(around(noise, 48 + 5 * warmth, 2.0), 1),
            "co_ug_m3": round(around(noise, 260 + 180 * traffic, 15.0)),
            "air_temperature_c": round(around(noise, self.warmth_c + warmth, 0.2), 1),
            "air_pressure_hpa": round(around(noise, 1008 - 0.4 * warmth, 0.3), 1),
            "relative_humidity_pct": round(clamp(around(noise, 78 - 4 * warmth, 1.5), 0.0, 100.0), 1),
            "noise_laeq_db": round(around(noise, 44 + 9 * math.sqrt(traffic), 1.2), 1),
        }
        return Sample(values)


@dataclass(frozen=True, slots=True)
class ParkingBay:
    """One bay, taken or free for some turns of twenty minutes."""

    key: int
    battery: Battery

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "ParkingBay":
        """A bay with a sensor in the ground."""
        return cls(source.getrandbits(60), Battery.fitted(source))

    def sample(self, instant_s: float, index: int) -> Sample:
        """Tell if a car is parked there."""
        turn_s = instant_s - (instant_s + self.key % 1_000) % BAY_TURN_S
        taken = noise_at(self.key, turn_s).random() < BAY_TAKEN.at(turn_s)
        return Sample({"parking_occupied": taken}, health=self.battery.health(instant_s, index))


@dataclass(frozen=True, slots=True)
class StreetLight:
    """A lamp that is dimmed late at night, and the light around it."""

    key: int

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "StreetLight":
        """A lamp with a controller."""
        return cls(source.getrandbits(60))

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """Tell if the lamp is on and how bright."""
        hour = local_s(instant_s) / HOUR_S % 24
        shines = hour >= DUSK_H or hour < DAWN_H
        full = hour >= DUSK_H and hour < 23  # noqa: PLR2004 - the town sleeps
        values: SensorValues = {"light_on": shines, "light_level_pct": (100 if full else 40) if shines else 0}
        return Sample(values)


@dataclass(frozen=True, slots=True)
class PeopleCounter:
    """The door of a market: whoever went in comes out after a while."""

    visitors_h: Signal
    stay_s: float
    start: int
    battery: Battery

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "PeopleCounter":
        """A door with 20 to 200 visitors an hour."""
        return cls(
            visitors_h=rippled(source, VISITORS, source.uniform(20, 200)),
            stay_s=source.uniform(600, 3_000),
            start=source.randrange(500_000),
            battery=Battery.fitted(source),
        )

    def sample(self, instant_s: float, index: int) -> Sample:
        """In, out and inside; in = out + inside at any instant."""
        entered = math.floor(self.visitors_h.integral(instant_s) / HOUR_S)
        left = math.floor(self.visitors_h.integral(instant_s - self.stay_s) / HOUR_S)
        values: SensorValues = {
            "people_in_total": self.start + entered,
            "people_out_total": self.start + left,
            "people_count": entered - left,
        }
        return Sample(values, health=self.battery.health(instant_s, index))


@dataclass(frozen=True, slots=True)
class RainGauge:
    """A tipping bucket of 0.2 mm; the same two weeks of weather come again."""

    rain_mm_h: Curve
    interval_s: float
    battery: Battery

    @classmethod
    def make(cls, source: random.Random, interval_s: float) -> "RainGauge":
        """A gauge in the mountains: short showers, mostly after noon."""
        hours = [0.0] * RAIN_HOURS
        for day in range(RAIN_HOURS // 24):
            if source.random() < 0.5:  # noqa: PLR2004 - every other day it rains
                begin = day * 24 + source.randint(12, 20)
                for hour in range(begin, begin + source.randint(1, 3)):
                    hours[hour % RAIN_HOURS] = source.uniform(0.5, 14.0)
        return cls(Curve(tuple(hours)), interval_s, Battery.fitted(source))

    def sample(self, instant_s: float, index: int) -> Sample:
        """Rain since the epoch and in the last interval."""
        fallen_mm, before_mm = self._fallen_mm(instant_s), self._fallen_mm(instant_s - self.interval_s)
        values = {"rain_mm": fallen_mm, "rain_interval_mm": round(fallen_mm - before_mm, 1)}
        return Sample(values, health=self.battery.health(instant_s, index))

    def _fallen_mm(self, instant_s: float) -> float:
        return round(math.floor(self.rain_mm_h.integral(instant_s) / HOUR_S / 0.2) * 0.2, 1)


KINDS: Final = (
    DeviceKind("air", 0.30, AirStation.make),
    DeviceKind("parking", 0.30, ParkingBay.make),
    DeviceKind("light", 0.15, StreetLight.make),
    DeviceKind(
        "people", 0.15, PeopleCounter.make, (DeviceRegister("people_in_total", 1), DeviceRegister("people_out_total", 1))
    ),
    DeviceKind("rain", 0.10, RainGauge.make, (DeviceRegister("rain_mm", 0.1),)),
)
