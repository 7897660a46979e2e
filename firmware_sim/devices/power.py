"""Electricity: household meters, three-phase feeders, solar roofs.

Voltage, current, power factor and the three powers of a phase are one triangle, and the total is the sum of the phases; the
registers are the integral of the power.
"""

import random
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import accumulate
from math import fsum
from typing import Final

from firmware_sim.devices.source import DeviceKind, DeviceRegister, Sample, SensorValues, shown
from firmware_sim.devices.weather import roof_yield
from firmware_sim.physics.electricity import (
    Line,
    Load,
    ThreePhase,
    apparent_va,
    line_voltage_v,
    neutral_current_a,
    reactive_var,
    tariff,
    three_phase_at_load,
    voltage_at_load_v,
)
from firmware_sim.physics.shapes import LOAD
from firmware_sim.signals import EPOCH_S, SLOT_S, WEEK_S, Curve, Pulses, Signal, chance_at, noise_at

HOUSES: Final = Curve.of_means(LOAD)
KILOWATT_HOUR: Final = 3_600_000.0
PHASES: Final = ("l1", "l2", "l3")
NOMINAL_V: Final = 220.0
HIGHEST_LOAD: Final = 2.0
"""Against the mean; a table of voltages goes so far."""
LOAD_STEPS: Final = 8
LEAST_LOST, MOST_LOST = 0.06, 0.09
"""Share of what a feeder measures that warms wires."""
STEALING, STOLEN = 0.13, 0.14
"""The share of feeders behind which somebody steals, and what: so much of what the feeder measures."""
LOSS_DRAW, THEFT_DRAW = -1, -2
"""The numbers of a meter's draws; those from 0 on are half hours."""
SLOTS: Final = round(WEEK_S / SLOT_S)
SLOTS_A_DAY: Final = SLOTS // 7
TARIFFS: Final = ("energy_import_t1_kwh", "energy_import_t2_kwh", "energy_import_t3_kwh")
TARIFF_SHARES: Final = (0.5, 0.25, 0.25)
"""Of what a meter showed when it was put up."""


