"""The limits of a device: its guard, and the sizes of its meters as the registry tells them.

The guard tells at once of nearly every reading that no alarm has anything to do with it. The alarm engine makes it and puts it
on the device, where a reading finds it. Devices with the same limits that send the same fields share one. The size of a meter
is what each of its counters can pass in an hour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.readings.line_protocol import FieldSet
from schemas.quantities import COUNTERS

Gate = tuple[tuple[int, float, float], ...]
"""Index of a value, and the range in which it needs no closer look."""

EVER_MS: Final = 1 << 60
"""Further than any time, and an integer, which compares faster than a float."""


@dataclass(slots=True, eq=False)
class Guard:
    """Limits for readings in a span of time without its end, by field set; one with another set is looked at closely."""

    gates: Mapping[FieldSet, Gate]
    from_ms: int = -EVER_MS
    until_ms: int = EVER_MS


NO_GUARD: Final = Guard({}, EVER_MS)
"""The guard of a device whose limits must be worked out first: it holds for no time."""


_OVERLOAD_WATER: Final = 1.25
"""Q4, the overload of a water meter, by its Q3 (ISO 4064)."""
_OVERLOAD_POWER: Final = 1.2
_NOMINAL_V: Final = 220.0
_PHASES: Final = 3.0
_NO_SIZES: Final[Mapping[str, float]] = {}
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    unit: tuple(field for field, row in COUNTERS.items() if row.unit == unit) for unit in ("m3", "kW.h", "kV.A.h{reactive}")
}


def sizes_of(params: Mapping[str, object]) -> Mapping[str, float]:
    """Counter → what the size of the meter passes in an hour, for the counters of which the registry tells it."""
    if not params:
        return _NO_SIZES
    found: dict[str, float] = {}
    if water := _number(params, "q3_m3_h"):
        found |= dict.fromkeys(_FIELDS["m3"], _OVERLOAD_WATER * water)
    amperes = _number(params, "rated_a") or _number(params, "rated_current_a")
    volts = _number(params, "nominal_voltage_v") or _NOMINAL_V
    power_va = amperes * (_number(params, "phases") or _PHASES) * volts or _number(params, "rated_power_va")
    if power_va:
        found |= dict.fromkeys([*_FIELDS["kW.h"], *_FIELDS["kV.A.h{reactive}"]], _OVERLOAD_POWER * power_va / 1000)
    return found or _NO_SIZES


def _number(params: Mapping[str, object], name: str) -> float:
    value = params.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0.0
