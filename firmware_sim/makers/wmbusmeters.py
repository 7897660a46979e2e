"""wmbusmeters: a wireless M-Bus telegram as JSON on ``wmbusmeters/NAME``; the number on the meter is ``id``.

Field names are those of its drivers ``kamwater`` and ``amiplus``; ``timestamp`` is the receiver's, in seconds.
"""

import random
from datetime import UTC, datetime
from typing import Any, Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.json_makers import one_point, renamed, single
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import SECOND_MS, MakerReading, rounded, states
from firmware_sim.wire.message import WireMessage

WATER_DIGITS: Final = {"volume_m3": 3, "temperature_c": 0, "ambient_temperature_c": 0}
WATER_NAMES: Final = {
    "total_m3": "volume_m3",
    "flow_temperature_c": "temperature_c",
    "external_temperature_c": "ambient_temperature_c",
}
STATUS_WORDS: Final = {
    "alarm_empty_pipe": "DRY",
    "alarm_backflow": "REVERSED",
    "alarm_leak": "LEAK",
    "alarm_burst": "BURST",
}
ENERGY_DIGITS: Final = {"energy_import_kwh": 3, "energy_export_kwh": 3}
ENERGY_NAMES: Final = {
    "total_energy_consumption_kwh": "energy_import_kwh",
    "total_energy_production_kwh": "energy_export_kwh",
}
VOLTAGES: Final = {f"voltage_at_phase_{phase}_v": f"voltage_l{phase}_v" for phase in (1, 2, 3)}
WATTS: Final = 1000


def water(reading: MakerReading) -> WireMessage:
    """A cold water meter with its status words."""
    carried = rounded(reading.values, WATER_DIGITS)
    alarms = states(reading.values, STATUS_WORDS)
    status = " ".join(word for name, word in STATUS_WORDS.items() if alarms[name]) or "OK"
    document = {"media": "cold water", "meter": "kamwater"} | renamed(carried, WATER_NAMES) | {"status": status}
    return _telegram(reading, document, "water", carried | alarms)


def electricity(reading: MakerReading) -> WireMessage:
    """A meter with whole volts and power to the watt: drawn from the grid, or fed into it."""
    carried = rounded(reading.values, ENERGY_DIGITS | dict.fromkeys(VOLTAGES.values(), 0))
    document = {"media": "electricity", "meter": "amiplus"} | renamed(carried, ENERGY_NAMES) | renamed(carried, VOLTAGES)
    if "active_power_w" in reading.values:
        watts = round(reading.values["active_power_w"])
        document["current_power_consumption_kw"] = max(watts, 0) / WATTS
        document["current_power_production_kw"] = max(-watts, 0) / WATTS
        carried["active_power_w"] = watts
    return _telegram(reading, document, "power", carried)


def _telegram(reading: MakerReading, document: dict[str, Any], measurement: str, carried: SensorValues) -> WireMessage:
    document |= {
        "_": "telegram",
        "name": reading.name,
        "id": reading.name,
        "timestamp": datetime.fromtimestamp(reading.second_ms / SECOND_MS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return one_point(f"wmbusmeters/{reading.name}", document, measurement, carried, reading.second_ms)


def serial_number(_device_id: str, chance: random.Random) -> str:
    """The eight digits on a meter, from a range that begins with 99."""
    return f"99{chance.randrange(10**6):06d}"


WMBUSMETERS: Final = (
    Maker(
        "wmbusmeters-electricity",
        "power",
        ("power-house",),
        "wmbusmeters JSON",
        single(electricity),
        clock_ms=SECOND_MS,
        registers={"energy_import_kwh": 0.001},
        name=serial_number,
    ),
    Maker(
        "wmbusmeters-water",
        "water",
        ("water-meter",),
        "wmbusmeters JSON",
        single(water),
        clock_ms=SECOND_MS,
        registers={"volume_m3": 0.001},
        name=serial_number,
    ),
)
