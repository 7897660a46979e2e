"""Pressure in the unit of the staff. The store keeps kPa; what is shown is multiplied, with its colours, limits and texts.

Grafana's units name what a figure is in and convert nothing, so the queries multiply.
"""

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, NamedTuple

from grafana.ask import Ask, Each, Over
from grafana.model import Column, Dashboard, Panel, Steps
from grafana.text import Text
from grafana.units import unit_of
from schemas.quantities import UNITS


class Shown(NamedTuple):
    """A unit of display.

    :ivar of_kpa: so much of it is one kPa.
    :ivar grafana: Grafana's name of it.
    :ivar name: what texts say.
    """

    of_kpa: float
    grafana: str
    name: str


KPA: Final = UNITS["kPa"].grafana
PRESSURES: Final = {
    "kPa": Shown(1.0, KPA, "kPa"),
    "bar": Shown(0.01, "suffix:bar", "bar"),  # Grafana's own unit says 500 mbar for half a bar
    "mH2O": Shown(0.10197, "suffix:mH₂O", "mH₂O"),
}
"""Word of the command → the unit."""
_COUNTED: Final = (Each.COUNT, Each.TRUE, Over.COUNT, Over.DEVICES)
_SAID: Final = re.compile(r"(\d+(?:\.\d+)?) kPa\b")


def in_unit(board: Dashboard, unit: Shown) -> Dashboard:
    """Show a dashboard's pressures in another unit."""
    if unit.grafana == KPA:
        return board
    shown: Dashboard = _in(board, unit)
    return shown


def _in(value: Any, unit: Shown) -> Any:  # noqa: ANN401 - rows of any table
    if isinstance(value, Text):
        return Text(_said(value.vi, unit), _said(value.en, unit))
    if isinstance(value, str):
        return _said(value, unit) if type(value) is str else value
    if isinstance(value, tuple):
        parts = [_in(part, unit) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if is_dataclass(value) and not isinstance(value, type):
        return _row(value, unit)
    return value


def _row(row: Any, unit: Shown) -> Any:  # noqa: ANN401 - any dataclass
    changed = {field.name: _in(getattr(row, field.name), unit) for field in fields(row) if field.init}
    if isinstance(row, Ask) and unit_of(row.measurement, row.field) == KPA and not {row.each, row.over} & set(_COUNTED):
        changed["scale"] = unit.of_kpa
    if isinstance(row, Panel | Column) and row.unit == KPA:
        changed |= {"unit": unit.grafana, "steps": _steps(row.steps, unit)}
    if isinstance(row, Panel) and row.unit == KPA:
        ends = {name: getattr(row, name) for name in ("minimum", "maximum")}
        changed |= {name: None if end is None else round(end * unit.of_kpa, 3) for name, end in ends.items()}
    return replace(row, **changed)


def _steps(steps: Steps, unit: Shown) -> Steps:
    return tuple((None if least is None else round(least * unit.of_kpa, 3), color) for least, color in steps)


def _said(text: str, unit: Shown) -> str:
    return _SAID.sub(lambda found: f"{float(found[1]) * unit.of_kpa:.3g} {unit.name}", text)
