"""Water: customer meters, district meters, reservoirs and quality stations."""

import random
from dataclasses import dataclass, replace
from functools import cache
from math import fsum
from typing import Final

from firmware_sim.devices.source import Battery, DeviceKind, DeviceRegister, Sample, shown
from firmware_sim.physics.hydraulics import (
    DIAMETER_EXPONENT,
    FLOW_EXPONENT,
    Pipe,
    chlorine_left,
    head_loss_m,
    level_after_m,
    oxygen_mg_l,
    pressure_kpa,
)
from firmware_sim.physics.network import Junction, Leak, Network, PipeBetween, solve
from firmware_sim.physics.shapes import DISTRICT_INFLOW, WATER_USE
from firmware_sim.signals import (
    DAY_S,
    EPOCH_S,
    HOUR_S,
    WEEK_S,
    Curve,
    Pulses,
    Signal,
    chance_at,
    clamp,
    local_s,
    noise_at,
    rippled,
)

USE: Final = Curve.of_means(WATER_USE)
TOWN: Final = Curve.of_means(DISTRICT_INFLOW)
LEAKING: Final = 0.03
"""The share of house meters whose water has not stood still for a day."""
DAYLIGHT_WARMTH: Final = Curve((-1.0, -0.6, 0.4, 1.0, 0.6, -0.4), step_s=DAY_S / 6)

PUMP_HOURS: Final = frozenset({0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 22, 23})
"""The pump of a tank runs when electricity is cheap, and over noon."""
DEMAND_STEPS: Final = 12
"""A district is solved for so many demands; between them lies a straight line."""
HIGHEST_DEMAND: Final = 2.0
UNREST: Final = 0.2
"""The waves of a district's inflow take at most so much of the lowest."""
LEAST_LOST, MOST_LOST = 0.12, 0.22
"""Share of the inflow that leaks, where each house has a meter."""
LOSS_DRAW: Final = -1
"""The number of a meter's draw for what is lost behind it; numbers from 0 on are half hours."""
AERATED: Final = 0.95
"""Oxygen in water that has run over steps, against what it can hold."""
DECAY_PER_DAY: Final = 0.9
"""Chlorine decays so fast in clean water at 20 °C: 0.2 to 1.5 (Powell et al. 2000)."""
CHAMBER_C: Final = 22.0
PLANT_AGE_H: Final = 5.0
"""Hours between dosing and the plant's outlet at mean demand."""


@dataclass(frozen=True, slots=True)
class CustomerMeter:
    """A house's meter: volume in litres, what flows, whether it has not stood still for a day."""

    key: int
    start_m3: float
    flow: Pulses
    leaks: bool
    warmth_c: float
    battery: Battery

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "CustomerMeter":
        """A household of two to nine: taps run for two to ten minutes in a half hour, a cistern fills between."""
        key = source.getrandbits(60)
        return cls(
            key=key,
            start_m3=source.uniform(0, 4_000),
            flow=Pulses(USE, source.uniform(0.012, 0.06), key, steady=0.2, shortest=0.07, longest=0.33),
            leaks=source.random() < LEAKING,
            warmth_c=source.uniform(17, 24),
            battery=Battery.fitted(source),
        )

    @property
    def mean_use(self) -> float:
        """The mean of what it measures, in m³/h."""
        return self.flow.scale

    def sample(self, instant_s: float, index: int) -> Sample:
        """Volume, flow, water temperature, leak alarm."""
        noise = noise_at(self.key, instant_s)
        flow_m3_h, volume = self.flow.read(instant_s)
        values = {
            "volume_m3": shown(self.start_m3 + volume / HOUR_S, 1000),
            "flow_m3_h": shown((1 + 0.01 * noise.first) * flow_m3_h, 10_000),
            "temperature_c": shown(self.warmth_c + DAYLIGHT_WARMTH.at(instant_s) + 0.1 * noise.second, 10),
            "alarm_leak": self.leaks,
        }
        return Sample(values, health=self.battery.health(instant_s, index))


