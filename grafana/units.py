"""Grafana's names of units: those of the table of units, and of what has no quantity."""

from typing import Final

from grafana.points import MEASUREMENTS
from schemas.quantities import UNITS

PER_CENT: Final = "percent"
SHARE: Final = "percentunit"
COUNT: Final = "none"
DURATION: Final = "dtdurations"
BYTES: Final = "bytes"
BYTES_PER_SECOND: Final = "binBps"
PER_SECOND: Final = "suffix:/s"
AGO: Final = "dateTimeFromNow"
DEGREES: Final = "degree"
KILOWATT: Final = "kwatt"
"""Of the energy of an hour: so many kWh."""

_OWN: Final = {"": COUNT, "ms": AGO, "d": "d", "By": BYTES, "deg": DEGREES}
GRAFANA_UNITS: Final = {code: unit.grafana for code, unit in UNITS.items()} | _OWN
"""UCUM code → Grafana's unit: those of quantities, and those of what the gateway tells of itself."""


def unit_of(measurement: str, field: str) -> str:
    """Grafana's unit of a field. Raises KeyError for one that does not exist."""
    return GRAFANA_UNITS[MEASUREMENTS[measurement].units[field]]
