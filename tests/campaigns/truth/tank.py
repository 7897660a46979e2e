"""A tank between a feed and an outlet: filled by what was taken from it the day before. Pure."""

from typing import Final

from tests.campaigns.truth.courses import Course
from tests.campaigns.truth.figures import Amount
from tests.campaigns.truth.town import TANK_AREA_M2

_DAY: Final = 96
_FIRST_LEVEL_M: Final = 3.0
_LEVEL_WITHIN_M: Final = 1e-4


class Tank:
    """A store of water.

    :ivar inflow: what its feed brings.
    """

    def __init__(self, outflow: Course) -> None:
        self._outflow = outflow
        slots = outflow.slots
        first = sum(slots[:_DAY]) // _DAY
        self.inflow = Course(
            outflow.first_s,
            [first if place < _DAY else sum(slots[place - _DAY : place]) // _DAY for place in range(len(slots))],
        )

    def level(self, at_s: float) -> float:
        """The level, in metres."""
        return _FIRST_LEVEL_M + (self.inflow.at(at_s) - self._outflow.at(at_s)) / TANK_AREA_M2

    def took_in(self, begin_s: float, end_s: float) -> Amount:
        """Return what is more in it at the end."""
        more = (self.level(end_s) - self.level(begin_s)) * TANK_AREA_M2
        return Amount(more, 2 * _LEVEL_WITHIN_M * TANK_AREA_M2, "")