@dataclass(frozen=True, slots=True)
class DistrictMeter:
    """The inflow of a supply district: what people use, what leaks, and the pressure that falls as the flow rises.

    :ivar head_m: of the tank that feeds it, above the meter.
    :ivar resistance: of the main to the meter, for cubic metres a second.
    """

    key: int
    start_m3: float
    flow: Signal
    head_m: float
    resistance: float

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "DistrictMeter":
        """A district of some hundred houses; a third to a half of its inflow leaks."""
        key, start_m3 = source.getrandbits(60), source.uniform(0, 500_000)
        inflow_m3_h, head_m, lost_m = source.uniform(8, 80), source.uniform(32, 63), source.uniform(2.0, 6.0)
        used_m3_h = inflow_m3_h * source.uniform(0.38, 0.50)
        resistance = lost_m / head_loss_m(1.0, inflow_m3_h / HOUR_S)
        leak = Leak((inflow_m3_h - used_m3_h) / (head_m - lost_m) ** 0.5)
        inflow = _inflow(used_m3_h, leak, head_m, resistance)
        return cls(key, start_m3, rippled(source, inflow, 1.0, unrest=UNREST), head_m, resistance)

    def supplying(self, used_m3_h: float) -> "DistrictMeter":
        """The meter of a district in which each house has one, which use so much together: a tenth to a quarter leaks.

        A network of so many times the flow has the same heads where its pipes resist so many times less.
        """
        lost = LEAST_LOST + (MOST_LOST - LEAST_LOST) * chance_at(self.key, LOSS_DRAW)
        inflow_m3_h = self.flow.curve.integral(EPOCH_S + WEEK_S) / WEEK_S
        resistance = self.resistance * self.flow.scale**FLOW_EXPONENT
        head_m = self.head_m - head_loss_m(resistance, inflow_m3_h / HOUR_S)
        inflow = _inflow((1 - lost) * inflow_m3_h, Leak(lost * inflow_m3_h / head_m**0.5), self.head_m, resistance)
        size = used_m3_h / ((1 - lost) * inflow_m3_h)
        wave = UNREST * min(inflow.values) / 2
        flow = Signal(inflow, size, self.flow.key, wave, wave)
        return replace(self, flow=flow, resistance=resistance / size**FLOW_EXPONENT)

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """Volume, flow, pressure, warmth of its chamber."""
        noise = noise_at(self.key, instant_s)
        flow_m3_h, volume = self.flow.read(instant_s)
        head_m = self.head_m - head_loss_m(self.resistance, flow_m3_h / HOUR_S)
        values = {
            "volume_m3": shown(self.start_m3 + volume / HOUR_S, 1000),
            "flow_m3_h": shown((1 + 0.01 * noise.first) * flow_m3_h, 1000),
            "pressure_kpa": shown(pressure_kpa(head_m) + 1.5 * noise.second, 10),
            "ambient_temperature_c": shown(CHAMBER_C + DAYLIGHT_WARMTH.at(instant_s) + 0.1 * noise.third, 10),
        }
        return Sample(values)


def _inflow(used_m3_h: float, leak: Leak, head_m: float, resistance: float) -> Curve:
    """Inflow of a district in each hour of a week: a network of a main, a junction where people draw, and its leak.

    At night the pressure is high and it leaks most.
    """
    length_m, roughness = 1000.0, 130.0
    diameter_m = (Pipe(length_m, 1.0, roughness).resistance / resistance) ** (1 / DIAMETER_EXPONENT)
    network = Network(
        {"district": Junction(0.0, used_m3_h, leak)}, [PipeBetween("tank", "district", Pipe(length_m, diameter_m, roughness))]
    )
    step = HIGHEST_DEMAND / DEMAND_STEPS
    found = [solve(network, {"tank": head_m}, step * number).flows_m3_h[0] for number in range(DEMAND_STEPS + 1)]
    inflow = []
    for share in WATER_USE:
        into = share / step
        number = int(into)
        inflow.append(round(found[number] + (found[number + 1] - found[number]) * (into - number), 4))
    return Curve.of_means(tuple(inflow))


