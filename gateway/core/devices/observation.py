"""A reading on its way to a point."""

from collections.abc import Mapping

from msgspec import Struct

from gateway.core.devices.device import Series
from gateway.core.readings.field_sets import FieldSet
from gateway.core.readings.steps import CounterRule, RegisterStep
from schemas.readings import Value

Judged = tuple[bool, list[str]]
"""True where a counter took a step that deserves quality bit 4; and the values as text, behind each counter its sum, where that
is known."""


class Observation(Struct, eq=False, gc=False):
    """A reading whose time is chosen and whose values are clean, not yet compared with the readings before it.

    :ivar numbers: its values, in the order of the field set.
    :ivar own_time: the device told its time itself.
    :ivar rules: field → the rule of its register, from the profile.
    :ivar together: stands for its message, where that has several readings.
    :ivar judged: the result of :meth:`gateway.core.devices.counting.Counting.judge`; None: its counters were not judged yet.
    :ivar step: the step of a counter that it tells of, if people must explain one.
    """

    series: Series
    field_set: FieldSet
    numbers: tuple[Value, ...]
    time_ms: int
    own_time: bool
    quality: int
    seq: object = None
    rules: Mapping[str, CounterRule] | None = None
    together: object = None
    judged: Judged | None = None
    step: RegisterStep | None = None

    def tell(self, step: RegisterStep) -> None:
        """Tell of a step; of several counters' steps the one that most messages confirm."""
        if self.step is None or step.readings > self.step.readings:
            self.step = step
