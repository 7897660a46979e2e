"""Tasmota with an energy monitor: telemetry of the driver ENERGY on ``tele/NAME/SENSOR`` (Tasmota documentation, MQTT).

Its decimals are those of the settings VoltRes 2, WattRes 1, AmpRes 3, EnergyRes 3. Time is local and has no zone. A meter with
three phases writes lists.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.json_makers import one_point, renamed, single
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import SECOND_MS, MakerReading, rounded
from firmware_sim.wire.message import WireMessage
from firmware_sim.wire.presence import BrokerPresence

ZONE: Final = timedelta(hours=7)
PHASES: Final = (1, 2, 3)
DIGITS: Final = {
    "energy_import_kwh": 3,
    "energy_import_t1_kwh": 3,
    "energy_import_t2_kwh": 3,
    "active_power_w": 1,
    "apparent_power_va": 1,
    "reactive_power_var": 1,
    "power_factor": 2,
    "frequency_hz": 2,
    "voltage_l1_v": 2,
    "current_l1_a": 3,
}
NAMES: Final = {
    "Total": "energy_import_kwh",
    "Power": "active_power_w",
    "ApparentPower": "apparent_power_va",
    "ReactivePower": "reactive_power_var",
    "Factor": "power_factor",
    "Frequency": "frequency_hz",
    "Voltage": "voltage_l1_v",
    "Current": "current_l1_a",
}
LISTS: Final = {"Power": ("active_power_l{}_w", 1), "Voltage": ("voltage_l{}_v", 2), "Current": ("current_l{}_a", 3)}


def tasmota_energy(reading: MakerReading) -> WireMessage:
    """A telemetry message of one phase or three."""
    values = reading.with_totals
    is_three_phase = "voltage_l3_v" in values
    energy, carried = _three_phases(values) if is_three_phase else _one_phase(values)
    local = (datetime.fromtimestamp(reading.second_ms / SECOND_MS, UTC) + ZONE).strftime("%Y-%m-%dT%H:%M:%S")
    document = {"Time": local, "ENERGY": {"TotalStartTime": "2026-01-05T08:10:00"} | energy}
    return one_point(f"tele/{reading.name}/SENSOR", document, "power", carried, reading.second_ms)


def _one_phase(values: SensorValues) -> tuple[dict[str, Any], SensorValues]:
    carried = rounded(values, DIGITS)
    energy = renamed(carried, NAMES)
    tariffs = [carried[name] for name in ("energy_import_t1_kwh", "energy_import_t2_kwh") if name in carried]
    return energy | ({"TotalTariff": tariffs} if tariffs else {}), carried


def _three_phases(values: SensorValues) -> tuple[dict[str, Any], SensorValues]:
    carried = rounded(values, {"energy_import_kwh": 3})
    energy = renamed(carried, {"Total": "energy_import_kwh"})
    for name, (pattern, digits) in LISTS.items():
        phases = rounded(values, {pattern.format(phase): digits for phase in PHASES})
        carried |= phases
        energy[name] = list(phases.values())
    return energy, carried


def presence(name: str) -> BrokerPresence:
    """Tasmota's last will."""
    return BrokerPresence(f"tele/{name}/LWT", b"Online", b"Offline")


TASMOTA: Final = (
    Maker(
        "tasmota-energy",
        "power",
        ("power-house",),
        "Tasmota JSON",
        single(tasmota_energy),
        clock_ms=SECOND_MS,
        registers={"energy_import_kwh": 0.001},
        presence=presence,
    ),
)
