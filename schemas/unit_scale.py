"""Units: the exact straight line from what a device sends to the unit of a quantity.

The units of water, power, traffic and air are in one table of exact numbers.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from typing import Final

from schemas.quantities import UNITS, UnitRow


class UnknownUnit(ValueError):  # noqa: N818 - it says what the unit is
    """A word that is not a unit, or is a unit of something else; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class LinearScale:
    """``y = x · slope + shift``, exactly."""

    slope: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)

    def then(self, after: "LinearScale") -> "LinearScale":
        """Return this line followed by ``after``, as one."""
        return LinearScale(self.slope * after.slope, self.shift * after.slope + after.shift)

    def inverse(self) -> "LinearScale":
        """Return the way back."""
        return LinearScale(1 / self.slope, -self.shift / self.slope)


_PSI: Final = Fraction("4.4482216152605") / Fraction("0.0254") ** 2  # pound-force in newton, inch in metre: exact by definition
_US_GALLON: Final = Fraction("0.003785411784")
_SCALES: Final[dict[str, dict[str, Fraction | int | str]]] = {
    "volume": {
        "m3": 1, "kL": 1, "hL": "0.1", "L": "0.001", "l": "0.001", "dm3": "0.001", "mL": "1e-6", "ml": "1e-6",
        "cm3": "1e-6", "ft3": "0.028316846592", "gal": _US_GALLON, "[gal_us]": _US_GALLON, "[gal_br]": "0.00454609",
    },
    "flow": {
        "m3/h": 1, "m3/s": 3600, "m3/min": 60, "m3/d": Fraction(1, 24), "L/s": "3.6", "l/s": "3.6", "L/min": "0.06",
        "l/min": "0.06", "L/h": "0.001", "l/h": "0.001", "L/d": Fraction(1, 24000), "mL/s": "0.0036", "mL/min": "6e-5",
        "gal/min": 60 * _US_GALLON, "gal/h": _US_GALLON, "ft3/min": "1.69901079552", "ft3/s": "101.9406477312",
    },
    "pressure": {
        "Pa": 1, "hPa": 100, "kPa": 1000, "MPa": 10**6, "bar": 10**5, "mbar": 100, "cbar": 1000, "psi": _PSI, "[psi]": _PSI,
        "atm": 101325, "mH2O": "9806.65", "m[H2O]": "9806.65", "cmH2O": "98.0665", "mmH2O": "9.80665", "inH2O": "249.08891",
        "kgf/cm2": "98066.5", "mmHg": "133.322387415", "inHg": "3386.388640341",
    },
    "length": {
        "m": 1, "km": 1000, "dm": "0.1", "cm": "0.01", "mm": "0.001", "um": "1e-6", "in": "0.0254", "[in_i]": "0.0254",
        "ft": "0.3048", "[ft_i]": "0.3048", "yd": "0.9144", "mi": "1609.344",
    },
    "time": {"s": 1, "ms": "0.001", "us": "1e-6", "min": 60, "h": 3600, "d": 86400},
    "speed": {"m/s": 1, "km/h": Fraction(5, 18), "mph": "0.44704", "kn": Fraction(1852, 3600), "ft/s": "0.3048"},
    "voltage": {"V": 1, "mV": "0.001", "kV": 1000, "uV": "1e-6"},
    "current": {"A": 1, "mA": "0.001", "kA": 1000, "uA": "1e-6"},
    "active power": {"W": 1, "mW": "0.001", "kW": 1000, "MW": 10**6, "GW": 10**9},
    "reactive power": {
        "var": 1, "kvar": 1000, "Mvar": 10**6, "VAr": 1, "kVAr": 1000, "vars": 1, "V.A{reactive}": 1, "kV.A{reactive}": 1000,
    },
    "apparent power": {"VA": 1, "kVA": 1000, "MVA": 10**6, "V.A": 1, "kV.A": 1000},
    "active energy": {
        "Wh": 1, "kWh": 1000, "MWh": 10**6, "GWh": 10**9, "W.h": 1, "kW.h": 1000, "MW.h": 10**6, "GW.h": 10**9,
        "J": Fraction(1, 3600), "kJ": Fraction(1000, 3600), "MJ": Fraction(10**6, 3600), "GJ": Fraction(10**9, 3600),
    },
    "reactive energy": {
        "varh": 1, "kvarh": 1000, "Mvarh": 10**6, "var.h": 1, "kvar.h": 1000, "VArh": 1, "kVArh": 1000, "V.A.h{reactive}": 1,
        "kV.A.h{reactive}": 1000,
    },
    "frequency": {"Hz": 1, "mHz": "0.001", "kHz": 1000},
    "a share or count": {
        "1": 1, "/": 1, "%": "0.01", "%RH": "0.01", "%EL": "0.01", "%IL": "0.01", "‰": "0.001", "count": 1, "pulse": 1,
        "pulses": 1,
    },
    "mass concentration": {
        "g/m3": 1, "mg/L": 1, "mg/l": 1, "mg/dm3": 1, "g/L": 1000, "g/l": 1000, "ug/L": "0.001", "ug/l": "0.001",
        "mg/m3": "0.001", "ug/m3": "1e-6",
    },
    "conductivity": {"S/m": 1, "S/cm": 100, "mS/m": "0.001", "uS/m": "1e-6", "mS/cm": "0.1", "uS/cm": "1e-4"},
    "acidity": {"[pH]": 1, "pH": 1},
    "turbidity": {"{NTU}": 1, "NTU": 1, "FNU": 1},
    "volume share": {"[ppm]": 1, "ppm": 1, "[ppb]": "0.001", "ppb": "0.001"},
    "illuminance": {"lx": 1, "lux": 1, "klx": 1000},
    "level": {"dB": 1, "dBA": 1, "dB(A)": 1, "dB[SPL]": 1},
    "power level": {"dB[mW]": 1, "dBm": 1, "dBW": 1},
}  # fmt: skip
"""Family of units → unit → its size in the first unit of the row, exactly: codes of UCUM, SenML and usual spellings."""

