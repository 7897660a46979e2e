"""The names that other standards have for the quantities of :mod:`schemas.quantities`, where they have one for the same thing.

A name stands for the thing that is measured, not for its unit: another standard may want it in another one. A field without a
row, or an empty column, has no such name: a near one would be a wrong one.
"""

from typing import Final, NamedTuple

from schemas.quantities import HEALTH

_UCUM: Final = "http://www.opengis.net/def/uom/UCUM/0/"
_QUDT: Final = "http://qudt.org/vocab/quantitykind/"
_POLLUTANT: Final = "http://dd.eionet.europa.eu/vocabulary/aq/pollutant/"


class StandardNames(NamedTuple):
    """The names of one quantity; an empty one: there is none.

    :ivar obis: OBIS code of meters, IEC 62056-6-1 and EN 13757-1.
    :ivar observed: URI of the observed property for SensorThings: a kind of quantity of QUDT, or a pollutant of the EEA.
    :ivar ngsi_ld: type and attribute of the Smart Data Models for NGSI-LD, below it a key.
    :ivar lwm2m: object and resource of the OMA registry.
    """

    obis: str = ""
    observed: str = ""
    ngsi_ld: str = ""
    lwm2m: str = ""


def unit_uri(unit: str) -> str:
    """The URI of a unit for SensorThings; empty for a state.

    :param unit: its UCUM code.
    """
    escaped = (letter if letter.isalnum() or letter in "-._~" else f"%{ord(letter):02X}" for letter in unit)
    return _UCUM + "".join(escaped) if unit else ""


def _names(obis: str = "", kind: str = "", ngsi_ld: str = "", lwm2m: str = "") -> StandardNames:
    return StandardNames(obis, _QUDT + kind if kind else "", ngsi_ld, lwm2m)


def _pollutant(number: int, attribute: str, lwm2m: str = "") -> StandardNames:
    return StandardNames("", f"{_POLLUTANT}{number}", f"AirQualityObserved.{attribute}", lwm2m)


_TEMPERATURE: Final = _names(kind="Temperature", lwm2m="3303/5700")
_HUMIDITY: Final = _names(kind="RelativeHumidity", lwm2m="3304/5700")
_CONCENTRATION: Final = _names(kind="MassConcentration", lwm2m="3325/5700")
_INTERVAL: Final = _names(kind="Time")

_WATER: Final = {
    "volume_m3": _names("8-0:1.0.0", "Volume", lwm2m="3424/1"),
    "volume_reverse_m3": _names(kind="Volume"),
    "volume_net_m3": _names(kind="Volume"),
    "flow_m3_h": _names("8-0:2.0.0", "VolumeFlowRate"),
    "flow_min_m3_h": _names(kind="VolumeFlowRate", lwm2m="3424/7"),
    "flow_max_m3_h": _names(kind="VolumeFlowRate", lwm2m="3424/8"),
    "pressure_kpa": _names(kind="GaugePressure", lwm2m="3323/5700"),
    "level_m": _names(kind="Height"),
    "distance_m": _names(kind="Distance", lwm2m="3330/5700"),
    "fill_pct": _names(lwm2m="3435/2"),
    "temperature_c": _TEMPERATURE._replace(ngsi_ld="WaterQualityObserved.temperature"),
    "ambient_temperature_c": _TEMPERATURE._replace(obis="0-0:96.9.0"),
    "ph": _names(kind="Acidity", ngsi_ld="WaterQualityObserved.pH", lwm2m="3326/5700"),
    "chlorine_mg_l": _CONCENTRATION,
    "dissolved_oxygen_mg_l": _CONCENTRATION._replace(ngsi_ld="WaterQualityObserved.O2"),
    "turbidity_ntu": _names(kind="Turbidity", ngsi_ld="WaterQualityObserved.turbidity"),
    "conductivity_us_cm": _names("", "ElectricConductivity", "WaterQualityObserved.conductivity", "3327/5700"),
    "orp_mv": _names(ngsi_ld="WaterQualityObserved.orp"),
    "pulse_count": _names(lwm2m="3424/4"),
    "alarm_leak": _names(lwm2m="3424/9"),
    "alarm_backflow": _names(lwm2m="3424/11"),
    "alarm_blocked": _names(lwm2m="3424/12"),
    "alarm_tamper": _names(lwm2m="3424/13"),
}

