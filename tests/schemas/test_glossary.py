"""The glossary: each quantity has a name for people, in both languages."""

import re

import pytest

from schemas.glossary import quantities
from schemas.quantities import QUANTITIES


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_quantity_has_a_name_of_its_own_within_its_measurement(language: str) -> None:
    found = quantities(language)
    for measurement, rows in QUANTITIES.items():
        names = [found[field].name for field in rows]
        nameless = [field for field in rows if found[field].name == field]
        assert nameless == [], f"{measurement}: write the names of {', '.join(nameless)} in schemas/glossary.py"
        assert len(set(names)) == len(names), measurement


def test_phases_tariffs_and_units_are_written_as_people_write_them() -> None:
    found = quantities("en")
    assert found["active_power_l1_w"] == ("Active power L1", "W", False)
    assert found["energy_import_t2_kwh"] == ("Energy import T2", "kWh", False)
    assert found["volume_m3"] == ("Volume", "m³", False)
    assert found["alarm_leak"] == ("Leak alarm", "", True)
    assert [row.unit for row in found.values() if re.search(r"[\[{.]", row.unit)] == []
