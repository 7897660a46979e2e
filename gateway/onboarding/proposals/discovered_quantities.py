"""Home Assistant's device classes as quantities: tables, and the words that tell values of one class apart."""

import re
from dataclasses import dataclass
from typing import Final

from gateway.onboarding.proposals.discovery import Entity, NotUnderstood
from schemas.quantities import QUANTITIES, Kind
from schemas.unit_scale import UnknownUnit, convert


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of a value; ``doubt``: another possible meaning, a sentence for the reviewer of the proposal."""

    measurement: str
    field: str
    doubt: str = ""


_CABINET: Final = "is assumed to be the door of a power cabinet"
_CLASSES: Final = {
    ("sensor", "energy"): Meaning("power", "energy_import_kwh"),
    ("sensor", "reactive_energy"): Meaning("power", "reactive_energy_import_kvarh"),
    ("sensor", "power"): Meaning("power", "active_power_w"),
    ("sensor", "apparent_power"): Meaning("power", "apparent_power_va"),
    ("sensor", "reactive_power"): Meaning("power", "reactive_power_var"),
    ("sensor", "voltage"): Meaning("power", "voltage_l1_v"),
    ("sensor", "current"): Meaning("power", "current_l1_a"),
    ("sensor", "power_factor"): Meaning("power", "power_factor"),
    ("sensor", "frequency"): Meaning("power", "frequency_hz"),
    ("sensor", "water"): Meaning("water", "volume_m3"),
    ("sensor", "volume"): Meaning("water", "volume_m3"),
    ("sensor", "volume_flow_rate"): Meaning("water", "flow_m3_h"),
    ("sensor", "ph"): Meaning("water", "ph"),
    ("sensor", "conductivity"): Meaning("water", "conductivity_us_cm"),
    ("sensor", "distance"): Meaning("water", "distance_m", "is assumed to be the distance to the water; it may be another"),
    ("sensor", "temperature"): Meaning(
        "urban",
        "air_temperature_c",
        "is assumed to be that of the air; that of water is water.temperature_c, inside a device enclosure_temperature_c",
    ),
    ("sensor", "humidity"): Meaning("urban", "relative_humidity_pct"),
    ("sensor", "atmospheric_pressure"): Meaning("urban", "air_pressure_hpa"),
    ("sensor", "pressure"): Meaning(
        "water", "pressure_kpa", "is assumed to be that of the water; that of the air is urban.air_pressure_hpa"
    ),
    ("sensor", "pm1"): Meaning("urban", "pm1_ug_m3"),
    ("sensor", "pm25"): Meaning("urban", "pm2_5_ug_m3"),
    ("sensor", "pm10"): Meaning("urban", "pm10_ug_m3"),
    ("sensor", "nitrogen_dioxide"): Meaning("urban", "no2_ug_m3"),
    ("sensor", "sulphur_dioxide"): Meaning("urban", "so2_ug_m3"),
    ("sensor", "ozone"): Meaning("urban", "o3_ug_m3"),
    ("sensor", "carbon_monoxide"): Meaning("urban", "co_ug_m3"),
    ("sensor", "carbon_dioxide"): Meaning("urban", "co2_ppm"),
    ("sensor", "volatile_organic_compounds_parts"): Meaning("urban", "tvoc_ppb"),
    ("sensor", "illuminance"): Meaning("urban", "illuminance_lx"),
    ("sensor", "sound_pressure"): Meaning(
        "urban", "noise_laeq_db", "is assumed to be the mean level LAeq; a peak is noise_peak_db"
    ),
    ("sensor", "precipitation"): Meaning("urban", "rain_interval_mm"),
    ("sensor", "speed"): Meaning(
        "traffic", "mean_speed_km_h", "is assumed to be the speed of vehicles; it may be that of the wind"
    ),
    ("sensor", "battery"): Meaning("device_health", "battery_pct"),
    ("sensor", "signal_strength"): Meaning("device_health", "rssi_dbm"),
    ("binary_sensor", "moisture"): Meaning("water", "alarm_leak"),
    ("binary_sensor", "cold"): Meaning("water", "alarm_freeze"),
    ("binary_sensor", "motion"): Meaning("urban", "motion"),
    ("binary_sensor", "occupancy"): Meaning("urban", "motion"),
    ("binary_sensor", "presence"): Meaning("urban", "motion"),
    ("binary_sensor", "door"): Meaning("power", "alarm_tamper", _CABINET),
    ("binary_sensor", "opening"): Meaning("power", "alarm_tamper", _CABINET),
    ("binary_sensor", "tamper"): Meaning(
        "power", "alarm_tamper", "is assumed to be that of a power meter; that of water is water.alarm_tamper"
    ),
    ("binary_sensor", "battery"): Meaning("device_health", "battery_low"),
    ("switch", ""): Meaning("power", "relay_on"),
    ("switch", "outlet"): Meaning("power", "relay_on"),
    ("switch", "switch"): Meaning("power", "relay_on"),
}
"""Component and device class → the gateway's quantity."""

