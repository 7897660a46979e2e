"""The names of quantities in other standards: each is of a field of the table, and has the form of its standard."""

import re
from typing import Final

import pytest
import yaml

from gateway.support.config.bundled_profiles import SHIPPED
from schemas.quantities import QUANTITIES
from schemas.readings import native_adapter
from schemas.standard_names import STANDARD_NAMES, unit_uri

FORMS: Final = {
    "obis": r"[018]-0:\d+\.\d+\.\d+",
    "observed": r"http://(qudt\.org/vocab/quantitykind/[A-Z]\w+|dd\.eionet\.europa\.eu/vocabulary/aq/pollutant/\d+)",
    "ngsi_ld": r"[A-Z]\w+\.[a-zA-Z]\w+(\.(L[1-3]{1,2}|N))?",
    "lwm2m": r"\d+/\d+",
}
_PLAIN_PATH: Final = re.compile(r"/(\d-\d:[\d.]+)/value")


def test_each_name_is_of_a_field_of_the_table() -> None:
    for measurement, names in STANDARD_NAMES.items():
        unknown = names.keys() - QUANTITIES[measurement].keys()
        assert unknown == set(), "schemas/standard_names.py names quantities that there are not"


@pytest.mark.parametrize("standard", FORMS)
def test_a_name_has_the_form_of_its_standard(standard: str) -> None:
    names = {getattr(row, standard) for rows in STANDARD_NAMES.values() for row in rows.values()} - {""}
    assert len(names) > 10
    assert [name for name in names if not re.fullmatch(FORMS[standard], name)] == []


def test_two_fields_never_share_a_code_of_meters() -> None:
    for rows in STANDARD_NAMES.values():
        codes = [names.obis for names in rows.values() if names.obis]
        assert len(codes) == len(set(codes))


def test_the_codes_of_meters_are_those_that_the_profile_of_meters_reads() -> None:
    (points,) = [part for part in yaml.safe_load_all((SHIPPED / "dsmr-p1.yaml").read_text()) if "points" in part]
    read = {field: how["path"] for point in points["points"] for field, how in point["fields"].items() if "path" in how}
    codes = {field: found[1] for field, path in read.items() if (found := _PLAIN_PATH.fullmatch(str(path)))}
    assert len(codes) > 15
    assert {field: STANDARD_NAMES["power"][field].obis for field in codes} == codes


def test_the_schema_of_a_payload_has_the_names_and_the_unit() -> None:
    properties = native_adapter("urban").json_schema()["properties"]
    assert properties["pm2_5_ug_m3"]["x-observed-property"].endswith("/pollutant/6001")
    assert properties["pm2_5_ug_m3"]["x-lwm2m"] == "3428/3"
    assert properties["relative_humidity_pct"]["x-unit-uri"] == "http://www.opengis.net/def/uom/UCUM/0/%25"
    assert properties["battery_v"]["x-obis"] == "0-0:96.6.3", "health rides along"
    assert "x-obis" not in properties["light_on"]


def test_the_letters_of_a_unit_are_fit_for_an_address() -> None:
    assert unit_uri("V.A{reactive}") == "http://www.opengis.net/def/uom/UCUM/0/V.A%7Breactive%7D"
    assert unit_uri("m3/h") == "http://www.opengis.net/def/uom/UCUM/0/m3%2Fh"
    assert unit_uri("") == ""
