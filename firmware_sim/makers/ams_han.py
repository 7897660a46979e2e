"""A reader on the HAN port with AMS2MQTT's firmware: list 3, with registers, on ``ams/NAME`` (its payload JSON)."""

from typing import Any, Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.json_makers import renamed
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import SECOND_MS, MakerReading, rounded
from firmware_sim.wire.message import CarriedPoint, WireMessage, json_bytes
from schemas.quantities import HEALTH

DIGITS: Final = {
    **{f"current_l{phase}_a": 1 for phase in (1, 2, 3)},
    **{f"voltage_l{phase}_v": 1 for phase in (1, 2, 3)},
    "energy_import_kwh": 2,
    "energy_export_kwh": 2,
    "reactive_energy_import_kvarh": 2,
    "reactive_energy_export_kvarh": 2,
}
NAMES: Final = {
    **{f"I{phase}": f"current_l{phase}_a" for phase in (1, 2, 3)},
    **{f"U{phase}": f"voltage_l{phase}_v" for phase in (1, 2, 3)},
    "tPI": "energy_import_kwh",
    "tPO": "energy_export_kwh",
    "tQI": "reactive_energy_import_kvarh",
    "tQO": "reactive_energy_export_kvarh",
}
BOTH_WAYS: Final = (("active_power_w", "P", "PO"), ("reactive_power_var", "Q", "QO"))
"""Quantity, what is drawn, what is fed in."""


def ams_han(reading: MakerReading) -> list[WireMessage]:
    """All that the meter tells, in whole watts."""
    time_s = reading.second_ms // SECOND_MS
    carried = rounded(reading.values, DIGITS)
    data: dict[str, Any] = {}
    for name, drawn, fed in BOTH_WAYS:
        if name in reading.values:
            watts = round(reading.values[name])
            carried[name] = watts
            data |= {drawn: max(watts, 0), fed: max(-watts, 0)}
    health: SensorValues = {"rssi_dbm": reading.rssi_dbm, "uptime_s": int(reading.health.get("uptime_s", time_s % 10**7))}
    document = {
        "id": reading.name[-8:],
        "name": reading.name,
        "up": health["uptime_s"],
        "t": time_s,
        "vcc": 3.297,
        "rssi": health["rssi_dbm"],
        "temp": -127.0,
        "data": data | renamed(carried, NAMES),
    }
    points = (CarriedPoint("power", carried, reading.second_ms), CarriedPoint(HEALTH, health, reading.second_ms))
    return [WireMessage(f"ams/{reading.name}", json_bytes(document), points)]


AMS_HAN: Final = (
    Maker(
        "ams-han",
        "power",
        ("power-feeder",),
        "AMS2MQTT JSON",
        ams_han,
        clock_ms=SECOND_MS,
        registers={"energy_import_kwh": 0.01},
    ),
)
