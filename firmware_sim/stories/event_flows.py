"""Flows of a device's events, and what they add to its registers.

Whatever an event adds in an hour, or by what it multiplies what flows, is added to the register from its beginning to its end
and stands there for ever. Between two cuts, where an event begins or ends, what is added is the plain growth times a factor and
the time times a rate; so a register at any instant is one step from the cut before it.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from firmware_sim.devices.source import DeviceRegister, Sensors
from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.stories.story import Before, Incident, Storyline

REVERSE: Final = "volume_reverse_m3"


class LaneTurn(NamedTuple):
    """The lane whose turn a reading is: a device with several lanes has registers for each.

    :ivar reading: the number of any reading of that lane.
    """

    reading: int
    texts: tuple[str, ...]


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


class EventFlows:
    """Flows of the events of one device. What is remembered saves work and alters nothing.

    :ivar is_backwards: something may run backwards, into a register of its own.
    """

    def __init__(
        self, base: Sensors, registers: Sequence[DeviceRegister], events: Sequence[Incident], stories: Mapping[str, Storyline]
    ) -> None:
        self._base = base
        self._main = registers[0].field if registers else ""
        effects = [(event, stories[event.story].effect) for event in events]
        self._flowing = [pair for pair in effects if pair[1].factor is not None or pair[1].added_h is not None]
        self.is_backwards = any(effect.backwards for _, effect in self._flowing)
        self._fields = [register.field for register in registers] + [REVERSE] * self.is_backwards
        self._cuts = sorted({instant_s for event, _ in self._flowing for instant_s in (event.begin_s, event.end_s)})
        self._stretches: dict[tuple[int, str, tuple[str, ...]], _Stretch] = {}
        self._before: dict[tuple[Incident, tuple[str, ...]], Before] = {}

    def gained(self, field: str, plain: float, instant_s: float, turn: LaneTurn) -> float:
        """All that events until ``instant_s`` have added to a register, which would be ``plain`` without them."""
        number = bisect_right(self._cuts, instant_s) - 1
        return self._stretch(number, field, turn).added(instant_s, plain) if number >= 0 else 0.0

    def rates(self, instant_s: float, turn: LaneTurn) -> tuple[float, float]:
        """The factor of gauges that are proportional to what flows, and what flows besides in an hour; less where backwards."""
        factor, added_h = 1.0, 0.0
        for event, effect in self._flowing:
            if not event.active(instant_s):
                continue
            before = self.before(event, turn)
            if effect.factor is not None and effect.scales:
                factor *= effect.factor(event, self._main, before)
            if effect.added_h is not None:
                sign, field = (-1, REVERSE) if effect.backwards else (1, self._main)
                added_h += sign * effect.added_h(event, field, before)
        return factor, added_h

    def before(self, event: Incident, turn: LaneTurn) -> Before:
        """The device before an event began."""
        key = (event, turn.texts)
        before = self._before.get(key)
        if before is None:
            values = self._base.sample(event.begin_s, turn.reading).values
            day_before = self._base.sample(event.begin_s - DAY_S, turn.reading).values
            mean_h = {name: (values.get(name, 0.0) - day_before.get(name, 0.0)) / 24 for name in self._fields}
            before = self._before[key] = Before(values, mean_h)
        return before

    def _stretch(self, number: int, field: str, turn: LaneTurn) -> _Stretch:
        """The register at the cut ``number``, and what happens to it from there on."""
        key = (number, field, turn.texts)
        stretch = self._stretches.get(key)
        if stretch is None:
            cut_s = self._cuts[number]
            plain = float(self._base.sample(cut_s, turn.reading).values.get(field, 0.0))
            extra = self._stretch(number - 1, field, turn).added(cut_s, plain) if number else 0.0
            factor, added_h = 1.0, 0.0
            for event, effect in self._flowing:
                if event.active(cut_s):
                    before = self.before(event, turn)
                    factor *= effect.factor(event, field, before) if effect.factor is not None else 1.0
                    added_h += effect.added_h(event, field, before) if effect.added_h is not None else 0.0
            stretch = self._stretches[key] = _Stretch(cut_s, plain, extra, factor, added_h)
        return stretch
