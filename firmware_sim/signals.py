"""Signals of simulated time, each a pure function of the instant.

A counter is the exact integral of the gauge it belongs to, so the two agree at any instant, and a simulator that is started
again at speed 1 goes on counting where real time has got to.
"""

import math
import random
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

HOUR_S: Final = 3600.0
DAY_S: Final = 86400.0
"""Vietnam has one zone and no summer time."""
EPOCH_S: Final = 1_704_042_000.0
"""Midnight of 2024-01-01 in Vietnam: counters start here."""


def rng(*seed: object) -> random.Random:
    """A generator of its own for whatever ``seed`` names: no two consumers share a state."""
    return random.Random("/".join(map(str, seed)))  # noqa: S311 - believable values, no secrets


def noise_at(key: int, instant_s: float) -> random.Random:
    """The noise of one instant: the same key and millisecond give the same numbers, whatever was asked before."""
    return random.Random(key ^ round(instant_s * 1000))  # noqa: S311 - as above


def local_s(instant_s: float) -> float:
    """Seconds since the local midnight of the epoch; negative before it."""
    return instant_s - EPOCH_S


class Curve:
    """A periodic line through one value per step, in local time, beginning at midnight."""

    __slots__ = ("_period_s", "_step_s", "_sums", "values")

    def __init__(self, values: tuple[float, ...], step_s: float = HOUR_S) -> None:
        following = (*values[1:], values[0])
        areas = [(here + there) / 2 * step_s for here, there in zip(values, following, strict=True)]
        self.values = values
        self._step_s = step_s
        self._period_s = step_s * len(values)
        self._sums = (0.0, *accumulate(areas))

    def at(self, instant_s: float) -> float:
        """The value at ``instant_s``."""
        index, into = self._locate(local_s(instant_s) % self._period_s)
        here, there = self.values[index], self.values[(index + 1) % len(self.values)]
        return here + (there - here) * into

    def integral(self, instant_s: float) -> float:
        """Value x seconds since the epoch; 0 before it."""
        since_s = max(local_s(instant_s), 0.0)
        periods, rest_s = divmod(since_s, self._period_s)
        index, into = self._locate(rest_s)
        here, there = self.values[index], self.values[(index + 1) % len(self.values)]
        area = (here + (there - here) * into / 2) * into * self._step_s
        return periods * self._sums[-1] + self._sums[index] + area

    def _locate(self, rest_s: float) -> tuple[int, float]:
        """The step that ``rest_s`` into a period falls in, and the fraction of it that has passed."""
        index, into_s = divmod(rest_s, self._step_s)
        return min(int(index), len(self.values) - 1), into_s / self._step_s


@dataclass(frozen=True, slots=True)
class Ripple:
    """A slow swing on top of a curve; several of them with unrelated periods never repeat."""

    amplitude: float
    per_s: float
    phase: float

    def at(self, instant_s: float) -> float:
        """The swing at ``instant_s``."""
        return self.amplitude * math.sin(self.per_s * local_s(instant_s) + self.phase)

    def integral(self, instant_s: float) -> float:
        """Its integral since the epoch."""
        angle = self.per_s * max(local_s(instant_s), 0.0) + self.phase
        return self.amplitude / self.per_s * (math.cos(self.phase) - math.cos(angle))


@dataclass(frozen=True, slots=True)
class Signal:
    """A scaled curve with ripples, never below zero: what flows, and how much of it has flowed."""

    curve: Curve
    scale: float
    ripples: tuple[Ripple, ...] = ()

    def at(self, instant_s: float) -> float:
        """The flow at ``instant_s``."""
        parts = [self.curve.at(instant_s), *(ripple.at(instant_s) for ripple in self.ripples)]
        return self.scale * math.fsum(
            parts
        )  # sum() adds otherwise on Python 3.11 than later: the same seed gives the same bytes

    def integral(self, instant_s: float) -> float:
        """The total since the epoch, in the signal's unit x seconds; never falls."""
        parts = [self.curve.integral(instant_s), *(ripple.integral(instant_s) for ripple in self.ripples)]
        return self.scale * math.fsum(parts)


def rippled(source: random.Random, curve: Curve, scale: float, unrest: float = 0.8) -> Signal:
    """A signal whose three ripples together take at most ``unrest`` of the curve's lowest value, so that it stays positive."""
    room = min(curve.values) * unrest / 3
    ripples = tuple(
        Ripple(
            amplitude=source.uniform(0.4, 1.0) * room,
            per_s=math.tau / (period_s * source.uniform(0.8, 1.25)),
            phase=source.uniform(0.0, math.tau),
        )
        for period_s in (420.0, 1_900.0, 9_700.0)
    )
    return Signal(curve, scale, ripples)


def around(noise: random.Random, value: float, spread: float) -> float:
    """``value`` as an instrument shows it: off by at most ``spread``."""
    return value + noise.uniform(-spread, spread)


def clamp(value: float, low: float, high: float) -> float:
    """``value`` held between ``low`` and ``high``."""
    return min(max(value, low), high)
