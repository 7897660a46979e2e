"""A reading on its way into a maker's payload, and quantities as whole numbers of a payload's step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from firmware_sim.devices.source import SensorValue, SensorValues

MakerParams = Mapping[str, float | int | str | bool]
"""Parameters of a device, as the registry has them."""

SECOND_MS: Final = 1000
SINGLE_PHASE_TOTALS: Final = {
    "reactive_power_var": "reactive_power_l1_var",
    "apparent_power_va": "apparent_power_l1_va",
    "power_factor": "power_factor_l1",
}
"""Totals that a meter of one phase has under the name of the phase."""


@dataclass(frozen=True, slots=True)
class MakerReading:
    """One reading of one device.

    :ivar name: the name it sends under: DevEUI, serial number, or level of a topic.
    :ivar values: canonical quantities.
    :ivar time_ms: by the device's clock.
    :ivar heard_ms: reception by the network server or bridge.
    :ivar counter: readings before this one.
    :ivar form: the network server, or the form of a pack.
    """

    name: str
    values: SensorValues
    time_ms: int
    heard_ms: int
    counter: int = 0
    health: SensorValues = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    params: MakerParams = field(default_factory=dict)
    form: str = ""
    rssi_dbm: int = -97
    snr_db: float = 6.5

    @property
    def second_ms(self) -> int:
        """Its time in whole seconds, as many payloads tell it."""
        return self.time_ms // SECOND_MS * SECOND_MS

    @property
    def battery_low(self) -> bool:
        """The battery bit of a status word."""
        return bool(self.health.get("battery_low", False))

    @property
    def with_totals(self) -> SensorValues:
        """The values of a single-phase meter, the quantities of its phase also as totals."""
        if "voltage_l2_v" in self.values:
            return self.values
        totals = {total: self.values[phase] for total, phase in SINGLE_PHASE_TOTALS.items() if phase in self.values}
        return totals | self.values


@dataclass(frozen=True, slots=True)
class WholeSteps:
    """A quantity as a payload carries it: a whole number of steps.

    :ivar per_unit: steps in one canonical unit: 1000 for litres of a volume in m3, 1/10 for tens of watts.
    """

    field: str
    per_unit: int | Fraction = 1

    def whole(self, value: float | Fraction) -> int:
        """The nearest number of steps."""
        return round(value * self.per_unit)

    def carried(self, whole: int) -> float:
        """The canonical value of so many steps, rounded once."""
        return float(whole / self.per_unit)


def rounded(values: Mapping[str, SensorValue], digits: Mapping[str, int]) -> SensorValues:
    """The values that ``digits`` names, as a payload shows them: so many digits behind the point; states as they are."""
    return {name: _rounded(values[name], places) for name, places in digits.items() if name in values}


def _rounded(value: SensorValue, places: int) -> SensorValue:
    if isinstance(value, bool):
        return value
    return round(value, places) if places > 0 else round(value)


def status_word(raised: Mapping[str, SensorValue], places: Mapping[str, int]) -> int:
    """A word with a bit for each state that is true."""
    return sum(1 << place for name, place in places.items() if raised.get(name))


def states(values: Mapping[str, SensorValue], names: Iterable[str]) -> SensorValues:
    """Alarms and states, false where the reading has none."""
    return {name: bool(values.get(name, False)) for name in names}