@dataclass(frozen=True, slots=True)
class Phase:
    """The power triangle of one phase, rounded as a meter shows it."""

    voltage_v: float
    current_a: float
    active_w: float
    reactive_var: float
    apparent_va: float

    @classmethod
    def of(cls, load: Load, voltage_v: float) -> "Phase":
        """The phase that draws ``load`` (feeds in, where negative) at ``voltage_v``."""
        apparent = apparent_va(load.active_w, load.reactive_var)
        return cls(
            voltage_v=shown(voltage_v, 10),
            current_a=shown(apparent / voltage_v, 1000),
            active_w=shown(load.active_w, 10),
            reactive_var=shown(load.reactive_var, 10),
            apparent_va=shown(apparent, 10),
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


def frequency_hz(draw: float) -> float:
    """The frequency of a grid that is controlled to 0.04 Hz."""
    return shown(50 + 0.04 * draw, 100)


@dataclass(frozen=True, slots=True)
class Household:
    """A single-phase meter: what runs all the time, and one appliance after the other that heats or turns.

    :ivar power_factor: of what runs all the time; what comes in pulses heats.
    :ivar line: from the transformer to the house.
    """

    key: int
    start_kwh: float
    load_w: Pulses
    power_factor: float
    line: Line

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "Household":
        """A household between a hut and a house with air conditioning."""
        key, start_kwh, mean_w = source.getrandbits(60), source.uniform(0, 30_000), source.uniform(90, 900)
        resistance = source.uniform(0.08, 0.30)
        return cls(
            key=key,
            start_kwh=start_kwh,
            load_w=Pulses(HOUSES, mean_w, key, steady=0.55, shortest=0.15, longest=0.6),
            power_factor=shown(source.uniform(0.86, 0.97), 1000),
            line=Line(resistance, 0.3 * resistance),
        )

    @property
    def mean_use(self) -> float:
        """The mean of what it measures, in W."""
        return self.load_w.scale

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """One phase, its total, the import register, the relay."""
        noise = noise_at(self.key, instant_s)
        (steady_w, pulse_w), energy = self.load_w.parts(instant_s)
        blurred = 1 + 0.01 * noise.first
        load = Load(blurred * (steady_w + pulse_w), blurred * reactive_var(steady_w, self.power_factor))
        station_v = 226 - 4 * HOUSES.at(instant_s) + 0.8 * noise.second
        phase = Phase.of(load, voltage_at_load_v(station_v, load, self.line))
        values = phase.values("l1") | {
            "active_power_w": phase.active_w,
            "power_factor": shown(load.active_w / apparent_va(*load), 1000),
            "frequency_hz": frequency_hz(noise.third),
            "energy_import_kwh": shown(self.start_kwh + energy / KILOWATT_HOUR, 1000),
            "relay_on": True,
        }
        return Sample(values)


@dataclass(frozen=True, slots=True)
class Feeder:
    """The meter at the end of a station's line: three phases that are not alike, and registers of three tariffs.

    :ivar lag: reactive power for each watt.
    :ivar voltages: at :data:`LOAD_STEPS` loads and none.
    :ivar roofs_w: what roofs behind it are rated, which feed in what it need not bring.
    """

    key: int
    start_kwh: float
    load_w: Signal
    shares: tuple[float, float, float]
    power_factor: float
    lag: float
    voltages: tuple[ThreePhase, ...] = field(repr=False)
    roofs_w: float = 0.0

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "Feeder":
        """A transformer of 50 to 400 kVA."""
        first, second = source.uniform(0.29, 0.37), source.uniform(0.29, 0.37)
        shares = (first, second, 1.0 - first - second)
        key, start_kwh, mean_w = source.getrandbits(60), source.uniform(0, 900_000), source.uniform(15_000, 160_000)
        power_factor = shown(source.uniform(0.88, 0.97), 1000)
        # Such a line that the highest evening takes 2 to 4 % of the voltage.
        resistance = source.uniform(0.02, 0.04) * NOMINAL_V**2 / (1.6 * mean_w / 3)
        return cls(
            key=key,
            start_kwh=start_kwh,
            load_w=Signal(HOUSES, mean_w, key, unrest=0.25 * min(LOAD)),
            shares=shares,
            power_factor=power_factor,
            lag=reactive_var(1.0, power_factor),
            voltages=_voltages(mean_w, shares, power_factor, Line(0.7 * resistance, 0.4 * resistance)),
        )

    def supplying(self, used_w: float, roofs_w: float = 0.0) -> "Feeder":
        """The meter before houses that use so much together: a part is lost in wires, and where somebody steals, more.

        The line is made for its load, so voltages are the same at the same share of the mean.
        """
        lost = LEAST_LOST + (MOST_LOST - LEAST_LOST) * chance_at(self.key, LOSS_DRAW)
        stolen = STOLEN if chance_at(self.key, THEFT_DRAW) < STEALING else 0.0
        return replace(self, load_w=replace(self.load_w, scale=used_w / (1 - lost - stolen)), roofs_w=roofs_w)

    @property
    def rated_power_va(self) -> float:
        """The power that the transformer is made for: more than the highest evening of a holiday draws."""
        return round(2.8 * self.load_w.scale / self.power_factor, -2)

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """Three phases, the sums, distortion, the energy registers."""
        noise = noise_at(self.key, instant_s)
        load_w, energy = self.load_w.read(instant_s)
        if self.roofs_w:
            sun = roof_yield().read(instant_s)
            load_w, energy = load_w - self.roofs_w * sun.rate, energy - self.roofs_w * sun.total
        shown_w = (1 + 0.005 * noise.first) * load_w
        values: SensorValues = {}
        phases = []
        for name, share, volt in zip(PHASES, self.shares, self._voltages_v(load_w / self.load_w.scale), strict=True):
            phase = Phase.of(Load(share * shown_w, share * shown_w * self.lag), volt + 0.6 * noise.second)
            phases.append(phase)
            values |= phase.values(name)
        one, two, three = phases
        imported_kwh = self.start_kwh + energy / KILOWATT_HOUR
        values |= {
            "voltage_l12_v": shown(line_voltage_v(one.voltage_v, two.voltage_v), 10),
            "voltage_l23_v": shown(line_voltage_v(two.voltage_v, three.voltage_v), 10),
            "voltage_l31_v": shown(line_voltage_v(three.voltage_v, one.voltage_v), 10),
            "current_n_a": shown(neutral_current_a(one.current_a, two.current_a, three.current_a), 1000),
            "active_power_w": shown(fsum((one.active_w, two.active_w, three.active_w)), 10),
            "reactive_power_var": shown(fsum((one.reactive_var, two.reactive_var, three.reactive_var)), 10),
            "apparent_power_va": shown(fsum((one.apparent_va, two.apparent_va, three.apparent_va)), 10),
            "power_factor": self.power_factor,
            "frequency_hz": frequency_hz(noise.third),
            "thd_voltage_l1_pct": shown(2.4 + 0.3 * noise.fourth, 100),
            "thd_current_l1_pct": shown(11.0 + 2.0 * noise.fifth, 100),
            "energy_import_kwh": shown(imported_kwh, 100),
            "reactive_energy_import_kvarh": shown(imported_kwh * self.lag, 100),
        }
        for name, energy_kwh in zip(TARIFFS, self._tariffs_kwh(instant_s, imported_kwh), strict=True):
            values[name] = shown(energy_kwh, 100)
        return Sample(values)

    def _tariffs_kwh(self, instant_s: float, imported_kwh: float) -> list[float]:
        """The registers T1, T2 and T3: what came in earlier half hours by their tariffs, and the rest by that of this one."""
        weeks, rest_s = divmod(max(instant_s - EPOCH_S, 0.0), WEEK_S)
        slot = int(rest_s / SLOT_S)
        sums = tariff_sums()
        scale_kwh = self.load_w.scale / KILOWATT_HOUR
        suns = sun_sums(int(weeks) * SLOTS + slot) if self.roofs_w else (0.0, 0.0, 0.0)
        found = [
            share * self.start_kwh + scale_kwh * (weeks * each[-1] + each[slot]) - self.roofs_w / KILOWATT_HOUR * sun
            for share, each, sun in zip(TARIFF_SHARES, sums, suns, strict=True)
        ]
        found[tariff(slot // SLOTS_A_DAY, slot % SLOTS_A_DAY)] += imported_kwh - fsum(found)
        return found

    def _voltages_v(self, load: float) -> tuple[float, float, float]:
        """The voltages at a load against its mean, between two that were solved."""
        into = min(load / HIGHEST_LOAD, 0.999) * LOAD_STEPS
        number = int(into)
        (one, two, three), (*following,) = self.voltages[number].voltages_v, self.voltages[number + 1].voltages_v
        into -= number
        return (one + (following[0] - one) * into, two + (following[1] - two) * into, three + (following[2] - three) * into)


def _voltages(mean_w: float, shares: tuple[float, float, float], power_factor: float, line: Line) -> tuple[ThreePhase, ...]:
    """The voltages at loads from none to the highest; the neutral is as thick as a phase."""
    return tuple(
        three_phase_at_load(NOMINAL_V + 3, _loads(HIGHEST_LOAD * step / LOAD_STEPS * mean_w, shares, power_factor), line, line)
        for step in range(LOAD_STEPS + 1)
    )


def _loads(total_w: float, shares: tuple[float, float, float], power_factor: float) -> tuple[Load, Load, Load]:
    one, two, three = (Load(share * total_w, reactive_var(share * total_w, power_factor)) for share in shares)
    return one, two, three


@cache
def tariff_sums() -> tuple[tuple[float, ...], ...]:
    """For each tariff what :data:`HOUSES` has added to its register before each half hour of a week, and at its end."""
    totals = [HOUSES.integral(EPOCH_S + slot * SLOT_S) for slot in range(SLOTS + 1)]
    counting = [tariff(slot // SLOTS_A_DAY, slot % SLOTS_A_DAY) for slot in range(SLOTS)]
    return tuple(
        tuple(accumulate((totals[n + 1] - totals[n] if counting[n] == number else 0.0 for n in range(SLOTS)), initial=0.0))
        for number in range(len(TARIFFS))
    )


@cache
def _sun_weeks(weeks: int) -> tuple[tuple[float, ...], ...]:
    """For each half hour of so many weeks since the epoch what a roof has fed in before it, by tariffs."""
    sums, before, found = [0.0, 0.0, 0.0], 0.0, [(0.0, 0.0, 0.0)]
    for slot in range(weeks * SLOTS):
        total = roof_yield().integral(EPOCH_S + (slot + 1) * SLOT_S)
        sums[tariff(slot // SLOTS_A_DAY % 7, slot % SLOTS_A_DAY)] += total - before
        before = total
        found.append((sums[0], sums[1], sums[2]))
    return tuple(found)


def sun_sums(slot: int) -> tuple[float, ...]:
    """For each tariff what a roof has fed in from the epoch to a half hour, against its rating; worked out a year at a time."""
    return _sun_weeks((slot // SLOTS // 52 + 1) * 52)[slot]


@dataclass(frozen=True, slots=True)
class SolarRoof:
    """The feed-in meter of a roof: power is negative, because + is import, and lifts the voltage."""

    key: int
    start_kwh: float
    yield_w: Signal
    line: Line

    @classmethod
    def make(cls, source: random.Random, _interval_s: float) -> "SolarRoof":
        """A roof of 3 to 20 kW."""
        key, start_kwh, rated_w = source.getrandbits(60), source.uniform(0, 20_000), source.uniform(3_000, 20_000)
        resistance = source.uniform(2.0, 5.0) * NOMINAL_V / rated_w
        return cls(key, start_kwh, Signal(roof_yield(), rated_w), Line(resistance, 0.3 * resistance))

    def rated_at_most(self, most_w: float) -> "SolarRoof":
        """The same roof, or a smaller one that suits the houses on its line; its wire is made for it."""
        size = min(most_w / self.yield_w.scale, 1.0)
        line = Line(self.line.resistance_ohm / size, self.line.reactance_ohm / size)
        return replace(self, yield_w=replace(self.yield_w, scale=self.yield_w.scale * size), line=line)

    def sample(self, instant_s: float, index: int) -> Sample:  # noqa: ARG002 - every reading is alike
        """One phase that feeds in, and the export register."""
        noise = noise_at(self.key, instant_s)
        yield_w, energy = self.yield_w.read(instant_s)
        load = Load(-(1 + 0.005 * noise.first) * yield_w, 0.0)
        phase = Phase.of(load, voltage_at_load_v(222 + 0.6 * noise.second, load, self.line))
        values = phase.values("l1") | {
            "active_power_w": phase.active_w,
            "frequency_hz": frequency_hz(noise.third),
            "energy_export_kwh": shown(self.start_kwh + energy / KILOWATT_HOUR, 1000),
        }
        return Sample(values)


KINDS: Final = (
    DeviceKind("house", 0.72, Household.make, (DeviceRegister("energy_import_kwh", 0.001),)),
    DeviceKind(
        "feeder",
        0.20,
        Feeder.make,
        (
            DeviceRegister("energy_import_kwh", 0.01),
            DeviceRegister("reactive_energy_import_kvarh", 0.01),
            *(DeviceRegister(name, 0.01) for name in TARIFFS),
        ),
    ),
    DeviceKind("solar", 0.08, SolarRoof.make, (DeviceRegister("energy_export_kwh", 0.001),)),
)
