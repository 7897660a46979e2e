"""The display of a meter: it goes on from somewhere else where the meter was exchanged, reset, or rolled over."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from firmware_sim.devices.source import DeviceRegister
from firmware_sim.stories.event_flows import EventFlows, LaneTurn
from firmware_sim.stories.story import DisplayStep, Incident, Storyline

WIDTH: Final = 1_000_000.0
"""A register that rolls over has six digits before the point."""


class _Segment(NamedTuple):
    """A stretch between two steps: the meter showed ``start`` where ``true`` had flowed."""

    start: float
    true: float


class MeterDisplay:
    """The registers of one device as they are shown.

    :ivar steps: its events that change what is shown, in their order.
    """

    def __init__(
        self,
        events: Sequence[Incident],
        stories: Mapping[str, Storyline],
        flows: EventFlows,
        true: Callable[[DeviceRegister, float, LaneTurn], float],
    ) -> None:
        """Show what ``true`` says of a register at an instant."""
        self.steps = [event for event in events if stories[event.story].display is not None]
        self._stories = stories
        self._flows = flows
        self._true = true
        self._segments: dict[tuple[int, str, tuple[str, ...]], _Segment] = {}

    def shown(self, register: DeviceRegister, true: float, instant_s: float, turn: LaneTurn) -> float:
        """Return what the meter shows at an instant at which ``true`` has flowed."""
        if not self.steps:
            return true
        segment = self._segment(sum(event.begin_s <= instant_s for event in self.steps), register, turn)
        return register.shown(segment.start + true - segment.true)

    def around(self, event: Incident, register: DeviceRegister, turn: LaneTurn) -> tuple[float, float]:
        """Return what the meter showed at the last moment before a step, and right after it."""
        number = self.steps.index(event)
        before, after = (self._segment(place, register, turn) for place in (number, number + 1))
        last = before.start + self._true(register, event.begin_s, turn) - before.true
        return register.shown(last), register.shown(after.start)

    def _segment(self, number: int, register: DeviceRegister, turn: LaneTurn) -> _Segment:
        """Return where the meter stood after so many steps."""
        key = (number, register.field, turn.texts)
        segment = self._segments.get(key)
        if segment is None:
            segment = self._segments[key] = self._new_segment(number, register, turn)
        return segment

    def _new_segment(self, number: int, register: DeviceRegister, turn: LaneTurn) -> _Segment:
        if number < len(self.steps) and self._step(number) is DisplayStep.ROLLED_OVER:
            return _Segment(WIDTH, self._true(register, self.steps[number].begin_s, turn))  # it must be full by then
        if number == 0:
            return _Segment(0.0, 0.0)
        event = self.steps[number - 1]
        true = self._true(register, event.begin_s, turn)
        before = self._segment(number - 1, register, turn)
        mean_h = self._flows.before(event, turn).mean_h[register.field]
        return _Segment(_after(self._step(number - 1), event, before.start + true - before.true, mean_h), true)

    def _step(self, number: int) -> DisplayStep | None:
        return self._stories[self.steps[number].story].display


def _after(step: DisplayStep | None, event: Incident, shown: float, mean_h: float) -> float:
    """Return what a meter that showed ``shown`` shows after a step."""
    if step is DisplayStep.EXCHANGED:
        return round(min(3 * event.size, shown / 2), 1)  # a step that shows, also soon after a roll-over
    if step is DisplayStep.STEPPED_BACK:
        return max(shown - max(0.05, 3 * mean_h), 0.0)
    if step is DisplayStep.HALVED:
        return shown * (0.3 + 0.4 * event.size)
    return 0.0