_AC: Final = "ThreePhaseAcMeasurement"
_PHASES: Final = {"l1": 20, "l2": 40, "l3": 60}
"""Phase → what its OBIS codes have above those of all phases."""


def _electrical() -> dict[str, StandardNames]:
    """The names of each phase."""
    found: dict[str, StandardNames] = {}
    for key, above in _PHASES.items():
        phase = key.upper()
        found |= {
            f"voltage_{key}_v": _names(f"1-0:{above + 12}.7.0", "Voltage", f"{_AC}.phaseVoltage.{phase}", "3316/5700"),
            f"current_{key}_a": _names(f"1-0:{above + 11}.7.0", "ElectricCurrent", f"{_AC}.current.{phase}", "3317/5700"),
            f"current_max_{key}_a": _names(kind="ElectricCurrent"),
            f"active_power_{key}_w": _names(f"1-0:{above + 16}.7.0", "ActivePower", f"{_AC}.activePower.{phase}", "3305/5800"),
            f"reactive_power_{key}_var": _names("", "ReactivePower", f"{_AC}.reactivePower.{phase}", "3305/5810"),
            f"apparent_power_{key}_va": _names("", "ApparentPower", f"{_AC}.apparentPower.{phase}"),
            f"power_factor_{key}": _names(f"1-0:{above + 13}.7.0", "PowerFactor", f"{_AC}.powerFactor.{phase}", "3329/5700"),
            f"thd_voltage_{key}_pct": _names(f"1-0:{above + 12}.7.124", ngsi_ld=f"{_AC}.thdVoltage.{phase}"),
            f"thd_current_{key}_pct": _names(f"1-0:{above + 11}.7.124", ngsi_ld=f"{_AC}.thdCurrent.{phase}"),
        }
    for pair in ("l12", "l23", "l31"):
        found[f"voltage_{pair}_v"] = _names("", "Voltage", f"{_AC}.phaseToPhaseVoltage.{pair.upper()}", "3316/5700")
    return found


_POWER: Final = {
    **_electrical(),
    "current_n_a": _names("1-0:91.7.0", "ElectricCurrent", f"{_AC}.current.N", "3317/5700"),
    "active_power_w": _names("1-0:16.7.0", "ActivePower", f"{_AC}.totalActivePower", "3305/5800"),
    "reactive_power_var": _names("", "ReactivePower", f"{_AC}.totalReactivePower", "3305/5810"),
    "apparent_power_va": _names("", "ApparentPower", f"{_AC}.totalApparentPower"),
    "power_factor": _names("1-0:13.7.0", "PowerFactor", f"{_AC}.totalPowerFactor", "3329/5700"),
    "frequency_hz": _names("1-0:14.7.0", "Frequency", f"{_AC}.frequency", "3318/5700"),
    "energy_import_kwh": _names("1-0:1.8.0", "ActiveEnergy", f"{_AC}.totalActiveEnergyImport", "3331/5700"),
    **{f"energy_import_t{tariff}_kwh": _names(f"1-0:1.8.{tariff}", "ActiveEnergy") for tariff in (1, 2, 3, 4)},
    "energy_export_kwh": _names("1-0:2.8.0", "ActiveEnergy", f"{_AC}.totalActiveEnergyExport"),
    **{f"energy_export_t{tariff}_kwh": _names(f"1-0:2.8.{tariff}", "ActiveEnergy") for tariff in (1, 2, 3, 4)},
    "reactive_energy_import_kvarh": _names("1-0:3.8.0", "ReactiveEnergy", f"{_AC}.totalReactiveEnergyImport"),
    "reactive_energy_export_kvarh": _names("1-0:4.8.0", "ReactiveEnergy", f"{_AC}.totalReactiveEnergyExport"),
    "max_demand_w": _names("1-0:1.6.0", "ActivePower"),
    "voltage_dc_v": _names(kind="Voltage", lwm2m="3316/5700"),
    "current_dc_a": _names(kind="ElectricCurrent", lwm2m="3317/5700"),
    "power_dc_w": _names(kind="Power", lwm2m="3328/5700"),
    "relay_on": _names("0-0:96.3.10", lwm2m="3312/5850"),
}

