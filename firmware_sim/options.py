"""The options of a run in simulated time: a plan from the command line, or a sentence about the fault."""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from firmware_sim.signals import DAY_S
from firmware_sim.simulated import SimulatedPlan
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.table import STORIES
from schemas.scaled_clock import VARIABLE, ScaledTime, parse_scaled_time

SITES_SHARE: Final = 5
"""Of stories that befall a whole site there are so many times fewer."""


LEAD_S: Final = 1.0
"""Real seconds until the first reading: the fleet must be connected by then."""


class BadOption(Exception):  # noqa: N818 - it says what the option is
    """An option that cannot be; the text says why."""


def simulated_plan(
    start: str | None,
    days: float | None,
    until: str | None,
    each: int,
    stories: Sequence[str],
    speed: float,
    interval_s: float,
) -> SimulatedPlan | None:
    """The plan of a run in simulated time; None: the run is in real time.

    :param each: how many events of each story.
    :param stories: ``NAME`` or ``NAME=N`` for single ones.
    :raises BadOption: with a sentence for people.
    """
    shared = os.environ.get(VARIABLE)
    wanted = _wanted(each, stories)
    if start is None and shared is None:
        if days is not None or until is not None or wanted:
            raise BadOption(f"--days, --until, --stories and --story are for simulated time: set --start, or {VARIABLE}")
        return None
    scale = _scale(start, shared, speed)
    begin_s = _instant_s("--start", start) if start is not None else _soon_s(scale)
    if (days is None) == (until is None):
        raise BadOption("a run in simulated time ends: set --days or --until")
    end_s = begin_s + days * DAY_S if days is not None else _instant_s("--until", until)
    if end_s <= begin_s:
        raise BadOption(f"--until {until} is not after the start of the run")
    return SimulatedPlan(SimulatedSpan(begin_s, end_s, interval_s), scale, wanted)


def _scale(start: str | None, shared: str | None, speed: float) -> ScaledTime | None:
    """The clock: the one that the gateway has too, or one of its own."""
    if shared is None:
        begin_ms = round(_instant_s("--start", start) * 1000)
        return ScaledTime(time.time_ns() // 1_000_000 + round(LEAD_S * 1000), begin_ms, speed) if speed else None
    if start is not None:
        raise BadOption(f"{VARIABLE} says what time it is: leave out --start")
    try:
        return parse_scaled_time(shared)
    except ValueError as error:
        raise BadOption(f"{VARIABLE}: {error}") from None


def _soon_s(scale: ScaledTime | None) -> float:
    """The simulated time at which a fleet on a shared clock can begin."""
    return 0.0 if scale is None else scale.at_ms(time.time_ns()) / 1000 + LEAD_S * scale.speed


def _instant_s(option: str, text: str | None) -> float:
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        instant = datetime.min  # noqa: DTZ901 - has no zone, as what cannot be read
    if instant.tzinfo is None:
        raise BadOption(f"{option} {text}: write a time with its zone, as 2026-01-01T00:00:00+07:00")
    return instant.timestamp()


def _wanted(each: int, stories: Sequence[str]) -> Mapping[str, int]:
    named = {name: story for name, story in STORIES.items() if not story.is_calendar}
    wanted = {name: -(-each // SITES_SHARE) if story.is_site else each for name, story in named.items() if each}
    for text in stories:
        name, _, number = text.partition("=")
        if name not in named or not (number or "1").isdecimal():
            raise BadOption(f"--story {text}: write NAME or NAME=N; firmware-sim stories lists the names")
        wanted[name] = int(number or 1)
    return wanted
