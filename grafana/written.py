"""Figures as text with their units, shortened about as Grafana does."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Final

from grafana.answers import ZONE_MS
from grafana.units import AGO, BYTES, DEGREES, DURATION, KILOWATT, SHARE
from schemas.quantities import UNITS

ZONE: Final = timezone(timedelta(milliseconds=ZONE_MS))
_SYMBOLS: Final = {unit.grafana: unit.symbol for unit in UNITS.values() if not unit.grafana.startswith("suffix:")}
_LENGTHS: Final = ((86_400, "d"), (3600, "h"), (60, "min"))
_PREFIXES: Final = ((1e6, "M"), (1e3, "k"))
_WHOLE_FROM: Final = 1000


def _length(value: float) -> str:
    length_s, said = next((row for row in _LENGTHS if value >= row[0]), (1, "s"))
    return f"{value / length_s:.3g} {said}"


def _with_prefix(symbol: str) -> Callable[[float], str]:
    def text(value: float) -> str:
        power, prefix = next((row for row in _PREFIXES if abs(value) >= row[0]), (1.0, ""))
        return f"{value / power:.4g} {prefix}{symbol}"

    return text


_FORMS: Final[Mapping[str, Callable[[float], str]]] = {
    SHARE: lambda value: f"{100 * value:.1f} %",
    DURATION: _length,
    "s": _length,
    AGO: lambda value: datetime.fromtimestamp(value / 1000, ZONE).strftime("%d.%m. %H:%M"),
    BYTES: lambda value: f"{value / 2**20:.1f} MiB",
    DEGREES: lambda value: f"{value:.2f}°",
    "watt": _with_prefix("W"),
    KILOWATT: lambda value: f"{value:.4g} kW",
    "voltamp": _with_prefix("VA"),
    "voltampreact": _with_prefix("var"),
}


def number_text(value: float, unit: str) -> str:
    """A figure with its unit."""
    if unit in _FORMS:
        return _FORMS[unit](value)
    rounded = f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:.{4 if abs(value) >= 1 else 3}g}"
    return f"{rounded} {_SYMBOLS.get(unit, unit.removeprefix('suffix:'))}".strip()
