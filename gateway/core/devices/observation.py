"""A reading on its way to a point: its counters, judged, and each written with its sum behind it.

Several readings of one message may be for one point: those are told apart here, and compared in :mod:`gateway.core.evaluate`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from operator import attrgetter
from typing import Final

from msgspec import Struct

from gateway.core.devices.device import Device, Series
from gateway.core.devices.snapshot import pack_kept
from gateway.core.message import Outcome, SideEffects
from gateway.core.readings.counters import CounterState
from gateway.core.readings.duplicates import MessageKeys
from gateway.core.readings.line_protocol import FieldSet, value_texts
from gateway.core.readings.steps import HOUR_MS, SOUND, TOO_LATE, CounterRule, RegisterStep, is_older
from gateway.core.readings.sums import KEPT, SumsMode, sum_text
from schemas.quantities import Quality
from schemas.readings import Value

Judged = tuple[bool, list[str]]
"""True where a counter took a step that deserves quality bit 4; and the values as text, behind each counter its sum, where that
is known."""


class Observation(Struct, eq=False, gc=False):
    """A reading whose time is chosen and whose values are clean, not yet compared with the readings before it."""

    series: Series
    field_set: FieldSet
    numbers: tuple[Value, ...]  # its values, in the order of the field set
    time_ms: int
    own_time: bool
    quality: int
    seq: object = None
    rules: Mapping[str, CounterRule] | None = None  # field → the rule of its register, from the profile
    together: object = None  # stands for its message, where that has several readings
    judged: Judged | None = None  # the result of :meth:`Counting.judge`; None: its counters were not judged yet
    step: RegisterStep | None = None  # the step of a counter that it tells of, if people must explain one

    def tell(self, step: RegisterStep) -> None:
        """Tell of a step; of several counters' steps the one that most messages confirm."""
        if self.step is None or step.readings > self.step.readings:
            self.step = step


_AWAY_INTERVALS: Final = 3
_MS: Final = timedelta(milliseconds=1)


@dataclass(slots=True)
class Counting:
    """Judges the counters of readings, and knows who awaits sums; ``mode`` is their source.

    :ivar stepped: devices whose steps to confirm may have changed; whoever tells of them takes them out.
    """

    mode: SumsMode = SumsMode.OFF
    stepped: set[str] = field(default_factory=set)
    _is_off: bool = field(init=False)
    _asks_again: bool = field(init=False)

    def __post_init__(self) -> None:
        self._is_off = self.mode is SumsMode.OFF
        self._asks_again = self.mode is SumsMode.MOVING

    def judge(self, observation: Observation, outcome: Outcome) -> Judged:
        """Judge the counters of a reading."""
        series, numbers, time_ms, rules = observation.series, observation.numbers, observation.time_ms, observation.rules
        device, tags = series.device, series.pattern.text_tags
        counters = device.counters
        if counters is None or counters.awaits is not self._is_off or self._asks_again:  # where sums are off, all await them
            counters = self._counters_of(device, time_ms, outcome)
        version, awaits, suspect, texts = counters.version, counters.awaits, False, value_texts(numbers)
        may_be_older = observation.quality & Quality.MAY_STAND_TWICE
        for at, name, growth, key in observation.field_set.counters:
            value: float = numbers[at]  # type: ignore[assignment] # counters are numbers
            rule = rules.get(name) if rules else None
            if may_be_older and is_older(value, counters.believed(name + tags)):
                judgement = TOO_LATE
            else:
                judgement = counters.judge(name + tags, growth, value, time_ms, rule, observation.together)
            if judgement is SOUND:  # nearly always: the sum is the register
                if not awaits:
                    text = texts[at]
                    texts[at] = f"{text}{key}{text}"
                continue
            if judgement.suspect:
                suspect = True
                if judgement.step is not None:
                    observation.tell(judgement.step)
            if judgement.offset is not None and not awaits:
                texts[at] += key + sum_text(value, judgement.offset)
        if counters.version != version:
            self._keep(device, counters, outcome)
        return suspect, texts

    def _keep(self, device: Device, counters: CounterState, outcome: Outcome) -> None:
        if counters.past.steps:
            self.stepped.add(device.name)
        outcome.side_effects = outcome.side_effects or SideEffects()
        outcome.side_effects.keep[KEPT + device.name] = pack_kept(device)

    def _counters_of(self, device: Device, time_ms: int, outcome: Outcome) -> CounterState:
        """The counters of a device; one that is first met, or may have been met elsewhere, awaits its sums."""
        counters = device.counters
        if counters is None:
            counters = device.counters = CounterState(awaits=self.mode is not SumsMode.FROM_ZERO)
            device.rate_counters()
        elif self._is_off or (self.mode is SumsMode.MOVING and _was_away(device, counters, time_ms)):
            counters.ask_again()
        if counters.awaits is True and not self._is_off:
            counters.awaits = "asked"
            outcome.side_effects = outcome.side_effects or SideEffects()
            outcome.side_effects.sums_wanted.append(device.name)
        return counters


def _was_away(device: Device, counters: CounterState, time_ms: int) -> bool:
    """Tell if a device was not heard here for three of its intervals."""
    interval = device.registered.interval if device.registered is not None else None
    away_ms = _AWAY_INTERVALS * (interval / _MS if interval is not None else HOUR_MS)
    return 0 < counters.newest_ms < time_ms - away_ms


point_of: Final[Callable[[Observation], tuple[int, int]]] = attrgetter("time_ms", "series.key")
"""The point that a reading is for, among those of its message."""


def share_points(observations: Collection[Observation], differs: Callable[[Observation], int]) -> bool:
    """Tell if several readings of one message are for one point."""
    if len(set(map(differs, observations))) == len(observations):
        return False  # so it is nearly always, and costs less to find out
    return len(set(map(point_of, observations))) < len(observations)


def later_ones(observations: Collection[Observation]) -> tuple[Collection[Observation], MessageKeys]:
    """The readings of one message that are not the first for their point; and the points of which there are several."""
    points: set[tuple[int, int]] = set()
    later: dict[Observation, tuple[int, int]] = {}
    for observation in observations:
        point = point_of(observation)
        if point in points:
            later[observation] = point
        points.add(point)
    return later.keys(), MessageKeys(later.values())
