"""Gauges and states while something happens. Each function changes one sample."""

import math
from typing import Final

from firmware_sim.devices.power import PHASES
from firmware_sim.devices.source import Sample, SensorValues
from firmware_sim.physics.electricity import line_voltage_v, neutral_current_a
from firmware_sim.signals import HOUR_S
from firmware_sim.stories.story import Incident

EMPTY_S: Final = 3 * HOUR_S
"""A tank without its pump lasts so long."""
_TOTALS: Final = ("active_power{}_w", "reactive_power{}_var", "apparent_power{}_va")


def pressure_falls(sample: Sample, event: Incident) -> None:
    """A burst takes the pressure away."""
    sample.values["pressure_kpa"] = round(sample.values["pressure_kpa"] * (0.45 - 0.2 * event.size), 1)


def pressure_low(sample: Sample, event: Incident) -> None:
    """Hardly any pressure, and as much flow as ever."""
    sample.values["pressure_kpa"] = round(30 + 30 * event.size + sample.values["pressure_kpa"] % 5, 1)


def pressure_high(sample: Sample, event: Incident) -> None:
    """A reducing valve is stuck."""
    sample.values["pressure_kpa"] = round(740 + 60 * event.size + sample.values["pressure_kpa"] % 5, 1)


def tank_low(sample: Sample, event: Incident) -> None:
    """The pump fails, and the tank runs low."""
    _fill(sample.values, 3 + 4 * event.size)
    sample.values["pump_on"] = False


def tank_falls(sample: Sample, event: Incident, instant_s: float) -> None:
    """The pump has stopped: what is drawn comes from the tank, which is filled again in the last hour."""
    values = sample.values
    usual_pct = values["fill_pct"]
    fallen = min((instant_s - event.begin_s) / EMPTY_S, 1.0) * min((event.end_s - instant_s) / HOUR_S, 1.0)
    _fill(values, usual_pct + (3 + 4 * event.size - usual_pct) * fallen)
    values["pump_on"] = event.end_s - instant_s < HOUR_S


def air(sample: Sample, event: Incident, instant_s: float) -> None:
    """Water comes back into empty pipes: air in front of it shakes the pressure, less and less."""
    left = (event.end_s - instant_s) / (event.end_s - event.begin_s)
    beat = math.sin(instant_s / 47.0)
    sample.values["pressure_kpa"] = round(max(sample.values["pressure_kpa"] * (1 - left * (0.4 + 0.5 * beat)), 5.0), 1)


def tank_overflow(sample: Sample, event: Incident) -> None:
    """The pump does not stop."""
    _fill(sample.values, 102 + 3 * event.size)
    sample.values["pump_on"] = True


def bad_water(sample: Sample, event: Incident) -> None:
    """Acid, or without chlorine, or turbid."""
    spoilt = ("ph", 4.8), ("chlorine_mg_l", 0.05), ("turbidity_ntu", 14.0)
    field, value = spoilt[min(int(event.size * len(spoilt)), len(spoilt) - 1)]
    sample.values[field] = value


def voltage_low(sample: Sample, event: Incident) -> None:
    """Too long a line: the voltage sags, and the current rises for the same power."""
    _voltage(sample.values, 0.84 + 0.06 * event.size)


def voltage_high(sample: Sample, event: Incident) -> None:
    """A tap of the transformer stands wrong."""
    _voltage(sample.values, 1.10 + 0.04 * event.size)


def phase_lost(sample: Sample, _event: Incident) -> None:
    """A fuse of one phase has blown."""
    _dead(sample.values, ("l1",))


def outage(sample: Sample, _event: Incident) -> None:
    """No phase is left; the meter's own battery reports it."""
    _dead(sample.values, PHASES)
    for field in ("frequency_hz", "power_factor"):
        sample.values.pop(field, None)


def congestion(sample: Sample, event: Incident) -> None:
    """Nothing moves."""
    sample.values |= {
        "congested": True,
        "occupancy_pct": round(70 + 20 * event.size, 1),
        "queue_length_m": round(200 + 200 * event.size, 1),
        "mean_speed_km_h": round(4 + 4 * event.size, 1),
        "speed_p85_km_h": round(6 + 4 * event.size, 1),
    }


def dark(sample: Sample, _event: Incident) -> None:
    """The driver is dead: no light, although it is switched on."""
    sample.values["light_level_pct"] = 0


def smoke(sample: Sample, event: Incident) -> None:
    """Fields are burnt around the town."""
    for field, least in (("pm1_ug_m3", 150), ("pm2_5_ug_m3", 260), ("pm10_ug_m3", 420)):
        sample.values[field] = round(least * (1 + event.size) + sample.values[field], 1)


def battery_low(sample: Sample, event: Incident) -> None:
    """The battery is nearly empty."""
    sample.health |= {"battery_pct": round(2 + 3 * event.size, 1), "battery_v": 2.9}


def _fill(values: SensorValues, fill_pct: float) -> None:
    """Set the level of a tank, whose height its level and filling tell."""
    height_m = 100 * values["level_m"] / values["fill_pct"]
    level_m = fill_pct / 100 * height_m
    values |= {
        "level_m": round(level_m, 3),
        "fill_pct": round(fill_pct, 1),
        "distance_m": round(max(values["distance_m"] + values["level_m"] - level_m, 0.0), 3),
    }


def _voltage(values: SensorValues, factor: float) -> None:
    for phase in PHASES:
        if f"voltage_{phase}_v" in values:
            values[f"voltage_{phase}_v"] = round(values[f"voltage_{phase}_v"] * factor, 1)
            values[f"current_{phase}_a"] = round(values[f"current_{phase}_a"] / factor, 3)
    _complete(values)


def _dead(values: SensorValues, phases: tuple[str, ...]) -> None:
    for phase in phases:
        for field in (f"voltage_{phase}_v", f"current_{phase}_a", *(total.format(f"_{phase}") for total in _TOTALS)):
            if field in values:
                values[field] = 0.0
    for total in _TOTALS:
        if total.format("") in values:
            parts = [values[total.format(f"_{phase}")] for phase in PHASES if total.format(f"_{phase}") in values]
            values[total.format("")] = round(math.fsum(parts), 1)
    _complete(values)


def _complete(values: SensorValues) -> None:
    """Bring what lies between the phases of three to what they are."""
    if "voltage_l12_v" not in values:
        return
    one_v, two_v, three_v = (values[f"voltage_{phase}_v"] for phase in PHASES)
    values |= {
        "voltage_l12_v": round(line_voltage_v(one_v, two_v), 1),
        "voltage_l23_v": round(line_voltage_v(two_v, three_v), 1),
        "voltage_l31_v": round(line_voltage_v(three_v, one_v), 1),
        "current_n_a": round(neutral_current_a(*(values[f"current_{phase}_a"] for phase in PHASES)), 3),
    }
