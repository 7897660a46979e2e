"""Units: exact lines to the units of the table of quantities."""

from fractions import Fraction

import pytest

from schemas.quantities import QUANTITIES, UNITS, UnitRow
from schemas.unit_scale import LinearScale, UnknownUnit, conversions, convert, lines_of
from tests.rows import each_row


@each_row(
    ("unit", "to", "one"),
    [
        pytest.param("L", "m3", "1/1000", id="litre"),
        pytest.param("L/s", "m3/h", "18/5", id="litre-per-second"),
        pytest.param("bar", "kPa", "100", id="bar"),
        pytest.param("mH2O", "kPa", "9.80665", id="metre-of-water"),
        pytest.param("W.h", "kW.h", "1/1000", id="watt-hour"),
        pytest.param("GJ", "kW.h", "2500/9", id="gigajoule"),
        pytest.param("gal/min", "m3/h", "0.22712470704", id="gallon-per-minute"),
        pytest.param("ft3/s", "m3/h", "101.9406477312", id="cubic-foot-per-second"),
        pytest.param("L/d", "m3/h", "1/24000", id="litre-per-day"),
        pytest.param("inHg", "kPa", "3.386388640341", id="inch-of-mercury"),
        pytest.param("inH2O", "kPa", "0.24908891", id="inch-of-water"),
        pytest.param("kn", "km/h", "1.852", id="knot"),
        pytest.param("kvar", "V.A{reactive}", "1000", id="kilovar"),
        pytest.param("%", "1", "1/100", id="percent-of-a-factor"),
        pytest.param("/", "%", "100", id="ratio-as-percent"),
        pytest.param("mS/cm", "uS/cm", "1000", id="conductivity"),
        pytest.param("m/s", "km/h", "18/5", id="speed"),
        pytest.param("mg/m3", "ug/m3", "1000", id="concentration"),
        pytest.param("min", "s", "60", id="minute"),
        pytest.param("count", "1", "1", id="count"),
    ],
)
def test_one_of_a_unit_is_exactly(unit: str, to: str, one: str) -> None:
    assert convert(unit, to) == LinearScale(Fraction(one))


@pytest.mark.parametrize(
    ("unit", "raw", "celsius"),
    [
        pytest.param("Cel", 20, 20, id="celsius"),
        pytest.param("F", 212, 100, id="fahrenheit"),
        pytest.param("K", Fraction("273.15"), 0, id="kelvin"),
    ],
)
def test_temperatures_are_shifted(unit: str, raw: Fraction, celsius: int) -> None:
    line = convert(unit, "Cel")
    assert raw * line.slope + line.shift == celsius


def test_every_unit_of_the_table_becomes_itself() -> None:
    for unit in UNITS:
        assert conversions(unit)[unit] == LinearScale()


@pytest.mark.parametrize(("code", "family"), [("1/m", "absorbance"), ("1/m", "length"), ("m", "volume")])
def test_a_unit_without_a_size_in_its_family_is_refused_in_words(code: str, family: str) -> None:
    with pytest.raises(ValueError, match=f"^unit '{code}': add its size to the family '{family}'"):
        lines_of([UnitRow(code, "per_m", "1/m", "suffix:1/m", family)])


def test_units_and_the_ends_of_names_tell_each_other_apart() -> None:
    assert len({unit.suffix for unit in UNITS.values()}) == len(UNITS)


def test_lines_follow_each_other_and_go_back() -> None:
    there = convert("F", "Cel")
    assert there.then(there.inverse()) == LinearScale()


@pytest.mark.parametrize(
    ("unit", "fault"),
    [
        pytest.param("L/s", "is a unit of flow, but the field's is 'm3', volume", id="of-something-else"),
        pytest.param("M3", "did you mean 'm3'?", id="capital-letter"),
        pytest.param("gallon", "did you mean 'gal'?", id="near-one"),
        pytest.param("m^3", "did you mean 'm3' or 'dm3' or 'cm3'?", id="near-some"),
        pytest.param("furlongs of wool", "write for example m3", id="no-unit"),
        pytest.param("9**9**9", "is not a unit", id="arithmetic"),
        pytest.param("(" * 1000, "is not a unit", id="brackets"),
    ],
)
def test_what_cannot_become_the_unit_is_told(unit: str, fault: str) -> None:
    with pytest.raises(UnknownUnit) as told:
        convert(unit, "m3")
    assert fault in str(told.value)
    assert len(str(told.value)) < 200


@pytest.mark.parametrize(
    ("unit", "usual"),
    [
        pytest.param("m³/h", "m3/h", id="cubed"),
        pytest.param("kgf/cm²", "kgf/cm2", id="squared"),
        pytest.param("µg/m³", "ug/m3", id="sign-of-micro"),
        pytest.param("\u03bcg/m³", "ug/m3", id="greek-mu"),
    ],
)
def test_a_unit_may_be_written_with_its_signs(unit: str, usual: str) -> None:
    to = next(quantity.unit for row in QUANTITIES.values() for quantity in row.values() if usual in _known(quantity.unit))
    assert convert(unit, to) == convert(usual, to)


def _known(unit: str) -> dict[str, LinearScale]:
    return conversions(unit) if unit else {}


def test_ppm_of_what_is_dissolved_is_told_as_what_it_is_in_water() -> None:
    with pytest.raises(UnknownUnit, match="in water 1 ppm is 1 mg/L: leave unit out"):
        convert("ppm", "mg/L")
