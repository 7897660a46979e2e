"""Devices that send SenML packs (RFC 8428): names end in a word for the quantity, units are those of SenML."""

from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.json_makers import single
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import MakerReading, rounded
from firmware_sim.wire.message import CarriedPoint, WireMessage
from firmware_sim.wire.senml import FORMS, SenmlValue, pack
from schemas.quantities import HEALTH

WATER: Final = {
    "volume_m3": ("volume", "m3", 3),
    "volume_reverse_m3": ("reverse", "m3", 3),
    "flow_m3_h": ("flow", "m3/h", 4),
    "pressure_kpa": ("pressure", "kPa", 1),
    "level_m": ("level", "m", 3),
    "temperature_c": ("temperature", "Cel", 1),
    "ph": ("ph", "pH", 2),
    "conductivity_us_cm": ("conductivity", "uS/cm", 1),
    "alarm_leak": ("leak", "", 0),
    "alarm_tamper": ("tamper", "", 0),
}
BATTERY: Final = {"battery_pct": ("battery", "%EL", 1)}
TRAFFIC: Final = {
    "vehicle_count": ("count", "count", 0),
    "vehicle_count_total": ("total", "count", 0),
    "interval_s": ("interval", "s", 0),
    "mean_speed_km_h": ("speed", "km/h", 1),
    "speed_p85_km_h": ("p85", "km/h", 1),
    "occupancy_pct": ("occupancy", "%", 1),
    "mean_headway_s": ("headway", "s", 1),
    "queue_length_m": ("queue", "m", 1),
    "congested": ("congested", "", 0),
}
"""Quantity → word, unit, decimals."""


def water(reading: MakerReading) -> WireMessage:
    """A pack of one meter, with its battery when the reading has it."""
    carried, health = _carried(reading.values, WATER), _carried(reading.health, BATTERY)
    records = _records(carried, WATER) + _records(health, BATTERY)
    points = [CarriedPoint("water", carried, reading.time_ms)]
    return _pack(reading, "water", records, points + ([CarriedPoint(HEALTH, health, reading.time_ms)] if health else []))


def traffic(reading: MakerReading) -> WireMessage:
    """A pack of one lane."""
    carried = _carried(reading.values, TRAFFIC)
    lane = {"lane": reading.tags["lane"]} if "lane" in reading.tags else {}
    records = _records(carried, TRAFFIC, f"lane{lane['lane']}:" if lane else "")
    return _pack(reading, "traffic", records, [CarriedPoint("traffic", carried, reading.time_ms, lane)])


def _carried(values: SensorValues, table: dict[str, tuple[str, str, int]]) -> SensorValues:
    return rounded(values, {field: digits for field, (_, _, digits) in table.items()})


def _records(carried: SensorValues, table: dict[str, tuple[str, str, int]], before: str = "") -> list[SenmlValue]:
    return [SenmlValue(before + table[field][0], value, table[field][1]) for field, value in carried.items()]


def _pack(reading: MakerReading, kind: str, records: list[SenmlValue], points: list[CarriedPoint]) -> WireMessage:
    payload = FORMS[reading.form or "json"](pack(f"urn:dev:ops:{reading.name}:", reading.time_ms, records))
    return WireMessage(f"senml/{reading.name}/{kind}", payload, tuple(points))


SENML: Final = (
    Maker("senml-traffic", "traffic", ("traffic-junction",), "SenML", single(traffic), forms=tuple(FORMS)),
    Maker(
        "senml-water",
        "water",
        ("water-meter",),
        "SenML",
        single(water),
        forms=tuple(FORMS),
        registers={"volume_m3": 0.001},
    ),
)
