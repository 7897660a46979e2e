"""The measurements that a gateway writes, and the types of their fields, for those who know only names and numbers."""

from collections.abc import Mapping
from typing import Final

from schemas.quantities import DOMAINS, HEALTH, QUANTITIES, Kind

ROLLED: Final = (
    "hourly",
    "hourly_area",
    "daily",
    "daily_area",
    "monthly",
    "monthly_area",
    "hour_of_day",
    "completeness",
    "daily_completeness",
    "monthly_completeness",
    "balance",
)
"""Figures about periods, worked out from readings, and worked out again when something comes late."""

MEASUREMENTS: Final = (*DOMAINS, HEALTH, *ROLLED, "alarm", "event", "registry", "gateway", "build")
"""All of them."""

_INTEGERS: Final = frozenset({"quality", "seq"})
_OWN_STATES: Final[Mapping[str, frozenset[str]]] = {
    HEALTH: frozenset({"up"}),
    "alarm": frozenset({"acknowledged", "active", "silenced", "simulated"}),
    "gateway": frozenset({"clock", "mqtt"}),
}
_STATES: Final[Mapping[str, frozenset[str]]] = {
    measurement: _OWN_STATES.get(measurement, frozenset())
    | {row.field for row in QUANTITIES.get(measurement, {}).values() if row.kind is Kind.STATE}
    for measurement in MEASUREMENTS
}
_TEXTS: Final = frozenset({("gateway", "version")})


def field_type(measurement: str, field: str) -> str:
    """The type of a field by InfluxDB's names for them: ``boolean``, ``integer``, ``string`` or ``float``."""
    if field in _INTEGERS:
        return "integer"
    if field in _STATES[measurement]:
        return "boolean"
    return "string" if (measurement, field) in _TEXTS else "float"