_TRAFFIC: Final = {
    "vehicle_count": _names(ngsi_ld="TrafficFlowObserved.intensity"),
    "interval_s": _INTERVAL,
    "mean_speed_km_h": _names(kind="Speed", ngsi_ld="TrafficFlowObserved.averageVehicleSpeed"),
    "speed_p85_km_h": _names(kind="Speed"),
    "occupancy_pct": _names(ngsi_ld="TrafficFlowObserved.occupancy"),
    "mean_headway_s": _names(kind="Time", ngsi_ld="TrafficFlowObserved.averageHeadwayTime"),
    "mean_gap_m": _names(kind="Distance", ngsi_ld="TrafficFlowObserved.averageGapDistance"),
    "queue_length_m": _names(kind="Length"),
    "congested": _names(ngsi_ld="TrafficFlowObserved.congested"),
}

_URBAN: Final = {
    "light_on": _names(lwm2m="3311/5850"),
    "light_level_pct": _names(lwm2m="3311/5851"),
    "motion": _names(lwm2m="3302/5500"),
    "people_count": _names(lwm2m="3434/1"),
    "interval_s": _INTERVAL,
    "operating_h": _names(kind="Time"),
    "pm1_ug_m3": _names(kind="MassConcentration", lwm2m="3428/5"),
    "pm2_5_ug_m3": _pollutant(6001, "pm25", "3428/3"),
    "pm10_ug_m3": _pollutant(5, "pm10", "3428/1"),
    "no2_ug_m3": _pollutant(8, "no2"),
    "so2_ug_m3": _pollutant(1, "so2"),
    "o3_ug_m3": _pollutant(7, "o3"),
    "co_ug_m3": _pollutant(10, "co"),
    "formaldehyde_ug_m3": _CONCENTRATION,
    "co2_ppm": _names(kind="VolumeFraction", lwm2m="3428/17"),
    "tvoc_ppb": _names(kind="VolumeFraction"),
    "noise_laeq_db": _names(kind="SoundPressureLevel", ngsi_ld="NoiseLevelObserved.LAeq", lwm2m="3324/5700"),
    "noise_peak_db": _names(kind="SoundPressureLevel"),
    "air_temperature_c": _TEMPERATURE._replace(ngsi_ld="WeatherObserved.temperature"),
    "relative_humidity_pct": _HUMIDITY._replace(ngsi_ld="WeatherObserved.relativeHumidity"),
    "air_pressure_hpa": _names("", "AtmosphericPressure", "WeatherObserved.atmosphericPressure", "3315/5700"),
    "illuminance_lx": _names("", "Illuminance", "WeatherObserved.illuminance", "3301/5700"),
    "rain_interval_mm": _names(ngsi_ld="WeatherObserved.precipitation"),
}

_DEVICE_HEALTH: Final = {
    "battery_pct": _names(kind="StateOfCharge", ngsi_ld="Device.batteryLevel", lwm2m="3411/1"),
    "battery_low": _names(lwm2m="3411/6"),
    "battery_v": _names("0-0:96.6.3", "Voltage", lwm2m="3411/3"),
    "enclosure_temperature_c": _TEMPERATURE,
    "enclosure_humidity_pct": _HUMIDITY,
    "rssi_dbm": _names(lwm2m="4/2"),
    "uptime_s": _names(kind="Time"),
}

STANDARD_NAMES: Final[dict[str, dict[str, StandardNames]]] = {
    "water": _WATER,
    "power": _POWER,
    "traffic": _TRAFFIC,
    "urban": _URBAN,
    HEALTH: _DEVICE_HEALTH,
}
"""Measurement → field → its names."""

NO_NAMES: Final = StandardNames()
