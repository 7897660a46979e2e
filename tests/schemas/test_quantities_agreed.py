"""The quantities as agreed with the utilities, row by row. A row that changes here changes the contents of their databases."""

from pathlib import Path
from typing import Final

import pytest

from schemas.quantities import QUANTITIES, SPREAD_OF, SUM_OF, USED_OF, VEHICLE_CLASSES, Kind

PHASES: Final = ("l1", "l2", "l3")
AGREED: Final = {
    "water": """
        volume_m3 m3 0 1e8 C
        volume_reverse_m3 m3 0 1e7 C
        volume_net_m3 m3 -1e8 1e8 G
        flow_m3_h flow_min_m3_h flow_max_m3_h m3/h -5000 50000 G
        pressure_kpa kPa -100 4000 G
        level_m m -50 200 G
        distance_m m 0 50 G
        fill_pct % 0 110 G
        temperature_c Cel -5 95 G
        ambient_temperature_c Cel -50 100 G
        ph [pH] 0 14 G
        chlorine_mg_l mg/L 0 20 G
        dissolved_oxygen_mg_l mg/L 0 50 G
        turbidity_ntu {NTU} 0 4000 G
        conductivity_us_cm uS/cm 0 200000 G
        orp_mv mV -2000 2000 G
        pulse_count 1 0 4294967295 C
        alarm_leak alarm_burst alarm_backflow alarm_empty_pipe alarm_tamper alarm_blocked alarm_freeze alarm_no_flow B
        valve_open pump_on B
        """,
    "power": """
        voltage_PHASE_v V 0 500 G
        voltage_l12_v voltage_l23_v voltage_l31_v V 0 900 G
        current_PHASE_a current_n_a current_max_PHASE_a A 0 6000 G
        active_power_w active_power_PHASE_w W -1e8 1e8 G
        reactive_power_var reactive_power_PHASE_var V.A{reactive} -1e8 1e8 G
        apparent_power_va apparent_power_PHASE_va V.A 0 1e8 G
        power_factor power_factor_PHASE 1 0 1 G
        frequency_hz Hz 40 70 G
        thd_voltage_PHASE_pct thd_current_PHASE_pct % 0 400 G
        energy_import_kwh energy_import_t1_kwh energy_import_t2_kwh energy_import_t3_kwh energy_import_t4_kwh kW.h 0 1e10 C
        energy_export_kwh energy_export_t1_kwh energy_export_t2_kwh energy_export_t3_kwh energy_export_t4_kwh kW.h 0 1e10 C
        reactive_energy_import_kvarh reactive_energy_export_kvarh kV.A.h{reactive} 0 1e10 C
        max_demand_w W 0 1e8 G
        voltage_dc_v V 0 2000 G
        current_dc_a A -6000 6000 G
        power_dc_w W -1e8 1e8 G
        relay_on alarm_tamper alarm_outage alarm_voltage alarm_phase B
        """,
    "traffic": """
        vehicle_count 1 0 20000 G
        vehicle_count_total 1 0 1e10 C
        interval_s s 1 86400 G
        mean_speed_km_h speed_p85_km_h km/h 0 250 G
        occupancy_pct % 0 100 G
        mean_headway_s s 0 3600 G
        mean_gap_m queue_length_m m 0 10000 G
        congested B
        """,
    "urban": """
        parking_occupied light_on motion alarm_lamp B
        people_count people_in people_out 1 0 100000 G
        people_in_total people_out_total 1 0 1e10 C
        interval_s s 1 86400 G
        operating_h h 0 1e6 C
        pm1_ug_m3 pm2_5_ug_m3 ug/m3 0 1000 G
        pm10_ug_m3 no2_ug_m3 so2_ug_m3 o3_ug_m3 co_ug_m3 formaldehyde_ug_m3 ug/m3 0 10000 G
        tvoc_ppb [ppb] 0 100000 G
        co2_ppm [ppm] 0 50000 G
        illuminance_lx lx 0 200000 G
        air_pressure_hpa hPa 300 1100 G
        noise_laeq_db dB 0 160 G
        noise_peak_db dB 0 180 G
        air_temperature_c Cel -40 85 G
        relative_humidity_pct light_level_pct % 0 100 G
        rain_mm mm 0 1e6 C
        rain_interval_mm mm 0 500 G
        """,
    "device_health": """
        battery_pct % 0 100 G
        battery_low B
        battery_v V 0 60 G
        enclosure_temperature_c Cel -50 100 G
        enclosure_humidity_pct % 0 100 G
        rssi_dbm dB[mW] -150 0 G
        snr_db dB -40 40 G
        frame_counter 1 0 4294967295 C
        uptime_s s 0 1e10 G
        """,
}
"""Names, then unit, least, greatest and kind: a counter, a gauge or a boolean. PHASE stands for each of the three."""

KINDS: Final = {Kind.COUNTER: "C", Kind.GAUGE: "G", Kind.STATE: "B"}

Row = tuple[str, float, float, str]


def agreed(measurement: str) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for line in AGREED[measurement].split("\n"):
        *words, kind = line.split() or [""]
        cut = len(words) if kind == "B" else -3
        unit, least, greatest = words[cut:] or ("", 0, 1)
        for name in words[:cut]:
            fields = [name.replace("PHASE", phase) for phase in PHASES] if "PHASE" in name else [name]
            found |= dict.fromkeys(fields, (str(unit), float(least), float(greatest), kind))
    return found


@pytest.mark.parametrize("measurement", AGREED)
def test_unit_bounds_and_kind_of_every_quantity_are_those_agreed(measurement: str) -> None:
    rows = QUANTITIES[measurement].values()
    found = {row.field: (row.unit, row.minimum, row.maximum, KINDS[row.kind]) for row in rows}
    assert found == agreed(measurement), "a new quantity is agreed upon with a row of AGREED in this file; the others stay"


def test_classes_of_vehicles_are_those_agreed() -> None:
    agreed_classes = "motorcycle bicycle pedestrian car van bus truck_light truck_heavy trailer other unknown"
    assert sorted(VEHICLE_CLASSES) == sorted(agreed_classes.split())


def agreed_fields() -> dict[str, list[str]]:
    """Quantity of a measurement → the fields beside it."""
    found: dict[str, list[str]] = {}
    measurement = ""
    for line in Path(__file__).with_name("agreed_fields.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            measurement = line.strip("[]")
        elif not line.startswith("#"):
            field, *beside = line.split()
            found[f"{measurement}.{field}"] = beside
    return found


def test_fields_in_databases_keep_the_names_that_they_have() -> None:
    made = {
        f"{measurement}.{field}": [
            *(names[field] for names in (SUM_OF, USED_OF) if field in names and measurement in SPREAD_OF),
            *SPREAD_OF.get(measurement, {}).get(field, ()),
        ]
        for measurement, rows in QUANTITIES.items()
        for field in rows
    }
    assert made == agreed_fields(), "add a line to agreed_fields.txt for a new quantity; the names of the others stay"