@cache
def tank_levels() -> Curve:
    """The level of a tank over a week, between 0 and 1: what the pump brings less what the town draws.

    The pump brings as much in a week as is drawn, so the level at the end is that at the beginning.
    """
    pumping = [hour % 24 in PUMP_HOURS for hour in range(len(DISTRICT_INFLOW))]
    brought = fsum(DISTRICT_INFLOW) / pumping.count(True)
    levels = [0.0]
    for runs, out in zip(pumping, DISTRICT_INFLOW, strict=True):
        levels.append(level_after_m(levels[-1], brought * runs, out, area_m2=1.0, hours=1.0))
    lowest, highest = min(levels), max(levels)
    return Curve(tuple(round((level - lowest) / (highest - lowest), 6) for level in levels[:-1]))


@dataclass(frozen=True, slots=True)
class Reservoir:
    """A tank on a hill with its pump.

    :ivar lowest: how full it is at its lowest; ``swing``: how much more at its highest.
    """

    key: int
    height_m: float
    lowest: float
    swing: float

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "Reservoir":
        """A tank of two to six metres."""
        return cls(source.getrandbits(60), source.uniform(2.0, 6.0), source.uniform(0.26, 0.34), source.uniform(0.40, 0.56))

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """Level, how full, the sensor's distance from the surface, whether the pump fills it."""
        filled = self.lowest + self.swing * tank_levels().at(instant_s)
        level_m = shown(filled * self.height_m + 0.004 * noise_at(self.key, instant_s).first, 1000)
        values = {
            "level_m": level_m,
            "fill_pct": shown(100 * level_m / self.height_m, 10),
            "distance_m": shown(self.height_m + 0.4 - level_m, 1000),
            "pump_on": local_s(instant_s) // HOUR_S % 24 in PUMP_HOURS,
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
            chlorine_mg_l=source.uniform(0.46, 0.95),
            conductivity_us_cm=source.uniform(120, 420),
            turbidity=rippled(source, Curve((1.0, 1.3, 1.1, 0.9), step_s=DAY_S), source.uniform(0.3, 0.9)),
        )

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """The usual set of a drinking-water probe."""
        noise = noise_at(self.key, instant_s)
        chlorine_mg_l = self.chlorine_mg_l * chlorine_left(DECAY_PER_DAY, PLANT_AGE_H / TOWN.at(instant_s))
        warmth_c = 19.5 + DAYLIGHT_WARMTH.at(instant_s)
        values = {
            "ph": shown(7.25 + 0.06 * noise.first, 100),
            "chlorine_mg_l": shown(clamp(chlorine_mg_l + 0.02 * noise.second, 0.0, 20.0), 100),
            "turbidity_ntu": shown((1 + 0.03 * noise.third) * self.turbidity.at(instant_s), 1000),
            "conductivity_us_cm": shown(self.conductivity_us_cm + 2 * noise.fourth, 10),
            "temperature_c": shown(warmth_c + 0.1 * noise.fifth, 10),
            "dissolved_oxygen_mg_l": shown(AERATED * oxygen_mg_l(warmth_c) + 0.05 * noise.fourth, 100),
            "orp_mv": round(650 + 8 * noise.first),
        }
        return Sample(values)


KINDS: Final = (
    DeviceKind("meter", 0.70, CustomerMeter.make, (DeviceRegister("volume_m3", 0.001),)),
    DeviceKind("district", 0.15, DistrictMeter.make, (DeviceRegister("volume_m3", 0.001),)),
    DeviceKind("reservoir", 0.08, Reservoir.make),
    DeviceKind("quality", 0.07, QualityStation.make),
)
