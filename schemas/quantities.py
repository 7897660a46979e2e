"""THE tables: every quantity the province speaks of, with its unit and its hard bounds, and the units.

The table decides the type of a field in InfluxDB, never the first value seen: a counter or gauge is a float, a state is a
boolean. Units are UCUM codes. A value outside the bounds is dropped and the rest of its reading kept.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple


class UnitRow(NamedTuple):
    """One row of the table of units.

    :ivar code: UCUM code.
    :ivar suffix: the end of a field's name, which stays in databases for ever; empty for a number of things.
    :ivar symbol: spelling for people, the same in Vietnamese and English; empty where none is written.
    :ivar grafana: Grafana's unit; ``suffix:`` where Grafana has none of its own.
    :ivar family: the units that become this one, as :mod:`schemas.unit_scale` names them.
    """

    code: str
    suffix: str
    symbol: str
    grafana: str
    family: str


_UNITS: Final = (
    UnitRow("1", "", "", "none", "a share or count"),
    UnitRow("%", "pct", "%", "percent", "a share or count"),
    UnitRow("m3", "m3", "m³", "m3", "volume"),
    UnitRow("m3/h", "m3_h", "m³/h", "suffix:m³/h", "flow"),
    UnitRow("kPa", "kpa", "kPa", "pressurekpa", "pressure"),
    UnitRow("hPa", "hpa", "hPa", "pressurehpa", "pressure"),
    UnitRow("m", "m", "m", "lengthm", "length"),
    UnitRow("mm", "mm", "mm", "lengthmm", "length"),
    UnitRow("s", "s", "s", "s", "time"),
    UnitRow("h", "h", "h", "h", "time"),
    UnitRow("km/h", "km_h", "km/h", "velocitykmh", "speed"),
    UnitRow("Cel", "c", "°C", "celsius", "temperature"),
    UnitRow("V", "v", "V", "volt", "voltage"),
    UnitRow("mV", "mv", "mV", "mvolt", "voltage"),
    UnitRow("A", "a", "A", "amp", "current"),
    UnitRow("W", "w", "W", "watt", "active power"),
    UnitRow("V.A{reactive}", "var", "var", "voltampreact", "reactive power"),
    UnitRow("V.A", "va", "VA", "voltamp", "apparent power"),
    UnitRow("kW.h", "kwh", "kWh", "kwatth", "active energy"),
    UnitRow("kV.A.h{reactive}", "kvarh", "kvarh", "suffix:kvarh", "reactive energy"),
    UnitRow("Hz", "hz", "Hz", "hertz", "frequency"),
    UnitRow("mg/L", "mg_l", "mg/L", "suffix:mg/L", "mass concentration"),
    UnitRow("ug/m3", "ug_m3", "µg/m³", "conμgm3", "mass concentration"),
    UnitRow("[ppm]", "ppm", "ppm", "ppm", "volume share"),
    UnitRow("[ppb]", "ppb", "ppb", "conppb", "volume share"),
    UnitRow("uS/cm", "us_cm", "µS/cm", "suffix:µS/cm", "conductivity"),
    UnitRow("[pH]", "ph", "", "suffix:pH", "acidity"),
    UnitRow("{NTU}", "ntu", "NTU", "suffix:NTU", "turbidity"),
    UnitRow("lx", "lx", "lx", "lux", "illuminance"),
    UnitRow("dB", "db", "dB", "dB", "level"),
    UnitRow("dB[mW]", "dbm", "dBm", "dBm", "power level"),
)
UNITS: Final = {unit.code: unit for unit in _UNITS}
"""UCUM code → the unit."""


class Kind(StrEnum):
    """The behaviour of a quantity over time."""

    COUNTER = "counter"
    """Only grows; falls only by reset, roll-over or exchange."""
    GAUGE = "gauge"
    STATE = "state"
    """True or false."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """One row of the table.

    :ivar field: the field's name in InfluxDB and the key in a native payload; ends with its unit.
    :ivar unit: UCUM code of :data:`UNITS`, empty for a state.
    :ivar minimum: smallest value that can be real, in ``unit``; 0 for a state.
    :ivar maximum: largest value that can be real, in ``unit``; 1 for a state.
    :ivar absolute: the sign is a convention of the maker and is removed (power factor).
    :ivar meaning: the thing that is measured, in one sentence for the maker of a device.
    :ivar stem: the name behind which :meth:`beside` puts a word, where that is not the name without its unit.
    """

    field: str
    unit: str
    minimum: float
    maximum: float
    kind: Kind
    absolute: bool = False
    meaning: str = ""
    stem: str = ""

    def __post_init__(self) -> None:
        if self.kind is Kind.STATE:
            return
        if self.unit not in UNITS:
            raise ValueError(f"{self.field}: there is no unit {self.unit!r}; add a row for it in schemas/quantities.py")
        suffix = UNITS[self.unit].suffix
        if suffix and not f"_{self.field}".endswith(f"_{suffix}"):
            raise ValueError(f"{self.field}: the name of a quantity in {self.unit} ends with _{suffix}")

    def beside(self, word: str) -> str:
        """Name the field beside this one that ``word`` tells apart: the word stands before the unit."""
        suffix = "" if self.stem else UNITS[self.unit].suffix
        return f"{self.field.removesuffix(suffix)}{word}_{suffix}" if suffix else f"{self.stem or self.field}_{word}"


def _counter(field: str, unit: str, maximum: float, meaning: str, stem: str = "") -> Quantity:
    return Quantity(field, unit, 0.0, maximum, Kind.COUNTER, meaning=meaning, stem=stem)


def _gauge(field: str, unit: str, minimum: float, maximum: float, meaning: str, stem: str = "") -> Quantity:
    return Quantity(field, unit, minimum, maximum, Kind.GAUGE, meaning=meaning, stem=stem)


def _state(field: str, meaning: str) -> Quantity:
    return Quantity(field, "", 0.0, 1.0, Kind.STATE, meaning=meaning)


def _each(row: Quantity, variants: dict[str, str]) -> list[Quantity]:
    """``row`` once per variant: its key fills the braces of the field, its text those of the meaning."""
    return [replace(row, field=row.field.format(key), meaning=row.meaning.format(text)) for key, text in variants.items()]


_PHASES = {"l1": "L1", "l2": "L2", "l3": "L3"}
_PHASE_PAIRS = {"l12": "L1 and L2", "l23": "L2 and L3", "l31": "L3 and L1"}
_TOTAL_AND_PHASES = {"": "all phases", **{f"_{key}": f"phase {text}" for key, text in _PHASES.items()}}
_TARIFFS = {"": "all tariffs", **{f"_t{tariff}": f"tariff {tariff}" for tariff in (1, 2, 3, 4)}}
_GASES = {"pm10": "PM10", "no2": "NO2", "so2": "SO2", "o3": "O3", "co": "CO", "formaldehyde": "formaldehyde"}

_INTERVAL = _gauge("interval_s", "s", 1, 86400, "Length of the interval that ends at ts.")
_NEEDS_INTERVAL = "needs interval_s, here or in the registry."

_WATER = [
    _counter("volume_m3", "m3", 1e8, "Register of the volume that passed forwards."),
    _counter("volume_reverse_m3", "m3", 1e7, "Register of the volume that passed backwards."),
    _gauge("volume_net_m3", "m3", -1e8, 1e8, "Register of the volume that passed forwards, less what passed backwards."),
    _gauge("flow_m3_h", "m3/h", -5000, 50000, "Rate of flow; negative is backwards."),
    _gauge("flow_min_m3_h", "m3/h", -5000, 50000, "Lowest rate of flow in the interval that ends at ts."),
    _gauge("flow_max_m3_h", "m3/h", -5000, 50000, "Highest rate of flow in the interval that ends at ts."),
    _gauge("pressure_kpa", "kPa", -100, 4000, "Pressure above that of the air (gauge pressure)."),
    _gauge("level_m", "m", -50, 200, "Height of the water above the site's reference."),
    _gauge("distance_m", "m", 0, 50, "Distance from the sensor to the water's surface."),
    _gauge("fill_pct", "%", 0, 110, "How full the tank is."),
    _gauge("temperature_c", "Cel", -5, 95, "Temperature of the water."),
    _gauge("ambient_temperature_c", "Cel", -50, 100, "Temperature around the meter."),
    _gauge("ph", "[pH]", 0, 14, "Acidity.", stem="ph"),
    _gauge("chlorine_mg_l", "mg/L", 0, 20, "Residual chlorine."),
    _gauge("dissolved_oxygen_mg_l", "mg/L", 0, 50, "Dissolved oxygen."),
    _gauge("turbidity_ntu", "{NTU}", 0, 4000, "Turbidity, nephelometric."),
    _gauge("conductivity_us_cm", "uS/cm", 0, 200000, "Electrical conductivity."),
    _gauge("orp_mv", "mV", -2000, 2000, "Oxidation-reduction potential."),
    _counter("pulse_count", "1", 4294967295, "Register of a pulse input.", stem="pulse"),
    _state("alarm_leak", "A leak is suspected, as when the flow never stops."),
    _state("alarm_burst", "A burst pipe is suspected."),
    _state("alarm_backflow", "Water runs backwards."),
    _state("alarm_empty_pipe", "The measuring pipe is not full of water."),
    _state("alarm_tamper", "The device was opened, moved or disturbed, as by a magnet."),
    _state("alarm_blocked", "The measuring part is blocked."),
    _state("alarm_freeze", "The water is near freezing."),
    _state("alarm_no_flow", "No water has passed for longer than is usual."),
    _state("valve_open", "The valve is open."),
    _state("pump_on", "The pump runs."),
]

_POWER = [
    *_each(_gauge("voltage_{}_v", "V", 0, 500, "Voltage of {} to neutral; the registry may raise the maximum."), _PHASES),
    *_each(_gauge("voltage_{}_v", "V", 0, 900, "Voltage between {}; the registry may raise the maximum."), _PHASE_PAIRS),
    *_each(_gauge("current_{}_a", "A", 0, 6000, "Current in {}."), _PHASES | {"n": "the neutral"}),
    *_each(_gauge("current_max_{}_a", "A", 0, 6000, "Highest current in {} in the interval that ends at ts."), _PHASES),
    *_each(_gauge("active_power{}_w", "W", -1e8, 1e8, "Active power, {}; positive is import."), _TOTAL_AND_PHASES),
    *_each(_gauge("reactive_power{}_var", "V.A{reactive}", -1e8, 1e8, "Reactive power, {}."), _TOTAL_AND_PHASES),
    *_each(_gauge("apparent_power{}_va", "V.A", 0, 1e8, "Apparent power, {}."), _TOTAL_AND_PHASES),
    *_each(
        replace(_gauge("power_factor{}", "1", 0, 1, "Power factor, {}; a negative one loses its sign."), absolute=True),
        _TOTAL_AND_PHASES,
    ),
    _gauge("frequency_hz", "Hz", 40, 70, "Frequency of the mains."),
    *_each(_gauge("thd_voltage_{}_pct", "%", 0, 400, "Total harmonic distortion of the voltage of {}."), _PHASES),
    *_each(_gauge("thd_current_{}_pct", "%", 0, 400, "Total harmonic distortion of the current in {}."), _PHASES),
    *_each(_counter("energy_import{}_kwh", "kW.h", 1e10, "Register of active energy drawn from the grid, {}."), _TARIFFS),
    *_each(_counter("energy_export{}_kwh", "kW.h", 1e10, "Register of active energy fed into the grid, {}."), _TARIFFS),
    _counter("reactive_energy_import_kvarh", "kV.A.h{reactive}", 1e10, "Register of reactive energy, import."),
    _counter("reactive_energy_export_kvarh", "kV.A.h{reactive}", 1e10, "Register of reactive energy, export."),
    _gauge("max_demand_w", "W", 0, 1e8, "Highest mean active power of a demand interval in the billing period."),
    _gauge("voltage_dc_v", "V", 0, 2000, "Voltage of a direct current, as of solar panels or a battery bank."),
    _gauge("current_dc_a", "A", -6000, 6000, "Direct current; the sign is the maker's."),
    _gauge("power_dc_w", "W", -1e8, 1e8, "Power of a direct current; the sign is that of the current."),
    _state("relay_on", "The supply relay is closed: the customer has power."),
    _state("alarm_tamper", "The device was opened, moved or disturbed, as by a magnet."),
    _state("alarm_outage", "The supply has failed."),
    _state("alarm_voltage", "A voltage is too high or too low."),
    _state("alarm_phase", "A phase is missing, or the phases are in the wrong order."),
]

_TRAFFIC = [
    _gauge("vehicle_count", "1", 0, 20000, f"Vehicles in the interval that ends at ts; {_NEEDS_INTERVAL}"),
    _counter("vehicle_count_total", "1", 1e10, "Register of vehicles counted.", stem="vehicle_count"),
    _INTERVAL,
    _gauge("mean_speed_km_h", "km/h", 0, 250, "Mean speed in the interval."),
    _gauge("speed_p85_km_h", "km/h", 0, 250, "Speed that 85 of 100 vehicles did not exceed in the interval."),
    _gauge("occupancy_pct", "%", 0, 100, "Share of the interval in which a vehicle was over the detector."),
    _gauge("mean_headway_s", "s", 0, 3600, "Mean time from the front of a vehicle to the front of the next."),
    _gauge("mean_gap_m", "m", 0, 10000, "Mean distance from a vehicle to the next."),
    _gauge("queue_length_m", "m", 0, 10000, "Length of the queue."),
    _state("congested", "Traffic is congested."),
]

_URBAN = [
    _state("parking_occupied", "A vehicle stands in the parking space."),
    _state("light_on", "The street light is lit."),
    _state("motion", "Something moves in sight of the sensor."),
    _state("alarm_lamp", "The lamp or its driver has failed."),
    _gauge("people_count", "1", 0, 100000, "People present."),
    _counter("people_in_total", "1", 1e10, "Register of people who went in.", stem="people_in"),
    _counter("people_out_total", "1", 1e10, "Register of people who went out.", stem="people_out"),
    _gauge("people_in", "1", 0, 100000, f"People who went in during the interval that ends at ts; {_NEEDS_INTERVAL}"),
    _gauge("people_out", "1", 0, 100000, f"People who went out during the interval that ends at ts; {_NEEDS_INTERVAL}"),
    _INTERVAL,
    _counter("operating_h", "h", 1e6, "Hours the lamp has burnt."),
    _gauge("pm1_ug_m3", "ug/m3", 0, 1000, "Mass concentration of PM1 in air."),
    _gauge("pm2_5_ug_m3", "ug/m3", 0, 1000, "Mass concentration of PM2.5 in air."),
    *_each(_gauge("{}_ug_m3", "ug/m3", 0, 10000, "Mass concentration of {} in air."), _GASES),
    _gauge("co2_ppm", "[ppm]", 0, 50000, "Carbon dioxide in air, by volume."),
    _gauge("tvoc_ppb", "[ppb]", 0, 100000, "Volatile organic compounds in air, all together, by volume."),
    _gauge("noise_laeq_db", "dB", 0, 160, "Equivalent continuous sound level, A-weighted."),
    _gauge("noise_peak_db", "dB", 0, 180, "Highest sound level of the interval."),
    _gauge("air_temperature_c", "Cel", -40, 85, "Temperature of the air."),
    _gauge("relative_humidity_pct", "%", 0, 100, "Relative humidity of the air."),
    _gauge("air_pressure_hpa", "hPa", 300, 1100, "Pressure of the air where the sensor stands (not reduced to sea level)."),
    _gauge("illuminance_lx", "lx", 0, 200000, "Light that falls on the sensor."),
    _gauge("light_level_pct", "%", 0, 100, "Dimming level of the street light; 100 is full."),
    _counter("rain_mm", "mm", 1e6, "Register of rain fallen."),
    _gauge("rain_interval_mm", "mm", 0, 500, "Rain in the interval that ends at ts."),
]

_DEVICE_HEALTH = [
    _gauge("battery_pct", "%", 0, 100, "Charge left in the battery."),
    _state("battery_low", "The battery is nearly empty: exchange it."),
    _gauge("battery_v", "V", 0, 60, "Voltage of the battery."),
    _gauge("enclosure_temperature_c", "Cel", -50, 100, "Temperature inside the device."),
    _gauge("enclosure_humidity_pct", "%", 0, 100, "Relative humidity inside the device: water gets in."),
    _gauge("rssi_dbm", "dB[mW]", -150, 0, "Strength of the radio signal received."),
    _gauge("snr_db", "dB", -40, 40, "Signal to noise ratio of the radio."),
    _counter("frame_counter", "1", 4294967295, "Frames sent by the radio since it joined."),
    _gauge("uptime_s", "s", 0, 1e10, "Time since the device started."),
]


def _by_field(rows: list[Quantity]) -> dict[str, Quantity]:
    return {row.field: row for row in rows}


QUANTITIES: Final[dict[str, dict[str, Quantity]]] = {
    "water": _by_field(_WATER),
    "power": _by_field(_POWER),
    "traffic": _by_field(_TRAFFIC),
    "urban": _by_field(_URBAN),
    "device_health": _by_field(_DEVICE_HEALTH),
}
"""Measurement → field → quantity."""

DOMAINS: Final = ("water", "power", "traffic", "urban")
HEALTH: Final = "device_health"

COUNTERS: Final[dict[str, Quantity]] = {
    row.field: row for domain in DOMAINS for row in QUANTITIES[domain].values() if row.kind is Kind.COUNTER
}
"""The counters that have a sum: those of the domains. A LoRaWAN join restarts a frame counter, which measures nothing."""

SUM_OF: Final = {field: row.beside("sum") for field, row in COUNTERS.items()}
"""Counter → the field beside it that goes on over exchanges, resets and roll-overs: the register plus an offset."""

USED_OF: Final = {field: row.beside("used") for field, row in COUNTERS.items()}
"""Counter → the field of roll-ups for what was used: the difference of two sums."""

SPREAD_OF: Final = {
    domain: {
        row.field: (row.beside("min"), row.beside("mean"), row.beside("max"))
        for row in QUANTITIES[domain].values()
        if row.kind is Kind.GAUGE and row.field != "interval_s"
    }
    for domain in DOMAINS
}
"""Domain → gauge → the fields of roll-ups for its lowest, mean and highest value. (An interval is no measured value.)"""


@dataclass(frozen=True, slots=True)
class Growth:
    """The fastest growth of a counter, in its unit.

    :ivar usual_per_h: growth in an hour that is never unusual, however little the counter has grown before.
    :ivar most_per_h: the greatest growth in an hour that can be real.
    :ivar step: one step of a coarse register, never unusual, however soon after the last.
    """

    usual_per_h: float
    most_per_h: float
    step: float


_VOLUME: Final = Growth(10.0, 50_000.0, 1.0)
_ENERGY: Final = Growth(100.0, 1e8 / 1000, 1.0)
"""The most is the bound of active and reactive power, in kWh and kvarh per hour."""
_COUNT: Final = Growth(10_000.0, 100_000.0, 100.0)
_BY_UNIT: Final = {"m3": _VOLUME, "kW.h": _ENERGY, "kV.A.h{reactive}": _ENERGY, "1": _COUNT}
_BY_FIELD: Final = {
    "volume_reverse_m3": replace(_VOLUME, most_per_h=5_000.0),
    "pulse_count": replace(_COUNT, most_per_h=1e7),
    "operating_h": Growth(1.01, 1.01, 1.0),
    "rain_mm": Growth(200.0, 500.0, 1.0),
}


def growth_of(row: Quantity) -> Growth:
    """Find how fast a counter may grow.

    :raises ValueError: nothing says it.
    """
    growth = _BY_FIELD.get(row.field) or _BY_UNIT.get(row.unit)
    if growth is None:
        raise ValueError(f"{row.field}: say how fast a counter in {row.unit} may grow; see Growth in schemas/quantities.py")
    return growth


GROWTH: Final = {field: growth_of(row) for field, row in COUNTERS.items()}
"""Counter → how fast it may grow; the most of a volume is the bound of the flow that belongs to it."""

REQUIRES: Final = {"vehicle_count": "interval_s", "people_in": "interval_s", "people_out": "interval_s"}
"""Field → the field of the same reading without which its value means nothing."""

COUNTING: Final = frozenset(measurement for measurement, rows in QUANTITIES.items() if not rows.keys().isdisjoint(REQUIRES))
"""Measurements with such a field."""

RAISED_BY: Final = {
    "voltage_max_v": tuple(f"voltage_{phase}_v" for phase in _PHASES),
    "voltage_line_max_v": tuple(f"voltage_{pair}_v" for pair in _PHASE_PAIRS),
}
"""Parameter of a registered device → the fields whose maximum it raises."""

VEHICLE_CLASSES: Final = (
    *("motorcycle", "bicycle", "pedestrian", "car", "van", "bus"),
    *("truck_light", "truck_heavy", "trailer", "other", "unknown"),
)

TEXT_TAGS: Final = ("channel", "direction", "lane", "vehicle_class")
"""The optional texts of a reading that become tags, in the order InfluxDB wants tags."""


class Quality:
    """Bits of the field ``quality``; 0 is good."""

    GATEWAY_TIME: Final = 1
    VALUE_DROPPED: Final = 2
    COUNTER_SUSPECT: Final = 4
    HISTORIC: Final = 8
    ESTIMATED: Final = 16
    CLOCK_DOUBTED: Final = 32
    MAY_STAND_TWICE: Final = 64
    SIMULATED: Final = 128
