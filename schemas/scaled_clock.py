"""A wall clock that runs faster than time, for tests and demonstrations: a month of readings passes in minutes.

Gateway and simulator take it from one environment variable, so both have the same time: ``REAL_MS,SIMULATED_MS,SPEED``, as in
``1793491200000,1790812800000,1440``. At the real instant it shows the simulated one, and from then on a day passes in a minute.
One that begins in the past catches up with real time, and goes on with it.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Final

VARIABLE: Final = "GATEWAY_SCALED_CLOCK"
"""The environment variable."""
PERMIT: Final = "scaled-clock-permitted"
"""File beside the journal of a gateway that may run on such a clock: no utility's data are in it."""


@dataclass(frozen=True, slots=True)
class ScaledTime:
    """The relation of two times.

    :ivar speed: simulated seconds per real second.
    """

    real_ms: int
    simulated_ms: int
    speed: float

    @property
    def caught_up_ms(self) -> int | None:
        """The time at which it has caught up with real time; None: it never does."""
        if self.simulated_ms >= self.real_ms or self.speed <= 1:
            return None
        return self.real_ms + round((self.real_ms - self.simulated_ms) / (self.speed - 1))

    def at_ms(self, real_ns: int) -> int:
        """Return the simulated time of a real one, which is in nanoseconds: at speed a millisecond is long."""
        fast_ms = self.simulated_ms + int((real_ns - self.real_ms * 1_000_000) * self.speed) // 1_000_000
        caught_up_ms = self.caught_up_ms
        return fast_ms if caught_up_ms is None or fast_ms <= caught_up_ms else real_ns // 1_000_000

    def real_s(self, simulated_s: float, from_ms: int) -> float:
        """Return the real seconds in which ``simulated_s`` pass, from a simulated time on."""
        caught_up_ms = self.caught_up_ms
        if caught_up_ms is None:
            return simulated_s / self.speed
        fast_s = min(max(caught_up_ms - from_ms, 0) / 1000, simulated_s)
        return fast_s / self.speed + simulated_s - fast_s

    def __str__(self) -> str:
        return f"{self.real_ms},{self.simulated_ms},{self.speed:g}"


def parse_scaled_time(text: str) -> ScaledTime:
    """Read the value of the variable.

    :raises ValueError: it is not valid.
    """
    try:
        real_ms, simulated_ms, speed = text.split(",")
        found = ScaledTime(int(real_ms), int(simulated_ms), float(speed))
    except ValueError:
        raise ValueError(f"{text!r} is not REAL_MS,SIMULATED_MS,SPEED") from None
    if not isfinite(found.speed) or found.speed <= 0:
        raise ValueError(f"{text!r}: the speed must be a number above 0")
    return found
