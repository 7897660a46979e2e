"""Electricity: household meters, three-phase feeders, solar roofs.

Voltage, current, power factor and the three powers of a phase are one triangle, and the total is the sum of the phases; the
registers are the integral of the power.
"""

import math
import random
from dataclasses import dataclass
from typing import Final

from firmware_sim.devices.source import DeviceKind, DeviceRegister, Sample, SensorValues
from firmware_sim.signals import Curve, Signal, around, noise_at, rippled

LOAD: Final = Curve(
    (
        *(0.60, 0.52, 0.50, 0.48, 0.52, 0.68, 0.90, 0.95, 0.98, 1.05, 1.12, 1.10),
        *(1.00, 0.98, 1.02, 1.05, 1.10, 1.28, 1.58, 1.70, 1.58, 1.32, 1.00, 0.76),
    )
)
"""The load of a settlement over the day against its mean: lights, cooking and television make the evening."""

SUN: Final = Curve(
    (
        *(0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.06, 0.22, 0.44, 0.65, 0.82, 0.93),
        *(0.97, 0.92, 0.80, 0.62, 0.42, 0.20, 0.04, 0.00, 0.00, 0.00, 0.00, 0.00),
    )
)
"""What a roof yields over the day against its rating."""

KILOWATT_HOUR: Final = 3_600_000.0
PHASES: Final = ("l1", "l2", "l3")
NOMINAL_V: Final = 220.0


@dataclass(frozen=True, slots=True)
class Phase:
    """The power triangle of one phase, rounded as a meter shows it."""

    voltage_v: float
    current_a: float
    active_w: float
    reactive_var: float
    apparent_va: float

    @classmethod
    def of(cls, active_w: float, power_factor: float, voltage_v: float) -> "Phase":
        """The phase that draws ``active_w`` (feeds in, where negative) at ``power_factor`` and ``voltage_v``."""
        apparent_va = abs(active_w) / power_factor
        return cls(
            voltage_v=round(voltage_v, 1),
            current_a=round(apparent_va / voltage_v, 3),
            active_w=round(active_w, 1),
            reactive_var=round(math.sqrt(max(apparent_va**2 - active_w**2, 0.0)), 1),
            apparent_va=round(apparent_va, 1),
        )

    def values(self, phase: str) -> SensorValues:
        """Its quantities under the name of ``phase``."""
        return {
            f"voltage_{phase}_v": self.voltage_v,
            f"current_{phase}_a": self.current_a,
            f"active_power_{phase}_w": self.active_w,
            f"reactive_power_{phase}_var": self.reactive_var,
            f"apparent_power_{phase}_va": self.apparent_va,
        }


def line_voltage_v(one_v: float, other_v: float) -> float:
    """Between two phases a third of a turn apart."""
    return round(math.sqrt(one_v**2 + other_v**2 + one_v * other_v), 1)


def neutral_current_a(one_a: float, two_a: float, three_a: float) -> float:
    """The neutral current of three phase currents a third of a turn apart."""
    squares = one_a**2 + two_a**2 + three_a**2 - one_a * two_a - two_a * three_a - three_a * one_a
    return round(math.sqrt(max(squares, 0.0)), 3)


@dataclass(frozen=True, slots=True)
class Household:
    """A single-phase meter."""

    key: int
    start_kwh: float
    load_w: Signal
    power_factor: float

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "Household":
        """A household between a hut and a house with air conditioning."""
        return cls(
            key=source.getrandbits(60),
            start_kwh=source.uniform(0, 30_000),
            load_w=rippled(source, LOAD, source.uniform(90, 900)),
            power_factor=round(source.uniform(0.86, 0.99), 3),
        )

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """One phase, its total, the import register, the relay."""
        noise = noise_at(self.key, instant_s)
        load_w = self.load_w.at(instant_s)
        sag_v = 3.0 * load_w / self.load_w.scale
        phase = Phase.of(around(noise, 1.0, 0.01) * load_w, self.power_factor, around(noise, NOMINAL_V - sag_v, 0.8))
        values = phase.values("l1") | {
            "active_power_w": phase.active_w,
            "power_factor": self.power_factor,
            "frequency_hz": round(around(noise, 50.0, 0.04), 2),
            "energy_import_kwh": round(self.start_kwh + self.load_w.integral(instant_s) / KILOWATT_HOUR, 3),
            "relay_on": True,
        }
        return Sample(values)


