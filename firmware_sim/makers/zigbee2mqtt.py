"""zigbee2mqtt: the state of a device as one JSON object on ``zigbee2mqtt/NAME``, with ``last_seen`` as ISO 8601."""

from typing import Any, Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.json_makers import renamed, single
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import MakerReading, rounded
from firmware_sim.wire.message import CarriedPoint, WireMessage, json_bytes, utc_text
from schemas.quantities import HEALTH

PLUG_DIGITS: Final = {
    "energy_import_kwh": 2,
    "active_power_w": 1,
    "voltage_l1_v": 1,
    "current_l1_a": 2,
    "power_factor": 2,
    "frequency_hz": 2,
    "relay_on": 0,
}
PLUG_NAMES: Final = {
    "current": "current_l1_a",
    "energy": "energy_import_kwh",
    "power": "active_power_w",
    "voltage": "voltage_l1_v",
    "power_factor": "power_factor",
    "ac_frequency": "frequency_hz",
}
AIR_DIGITS: Final = {
    "air_temperature_c": 2,
    "relative_humidity_pct": 2,
    "air_pressure_hpa": 1,
    "illuminance_lx": 0,
    "motion": 0,
    "pm2_5_ug_m3": 0,
    "pm10_ug_m3": 0,
    "co2_ppm": 0,
}
AIR_NAMES: Final = {
    "temperature": "air_temperature_c",
    "humidity": "relative_humidity_pct",
    "pressure": "air_pressure_hpa",
    "illuminance": "illuminance_lx",
    "occupancy": "motion",
    "pm25": "pm2_5_ug_m3",
    "pm10": "pm10_ug_m3",
    "co2": "co2_ppm",
}
LEAK_NAMES: Final = {"water_leak": "alarm_leak", "tamper": "alarm_tamper"}
HEALTH_DIGITS: Final = {"battery_pct": 1, "battery_low": 0, "battery_v": 3}
MILLIVOLTS: Final = 1000


def plug(reading: MakerReading) -> WireMessage:
    """A plug with a meter."""
    carried = rounded(reading.with_totals, PLUG_DIGITS)
    document = renamed(carried, PLUG_NAMES)
    if "relay_on" in carried:
        document["state"] = "ON" if carried["relay_on"] else "OFF"
    return _message(reading, document, [("power", carried)])


def sensor(reading: MakerReading) -> WireMessage:
    """A battery sensor for air, motion or leaking water."""
    air = rounded(reading.values, AIR_DIGITS)
    leak = rounded(reading.values, dict.fromkeys(LEAK_NAMES.values(), 0)) if "alarm_leak" in reading.values else {}
    health = rounded(reading.health, HEALTH_DIGITS)
    document = renamed(health, {"battery": "battery_pct", "battery_low": "battery_low"})
    if "battery_v" in health:
        document["voltage"] = round(health["battery_v"] * MILLIVOLTS)
    document |= renamed(air, AIR_NAMES) | renamed(leak, LEAK_NAMES)
    return _message(reading, document, [("water", leak), ("urban", air), (HEALTH, health)])


def _message(reading: MakerReading, document: dict[str, Any], parts: list[tuple[str, SensorValues]]) -> WireMessage:
    document |= {"linkquality": 120, "last_seen": utc_text(reading.time_ms)}
    points = tuple(CarriedPoint(measurement, carried, reading.time_ms) for measurement, carried in parts if carried)
    return WireMessage(f"zigbee2mqtt/{reading.name}", json_bytes(document), points)


ZIGBEE2MQTT: Final = (
    Maker(
        "zigbee2mqtt-plug",
        "power",
        ("power-house",),
        "zigbee2mqtt JSON",
        single(plug),
        registers={"energy_import_kwh": 0.01},
    ),
    Maker("zigbee2mqtt-sensor", "urban", ("urban-air", "urban-parking"), "zigbee2mqtt JSON", single(sensor)),
)
