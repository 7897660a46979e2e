"""The wall clock. Whatever needs the time of day, or waits for one, is given this clock; nothing else reads it.

Timers that measure how long something takes (a request, a backoff, a breaker) stay on the monotonic clock of the system. A
period that people know by the clock (each minute, each night) is slept on this one, so that it scales with it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.config.setting_types import is_loopback, split_url
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime, parse_scaled_time

_LOOK_AGAIN_S: Final = 60.0
"""While waiting for an instant: somebody may set the clock."""


class WallClock:
    """The clock of the system."""

    is_real = True
    """The clocks of other machines show if this one is right."""

    def now_ms(self) -> int:
        """Return the time, in milliseconds since 1970 in UTC."""
        return time.time_ns() // 1_000_000

    def now_and_steady_ms(self) -> tuple[int, int]:
        """Return the time, and that of a clock that nobody sets: their distance changes when this one is set."""
        return time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000

    def real_s(self, seconds: float) -> float:
        """Return how long ``seconds`` of this clock take, for a timer."""
        return seconds

    async def sleep(self, seconds: float) -> None:
        """Sleep ``seconds`` of this clock."""
        await asyncio.sleep(self.real_s(seconds))

    async def sleep_until(self, at_ms: int) -> None:
        """Sleep until this clock shows ``at_ms``, also when it is set meanwhile."""
        while (left_ms := at_ms - self.now_ms()) > 0:  # noqa: ASYNC110 - a clock sets no event
            await asyncio.sleep(min(self.real_s(left_ms / 1000), _LOOK_AGAIN_S))


class ScaledWallClock(WallClock):
    """A simulated time at speed. Nobody sets it, and only what runs on the same one agrees with it."""

    is_real = False

    def __init__(self, scale: ScaledTime) -> None:
        self._scale = scale

    def now_ms(self) -> int:
        """Return the simulated time."""
        return self._scale.at_ms(time.time_ns())

    def now_and_steady_ms(self) -> tuple[int, int]:
        """Return the simulated time twice: it is steady."""
        now_ms = self.now_ms()
        return now_ms, now_ms

    def real_s(self, seconds: float) -> float:
        """Return the real seconds in which so many simulated ones pass, from now on."""
        return self._scale.real_s(seconds, self.now_ms())


async def set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Tell if an event is set before so many seconds have passed; None: however long that takes."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False


async def every(seconds: float, clock: WallClock, look: Callable[[], Awaitable[None]], first_s: float = 0.0) -> None:
    """Look again and again, first after ``first_s``, with so many seconds of a clock from one look to the next."""
    if first_s:
        await clock.sleep(first_s)
    while True:
        await look()
        await clock.sleep(seconds)


def wall_clock(config: Config, environment: Mapping[str, str]) -> WallClock:
    """The clock of a gateway: the system's or a scaled one; ConfigurationFault if it would give real readings a false time."""
    text = environment.get(VARIABLE)
    if text is None:
        return WallClock()
    try:
        scale = parse_scaled_time(text)
    except ValueError as error:
        raise ConfigurationFault([f"{VARIABLE}: {error}"]) from error
    where = config.mqtt.addresses() | config.influxdb.addresses()
    faults = [
        f"{VARIABLE}: a scaled clock is for tests and demonstrations: {key} must be on this machine, and is {url}; unset it"
        for key, url in where.items()
        if not is_loopback(split_url(url).hostname or "")
    ]
    permit = config.journal.path.parent / PERMIT
    if not permit.exists():
        faults.append(f"{VARIABLE}: a scaled clock gives readings a false time; unset it, or in a test make the file {permit}")
    if faults:
        raise ConfigurationFault(faults)
    return ScaledWallClock(scale)
