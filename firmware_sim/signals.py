"""Signals of simulated time, each a pure function of the instant.

A counter is the exact integral of the gauge it belongs to, so the two agree at any instant, and a simulator that is started
again at speed 1 goes on counting where real time has got to. All is made of sums, products and quotients, and chance comes from
:func:`mix`: the same seed gives the same bytes on every Python and every machine.
"""

import random
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple

HOUR_S: Final = 3600.0
DAY_S: Final = 86400.0
"""Vietnam has one zone and no summer time."""
WEEK_S: Final = 7 * DAY_S
EPOCH_S: Final = 1_704_042_000.0
"""Midnight of Monday, 2024-01-01, in Vietnam: counters and weeks start here."""
SLOT_S: Final = 1800.0
"""What people use is spread anew in each half hour."""

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_DRAW: Final = 0xFFF
"""Twelve bits make one draw."""
_HALF: Final = 2048
_HIGHEST: Final = 6 * 3**0.5
"""Scales x (1 - x) (1 - 2 x), which is the shape of a wave, to between -1 and 1."""


def rng(*seed: object) -> random.Random:
    """A generator of its own for whatever ``seed`` names: no two consumers share a state."""
    return random.Random("/".join(map(str, seed)))  # noqa: S311 - believable values, no secrets


def mix(key: int, number: int) -> int:
    """64 bits of chance for a key and a number: the finalizer of SplitMix64 (Steele, Lea, Flood: OOPSLA 2014)."""
    bits = (key + number * 0x9E37_79B9_7F4A_7C15) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    return bits ^ (bits >> 31)


class Noise(NamedTuple):
    """Independent draws between -1 and 1, for the instruments of one device at one instant."""

    first: float
    second: float
    third: float
    fourth: float
    fifth: float


def noise_at(key: int, instant_s: float) -> Noise:
    """The noise of one instant: the same key and millisecond give the same draws, whatever was asked before."""
    bits = mix(key, round(instant_s * 1000))
    return Noise(
        (bits & _DRAW) / _HALF - 1,
        (bits >> 12 & _DRAW) / _HALF - 1,
        (bits >> 24 & _DRAW) / _HALF - 1,
        (bits >> 36 & _DRAW) / _HALF - 1,
        (bits >> 48 & _DRAW) / _HALF - 1,
    )


def chance_at(key: int, number: int) -> float:
    """A draw between 0 and 1 for a key and a number."""
    return mix(key, number) / 2**64


def local_s(instant_s: float) -> float:
    """Seconds since the local midnight of the epoch; negative before it."""
    return instant_s - EPOCH_S


class RateTotal(NamedTuple):
    """Rate of a flow at an instant, and how much of it (x seconds) has flowed since the epoch."""

    rate: float
    total: float


class Curve:
    """A periodic line through one value per step, in local time, beginning at midnight of a Monday."""

    __slots__ = ("_period_s", "_step_s", "_sums", "values")

    def __init__(self, values: tuple[float, ...], step_s: float = HOUR_S) -> None:
        following = (*values[1:], values[0])
        self.values = (*values, values[0])
        self._step_s = step_s
        self._period_s = step_s * len(values)
        self._sums = (0.0, *accumulate((here + there) / 2 * step_s for here, there in zip(values, following, strict=True)))

    @classmethod
    def of_means(cls, means: tuple[float, ...]) -> "Curve":
        """A curve with hourly means: between two hours it has the mean of both, in the middle what is left of the hour's own.

        Never less than half of the mean, so that a curve stays positive in a valley between two peaks.
        """
        points = []
        for last, mean, following in zip((means[-1], *means[:-1]), means, (*means[1:], means[0]), strict=True):
            points += [(last + mean) / 2, max(1.5 * mean - (last + following) / 4, mean / 2)]
        return cls(tuple(points), HOUR_S / 2)

    def at(self, instant_s: float) -> float:
        """The value at ``instant_s``."""
        into = (instant_s - EPOCH_S) % self._period_s / self._step_s
        index = int(into)
        here = self.values[index]
        return here + (self.values[index + 1] - here) * (into - index)

    def read(self, instant_s: float) -> RateTotal:
        """The value, and its integral since the epoch."""
        since_s = instant_s - EPOCH_S
        periods, rest_s = divmod(since_s, self._period_s)
        into = rest_s / self._step_s
        index = int(into)
        into -= index
        here = self.values[index]
        rise = (self.values[index + 1] - here) * into
        if since_s <= 0:
            return RateTotal(here + rise, 0.0)
        return RateTotal(here + rise, periods * self._sums[-1] + self._sums[index] + (here + rise / 2) * into * self._step_s)

    def integral(self, instant_s: float) -> float:
        """Value x seconds since the epoch; 0 before it."""
        return self.read(instant_s).total

    def total_before(self, step: int) -> float:
        """Value x seconds from the epoch to the beginning of a step: quicker, since no step is cut."""
        periods, index = divmod(step, len(self.values) - 1)
        return periods * self._sums[-1] + self._sums[index]


