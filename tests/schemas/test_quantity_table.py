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
    UNITS,
    USED_OF,
    VEHICLE_CLASSES,
    Kind,
    Quantity,
    growth_of,
)
from schemas.readings import ENVELOPE_KEYS
from schemas.topics import is_name

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


@pytest.mark.parametrize(
    ("field", "unit", "fault"),
    [
        ("uv254", "kPa", "uv254: the name of a quantity in kPa ends with _kpa"),
        ("flow_m3h", "m3/h", "flow_m3h: the name of a quantity in m3/h ends with _m3_h"),
        ("dam", "m", "dam: the name of a quantity in m ends with _m"),
        ("acidity", "[pH]", r"acidity: the name of a quantity in \[pH\] ends with _ph"),
        ("uv254_per_m", "1/m", "uv254_per_m: there is no unit '1/m'; add a row for it in schemas/quantities.py"),
        ("uv254", "", "uv254: there is no unit ''"),
    ],
)
def test_a_number_whose_name_does_not_end_in_a_known_unit_is_refused_in_words(field: str, unit: str, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}"):
        Quantity(field, unit, 0, 1, Kind.GAUGE)


@EACH_MEASUREMENT
def test_no_number_is_named_for_another_unit_than_its_own(measurement: str) -> None:
    for quantity in rows(measurement, Kind.COUNTER, Kind.GAUGE):
        said = [unit for unit in UNITS.values() if unit.suffix and quantity.field.endswith(f"_{unit.suffix}")]
        if said:
            assert max(said, key=lambda unit: len(unit.suffix)).code == quantity.unit, quantity.field


@pytest.mark.parametrize(
    ("quantity", "low"),
    [
        (Quantity("uv254_m", "m", 0, 1, Kind.GAUGE), "uv254_min_m"),
        (Quantity("soil_ph", "[pH]", 0, 1, Kind.GAUGE), "soil_min_ph"),
        (Quantity("share", "1", 0, 1, Kind.GAUGE), "share_min"),
        (Quantity("lifts_total", "1", 0, 1, Kind.COUNTER, stem="lifts"), "lifts_min"),
    ],
)
def test_a_word_stands_before_the_unit_of_a_name_or_behind_its_stem(quantity: Quantity, low: str) -> None:
    assert quantity.beside("min") == low


def test_a_counter_without_a_growth_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"^heat_kpa: say how fast a counter in kPa may grow"):
        growth_of(Quantity("heat_kpa", "kPa", 0, 1, Kind.COUNTER))


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
    both = QUANTITIES[domain].keys() & QUANTITIES[HEALTH].keys()
    assert both == set(), "a reading tells health too: a quantity of the domain needs another name"


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
        assert all(beside[field].endswith(UNITS[unit].suffix) for field, unit in counters.items())


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
