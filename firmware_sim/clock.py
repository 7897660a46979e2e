"""The clocks of a run in simulated time.

Gateway and simulator share one: ``GATEWAY_SCALED_CLOCK`` in the environment of both says which simulated instant a real one is,
and how fast simulated time passes. Neither waits for the other. A fleet that cannot keep up falls behind its clock, and says
how far in the end; what it sends carries the simulated time at which it was measured all the same.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final, Protocol

from schemas.scaled_clock import ScaledTime

LEAST_S: Final = 0.001
"""Real time that is not worth waking up for."""


class RunClock(Protocol):
    """A clock that a run goes by."""

    behind_s: float
    """The most that the run was behind it."""

    def now_ms(self) -> int:
        """Return the simulated time."""

    async def reach(self, instant_s: float) -> None:
        """Return when the clock shows a simulated instant, or later."""


@dataclass(slots=True)
class PacedClock:
    """A clock that runs, at speed."""

    scale: ScaledTime
    behind_s: float = 0.0

    def now_ms(self) -> int:
        """Return the simulated time."""
        return self.scale.at_ms(time.time_ns())

    async def reach(self, instant_s: float) -> None:
        """Sleep until the clock shows an instant."""
        now_ms = self.now_ms()
        left_s = instant_s - now_ms / 1000
        if left_s < 0:
            self.behind_s = max(self.behind_s, -left_s)
        elif (real_s := self.scale.real_s(left_s, now_ms)) > LEAST_S:
            await asyncio.sleep(real_s)


@dataclass(slots=True)
class DrivenClock:
    """A clock that shows what the run has reached: as fast as the broker takes the readings."""

    reached_s: float
    behind_s: float = 0.0

    def now_ms(self) -> int:
        """Return the simulated time."""
        return round(self.reached_s * 1000)

    async def reach(self, instant_s: float) -> None:
        """Set the clock on."""
        self.reached_s = max(self.reached_s, instant_s)
