"""The options of a fleet and of simulated time: a plan from the command line and a scenario, or a sentence about the fault."""

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Final

from firmware_sim.signals import DAY_S
from firmware_sim.simulated import SimulatedPlan
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.table import STORIES
from schemas.quantities import DOMAINS
from schemas.scaled_clock import VARIABLE, ScaledTime, parse_scaled_time
from schemas.scenario import Scenario

SITES_SHARE: Final = 5
"""Of stories that befall a whole site there are so many times fewer."""
FEW: Final = 5
"""Devices of each domain, where neither a scenario nor an option says how many."""

LEAD_S: Final = 1.0
"""Real seconds until the first reading: the fleet must be connected by then."""


class BadOption(Exception):  # noqa: N818 - it says what the option is
    """An option that cannot be; the text says why."""


def fleet_counts(scenario: Scenario, given: Mapping[str, int | None], devices: int | None) -> Mapping[str, int]:
    """So many devices of each domain or kind: as the options say, else as the scenario does.

    :param devices: so many altogether, in the scenario's proportions; each kind has one before any has two.
    :raises BadOption: there are none.
    """
    usual = scenario.fleet or dict.fromkeys(DOMAINS, FEW)
    counts = dict(usual) if devices is None else _in_proportion(usual, devices)
    for domain, number in given.items():
        if number is not None:
            counts = {name: count for name, count in counts.items() if name.partition("-")[0] != domain} | {domain: number}
    if not sum(counts.values()):
        raise BadOption("no devices: set --devices, --water, --power, --traffic or --urban above 0")
    return counts


def _in_proportion(usual: Mapping[str, int], devices: int) -> dict[str, int]:
    first = [name for name, count in usual.items() if count][:devices]
    rest, counts = devices - len(first), dict.fromkeys(first, 1)
    bounds = [0, *accumulate(usual[name] for name in first)]
    for name, begin, end in zip(first, bounds, bounds[1:], strict=False):
        counts[name] += end * rest // bounds[-1] - begin * rest // bounds[-1]
    return counts


def simulated_plan(asked: argparse.Namespace, scenario: Scenario, interval_s: float) -> SimulatedPlan | None:
    """The plan of a run in simulated time; None: the run is in real time.

    :param asked: ``start``, ``days``, ``until``, ``stories``, ``story``, ``speed`` and ``live_interval`` of the command line.
    :raises BadOption: with a sentence for people.
    """
    shared = os.environ.get(VARIABLE)
    wanted = {**scenario.stories, **_wanted(asked.stories, asked.story)}
    if asked.start is None and shared is None and not scenario.happens:
        if asked.days is not None or asked.until is not None or wanted:
            raise BadOption(f"--days, --until, --stories and --story are for simulated time: set --start, or {VARIABLE}")
        return None
    begin_s = _begin_s(asked, scenario)
    scale = _scale(asked.start, shared, begin_s, asked.speed)
    if shared is not None:
        begin_s = _soon_s(scale)
    if asked.live_interval is not None:
        end_ms = scale.caught_up_ms if scale is not None else None
        if end_ms is None:
            raise BadOption("--live-interval is for a run that begins in the past and catches up with real time")
        return SimulatedPlan(SimulatedSpan(begin_s, end_ms / 1000, interval_s), scale, wanted, asked.live_interval)
    end_s = _end_s(asked, scenario, begin_s)
    return SimulatedPlan(SimulatedSpan(begin_s, end_s, interval_s), scale, wanted)


def _begin_s(asked: argparse.Namespace, scenario: Scenario) -> float:
    """The beginning: as told; else now, and for a run at another speed so that it ends now."""
    if asked.start is not None:
        return _instant_s("--start", asked.start)
    now_s = float(time.time_ns() // 1_000_000_000) + LEAD_S
    return now_s if asked.speed == 1 else now_s - (asked.days * DAY_S if asked.days else scenario.lasts_s or 0.0)


def _end_s(asked: argparse.Namespace, scenario: Scenario, begin_s: float) -> float:
    lasts_s = asked.days * DAY_S if asked.days is not None else scenario.lasts_s if asked.until is None else None
    if (lasts_s is None) == (asked.until is None):
        raise BadOption("a run in simulated time ends: set --days or --until")
    end_s = begin_s + lasts_s if lasts_s is not None else _instant_s("--until", asked.until)
    if end_s <= begin_s:
        raise BadOption(f"--until {asked.until} is not after the start of the run")
    return end_s


def _scale(start: str | None, shared: str | None, begin_s: float, speed: float) -> ScaledTime | None:
    """The clock: the one that the gateway has too, or one of its own."""
    if shared is None:
        return ScaledTime(time.time_ns() // 1_000_000 + round(LEAD_S * 1000), round(begin_s * 1000), speed) if speed else None
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
