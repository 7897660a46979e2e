"""Grafana's names of units: those of the table of units, and of what has no quantity."""

from typing import Final

from grafana.points import MEASUREMENTS
from grafana.text import both
from schemas.quantities import UNITS

PER_CENT: Final = "percent"
SHARE: Final = "percentunit"
COUNT: Final = "locale"
"""With separators between thousands."""
DURATION: Final = both("dtdhms", "dtdurations")
"""Grafana writes a length of time in English, or in figures alone."""
AXIS_OF_DURATIONS: Final = "dthms"
"""Whole units alone would stand at an axis twice."""
BYTES: Final = "bytes"
BYTES_PER_SECOND: Final = "binBps"
PER_SECOND: Final = "suffix:/s"
AGO: Final = both("time:HH:mm DD/MM", "dateTimeFromNow")
DAYS: Final = both("suffix:ngày", "suffix:days")
"""Grafana's own unit goes over to weeks."""
DEGREES: Final = "degree"
KILOWATT: Final = "kwatt"
"""Of the energy of an hour: so many kWh."""

_OWN: Final = {"": COUNT, "1": COUNT, "ms": AGO, "d": DAYS, "h": both("suffix:giờ", "suffix:h"), "By": BYTES, "deg": DEGREES}
GRAFANA_UNITS: Final = {code: unit.grafana for code, unit in UNITS.items()} | _OWN
"""UCUM code → Grafana's unit: those of quantities, and those of what the gateway tells of itself."""


def unit_of(measurement: str, field: str) -> str:
    """Grafana's unit of a field. Raises KeyError for one that does not exist."""
    unit = GRAFANA_UNITS[MEASUREMENTS[measurement].units[field]]
    return "none" if field.startswith("power_factor") else unit
