"""Shelly of the second generation: the status of a component as JSON, and notifications of RPC (Shelly API, Gen2).

A status has no time, a notification has ``params.ts`` in seconds. Energies are watt-hours.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.json_makers import one_point, renamed, single
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import MakerReading, WholeSteps, rounded
from firmware_sim.wire.message import WireMessage
from firmware_sim.wire.presence import BrokerPresence

LETTERS: Final = {"a": 1, "b": 2, "c": 3}
PHASE_NAMES: Final = {
    f"{letter}_{name}": field.format(phase)
    for letter, phase in LETTERS.items()
    for name, field in (
        ("current", "current_l{}_a"),
        ("voltage", "voltage_l{}_v"),
        ("act_power", "active_power_l{}_w"),
        ("aprt_power", "apparent_power_l{}_va"),
        ("pf", "power_factor_l{}"),
    )
}
EM_NAMES: Final = PHASE_NAMES | {
    "n_current": "current_n_a",
    "total_act_power": "active_power_w",
    "total_aprt_power": "apparent_power_va",
    "a_freq": "frequency_hz",
}
SWITCH_NAMES: Final = {
    "output": "relay_on",
    "apower": "active_power_w",
    "voltage": "voltage_l1_v",
    "current": "current_l1_a",
    "freq": "frequency_hz",
}
ENERGY_NAMES: Final = {"total_act": "energy_import_kwh", "total_act_ret": "energy_export_kwh"}
MILLIWATT_HOURS: Final = 1_000_000
WATT_HOUR: Final = 1000


def _digits(names: Mapping[str, str]) -> dict[str, int]:
    """Decimals of a status: currents 3, power and voltage 1, the rest 2."""
    usual = {"a": 3, "w": 1, "v": 1}
    return {field: usual.get(field.rpartition("_")[2], 2) for field in names.values()}


def _part(values: SensorValues, names: Mapping[str, str]) -> tuple[dict[str, Any], SensorValues]:
    """A component's numbers and what they carry."""
    carried = rounded(values, _digits(names))
    return {"id": 0} | renamed(carried, names), carried


def _energies(values: SensorValues, names: Mapping[str, str]) -> tuple[dict[str, Any], SensorValues]:
    """Registers in watt-hours, with three decimals."""
    carried, document = SensorValues(), {}
    for theirs, ours in names.items():
        if ours in values:
            steps = WholeSteps(ours, MILLIWATT_HOURS)
            whole = steps.whole(values[ours])
            carried[ours], document[theirs] = steps.carried(whole), float(Fraction(whole, MILLIWATT_HOURS // WATT_HOUR))
    return {"id": 0} | document, carried


def em(reading: MakerReading) -> WireMessage:
    """The status of three phases."""
    document, carried = _part(reading.values, EM_NAMES)
    return one_point(f"{reading.name}/status/em:0", document, "power", carried, None)


def emdata(reading: MakerReading) -> WireMessage:
    """The registers of three phases."""
    document, carried = _energies(reading.values, ENERGY_NAMES)
    return one_point(f"{reading.name}/status/emdata:0", document, "power", carried, None)


def channel(reading: MakerReading) -> WireMessage:
    """A switch with a meter."""
    document, carried = _part(reading.values, SWITCH_NAMES)
    energy, registers = _energies(reading.values, {"total": "energy_import_kwh"})
    document["aenergy"] = {"total": energy["total"]}
    return one_point(f"{reading.name}/status/switch:0", document, "power", carried | registers, None, channel="0")


def rpc(reading: MakerReading) -> WireMessage:
    """A notification with the status and the registers of three phases."""
    status, carried = _part(reading.values, EM_NAMES)
    energy, registers = _energies(reading.values, ENERGY_NAMES)
    document = {
        "src": reading.name,
        "dst": f"{reading.name}/events",
        "method": "NotifyStatus",
        "params": {"ts": reading.time_ms / 1000, "em:0": status, "emdata:0": energy},
    }
    return one_point(f"{reading.name}/events/rpc", document, "power", carried | registers, reading.time_ms)


def presence(name: str) -> BrokerPresence:
    """The word of a Shelly of the second generation, and its last will."""
    return BrokerPresence(f"{name}/online", b"true", b"false")


JSON: Final = "Shelly JSON"

SHELLY_GEN2: Final = (
    Maker("shelly-gen2-channel", "power", ("power-house",), JSON, single(channel), clock_ms=0, presence=presence),
    Maker("shelly-gen2-em", "power", ("power-feeder",), JSON, single(em), clock_ms=0, presence=presence),
    Maker("shelly-gen2-emdata", "power", ("power-feeder",), JSON, single(emdata), clock_ms=0, presence=presence),
    Maker(
        "shelly-gen2-rpc",
        "power",
        ("power-feeder",),
        JSON,
        single(rpc),
        registers={"energy_import_kwh": 0.01},
        presence=presence,
    ),
)
