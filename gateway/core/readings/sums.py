"""Sums: what a counter has counted, whatever happened to its meter; and its register, with all that the sum stands on."""

from enum import StrEnum
from math import isnan
from typing import Final, NamedTuple

from gateway.core.readings.steps import Doubt


class SumsMode(StrEnum):
    """The source of sums."""

    OFF = "off"
    """No sums are written: who tries a message knows nothing of the meter's past."""
    FROM_ZERO = "from_zero"
    """A counter that is first met is new."""
    ASKED = "asked"
    """InfluxDB is asked for the sums of a device that is first met."""
    MOVING = "moving"
    """Likewise, and again when a device was not heard for a while: another gateway may have heard it."""


class FoundSum(NamedTuple):
    """The newest register and sum of a counter that stand in InfluxDB."""

    register: float
    sum: float
    time_ms: int

    @property
    def offset(self) -> float:
        """The sum less the register."""
        return exact(self.sum - self.register)


class FormerOffset(NamedTuple):
    """An offset that held before, and the sum that it ended with, from which the next one goes on; None: not known."""

    until_ms: float
    offset: float
    total: float | None = None

    def raised(self, by: float) -> "FormerOffset":
        """The same with greater sums."""
        return FormerOffset(self.until_ms, exact(self.offset + by), None if self.total is None else self.total + by)


FormerOffsets = tuple[FormerOffset, ...]
"""The former offsets of a counter, the oldest first."""

FORMERS_MAX: Final = 8
"""Most former offsets of a counter; one more, and the oldest is folded into the next."""

KEPT: Final = "sums "
"""Before the id of a device, where the state of its counters is saved."""

_DECIMALS: Final = 9
"""An offset has more decimals than a sum, so that sums of many steps stay exact."""
_TOLERANCE: Final = 1e-6


def exact(offset: float) -> float:
    """An offset without the last bits of binary fractions."""
    return round(offset, _DECIMALS)


def sum_text(value: float, offset: float) -> str:
    """A sum as text, where the offset is not 0."""
    return repr(round(value + offset, 6))


def offset_at(formers: FormerOffsets, time_ms: float, offset: float) -> float:
    """The offset of a time; ``offset`` holds now."""
    return next((former.offset for former in formers if time_ms < former.until_ms), offset)


def is_beyond(formers: FormerOffsets, time_ms: float, value: float) -> bool:
    """Tell if a late reading shows that the counter had counted on before a step: the sums behind that miss it."""
    former = next((former for former in formers if time_ms < former.until_ms), None)
    return former is not None and former.total is not None and value + former.offset > former.total + _TOLERANCE


def may_lie_behind(behind: float, most: float) -> bool:
    """Tell if the sum of a late reading may lie so far behind the newest one."""
    return -_TOLERANCE <= behind <= most + _TOLERANCE


class Register(NamedTuple):
    """State of one counter, to be stored.

    :ivar value: the last believed value; NaN: the meter was exchanged at ``time_ms`` and its successor has not been read yet.
    :ivar doubt: a step that is not believed yet.
    :ivar offset: the sum less the register; of an exchanged meter the whole sum.
    :ivar base: the sum from which the mean rate is worked out, at ``base_ms``; None: this one.
    :ivar size_per_h: amount that its meter has shown to pass in an hour; 0: the table or the registry tells it.
    """

    name: str
    value: float
    time_ms: float
    doubt: Doubt | None = None
    offset: float = 0.0
    base: float | None = None
    base_ms: float = 0.0
    formers: FormerOffsets = ()
    size_per_h: float = 0.0

    @property
    def total(self) -> float:
        """The sum, rounded as it is written."""
        return round(self.offset if isnan(self.value) else self.value + self.offset, 6)
