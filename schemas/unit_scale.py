"""Units: the exact straight line from what a device sends to the unit of a quantity.

The usual units of water, power, traffic and air stand in one small table of exact numbers. Others are looked up with pint, an
optional library that is slow to import, so only then and only when a profile is loaded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from typing import Final


class UnknownUnit(ValueError):  # noqa: N818 - it says what the unit is
    """A unit that is none, or that measures something else; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Line:
    """``y = x · slope + shift``, exactly."""

    slope: Fraction = Fraction(1)
    shift: Fraction = Fraction(0)

    def then(self, after: "Line") -> "Line":
        """This line and then ``after``, as one."""
        return Line(self.slope * after.slope, self.shift * after.slope + after.shift)

    def inverse(self) -> "Line":
        """The way back."""
        return Line(1 / self.slope, -self.shift / self.slope)


_PSI: Final = Fraction("4.4482216152605") / Fraction("0.0254") ** 2  # pound-force in newton, inch in metre: exact by definition
_SCALES: Final[dict[str, dict[str, Fraction | int | str]]] = {
    "volume": {
        "m3": 1, "m³": 1, "kL": 1, "hL": "0.1", "L": "0.001", "l": "0.001", "dm3": "0.001", "mL": "1e-6", "ml": "1e-6",
        "cm3": "1e-6", "ft3": "0.028316846592", "gal": "0.003785411784", "[gal_us]": "0.003785411784",
    },
    "flow": {
        "m3/h": 1, "m³/h": 1, "m3/s": 3600, "m3/min": 60, "m3/d": Fraction(1, 24), "L/s": "3.6", "l/s": "3.6", "L/min": "0.06",
        "l/min": "0.06", "L/h": "0.001", "l/h": "0.001", "mL/s": "0.0036", "mL/min": "6e-5",
    },
    "pressure": {
        "Pa": 1, "hPa": 100, "kPa": 1000, "MPa": 10**6, "bar": 10**5, "mbar": 100, "psi": _PSI, "[psi]": _PSI, "atm": 101325,
        "mH2O": "9806.65", "m[H2O]": "9806.65", "cmH2O": "98.0665", "kgf/cm2": "98066.5", "mmHg": "133.322387415",
    },
    "length": {
        "m": 1, "km": 1000, "dm": "0.1", "cm": "0.01", "mm": "0.001", "um": "1e-6", "in": "0.0254", "[in_i]": "0.0254",
        "ft": "0.3048", "[ft_i]": "0.3048",
    },
    "time": {"s": 1, "ms": "0.001", "us": "1e-6", "min": 60, "h": 3600, "d": 86400},
    "speed": {"m/s": 1, "km/h": Fraction(5, 18), "mph": "0.44704"},
    "voltage": {"V": 1, "mV": "0.001", "kV": 1000, "uV": "1e-6"},
    "current": {"A": 1, "mA": "0.001", "kA": 1000, "uA": "1e-6"},
    "active power": {"W": 1, "mW": "0.001", "kW": 1000, "MW": 10**6},
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
        "g/m3": 1, "mg/L": 1, "mg/l": 1, "g/L": 1000, "ug/L": "0.001", "mg/m3": "0.001", "ug/m3": "1e-6", "µg/m3": "1e-6",
        "µg/m³": "1e-6", "mg/m³": "0.001",
    },
    "conductivity": {"S/m": 1, "S/cm": 100, "mS/m": "0.001", "mS/cm": "0.1", "uS/cm": "1e-4", "µS/cm": "1e-4"},
    "acidity": {"[pH]": 1, "pH": 1},
    "turbidity": {"{NTU}": 1, "NTU": 1, "FNU": 1},
    "volume share": {"[ppm]": 1, "ppm": 1, "[ppb]": "0.001", "ppb": "0.001"},
    "illuminance": {"lx": 1, "lux": 1, "klx": 1000},
    "level": {"dB": 1, "dBA": 1, "dB(A)": 1, "dB[SPL]": 1},
    "power level": {"dB[mW]": 1, "dBm": 1, "dBW": 1},
}  # fmt: skip
"""What is measured → unit → its size in the first unit of the row, exactly. Codes of UCUM and SenML, and what people write."""

