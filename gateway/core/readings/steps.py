"""Steps of a counter: what can be, what is usual, what is a roll-over or a reset; and the result of judging one value."""

from enum import Enum
from math import ceil, log10
from typing import Final, NamedTuple, Self

from schemas.quantities import Growth

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
UNUSUAL: Final = 3
"""A step is unusual above so many times the mean rate of its counter, and one hour of what its size passes."""
CONFIRMATIONS: Final = 2
"""Messages that must confirm a step, before it is believed."""
_RESET_SHARE: Final = 0.1
_RESET_RATES: Final = 3
_GOES_ON_SHARE: Final = 1 / 3
"""A counter goes on after a step if its rate is at least this share of the rate of the step."""
_SHOWN_LEAST_H: Final = 0.5
"""The least time in hours for which it must show its size."""
_DIGITS_LEAST: Final = 10_000.0
"""The narrowest register whose own digits tell where it begins again."""
_DIGITS_END: Final = 0.99
"""From this share of its width on it is near there."""
_TOLERANCE: Final = 1e-6


class CounterRule(NamedTuple):
    """A profile's rule for a counter; None: it does not tell."""

    rate_per_h: float | None = None  # the most it grows in an hour
    modulus: float | None = None  # the value at which it starts again
    size_per_h: float | None = None  # amount that the size of its meters passes in an hour

    def is_usual(self, grown: float, gap_ms: float) -> bool:
        """Tell if so much is usual whatever its mean is."""
        rate, size = self.rate_per_h, self.size_per_h
        return (rate is None or grown <= rate * min(1.0, gap_ms / HOUR_MS)) and (size is None or grown <= size)


class CounterValue(NamedTuple):
    """A value of a counter as it is met."""

    name: str  # the counter with its lane or channel
    value: float
    time_ms: float
    growth: Growth  # the fastest that it may grow, by the table
    rule: CounterRule | None = None
    together: object = None  # stands for its message, where that has several readings: they confirm a step once
    size_per_h: float = 0.0  # amount that the size of its meter passes in an hour
    is_rated: bool = False  # the registry tells that size

    def most(self, gap_ms: float) -> float:
        """The most that the counter can grow in a time."""
        rule = self.rule
        if rule is not None and rule.rate_per_h is not None:
            return rule.rate_per_h * gap_ms / HOUR_MS
        return self.growth.most_per_h * gap_ms / HOUR_MS + self.growth.step

    def is_possible_after(self, before: float, before_ms: float) -> bool:
        """Tell if the counter can have grown to this value."""
        return 0 <= self.value - before <= self.most(self.time_ms - before_ms)

    def is_usual_after(self, before: float, before_ms: float, mean: float | None) -> bool:
        """Tell if the counter has grown to this value without being unusual, at a mean rate per millisecond."""
        return self.value - before <= self._usual(mean, self.time_ms - before_ms) and self.is_possible_after(before, before_ms)

    def _usual(self, mean: float | None, gap_ms: float) -> float:
        """The most that the counter grows in a time without being unusual, if it has a mean rate at that."""
        return usual(self.size_per_h, mean, gap_ms, is_rated=self.is_rated)

    def offset_after(self, before: float, before_ms: float, offset: float, mean: float) -> float:
        """The offset of a sum from this value on, the first one after a step that is confirmed and does not count in full."""
        if width := self.rolled_over_by_digits(before, before_ms, mean):
            return offset + width
        grown = _RESET_RATES * mean * (self.time_ms - before_ms)
        # A register that shows little, and can have counted that, was reset and has counted from zero since.
        from_zero = 0 <= self.value <= before * _RESET_SHARE and self.value <= grown
        return offset + before if from_zero else offset + before - self.value

    def doubt_after(self, doubt: "Doubt | None", before: float, before_ms: float) -> "Doubt":
        """The doubt with this value: one more message confirms the step, or another step begins."""
        if doubt is None or not self._confirms(doubt, before, before_ms):
            return Doubt(self.value, self.time_ms, 0, self.value, self.time_ms, self.together)
        alone = self.together is None or self.together is not doubt.together
        return Doubt(self.value, self.time_ms, doubt.confirmations + alone, doubt.first, doubt.first_ms, self.together)

    def _confirms(self, doubt: "Doubt", before: float, before_ms: float) -> bool:
        """Tell if the counter went on from the step that is doubted."""
        if not self.is_possible_after(doubt.value, doubt.time_ms):
            return False
        if doubt.first < before:
            return self.value < before  # else it is back at what it showed before a step back
        rate = max(doubt.rate(before, before_ms), doubt.rate_since)
        most = max(self.size_per_h / HOUR_MS, rate / _GOES_ON_SHARE) * (self.time_ms - doubt.time_ms) + self.growth.step
        return not doubt.confirmations or self.value - doubt.value <= most  # else it jumped again: one of the two is garbage

    def verdict_after(self, before: float, before_ms: float, doubt: "Doubt", mean: float) -> "StepVerdict":
        """Judge a step by the way the counter goes on after it.

        Behind a long gap a third of the step's rate is what a house may use in an hour of any day: there the counter must go on
        for as long as the gap was, or show at once or in a day that it uses more than it ever did. At once that is an hour
        of its size, or, as long as nobody told that, the time spent at a third of it: no house does.
        """
        first = self._replace(value=doubt.first, time_ms=doubt.first_ms)
        if not first.is_possible_after(before, before_ms):
            is_round = first.rolled_over_by_digits(before, before_ms, mean) > 0
            return StepVerdict.EXPLAINED if is_round else StepVerdict.STEPPED
        if doubt.confirmations and not self._goes_on(before, before_ms, doubt):
            return StepVerdict.STEPPED
        since_ms = self.time_ms - doubt.first_ms
        beyond = self.value - doubt.first - UNUSUAL * mean * since_ms
        hours = 1.0 if self.is_rated else min(1.0, max(since_ms / HOUR_MS, _SHOWN_LEAST_H) * _GOES_ON_SHARE)
        if since_ms >= doubt.first_ms - before_ms or beyond > self.size_per_h * hours:
            return StepVerdict.EXPLAINED
        if since_ms < DAY_MS:
            return StepVerdict.OPEN
        return StepVerdict.EXPLAINED if beyond > 0 else StepVerdict.STEPPED

    def _goes_on(self, before: float, before_ms: float, doubt: "Doubt") -> bool:
        """Tell if the counter goes on at a third of the rate of its step at least: a season, a burst, a plant that starts.

        A coarse register may have counted up to one step more than it shows.
        """
        unit = self.growth.step
        is_coarse = unit > 0 and not any(value % unit for value in (before, doubt.first, self.value))
        least = _GOES_ON_SHARE * doubt.rate(before, before_ms) * (self.time_ms - doubt.first_ms)
        return self.value - doubt.first + (unit if is_coarse else 0.0) >= least - _TOLERANCE

    def rolled_over(self, before: float, before_ms: float) -> float:
        """The width of the register where a step back is a roll-over: possible, and shorter than the step back; else 0."""
        modulus, value = self.rule.modulus if self.rule is not None else None, self.value
        if modulus is None or not 0 <= value < before <= modulus:
            return 0.0
        grown = value + modulus - before
        # "Shorter" keeps a counter without a bound of its rate from taking every step back for a roll-over.
        return modulus if grown < before - value and grown <= self.most(self.time_ms - before_ms) else 0.0

    def rolled_over_by_digits(self, before: float, before_ms: float, mean: float) -> float:
        """The power of ten at which a register began again, if it was as near to it as it can have counted; else 0.

        A frame of zeros looks the same, so it must be confirmed as any other step.
        """
        if (self.rule is not None and self.rule.modulus is not None) or not 0 <= self.value < before:
            return 0.0
        width = max(_DIGITS_LEAST, 10.0 ** ceil(log10(before)))
        can_be = self.value + width - before <= self._usual(mean, self.time_ms - before_ms)
        return width if before >= _DIGITS_END * width and can_be else 0.0


