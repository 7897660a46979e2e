"""The plan of a run: which device has which event, when. Seeded, so that the same options plan the same."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from firmware_sim.fleet import SimDevice
from firmware_sim.signals import DAY_S, HOUR_S, rng
from firmware_sim.stories.calendar import special_days
from firmware_sim.stories.story import Incident, Storyline

APART_S: Final = 30 * HOUR_S
"""A device is well for so long between two events, so that each one's alarm has ended before the next begins."""
FIRST_S: Final = DAY_S
"""Nothing happens so early in a run: the gateway must have met the devices."""
LAST_S: Final = 12 * HOUR_S
"""Nor so late that its alarm could not be seen."""
TRIES: Final = 400


@dataclass(frozen=True, slots=True)
class SimulatedSpan:
    """The simulated time of a run.

    :ivar interval_s: from one reading of a device to its next.
    """

    begin_s: float
    end_s: float
    interval_s: float

    @property
    def first_full_s(self) -> float:
        """The first full interval: data loggers measure on the quarter of an hour."""
        return math.ceil(self.begin_s / self.interval_s) * self.interval_s


@dataclass(frozen=True, slots=True)
class _Occupied:
    """The times at which something happens.

    :ivar spans: device → spans in which it is not well, or must be well for something.
    :ivar same: earlier events of the same story.
    """

    spans: dict[str, list[tuple[float, float]]]
    same: list[Incident]

    def is_free(self, incident: Incident, devices: Sequence[str], span: tuple[float, float], again_s: float) -> bool:
        """Tell if nothing else happens then, and the same not too soon before or after."""
        if any(_overlap(span, other) for device in devices for other in self.spans[device]):
            return False
        wide = (incident.begin_s - again_s, incident.end_s + again_s)
        return not any(_overlap(wide, (one.begin_s, one.end_s)) for one in self.same if one.device == incident.device)


def plan(
    fleet: Sequence[SimDevice], stories: Mapping[str, Storyline], wanted: Mapping[str, int], run: SimulatedSpan, seed: int
) -> list[Incident]:
    """Plan ``wanted`` events of each story, as many of them as the devices have room for, by their beginning.

    Stories that take the longest come first: they are the hardest to place.
    """
    calendar = [day for day in special_days(run.begin_s, run.end_s) if day.story in stories]
    taken: dict[str, list[tuple[float, float]]] = defaultdict(list)
    planned: list[Incident] = []
    for name in sorted(wanted, key=lambda name: (not stories[name].is_site, -stories[name].lasts_s[1], name)):
        story = stories[name]
        for number in range(wanted[name]):
            before = [incident for incident in planned if incident.story == name]
            incident = _place(name, story, _candidates(fleet, story), _Occupied(taken, before), run, (seed, name, number))
            if incident is not None:
                planned.append(incident)
    return sorted([*calendar, *planned], key=lambda incident: (incident.begin_s, incident.story, incident.device))


def _candidates(fleet: Sequence[SimDevice], story: Storyline) -> dict[str, list[str]]:
    """The places where it can happen: a device, or a site with all its devices."""
    if not story.is_site:
        return {device.name: [device.name] for device in fleet if device.kind in story.kinds}
    sites: dict[str, list[str]] = defaultdict(list)
    for device in fleet:
        sites[device.site].append(device.name)
    return {site: devices for site, devices in sites.items() if len(devices) >= 3}  # noqa: PLR2004 - fewer are no site


def _place(
    name: str,
    story: Storyline,
    candidates: Mapping[str, list[str]],
    taken: _Occupied,
    run: SimulatedSpan,
    seed: tuple[object, ...],
) -> Incident | None:
    """Find a place and a time at which nothing else happens."""
    chance = rng(*seed)
    places = sorted(candidates)
    first_s = run.begin_s + max(FIRST_S, story.usual_s)
    for _ in range(TRIES if places else 0):
        place = chance.choice(places)
        lasts_s = chance.uniform(*story.lasts_s)
        last_s = run.end_s - LAST_S - max(lasts_s, story.due_s(Incident(name, place, 0, 0), run.interval_s))
        if last_s <= first_s:
            return None
        begin_s = float(round(chance.uniform(first_s, last_s)))
        incident = Incident(name, place, begin_s, begin_s + round(lasts_s), round(chance.random(), 3))
        span = (
            incident.begin_s - APART_S - story.usual_s / 2,
            max(incident.end_s, story.due_s(incident, run.interval_s)) + APART_S,
        )
        if taken.is_free(incident, candidates[place], span, story.again_s):
            for device in candidates[place]:
                taken.spans[device].append((incident.begin_s - story.usual_s / 2, span[1] - APART_S))
            return incident
    return None


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
