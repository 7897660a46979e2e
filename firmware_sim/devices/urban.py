"""The town: air, noise, parking bays, street lights, people counters, rain gauges."""

import math
import random
from dataclasses import dataclass
from functools import cache
from typing import Final

from firmware_sim.devices.source import Battery, DeviceKind, DeviceRegister, ReadingTimes, Sample, SensorValues, shown
from firmware_sim.devices.traffic import CLASS_SHARES, TOWN
from firmware_sim.devices.weather import air_warmth, lamps_lit, sunlight
from firmware_sim.physics.shapes import RUSH
from firmware_sim.physics.urban import box_ug_m3, noise_db, taken_share
from firmware_sim.signals import HOUR_S, Curve, Signal, chance_at, clamp, local_s, noise_at, rippled

HAZE: Final = Curve((1.1, 1.0, 1.0, 1.5, 1.3, 0.8, 0.7, 0.7, 0.9, 1.5, 1.4, 1.2), step_s=2 * HOUR_S)
"""Dust over the day: cooking fires and still air in the morning and the evening. An assumption."""
MIXING_M: Final = Curve((220.0, 200.0, 240.0, 600.0, 1_200.0, 1_400.0, 700.0, 300.0), step_s=3 * HOUR_S)
"""Height of the air that mixes: low at night, high in the sun (Seidel et al. 2010, J. Geophys. Res. 115, rounded)."""
WIND_M_S: Final = 1.8
TOWN_M: Final = 4_000.0
EMITTED_UG_S_M2: Final = {"no2_ug_m3": 0.5, "so2_ug_m3": 0.02, "co_ug_m3": 14.0}
"""Exhaust of the town's mean traffic; motorcycles give off 30 times as much CO as NO2 (Ntziachristos, COPERT 5, Euro 2)."""
BACKGROUND_UG_M3: Final = {"no2_ug_m3": 8.0, "so2_ug_m3": 4.0, "co_ug_m3": 260.0}
CO2_OF_CO: Final = 0.013
"""ppm of CO2 that come with a ug/m3 of CO in exhaust: 44 g/km and 2 g/km (COPERT 5, Euro 2). An assumption for the mix."""
CO2_PPM: Final = 428.0
VOC_OF_CO: Final = 0.06
"""ppb of volatile organics that come with a ug/m3 of CO. An assumption."""
LUX_OF_W_M2: Final = 120.0
"""Lumens in a watt of daylight."""
HEAVY_PCT: Final = 100 * (CLASS_SHARES["bus"] + CLASS_SHARES["truck_heavy"])
STREET_KM_H: Final = 35.0
VISITORS: Final = Curve(
    (
        *(0.05, 0.05, 0.05, 0.05, 0.30, 1.20, 2.00, 2.20, 2.00, 1.60, 1.30, 1.20),
        *(0.90, 0.90, 1.20, 1.60, 2.00, 2.20, 1.80, 1.20, 0.70, 0.30, 0.15, 0.05),
    )
)
"""People at the door of a market over the day. An assumption."""
BAYS: Final = 12
ARRIVALS_H, STAY_H = 11.0, 0.8
"""Cars that look for one of a street's bays in an hour of mean traffic, and how long they stay."""
BAY_TURN_S: Final = 1_200.0
DIMMED_FROM_H: Final = 23
RAIN_HOURS: Final = 14 * 24


@dataclass(frozen=True, slots=True)
class AirStation:
    """Dust, gases, weather and noise at a road."""

    key: int
    dust: Signal
    warmth_c: float
    vehicles_h: float

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "AirStation":
        """A station between a park and a junction."""
        dust = rippled(source, HAZE, source.uniform(9, 30))
        return cls(source.getrandbits(60), dust, source.uniform(17, 27), source.uniform(60, 700))

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """Dust, gases, temperature, pressure, humidity, noise level."""
        noise = noise_at(self.key, instant_s)
        dust = self.dust.at(instant_s)
        warmth = air_warmth().at(instant_s)
        traffic = TOWN.at(instant_s)
        mixing_m = MIXING_M.at(instant_s)
        gases = {
            name: box_ug_m3(BACKGROUND_UG_M3[name], emitted * traffic, TOWN_M, WIND_M_S, mixing_m)
            for name, emitted in EMITTED_UG_S_M2.items()
        }
        exhaust = gases["co_ug_m3"] - BACKGROUND_UG_M3["co_ug_m3"]
        values = {
            "pm1_ug_m3": shown((0.7 + 0.03 * noise.first) * dust, 10),
            "pm2_5_ug_m3": shown((1 + 0.04 * noise.first) * dust, 10),
            "pm10_ug_m3": shown((1.6 + 0.05 * noise.second) * dust, 10),
            "no2_ug_m3": shown((1 + 0.05 * noise.second) * gases["no2_ug_m3"], 10),
            "o3_ug_m3": shown(38 + 0.05 * sunlight().at(instant_s) + 2 * noise.third, 10),
            "so2_ug_m3": shown((1 + 0.05 * noise.third) * gases["so2_ug_m3"], 10),
            "co_ug_m3": round((1 + 0.03 * noise.third) * gases["co_ug_m3"]),
            "co2_ppm": round(CO2_PPM + CO2_OF_CO * exhaust + 2 * noise.first),
            "tvoc_ppb": round(25 + VOC_OF_CO * exhaust + 2 * noise.second),
            "air_temperature_c": shown(self.warmth_c + warmth + 0.2 * noise.fourth, 10),
            "air_pressure_hpa": shown(1008 - 0.4 * warmth + 0.3 * noise.fourth, 10),
            "relative_humidity_pct": shown(clamp(78 - 3 * warmth + 1.5 * noise.fifth, 0.0, 100.0), 10),
            "noise_laeq_db": shown(noise_db(self.vehicles_h * traffic, STREET_KM_H, HEAVY_PCT) + 1.2 * noise.fifth, 10),
        }
        return Sample(values)


