"""A device to which something happens: what really flows, and what its meter shows of it.

The registers stay the integral of the flow, whatever events add to it (:mod:`firmware_sim.stories.event_flows`). What a meter
shows is another matter (:mod:`firmware_sim.stories.meter_display`): an exchange changes it, and no water flows for it.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from firmware_sim.devices.source import DeviceRegister, Sample, Sensors, SensorValues
from firmware_sim.stories.event_flows import REVERSE, EventFlows, LaneTurn
from firmware_sim.stories.meter_display import MeterDisplay
from firmware_sim.stories.story import Incident, Storyline
from schemas.quantities import HEALTH, QUANTITIES

_SCALED: Final = ("flow_m3_h", "active_power", "reactive_power", "apparent_power", "current_")
"""Beginnings of the quantities that are proportional to what flows."""
_COUNTS: Final = {
    "vehicle_count": "vehicle_count_total",
    "people_in": "people_in_total",
    "people_out": "people_out_total",
}
"""Count of an interval → the register that it is the growth of."""


class StoriedSource:
    """A source with events: its values are a pure function of the instant.

    :ivar registers: its counters, one for what runs backwards among them where that happens.
    """

    def __init__(
        self,
        base: Sensors,
        registers: Sequence[DeviceRegister],
        events: Sequence[Incident],
        stories: Mapping[str, Storyline],
        flags: Sequence[str] = (),
    ) -> None:
        """Let ``events``, which are those of this device by their beginning, happen to ``base``.

        :param flags: states that devices of this kind send.
        """
        self.base = base
        self._events = events
        self._stories = stories
        self._flags = flags
        self._flows = EventFlows(base, registers, events, stories)
        backwards = (DeviceRegister(REVERSE, 0.001),) if self._flows.is_backwards else ()
        self.registers = (*registers, *backwards)
        self._display = MeterDisplay(events, stories, self._flows, self._true_register)

    def sample(self, instant_s: float, index: int) -> Sample:
        """Read the sensors, and the registers as the meter shows them."""
        sample = self.true(instant_s, index)
        turn = _turn(sample, index)
        for register in self.registers:
            value = sample.values[register.field]
            sample.values[register.field] = self._display.shown(register, value, instant_s, turn)
        return sample

    def true(self, instant_s: float, index: int) -> Sample:
        """Read the sensors, and registers that never step: the truth of what flowed."""
        sample = self.base.sample(instant_s, index)
        values, turn = sample.values, _turn(sample, index)
        plain = dict(values)
        for register in self.registers:
            at = plain.get(register.field, 0.0)
            values[register.field] = register.shown(at + self._flows.gained(register.field, at, instant_s, turn))
        for count in _COUNTS.keys() & values.keys():
            values[count] = self._count(count, plain, instant_s, turn)
        for name in self._flags:
            _set_flag(sample, name, is_set=False)
        self._happen(sample, instant_s, turn)
        return sample

    def around(self, event: Incident, register: DeviceRegister, index: int) -> tuple[float, float]:
        """Return what the meter showed at the last moment before a step of its display, and right after it."""
        return self._display.around(event, register, _turn(self.base.sample(event.begin_s, index), index))

    def _true_register(self, register: DeviceRegister, instant_s: float, turn: LaneTurn) -> float:
        return float(self.true(instant_s, turn.reading).values[register.field])

    def _count(self, count: str, plain: SensorValues, instant_s: float, turn: LaneTurn) -> int:
        """The growth of a register over the interval that a count stands for."""
        total = _COUNTS[count]
        register = next(register for register in self.registers if register.field == total)
        ends = ((plain[total], instant_s), (plain[total] - plain[count], instant_s - plain["interval_s"]))
        end, begin = (register.shown(at + self._flows.gained(total, at, at_s, turn)) for at, at_s in ends)
        return int(end - begin)

    def _happen(self, sample: Sample, instant_s: float, turn: LaneTurn) -> None:
        """Apply the events of this instant to gauges and states."""
        happening = [event for event in self._events if event.active(instant_s)]
        if not happening:
            return
        values = sample.values
        factor, added_h = self._flows.rates(instant_s, turn)
        if added_h and "active_power_w" in values:
            factor += added_h * 1000 / values["active_power_w"]
        if factor != 1:
            values |= {name: round(value * factor, 4) for name, value in values.items() if name.startswith(_SCALED)}
        if added_h and "flow_m3_h" in values:
            values["flow_m3_h"] = round(values["flow_m3_h"] + added_h, 4)
        for event in happening:
            effect = self._stories[event.story].effect
            if effect.change is not None:
                effect.change(sample, event)
            if effect.unfolds is not None:
                effect.unfolds(sample, event, instant_s)
            if effect.flag and instant_s >= event.begin_s + effect.flag_after_s:
                _set_flag(sample, effect.flag, is_set=True)


def _turn(sample: Sample, index: int) -> LaneTurn:
    return LaneTurn(index, tuple(sample.tags.values()))


def _set_flag(sample: Sample, name: str, *, is_set: bool) -> None:
    (sample.health if name in QUANTITIES[HEALTH] else sample.values)[name] = is_set