@dataclass(frozen=True, slots=True)
class Feeder:
    """The meter of a transformer station: three phases, never quite balanced."""

    key: int
    start_kwh: float
    load_w: Signal
    shares: tuple[float, float, float]
    power_factor: float

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "Feeder":
        """A transformer of 50 to 400 kVA."""
        first, second = source.uniform(0.29, 0.37), source.uniform(0.29, 0.37)
        return cls(
            key=source.getrandbits(60),
            start_kwh=source.uniform(0, 900_000),
            load_w=rippled(source, LOAD, source.uniform(15_000, 160_000)),
            shares=(first, second, 1.0 - first - second),
            power_factor=round(source.uniform(0.88, 0.97), 3),
        )

    @property
    def rated_power_va(self) -> float:
        """The power that the transformer is made for: more than the highest evening of a holiday draws."""
        return round(2.8 * self.load_w.scale / self.power_factor, -2)

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """Three phases, the sums, distortion, both energy registers."""
        noise = noise_at(self.key, instant_s)
        load_w = self.load_w.at(instant_s)
        shown_w = around(noise, 1.0, 0.005) * load_w
        sag_v = 4.0 * load_w / self.load_w.scale
        phases = [
            Phase.of(share * shown_w, self.power_factor, around(noise, NOMINAL_V + 2 - sag_v, 0.8)) for share in self.shares
        ]
        imported_kwh = self.start_kwh + self.load_w.integral(instant_s) / KILOWATT_HOUR
        lag = math.tan(math.acos(self.power_factor))
        values: SensorValues = {}
        for name, phase in zip(PHASES, phases, strict=True):
            values |= phase.values(name)
        one, two, three = phases
        values |= {
            "voltage_l12_v": line_voltage_v(one.voltage_v, two.voltage_v),
            "voltage_l23_v": line_voltage_v(two.voltage_v, three.voltage_v),
            "voltage_l31_v": line_voltage_v(three.voltage_v, one.voltage_v),
            "current_n_a": neutral_current_a(one.current_a, two.current_a, three.current_a),
            "active_power_w": round(math.fsum(phase.active_w for phase in phases), 1),
            "reactive_power_var": round(math.fsum(phase.reactive_var for phase in phases), 1),
            "apparent_power_va": round(math.fsum(phase.apparent_va for phase in phases), 1),
            "power_factor": self.power_factor,
            "frequency_hz": round(around(noise, 50.0, 0.04), 2),
            "thd_voltage_l1_pct": round(around(noise, 2.4, 0.3), 2),
            "thd_current_l1_pct": round(around(noise, 11.0, 2.0), 2),
            "energy_import_kwh": round(imported_kwh, 2),
            "reactive_energy_import_kvarh": round(imported_kwh * lag, 2),
        }
        return Sample(values)


@dataclass(frozen=True, slots=True)
class SolarRoof:
    """The feed-in meter of a roof: power is negative, because + is import."""

    key: int
    start_kwh: float
    yield_w: Signal

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "SolarRoof":
        """A roof of 3 to 20 kW."""
        return cls(source.getrandbits(60), source.uniform(0, 20_000), Signal(SUN, source.uniform(3_000, 20_000)))

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """One phase that feeds in, and the export register."""
        noise = noise_at(self.key, instant_s)
        yield_w = self.yield_w.at(instant_s)
        lift_v = 6.0 * yield_w / self.yield_w.scale
        phase = Phase.of(-around(noise, 1.0, 0.005) * yield_w, 1.0, around(noise, NOMINAL_V + lift_v, 0.6))
        values = phase.values("l1") | {
            "active_power_w": phase.active_w,
            "frequency_hz": round(around(noise, 50.0, 0.04), 2),
            "energy_export_kwh": round(self.start_kwh + self.yield_w.integral(instant_s) / KILOWATT_HOUR, 3),
        }
        return Sample(values)


KINDS: Final = (
    DeviceKind("house", 0.72, Household.make, (DeviceRegister("energy_import_kwh", 0.001),)),
    DeviceKind(
        "feeder",
        0.20,
        Feeder.make,
        (DeviceRegister("energy_import_kwh", 0.01), DeviceRegister("reactive_energy_import_kvarh", 0.01)),
    ),
    DeviceKind("solar", 0.08, SolarRoof.make, (DeviceRegister("energy_export_kwh", 0.001),)),
)
