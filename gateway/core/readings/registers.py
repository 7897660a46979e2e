"""The register of a counter with all that its sum stands on, as it is stored and worked out again."""

from math import isnan
from typing import NamedTuple

from gateway.core.readings.steps import Doubt
from gateway.core.readings.sums import FormerOffsets


class Register(NamedTuple):
    """State of one counter, to be stored.

    :ivar value: the last believed value; NaN: the meter was exchanged at ``time_ms`` and its successor has not been read yet.
    :ivar doubt: a step that is not believed yet.
    :ivar offset: the sum less the register; of an exchanged meter the whole sum.
    :ivar base: the sum from which the mean rate is worked out, at ``base_ms``; None: this one.
    """

    name: str
    value: float
    time_ms: float
    doubt: Doubt | None = None
    offset: float = 0.0
    base: float | None = None
    base_ms: float = 0.0
    formers: FormerOffsets = ()

    @property
    def total(self) -> float:
        """The sum, rounded as it is written."""
        return round(self.offset if isnan(self.value) else self.value + self.offset, 6)
