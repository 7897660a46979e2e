"""The bench of a played device: its sensors, with what a person sets or breaks. Pure: the time goes in.

The device's own sensors (:mod:`firmware_sim.devices`) give every value that nobody touches. A register is the integral of its
gauge from the moment the device is switched on, so that it follows the knob.
"""

import math
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from firmware_sim.devices.source import DeviceRegister, Sample, Sensors, SensorValue, SensorValues
from firmware_sim.devices.traffic import BOTTLENECK, MEAN_UNITS
from firmware_sim.physics.hydraulics import leak_m3_h, pressure_kpa
from firmware_sim.physics.traffic import RoadLane
from firmware_sim.technician.controls import BURST, KNOBS, LEAK, PHASE_LOST, REVERSE, Knob

HOUR_S: Final = 3600.0
KILOWATT_HOUR_WS: Final = 3_600_000.0
VEHICLES_H: Final = "vehicles_h"
"""Not sent: the flow of traffic, of which the count is the integral."""

RATES: Final[Mapping[str, tuple[str, float]]] = {
    "volume_m3": ("flow_m3_h", 1 / HOUR_S),
    "volume_reverse_m3": ("flow_m3_h", -1 / HOUR_S),
    "energy_import_kwh": ("active_power_w", 1 / KILOWATT_HOUR_WS),
    "energy_export_kwh": ("active_power_w", -1 / KILOWATT_HOUR_WS),
    "reactive_energy_import_kvarh": ("reactive_power_var", 1 / KILOWATT_HOUR_WS),
    "vehicle_count_total": (VEHICLES_H, 1 / HOUR_S),
}
"""Register → the gauge that it integrates, and what one of the gauge's unit adds in a second; a register never falls."""

OPPOSITE: Final = {"volume_reverse_m3": "volume_m3", "energy_export_kwh": "energy_import_kwh"}
"""Register → the one that stands still meanwhile, whose resolution it has."""

USUAL_KPA: Final = 300.0
KPA_PER_M: Final = pressure_kpa(1.0)
LEAK_SHARE: Final = 0.35
BURST_FLOWS: Final = 5.0
BURST_PRESSURE: Final = 0.35
LEAST_LEAK_M3_H: Final = 0.2
LANE: Final = RoadLane(free_km_h=45.0)
"""The lane whose traffic a person sets."""
LONGEST_COUNT_S: Final = 86_400


@dataclass(slots=True)
class Bench:
    """Sensors, knobs and what is broken.

    :ivar set_to: knob → the value that a person set.
    :ivar broken: conditions that hold.
    """

    domain: str
    source: Sensors
    registers: tuple[DeviceRegister, ...]
    began_s: float
    set_to: dict[str, float] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    start: Sample = field(init=False)
    _at_s: float = field(init=False)
    _totals: dict[str, float] = field(init=False)
    _counted: float = field(init=False)
    _counted_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.source.sample(self.began_s, 0)
        values = self.start.values
        self._at_s = self._counted_s = self.began_s
        self._totals = {
            register: float(values.get(register, 0.0))
            for register in RATES
            if register in values or OPPOSITE.get(register, "-") in values
        }
        self._counted = self._totals.get("vehicle_count_total", 0.0)

    @property
    def knobs(self) -> tuple[Knob, ...]:
        """Those that this device has."""
        return tuple(knob for knob in KNOBS[self.domain] if knob.field in self.start.values)

    @property
    def positions(self) -> dict[str, float]:
        """Knob → its value at the start, as the sensors show it."""
        values = self.start.values
        return {
            knob.name: round(_vehicles_h(values)) if knob.field == "vehicle_count" else float(values[knob.field])
            for knob in self.knobs
        }

    def measure(self, instant_s: float) -> Sample:
        """Read the sensors at ``instant_s``, not before the last time; the registers go on."""
        sample = self.source.sample(instant_s, 0)
        values = _PHYSICS[self.domain](dict(sample.values), self.set_to, self.broken)
        self._integrate(values, instant_s)
        if VEHICLES_H in values:
            self._count(values, instant_s)
        return Sample(values, sample.tags, sample.health)

    def sent(self) -> None:
        """Begin a new count: the one before has been sent."""
        self._counted, self._counted_s = math.floor(self._totals.get("vehicle_count_total", 0.0)), self._at_s

    def _integrate(self, values: SensorValues, instant_s: float) -> None:
        passed_s, self._at_s = max(instant_s - self._at_s, 0.0), max(instant_s, self._at_s)
        for register, total in self._totals.items():
            gauge, per_unit = RATES[register]
            self._totals[register] = total + max(values.get(gauge, 0.0) * per_unit, 0.0) * passed_s
            if register in values or self._totals[register]:
                values[register] = self._shown(register)

    def _shown(self, register: str) -> SensorValue:
        kinds = {each.field: each for each in self.registers}
        kind = kinds.get(register) or kinds.get(OPPOSITE.get(register, ""))
        total = self._totals[register]
        return kind.shown(total) if kind is not None else round(total, 3)

    def _count(self, values: SensorValues, instant_s: float) -> None:
        del values[VEHICLES_H]
        counted_s = round(instant_s - self._counted_s)
        values["vehicle_count"] = math.floor(self._totals["vehicle_count_total"]) - math.floor(self._counted)
        values["interval_s"] = min(max(counted_s, 1), LONGEST_COUNT_S)