@dataclass(frozen=True, slots=True)
class Signal:
    """A scaled curve with waves that never repeat.

    A wave fills a week, a half hour or a third of one, rises in one half of it and falls in the other, so that its integral is
    0 at both ends and the total is known at any instant without adding up all that was before.

    :ivar unrest: the most that the quick waves add together, in units of the curve.
    :ivar drift: the most that the wave of a week adds. The two together must be less than the curve's lowest value.
    """

    curve: Curve
    scale: float
    key: int = 0
    unrest: float = 0.0
    drift: float = 0.0

    def read(self, instant_s: float) -> RateTotal:
        """Return what flows, and what has flowed since the epoch: never below zero, never less."""
        rate, total = self.curve.read(instant_s)
        since_s = instant_s - EPOCH_S
        if self.unrest and since_s > 0:
            slot, rest_s = divmod(since_s, SLOT_S)
            bits = mix(self.key, int(slot))
            part, rest_of_part_s = divmod(rest_s, SLOT_S / 3)
            slow, slow_total = _wave(rest_s, SLOT_S, bits)
            quick, quick_total = _wave(rest_of_part_s, SLOT_S / 3, bits >> (12 + 12 * int(part)))
            rate += self.unrest * (slow + quick) / 2
            total += self.unrest * (slow_total + quick_total) / 2
            if self.drift:
                week, rest_s = divmod(since_s, WEEK_S)
                weekly, weekly_total = _wave(rest_s, WEEK_S, mix(self.key, -1 - int(week)))
                rate += self.drift * weekly
                total += self.drift * weekly_total
        return RateTotal(self.scale * rate, self.scale * total)

    def at(self, instant_s: float) -> float:
        """Return what flows."""
        return self.read(instant_s).rate

    def integral(self, instant_s: float) -> float:
        """Return what has flowed since the epoch, in the signal's unit x seconds; never falls."""
        return self.read(instant_s).total


def _wave(into_s: float, length_s: float, bits: int) -> tuple[float, float]:
    """A wave and its integral, ``into_s`` after its beginning; twelve bits tell how high it is and on which side."""
    height = _HIGHEST * ((bits & _DRAW) / _HALF - 1)
    into = into_s / length_s
    hill = into * (1 - into)
    return height * hill * (1 - 2 * into), height * hill * hill / 2 * length_s


def rippled(source: random.Random, curve: Curve, scale: float, unrest: float = 0.8) -> Signal:
    """A signal whose waves together take at most ``unrest`` of the curve's lowest value, so that it stays positive."""
    room = min(curve.values) * unrest
    return Signal(curve, scale, source.getrandbits(60), room / 2, room / 2)


@dataclass(frozen=True, slots=True)
class Pulses:
    """A signal that comes in pulses: taps that are opened, appliances that are switched on.

    In each half hour as much flows as the curve says. A share of it flows evenly, the rest in one pulse.

    :ivar curve: with a value for each half hour.
    :ivar steady: the share that flows evenly.
    :ivar shortest: the shortest pulse, as a share of the half hour; ``longest``: the longest.
    """

    curve: Curve
    scale: float
    key: int
    steady: float
    shortest: float
    longest: float

    def read(self, instant_s: float) -> RateTotal:
        """Return what flows, and what has flowed since the epoch."""
        (steady, pulse), total = self.parts(instant_s)
        return RateTotal(steady + pulse, total)

    def parts(self, instant_s: float) -> tuple[tuple[float, float], float]:
        """Return what flows evenly and in a pulse, and what has flowed since the epoch."""
        slot, rest_s = divmod(instant_s - EPOCH_S, SLOT_S)
        if slot < 0:
            return (self.scale * self.steady * self.curve.at(instant_s), 0.0), 0.0
        number = int(slot)
        before = self.curve.total_before(number)
        used = self.scale * (self.curve.total_before(number + 1) - before)
        bits = mix(self.key, number)
        into = rest_s / SLOT_S
        length = self.shortest + (self.longest - self.shortest) * (bits & _DRAW) / _DRAW
        since = into - (1 - length) * (bits >> 12 & _DRAW) / _DRAW
        pulse, done = (
            (used * (1 - self.steady) / (length * SLOT_S), since / length) if 0 <= since < length else (0.0, since > 0)
        )
        share = self.steady * into + (1 - self.steady) * done
        return (used * self.steady / SLOT_S, pulse), self.scale * before + used * share

    def integral(self, instant_s: float) -> float:
        """Return what has flowed since the epoch."""
        return self.parts(instant_s)[1]


def clamp(value: float, low: float, high: float) -> float:
    """``value`` held between ``low`` and ``high``."""
    return min(max(value, low), high)
