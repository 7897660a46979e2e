"""The counters of a reading: judged, and each written with its sum behind it.

Sums need what was before. A device that no run has met has none here, and perhaps in InfluxDB: it awaits its sums, the shell is
asked for them, and until :meth:`Counting.restore` its points carry none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from gateway.core.devices.device import Device
from gateway.core.devices.observation import Judged, Observation
from gateway.core.devices.snapshot import pack_kept
from gateway.core.message import Outcome, SideEffects
from gateway.core.readings.counters import CounterState
from gateway.core.readings.exchanges import StoredExchange
from gateway.core.readings.line_protocol import value_texts
from gateway.core.readings.steps import HOUR_MS, SOUND, TOO_LATE, is_older
from gateway.core.readings.sums import KEPT, FoundSum, SumsMode, sum_text
from schemas.quantities import Quality

_AWAY_INTERVALS: Final = 3
_MS: Final = timedelta(milliseconds=1)


@dataclass(slots=True)
class Counting:
    """Judges the counters of readings, and knows who awaits sums.

    :ivar mode: the source of sums.
    """

    mode: SumsMode = SumsMode.OFF
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
            outcome.side_effects = outcome.side_effects or SideEffects()
            outcome.side_effects.keep[KEPT + device.name] = pack_kept(device)
        return suspect, texts

    def restore(self, device: Device | None, found: Mapping[str, FoundSum], exchanges: Iterable[StoredExchange] = ()) -> None:
        """Go on with the sums that InfluxDB has of a device, by counter; those that it has not are new."""
        if device is not None and device.counters is not None and device.counters.awaits:
            device.counters.take_over(found, exchanges)

    def _counters_of(self, device: Device, time_ms: int, outcome: Outcome) -> CounterState:
        """The counters of a device; one that is first met, or may have been met elsewhere, awaits its sums."""
        counters = device.counters
        if counters is None:
            counters = device.counters = CounterState(awaits=self.mode is not SumsMode.FROM_ZERO)
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