def hole_m3_h(usual_m3_h: float, kpa: float) -> float:
    """The flow out of a hole that lets a third of the usual flow through at 300 kPa."""
    at_usual_m3_h = max(LEAK_SHARE * usual_m3_h, LEAST_LEAK_M3_H)
    coefficient = at_usual_m3_h / leak_m3_h(1.0, USUAL_KPA / KPA_PER_M)
    return leak_m3_h(coefficient, kpa / KPA_PER_M)


def _water(values: SensorValues, set_to: Mapping[str, float], broken: AbstractSet[str]) -> SensorValues:
    """Leak and burst add to the flow; a burst takes two thirds of the pressure; reverse turns the flow round."""
    for name, key in (("pressure", "pressure_kpa"), ("level", "level_m")):
        if name in set_to:
            values[key] = set_to[name]
    if "flow_m3_h" not in values:
        return values
    usual_m3_h = set_to.get("flow", values["flow_m3_h"])
    kpa = values.get("pressure_kpa", USUAL_KPA) * (BURST_PRESSURE if BURST in broken else 1.0)
    flow_m3_h = usual_m3_h
    flow_m3_h += hole_m3_h(usual_m3_h, kpa) if LEAK in broken else 0.0
    flow_m3_h += max(BURST_FLOWS * usual_m3_h, LEAST_LEAK_M3_H) if BURST in broken else 0.0
    values["flow_m3_h"] = round(-flow_m3_h if REVERSE in broken else flow_m3_h, 4)
    if "pressure_kpa" in values:
        values["pressure_kpa"] = round(kpa, 1)
    values |= {"alarm_leak": LEAK in broken, "alarm_burst": BURST in broken, "alarm_backflow": REVERSE in broken}
    return values


_POWERS: Final = ("active_power_", "reactive_power_", "apparent_power_", "current_")


def _power(values: SensorValues, set_to: Mapping[str, float], broken: AbstractSet[str]) -> SensorValues:
    """All powers and currents follow the load; a phase that is lost has none; reverse feeds in."""
    load_w = float(values.get("active_power_w", 0.0))
    load = set_to["load"] / load_w if "load" in set_to and load_w else 1.0
    raised = set_to["voltage"] / float(values["voltage_l1_v"]) if "voltage" in set_to else 1.0
    for key in values:
        if key.startswith(_POWERS):
            turned = -1 if REVERSE in broken and key.startswith("active_power_") else 1
            values[key] = round(values[key] * load * turned, 3)
        elif key.startswith("voltage_"):
            values[key] = round(values[key] * raised, 1)
    if PHASE_LOST in broken:
        _lose_phase(values)
    values["alarm_phase"] = PHASE_LOST in broken
    return values


def _lose_phase(values: SensorValues) -> None:
    """The middle phase of three, or the only one, has no voltage: what it carried is missing in the totals."""
    lost = "l2" if "voltage_l2_v" in values else "l1"
    for power in ("active_power_{}w", "reactive_power_{}var", "apparent_power_{}va"):
        total, part = power.format(""), power.format(f"{lost}_")
        if total in values:
            values[total] = round(values[total] - values.get(part, 0.0), 3)
    for key in values:
        if f"_{lost}_" in key and not key.startswith("thd_"):
            values[key] = 0.0
    for pair, left in (("voltage_l12_v", "voltage_l1_v"), ("voltage_l23_v", "voltage_l3_v")):
        if pair in values:
            values[pair] = values[left]


def _vehicles_h(values: Mapping[str, SensorValue]) -> float:
    return float(values["vehicle_count"]) * HOUR_S / float(values["interval_s"])


def _traffic(values: SensorValues, set_to: Mapping[str, float], _broken: AbstractSet[str]) -> SensorValues:
    """Vehicles an hour; more than the lane carries is a queue, out of which less passes, slowly."""
    if "vehicle_count" not in values:
        return values
    vehicles_h = set_to.get("traffic", _vehicles_h(values))
    if "traffic" in set_to:
        cars_h = vehicles_h * MEAN_UNITS
        is_queued = cars_h > LANE.capacity_cars_h
        flow = LANE.queued(BOTTLENECK * LANE.capacity_cars_h) if is_queued else LANE.free(cars_h)
        vehicles_h = flow.cars_h / MEAN_UNITS
        values |= {
            "occupancy_pct": round(flow.occupancy_pct, 1),
            "congested": is_queued,
            "mean_headway_s": round(min(HOUR_S / vehicles_h, HOUR_S), 1) if vehicles_h else HOUR_S,
        }
        if vehicles_h:
            values["mean_speed_km_h"] = round(flow.speed_km_h, 1)
    values[VEHICLES_H] = vehicles_h
    return values


def _urban(values: SensorValues, set_to: Mapping[str, float], _broken: AbstractSet[str]) -> SensorValues:
    """Each knob shows in its own quantity."""
    for knob in KNOBS["urban"]:
        if knob.name in set_to and knob.field in values:
            values[knob.field] = set_to[knob.name]
    if "light_level_pct" in values and "light" in set_to:
        values["light_on"] = set_to["light"] > 0
    return values


_PHYSICS: Final[Mapping[str, Callable[[SensorValues, Mapping[str, float], AbstractSet[str]], SensorValues]]] = {
    "water": _water,
    "power": _power,
    "traffic": _traffic,
    "urban": _urban,
}