@cache
def bay_taken() -> Curve:
    """Chance that a bay is taken, over a week."""
    return Curve.of_means(tuple(round(taken_share(ARRIVALS_H * traffic, STAY_H, BAYS), 4) for traffic in RUSH))


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
        turn = int((instant_s + self.key % 1_000) // BAY_TURN_S)
        taken = chance_at(self.key, turn) < bay_taken().at(turn * BAY_TURN_S)
        return Sample({"parking_occupied": taken}, health=self.battery.health(instant_s, index))


@dataclass(frozen=True, slots=True)
class StreetLight:
    """A lamp that is lit when the sun is down, dimmed late at night."""

    key: int

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "StreetLight":
        """A lamp with a controller."""
        return cls(source.getrandbits(60))

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """Tell if the lamp is on and how bright, and the daylight that its controller sees."""
        shines = lamps_lit(instant_s)
        full = 12 <= local_s(instant_s) / HOUR_S % 24 < DIMMED_FROM_H  # noqa: PLR2004 - the evening, until the town sleeps
        values: SensorValues = {
            "light_on": shines,
            "light_level_pct": (100 if full else 40) if shines else 0,
            "illuminance_lx": round(LUX_OF_W_M2 * sunlight().at(instant_s)),
        }
        return Sample(values)


@dataclass(frozen=True, slots=True)
class PeopleCounter:
    """The door of a market: whoever went in comes out after a while."""

    visitors_h: Signal
    stay_s: float
    start: int
    battery: Battery
    times: ReadingTimes

    @classmethod
    def make(cls, source: random.Random, interval_s: float) -> "PeopleCounter":
        """A door with 20 to 200 visitors an hour."""
        return cls(
            visitors_h=rippled(source, VISITORS, source.uniform(20, 200)),
            stay_s=source.uniform(600, 3_000),
            start=source.randrange(500_000),
            battery=Battery.fitted(source),
            times=ReadingTimes(interval_s),
        )

    def sample(self, instant_s: float, index: int) -> Sample:
        """In, out and inside, and those of the last interval; in = out + inside at any instant."""
        entered, left = self._passed(instant_s), self._passed(instant_s - self.stay_s)
        before_s = min(self.times.before_s(instant_s), instant_s - 1)
        values: SensorValues = {
            "people_in_total": self.start + entered,
            "people_out_total": self.start + left,
            "people_count": entered - left,
            "people_in": entered - self._passed(before_s),
            "people_out": left - self._passed(before_s - self.stay_s),
            "interval_s": round(instant_s - before_s),
        }
        return Sample(values, health=self.battery.health(instant_s, index))

    def _passed(self, instant_s: float) -> int:
        return math.floor(self.visitors_h.integral(instant_s) / HOUR_S)


@dataclass(frozen=True, slots=True)
class RainGauge:
    """A tipping bucket of 0.2 mm; the same two weeks of weather come again."""

    rain_mm_h: Curve
    times: ReadingTimes
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
        return cls(Curve(tuple(hours)), ReadingTimes(interval_s), Battery.fitted(source))

    def sample(self, instant_s: float, index: int) -> Sample:
        """Rain since the epoch and in the last interval."""
        fallen_mm, before_mm = self._fallen_mm(instant_s), self._fallen_mm(self.times.before_s(instant_s))
        values = {"rain_mm": fallen_mm, "rain_interval_mm": shown(fallen_mm - before_mm, 10)}
        return Sample(values, health=self.battery.health(instant_s, index))

    def _fallen_mm(self, instant_s: float) -> float:
        return math.floor(self.rain_mm_h.integral(instant_s) / HOUR_S / 0.2) * 2 / 10


KINDS: Final = (
    DeviceKind("air", 0.30, AirStation.make),
    DeviceKind("parking", 0.30, ParkingBay.make),
    DeviceKind("light", 0.15, StreetLight.make),
    DeviceKind(
        "people", 0.15, PeopleCounter.make, (DeviceRegister("people_in_total", 1), DeviceRegister("people_out_total", 1))
    ),
    DeviceKind("rain", 0.10, RainGauge.make, (DeviceRegister("rain_mm", 0.1),)),
)
