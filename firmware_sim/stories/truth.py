"""A device to which something happens: what really flows, and what its meter shows of it.

The registers stay the integral of the flow. Whatever an event adds in an hour, or by what it multiplies what flows, is added to
the register from its beginning to its end and stands there for ever: between two cuts, where an event begins or ends, what is
added is the plain growth times a factor and the time times a rate. What a meter shows is another matter: an exchange or a
reset changes it and no water flows for it.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from firmware_sim.devices.source import DeviceRegister, Sample, Sensors, SensorValues
from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.stories.story import Before, DisplayStep, Incident, Storyline
from schemas.quantities import HEALTH, QUANTITIES

WIDTH: Final = 1_000_000.0
"""A register that rolls over has six digits before the point."""
REVERSE: Final = "volume_reverse_m3"
_SCALED: Final = ("flow_m3_h", "active_power", "reactive_power", "apparent_power", "current_")
"""Beginnings of the quantities that are proportional to what flows."""
_COUNTS: Final = {"vehicle_count": "vehicle_count_total"}
"""Count of an interval → the register that it is the growth of."""

LaneTexts = tuple[str, ...]
"""Texts of a reading: a device with several lanes has registers for each."""


class _Segment(NamedTuple):
    """A stretch of what a meter shows: ``start`` where ``true`` had flowed."""

    start: float
    true: float


class _Stretch(NamedTuple):
    """A register from a cut to the next.

    :ivar plain: as it would be at the cut without events.
    :ivar extra: what they had added by then.
    """

    cut_s: float
    plain: float
    extra: float
    factor: float
    added_h: float

    def added(self, until_s: float, until_plain: float) -> float:
        """All that events have added until a time at which the register would be ``until_plain`` without them."""
        grown = (self.factor - 1) * (until_plain - self.plain)
        return self.extra + grown + self.added_h * (until_s - self.cut_s) / HOUR_S


@dataclass(slots=True)
class StoriedSource:
    """A source with events. The values of an instant are a pure function of it; what is remembered saves work.

    :ivar events: those of this device, by their beginning.
    :ivar flags: states that devices of this kind send.
    """

    base: Sensors
    registers: tuple[DeviceRegister, ...]
    events: Sequence[Incident]
    stories: Mapping[str, Storyline]
    flags: Sequence[str] = ()
    _main: str = ""
    _cuts: list[float] = field(default_factory=list)
    _steps: list[Incident] = field(default_factory=list)
    _stretches: dict[tuple[int, str, LaneTexts], _Stretch] = field(default_factory=dict)
    _before: dict[tuple[Incident, LaneTexts], Before] = field(default_factory=dict)
    _segments: dict[tuple[int, str, LaneTexts], _Segment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._main = self.registers[0].field if self.registers else ""
        if any(self.stories[event.story].effect.backwards for event in self.events):
            self.registers = (*self.registers, DeviceRegister(REVERSE, 0.001))
        effects = [(event, self.stories[event.story].effect) for event in self.events]
        flowing = [event for event, effect in effects if effect.factor is not None or effect.added_h is not None]
        self._steps = [event for event in self.events if self.stories[event.story].display is not None]
        self._cuts = sorted({instant_s for event in flowing for instant_s in (event.begin_s, event.end_s)})

    def sample(self, instant_s: float, index: int) -> Sample:
        """Read the sensors, and the registers as the meter shows them."""
        sample = self.true(instant_s, index)
        stream = tuple(sample.tags.values())
        for register in self.registers:
            value = sample.values.get(register.field)
            if value is not None:
                sample.values[register.field] = self._shown(register, value, instant_s, index, stream)
        return sample

    def true(self, instant_s: float, index: int) -> Sample:
        """Read the sensors, and registers that never step: the truth of what flowed."""
        sample = self.base.sample(instant_s, index)
        values, stream = sample.values, tuple(sample.tags.values())
        plain = dict(values)
        for register in self.registers:
            at = plain.setdefault(register.field, 0.0)
            values[register.field] = register.shown(at + self._extra(register, at, instant_s, index, stream))
        for count, total in _COUNTS.items():
            if count in values:
                values[count] = self._count(count, total, plain, instant_s, index, stream)
        for name in self.flags:
            (sample.health if name in QUANTITIES[HEALTH] else values)[name] = False
        happening = [event for event in self.events if event.active(instant_s)]
        if happening:
            self._change(sample, happening, instant_s, index, stream)
        return sample

    def shown_before(self, event: Incident, register: DeviceRegister, index: int) -> float:
        """Return what the meter showed at the last moment before ``event``, whose display steps."""
        stream = tuple(self.base.sample(event.begin_s, index).tags.values())
        number = self._steps.index(event)
        segment = self._segment(number, register, index, stream)
        return register.shown(segment.start + self._true_at(event, register, index) - segment.true)

    def shown_after(self, event: Incident, register: DeviceRegister, index: int) -> float:
        """Return what it showed right after."""
        stream = tuple(self.base.sample(event.begin_s, index).tags.values())
        return register.shown(self._segment(self._steps.index(event) + 1, register, index, stream).start)

    def _extra(self, register: DeviceRegister, at: float, instant_s: float, index: int, stream: LaneTexts) -> float:
        """All that events until ``instant_s`` have added to ``register``, which would be ``at`` without them."""
        number = bisect_right(self._cuts, instant_s) - 1
        return self._reached(number, register, index, stream).added(instant_s, at) if number >= 0 else 0.0

    def _reached(self, number: int, register: DeviceRegister, index: int, stream: LaneTexts) -> _Stretch:
        """Return the register at the cut ``number``, and what happens to it from there on."""
        key = (number, register.field, stream)
        stretch = self._stretches.get(key)
        if stretch is None:
            cut_s = self._cuts[number]
            plain = self._plain(cut_s, index, register)
            extra = self._reached(number - 1, register, index, stream).added(cut_s, plain) if number else 0.0
            factor, added_h = 1.0, 0.0
            for event in self.events:
                effect = self.stories[event.story].effect
                if event.active(cut_s) and effect.factor is not None:
                    factor *= effect.factor(event, register.field, self._before_of(event, index, stream))
                if event.active(cut_s) and effect.added_h is not None:
                    added_h += effect.added_h(event, register.field, self._before_of(event, index, stream))
            stretch = self._stretches[key] = _Stretch(cut_s, plain, extra, factor, added_h)
        return stretch

    def _before_of(self, event: Incident, index: int, stream: LaneTexts) -> Before:
        key = (event, stream)
        before = self._before.get(key)
        if before is None:
            values = self.base.sample(event.begin_s, index).values
            mean_h = {
                register.field: (values.get(register.field, 0.0) - self._plain(event.begin_s - DAY_S, index, register)) / 24
                for register in self.registers
            }
            before = self._before[key] = Before(values, mean_h)
        return before

    def _plain(self, instant_s: float, index: int, register: DeviceRegister) -> float:
        return self.base.sample(instant_s, index).values.get(register.field, 0.0)

    def _count(self, count: str, total: str, plain: SensorValues, instant_s: float, index: int, stream: LaneTexts) -> int:
        """Return the growth of the register ``total`` over the interval that a count stands for."""
        register = next(register for register in self.registers if register.field == total)
        ends = ((plain[total], instant_s), (plain[total] - plain[count], instant_s - plain["interval_s"]))
        end, begin = (register.shown(at + self._extra(register, at, at_s, index, stream)) for at, at_s in ends)
        return int(end - begin)

    def _change(self, sample: Sample, happening: Sequence[Incident], instant_s: float, index: int, stream: LaneTexts) -> None:
        """Apply the events of this instant to gauges and states."""
        values = sample.values
        factor, added_h = 1.0, 0.0
        main = REVERSE if any(self.stories[event.story].effect.backwards for event in happening) else self._main
        for event in happening:
            effect = self.stories[event.story].effect
            if effect.factor is not None and effect.scales and main:
                factor *= effect.factor(event, self._main, self._before_of(event, index, stream))
            if effect.added_h is not None:
                added_h += effect.added_h(event, main, self._before_of(event, index, stream))
        if added_h and "active_power_w" in values:
            factor += added_h * 1000 / values["active_power_w"]
        if factor != 1:
            values |= {name: round(value * factor, 4) for name, value in values.items() if name.startswith(_SCALED)}
        if added_h and "flow_m3_h" in values:
            values["flow_m3_h"] = round(values["flow_m3_h"] + (-added_h if main == REVERSE else added_h), 4)
        for event in happening:
            effect = self.stories[event.story].effect
            if effect.change is not None:
                effect.change(sample, event)
            if effect.flag and instant_s >= event.begin_s + effect.flag_after_s:
                (sample.health if effect.flag in QUANTITIES[HEALTH] else values)[effect.flag] = True

    def _shown(self, register: DeviceRegister, true: float, instant_s: float, index: int, stream: LaneTexts) -> float:
        steps = self._steps
        if not steps:
            return true
        number = sum(event.begin_s <= instant_s for event in steps)
        segment = self._segment(number, register, index, stream)
        return register.shown(segment.start + true - segment.true)

    def _segment(self, number: int, register: DeviceRegister, index: int, stream: LaneTexts) -> _Segment:
        """Return where the meter stood after ``number`` steps."""
        key = (number, register.field, stream)
        segment = self._segments.get(key)
        if segment is None:
            segment = self._segments[key] = self._new_segment(number, register, index, stream)
        return segment

    def _new_segment(self, number: int, register: DeviceRegister, index: int, stream: LaneTexts) -> _Segment:
        steps = self._steps
        following = steps[number] if number < len(steps) else None
        true = self._true_at(steps[number - 1], register, index) if number else 0.0
        if following is not None and self.stories[following.story].display is DisplayStep.ROLLED_OVER:
            return _Segment(WIDTH, self._true_at(following, register, index))
        if not number:
            return _Segment(0.0, 0.0)
        event = steps[number - 1]
        before = self._segment(number - 1, register, index, stream)
        shown = before.start + true - before.true
        mean_h = self._before_of(event, index, stream).mean_h[register.field]
        return _Segment(_after(self.stories[event.story].display, event, shown, mean_h), true)

    def _true_at(self, event: Incident, register: DeviceRegister, index: int) -> float:
        return float(self.true(event.begin_s, index).values[register.field])


def _after(display: DisplayStep | None, event: Incident, shown: float, mean_h: float) -> float:
    """Return what a meter that showed ``shown`` shows after a step."""
    if display is DisplayStep.EXCHANGED:
        return round(3 * event.size, 1)
    if display is DisplayStep.STEPPED_BACK:
        return max(shown - max(0.05, 2 * mean_h), 0.0)
    if display is DisplayStep.HALVED:
        return shown * (0.3 + 0.4 * event.size)
    return 0.0
