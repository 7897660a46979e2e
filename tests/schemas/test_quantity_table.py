"""Rules for every row of the table, whatever rows are added."""

import math
import re

import pytest

from schemas.quantities import (
    DOMAINS,
    GROWTH,
    HEALTH,
    QUANTITIES,
    REQUIRES,
    SUM_OF,
    TEXT_TAGS,
    USED_OF,
    VEHICLE_CLASSES,
    Kind,
    Quantity,
)
from schemas.readings import ENVELOPE_KEYS
from schemas.topics import is_name

UNIT_SUFFIXES = {
    "1": "",
    "%": "_pct",
    "A": "_a",
    "Cel": "_c",
    "Hz": "_hz",
    "V": "_v",
    "V.A": "_va",
    "V.A{reactive}": "_var",
    "W": "_w",
    "[pH]": "ph",
    "[ppm]": "_ppm",
    "[ppb]": "_ppb",
    "dB": "_db",
    "dB[mW]": "_dbm",
    "h": "_h",
    "hPa": "_hpa",
    "kPa": "_kpa",
    "lx": "_lx",
    "kV.A.h{reactive}": "_kvarh",
    "kW.h": "_kwh",
    "km/h": "_km_h",
    "m": "_m",
    "m3": "_m3",
    "m3/h": "_m3_h",
    "mV": "_mv",
    "mg/L": "_mg_l",
    "mm": "_mm",
    "s": "_s",
    "uS/cm": "_us_cm",
    "ug/m3": "_ug_m3",
    "{NTU}": "_ntu",
}
RESERVED = {"time", "quality", "seq", "up", "silence_s", "clock_offset_s", "seq_missing"}
"""Names a point uses for something else than a quantity a device sends."""

EACH_MEASUREMENT = pytest.mark.parametrize("measurement", QUANTITIES)


def rows(measurement: str, *kinds: Kind) -> list[Quantity]:
    return [quantity for quantity in QUANTITIES[measurement].values() if quantity.kind in (kinds or Kind)]


@EACH_MEASUREMENT
def test_a_field_is_named_so_that_every_database_takes_it(measurement: str) -> None:
    taken = RESERVED | ENVELOPE_KEYS.keys() | set(TEXT_TAGS)
    for field, quantity in QUANTITIES[measurement].items():
        assert quantity.field == field
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", field), f"{field}: line protocol would need escapes"
        assert field not in taken


@EACH_MEASUREMENT
def test_a_number_has_a_known_unit_that_ends_its_name(measurement: str) -> None:
    for quantity in rows(measurement, Kind.COUNTER, Kind.GAUGE):
        assert quantity.field.endswith(UNIT_SUFFIXES[quantity.unit])


@EACH_MEASUREMENT
def test_no_number_is_named_for_another_unit_than_its_own(measurement: str) -> None:
    for quantity in rows(measurement, Kind.COUNTER, Kind.GAUGE):
        said = [unit for unit, suffix in UNIT_SUFFIXES.items() if suffix.startswith("_") and quantity.field.endswith(suffix)]
        assert max(said, key=lambda unit: len(UNIT_SUFFIXES[unit]), default=quantity.unit) == quantity.unit, quantity.field


@EACH_MEASUREMENT
def test_bounds_are_finite_and_leave_room(measurement: str) -> None:
    for quantity in rows(measurement):
        assert -math.inf < quantity.minimum < quantity.maximum < math.inf, quantity.field


@EACH_MEASUREMENT
def test_a_state_is_0_or_1_without_unit(measurement: str) -> None:
    for quantity in rows(measurement, Kind.STATE):
        assert (quantity.minimum, quantity.maximum, quantity.unit) == (0, 1, ""), quantity.field


@EACH_MEASUREMENT
def test_a_counter_starts_at_0_and_only_a_gauge_may_lose_its_sign(measurement: str) -> None:
    for quantity in rows(measurement, Kind.COUNTER):
        assert (quantity.minimum, quantity.absolute) == (0, False), quantity.field
    for quantity in rows(measurement):
        assert not quantity.absolute or (quantity.minimum == 0 and quantity.kind is Kind.GAUGE), quantity.field


@EACH_MEASUREMENT
def test_a_row_says_what_it_means(measurement: str) -> None:
    for quantity in rows(measurement):
        assert quantity.meaning.endswith("."), quantity.field
        assert "{" not in quantity.meaning, f"{quantity.field}: a brace was not filled"


@pytest.mark.parametrize("domain", DOMAINS)
def test_health_may_ride_along_without_hiding_a_quantity_of_the_domain(domain: str) -> None:
    assert not QUANTITIES[domain].keys() & QUANTITIES[HEALTH].keys()


def test_every_domain_has_a_table_and_no_other_measurement_has() -> None:
    assert set(QUANTITIES) == {*DOMAINS, HEALTH}


def test_a_field_and_what_it_requires_are_of_one_measurement() -> None:
    for field, needed in REQUIRES.items():
        assert [measurement for measurement, rows in QUANTITIES.items() if field in rows and needed in rows], field


def test_tags_are_keys_of_a_reading_in_the_order_influxdb_sorts_them() -> None:
    assert list(TEXT_TAGS) == sorted(TEXT_TAGS)
    assert set(TEXT_TAGS) <= ENVELOPE_KEYS.keys()


def test_vehicle_classes_may_be_tag_values_and_have_a_class_for_the_rest() -> None:
    assert all(is_name(name) for name in VEHICLE_CLASSES)
    assert len(set(VEHICLE_CLASSES)) == len(VEHICLE_CLASSES)
    assert {"other", "unknown"} <= set(VEHICLE_CLASSES)


def test_each_counter_of_a_domain_has_a_sum_and_what_was_used_of_it() -> None:
    counters = {row.field: row.unit for domain in DOMAINS for row in rows(domain, Kind.COUNTER)}
    fields = {field for table in QUANTITIES.values() for field in table}
    for beside in (SUM_OF, USED_OF):
        assert beside.keys() == counters.keys()
        assert len({*beside.values()} - fields) == len(counters), "each its own, and no quantity that a device sends"
        assert all(beside[field].endswith(UNIT_SUFFIXES[unit]) for field, unit in counters.items())


@pytest.mark.parametrize(
    ("counter", "sum_field", "used"),
    [
        ("volume_m3", "volume_sum_m3", "volume_used_m3"),
        ("energy_import_t1_kwh", "energy_import_t1_sum_kwh", "energy_import_t1_used_kwh"),
        ("reactive_energy_export_kvarh", "reactive_energy_export_sum_kvarh", "reactive_energy_export_used_kvarh"),
        ("vehicle_count_total", "vehicle_count_sum", "vehicle_count_used"),
        ("people_in_total", "people_in_sum", "people_in_used"),
        ("pulse_count", "pulse_sum", "pulse_used"),
    ],
)
def test_the_name_of_a_sum_is_that_of_its_counter(counter: str, sum_field: str, used: str) -> None:
    assert (SUM_OF[counter], USED_OF[counter]) == (sum_field, used)


def test_growth_that_is_usual_can_be_real() -> None:
    assert GROWTH.keys() == SUM_OF.keys()
    for field, growth in GROWTH.items():
        assert 0 < growth.usual_per_h <= growth.most_per_h < math.inf, field
        assert 0 < growth.step <= growth.usual_per_h, field