class StepVerdict(Enum):
    """The verdict on a step: something explains it, so it counts; people must explain it; or the next readings will show it."""

    EXPLAINED = "explained"
    STEPPED = "stepped"
    OPEN = "open"


class Doubt(NamedTuple):
    """A step that is not believed yet."""

    value: float  # the newest reading after the step, at ``time_ms``
    time_ms: float
    confirmations: int
    first: float  # the first reading after the step, at ``first_ms``
    first_ms: float
    together: object = None  # stands for the message of the newest reading, where that has several

    def rate(self, before: float, before_ms: float) -> float:
        """The rate of its step, per millisecond, from the last believed reading on."""
        return (self.first - before) / max(self.first_ms - before_ms, 1.0)

    @property
    def rate_since(self) -> float:
        """The rate at which the counter went on since, per millisecond."""
        return (self.value - self.first) / max(self.time_ms - self.first_ms, 1.0)


class RegisterStep(NamedTuple):
    """A step to explain: its first reading, how many messages in a row say so, if it went back to a tenth or less."""

    first_ms: int
    readings: int
    is_restart: bool = False

    @classmethod
    def of(cls, before: float, doubt: "Doubt") -> Self:
        """The step of a counter that showed ``before``."""
        return cls(int(doubt.first_ms), doubt.confirmations + 1, doubt.first <= before * _RESET_SHARE)


def usual(size_per_h: float, mean: float | None, gap_ms: float, *, is_rated: bool = False) -> float:
    """The most that a counter grows in a time without being unusual; without a mean rate what its size passes.

    Readings that stand closer together than an hour are not judged by their times: those may be off by minutes. A meter whose
    size nobody told (not ``is_rated``) is no smaller than what it uses.
    """
    by_size = size_per_h * max(gap_ms, HOUR_MS) / HOUR_MS
    if mean is None:
        return by_size
    by_mean = UNUSUAL * mean * gap_ms
    return min(by_size if is_rated else max(by_size, by_mean), by_mean + size_per_h)


class Judgement(NamedTuple):
    """Result of judging one value."""

    suspect: bool  # it took a step that deserves quality bit 4
    offset: float | None  # its sum less its register; None: it is not believed, or not yet, and has no sum
    step: RegisterStep | None = None


SOUND: Final = Judgement(suspect=False, offset=0.0)
DOUBTED: Final = Judgement(suspect=True, offset=None)
TOO_LATE: Final = Judgement(suspect=False, offset=None)


def is_older(value: float, believed: float | None) -> bool:
    """Tell if a register in a reading with bit 64 was read before its time says: it shows less than is believed.

    A message that waited, or comes twice, and is stamped by the gateway, stands behind newer ones: that is no step. A register
    that was reset meanwhile is believed once its readings are not marked any more.
    """
    return believed is not None and value < believed
