"""Rounds of a running gateway: none while the broker is away, and a clock that is set makes nobody silent."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from gateway.core.alarms.rules import Silent
from gateway.core.devices.streams import Streams
from gateway.core.readings.clock_trust import ClockTrust
from gateway.core.status.silence import Silence
from gateway.ingest.events import Events
from gateway.runtime.jobs.looks import AlarmRounds
from tests.clocks import SetClock
from tests.core.alarms.alarming import Bed, registered, rule
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS

QUIET = rule(Silent(), name="quiet")


class TurnedClock(SetClock):
    """A clock on which each sleep takes its time at once; after so many minutes the story is over."""

    def __init__(self, minutes: int, steps: dict[int, int]) -> None:
        super().__init__(NOW_MS)
        self.minutes, self.steps, self.steady_ms = minutes, steps, 0

    def now_and_steady_ms(self) -> tuple[int, int]:
        """Return the time, and the time that has passed."""
        return self.at_ms, self.steady_ms

    async def sleep(self, seconds: float) -> None:
        """Let the time pass; in some minutes somebody sets the clock."""
        if not self.minutes:
            raise asyncio.CancelledError
        self.minutes -= 1
        self.steady_ms += round(seconds * 1000)
        self.at_ms += round(seconds * 1000) + self.steps.pop(self.minutes, 0)


def alarms_after(minutes: int, *, connected: bool = True, steps: dict[int, int] | None = None) -> list[str]:
    """The alarms of a device that sends every quarter of an hour, and was heard just now."""
    entry = registered("d1")
    events, streams = Events(), Streams({"d1": entry})
    events.mqtt_connected = connected
    events.reception.regain(NOW_MS)
    device = streams.meet("d1")
    device.last_seen_ms = NOW_MS  # type: ignore[union-attr] # it is registered
    bed = Bed(QUIET, silence=Silence(reception=events.reception))
    clock = TurnedClock(minutes, steps or {})
    rounds = AlarmRounds(bed.alarms, streams, ClockTrust(not_before_ms=0, max_future_ms=HOUR_MS), events, clock)
    run: Callable[[], Awaitable[None]] = rounds.run
    with suppress(asyncio.CancelledError):
        asyncio.run(run())  # type: ignore[arg-type]
    return bed.told()


def test_a_round_over_many_devices_lets_others_have_a_turn_between_its_steps() -> None:
    events, streams = Events(), Streams({f"d{number}": registered(f"d{number}") for number in range(2000)})
    events.mqtt_connected = True
    for name in streams.registry:
        streams.meet(name)
    clock, turns = TurnedClock(1, {}), 0
    rounds = AlarmRounds(Bed(QUIET).alarms, streams, ClockTrust(not_before_ms=0, max_future_ms=HOUR_MS), events, clock)

    async def beside() -> None:
        nonlocal turns
        running = asyncio.create_task(rounds.run())
        while not running.done():
            turns += 1
            await asyncio.sleep(0)

    asyncio.run(beside())
    assert turns >= 10


@pytest.mark.parametrize(("minutes", "found"), [(44, []), (46, ["raised quiet@d1"])])
def test_a_device_is_silent_after_three_intervals(minutes: int, found: list[str]) -> None:
    assert alarms_after(minutes) == found


def test_while_the_broker_is_away_there_are_no_rounds() -> None:
    assert alarms_after(60, connected=False) == []


def test_a_clock_that_is_set_forward_makes_nobody_silent() -> None:
    assert alarms_after(44, steps={20: 5 * HOUR_MS}) == []
    assert alarms_after(46, steps={20: 5 * HOUR_MS}) == ["raised quiet@d1"]
    assert alarms_after(46, steps={20: -30 * MINUTE_MS}) == []