_TEMPERATURES: Final = {
    **dict.fromkeys(("Cel", "°C", "degC"), Line()),
    "K": Line(shift=Fraction("-273.15")),
    **dict.fromkeys(("F", "°F", "degF", "[degF]"), Line(Fraction(5, 9), Fraction(-160, 9))),
}
_SHIFTED: Final = {"dBW": Line(shift=Fraction(30))}


def _rows() -> Iterator[tuple[str, str, Line]]:
    for measured, units in _SCALES.items():
        for unit, size in units.items():
            yield measured, unit, _SHIFTED.get(unit, Line(Fraction(size)))
    for unit, line in _TEMPERATURES.items():
        yield "temperature", unit, line


_UNITS: Final = {unit: (measured, line) for measured, unit, line in _rows()}


_IN_WATER: Final = "; in water 1 ppm is 1 mg/L: leave unit out"


def convert(unit: str, to: str) -> Line:
    """The line from ``unit`` to the unit ``to`` of the table of quantities.

    :raises UnknownUnit: when there is none.
    """
    if unit == to:
        return Line()
    known, wanted = _UNITS.get(unit), _UNITS[to]
    if known is None:
        return _convert_rare(unit, to)
    if known[0] != wanted[0]:
        hint = _IN_WATER if (unit, to) in {("ppm", "mg/L"), ("[ppm]", "mg/L")} else ""
        raise UnknownUnit(f"{unit!r} is a unit of {known[0]}, but the field's is {to!r}, {wanted[0]}{hint}")
    return known[1].then(wanted[1].inverse())


@cache
def conversions(to: str) -> dict[str, Line]:
    """Every unit of the table that can become ``to``, for units that stand in the payload."""
    measured, back = _UNITS[to][0], _UNITS[to][1].inverse()
    return {unit: line.then(back) for unit, (kind, line) in _UNITS.items() if kind == measured}


_PINT_NAMES: Final = {
    "m3": "m**3", "m3/h": "m**3/hour", "kPa": "kPa", "m": "m", "mm": "mm", "Cel": "degC", "mg/L": "mg/L", "uS/cm": "uS/cm",
    "mV": "mV", "V": "V", "A": "A", "W": "W", "V.A": "V*A", "V.A{reactive}": "V*A", "kW.h": "kW*hour", "s": "s",
    "kV.A.h{reactive}": "kV*A*hour", "km/h": "km/hour", "ug/m3": "ug/m**3", "%": "percent", "Hz": "Hz",
}  # fmt: skip
"""Codes of the table of quantities as pint calls them; the others it does not know."""

_RARE = re.compile(r"[A-Za-z_µ°]+[23]?(?:[*/.][A-Za-z_µ°]+[23]?){0,3}")
"""What may be asked of pint: names, with a square or cube, multiplied or divided; no arithmetic."""


def _convert_rare(unit: str, to: str) -> Line:
    close = get_close_matches(unit, conversions(to), n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"write for example {', '.join(list(conversions(to))[:4])}"
    fault = UnknownUnit(f"{unit[:40]!r} is no unit that can become {to!r}; {hint}")
    try:
        import pint  # noqa: PLC0415 - 0.3 s that only a rare unit is worth
    except ImportError:
        raise fault from None
    if to not in _PINT_NAMES or not _RARE.fullmatch(unit):
        raise fault
    name = re.sub(r"([23])\b", r"**\1", unit.replace(".", "*"))
    try:
        registry = pint.UnitRegistry(non_int_type=Decimal)
        zero, one = (registry.Quantity(Decimal(at), name).to(_PINT_NAMES[to]).magnitude for at in (0, 1))
    except (pint.PintError, ArithmeticError, AttributeError, TypeError, ValueError):
        raise fault from None
    return Line(Fraction(one) - Fraction(zero), Fraction(zero))