_CLASS_OF_UNIT: Final = {
    **dict.fromkeys(("kWh", "Wh", "MWh"), "energy"),
    **dict.fromkeys(("W", "kW"), "power"),
    **dict.fromkeys(("V", "mV"), "voltage"),
    **dict.fromkeys(("A", "mA"), "current"),
    **dict.fromkeys(("m³/h", "L/min", "L/h", "L/s"), "volume_flow_rate"),
    **dict.fromkeys(("°C", "°F", "K"), "temperature"),
    **dict.fromkeys(("kPa", "bar", "psi", "MPa", "hPa", "mbar"), "pressure"),
    **dict.fromkeys(("L", "m³"), "water"),
    "VA": "apparent_power",
    "var": "reactive_power",
    "Hz": "frequency",
    "lx": "illuminance",
    "dBm": "signal_strength",
}
"""Unit → meaning of a value without a device class."""

_WORDS: Final = (
    (
        "energy_import_kwh",
        r"export|produced|production|return|feed.?in|injection|negative",
        Meaning("power", "energy_export_kwh"),
    ),
    ("energy_import_kwh", r"today|yesterday|dail|month|week|year|hour\b|last|period", None),
    ("energy_export_kwh", r"today|yesterday|dail|month|week|year|hour\b|last|period", None),
    ("volume_m3", r"today|yesterday|dail|month|week|year|hour\b|last|period", None),
    ("volume_m3", r"reverse|back", Meaning("water", "volume_reverse_m3")),
    ("voltage_l1_v", r"batter", Meaning("device_health", "battery_v")),
    ("air_temperature_c", r"device|chip|cpu|internal|module|board|esp32", Meaning("device_health", "enclosure_temperature_c")),
    ("air_temperature_c", r"water|pipe|flow", Meaning("water", "temperature_c")),
)
"""Field, and a word that changes its meaning; None: it is not a register but starts again each day or month."""

_OF_THE_AIR: Final = frozenset({"hPa", "mbar"})
_REGISTERS: Final = frozenset({"total", "total_increasing"})
_PHASE = re.compile(r"(?:phase[ _-]?|\bl|_l)([abc123])\b|(?:phase[ _-]?|_)([abc])\b")
_PHASED: Final = {
    "voltage_l1_v": "voltage_{}_v",
    "current_l1_a": "current_{}_a",
    "active_power_w": "active_power_{}_w",
    "reactive_power_var": "reactive_power_{}_var",
    "apparent_power_va": "apparent_power_{}_va",
    "power_factor": "power_factor_{}",
}
_PHASES: Final = {"a": "l1", "b": "l2", "c": "l3", "1": "l1", "2": "l2", "3": "l3"}


def meaning_of(entity: Entity) -> Meaning:
    """Find the meaning of a value; NotUnderstood if it is not a known quantity, or has an incompatible unit."""
    what = entity.device_class or (_CLASS_OF_UNIT.get(entity.unit, "") if entity.component == "sensor" else "")
    found = _CLASSES.get((entity.component, what))
    if found is None or (entity.component == "switch" and entity.category):
        raise NotUnderstood(f"is not a quantity known here ({_told(entity)})")
    found = _by_words(found, entity)
    found = _of_phase(found, entity)
    quantity = QUANTITIES[found.measurement][found.field]
    if quantity.kind is Kind.COUNTER and entity.state_class and entity.state_class not in _REGISTERS:
        raise NotUnderstood(f"is not a register: its state_class is {entity.state_class}")
    if quantity.kind is not Kind.STATE and entity.unit:
        try:
            convert(entity.unit, quantity.unit)
        except UnknownUnit as why:
            raise NotUnderstood(f"{why} ({found.measurement}.{found.field})") from why
    return found


def _told(entity: Entity) -> str:
    told = (("device_class", entity.device_class), ("unit", entity.unit), ("category", entity.category))
    return ", ".join([entity.component, *(f"{key} {value}" for key, value in told if value)])


def _by_words(found: Meaning, entity: Entity) -> Meaning:
    if found.field == "pressure_kpa" and entity.unit in _OF_THE_AIR:
        return Meaning("urban", "air_pressure_hpa", "is assumed to be that of the air, because of its unit")
    if found.field == "rain_interval_mm" and entity.state_class == "total_increasing":
        return Meaning("urban", "rain_mm")
    if entity.unit == "mV" and found.field == "voltage_l1_v":
        return Meaning("device_health", "battery_v")
    if found.field == "air_temperature_c" and entity.category == "diagnostic":
        return Meaning("device_health", "enclosure_temperature_c")
    for field, words, other in _WORDS:
        if field == found.field and re.search(words, entity.words):
            if other is None:
                raise NotUnderstood(f"starts again each day or month, so it is not a register ({entity.name})")
            found = other
    return found


def _of_phase(found: Meaning, entity: Entity) -> Meaning:
    match = _PHASE.search(entity.words)
    if match is None or found.field not in _PHASED:
        return found
    return Meaning(found.measurement, _PHASED[found.field].format(_PHASES[match[1] or match[2]]), found.doubt)