_TEMPERATURES: Final = {
    **dict.fromkeys(("Cel", "°C", "degC"), LinearScale()),
    "K": LinearScale(shift=Fraction("-273.15")),
    **dict.fromkeys(("F", "°F", "degF", "[degF]"), LinearScale(Fraction(5, 9), Fraction(-160, 9))),
}
_SHIFTED: Final = {"dBW": LinearScale(shift=Fraction(30))}


_POWER = re.compile("(?<=[mt])[23]")


def _spellings(unit: str) -> Iterator[str]:
    """Spell a unit as UCUM does and as people do: m3 and m³; ug and µg, with the sign of micro or the Greek letter."""
    for text in dict.fromkeys((unit, _POWER.sub(lambda power: "²³"["23".index(power[0])], unit))):
        yield text
        if text.startswith("u"):
            yield from ("µ" + text[1:], "μ" + text[1:])


def _rows() -> Iterator[tuple[str, str, LinearScale]]:
    for measured, units in _SCALES.items():
        for unit, size in units.items():
            for spelling in _spellings(unit):
                yield measured, spelling, _SHIFTED.get(unit, LinearScale(Fraction(size)))
    for unit, line in _TEMPERATURES.items():
        yield "temperature", unit, line


def lines_of(units: Iterable[UnitRow]) -> dict[str, tuple[str, LinearScale]]:
    """Return every spelling of a unit with its family, and its line to the first unit of the family.

    :raises ValueError: one of ``units`` has no size in its family.
    """
    lines = {spelling: (family, line) for family, spelling, line in _rows()}
    for unit in units:
        if lines.get(unit.code, ("",))[0] != unit.family:
            raise ValueError(f"unit {unit.code!r}: add its size to the family {unit.family!r} in schemas/unit_scale.py")
    return lines


_LINES: Final = lines_of(UNITS.values())

_IN_WATER: Final = "; in water 1 ppm is 1 mg/L: leave unit out"


def convert(unit: str, to: str) -> LinearScale:
    """Return the line from ``unit`` to the unit ``to`` of the table of quantities.

    :raises UnknownUnit: it is not a unit, or measures something else.
    """
    if unit == to:
        return LinearScale()
    known, wanted = _LINES.get(unit), _LINES[to]
    if known is None:
        raise UnknownUnit(f"{unit[:40]!r} is not a unit that can become {to!r}; {_suggestion(unit, list(conversions(to)))}")
    if known[0] != wanted[0]:
        hint = _IN_WATER if (unit, to) in {("ppm", "mg/L"), ("[ppm]", "mg/L")} else ""
        raise UnknownUnit(f"{unit!r} is a unit of {known[0]}, but the field's is {to!r}, {wanted[0]}{hint}")
    return known[1].then(wanted[1].inverse())


@cache
def conversions(to: str) -> dict[str, LinearScale]:
    """Return every unit that can become ``to`` with its line, for units that are in the payload."""
    measured, back = _LINES[to][0], _LINES[to][1].inverse()
    return {unit: line.then(back) for unit, (kind, line) in _LINES.items() if kind == measured}


def _suggestion(unit: str, known: list[str]) -> str:
    same = [name for name in known if name.casefold() == unit.casefold()]
    near = same or get_close_matches(unit, known, n=3)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else f"write for example {', '.join(known[:4])}"
