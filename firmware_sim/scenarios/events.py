"""The events of a scenario, at devices of a fleet. Pure: the same fleet, beginning and seed give the same events."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from firmware_sim.fleet import SimDevice
from firmware_sim.signals import rng
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.story import Incident
from firmware_sim.stories.table import STORIES
from schemas.scenario import Scenario, ScenarioEvent

FEWEST: Final = 3
"""Devices of a site to which something can happen as a whole."""


def incidents_of(scenario: Scenario, fleet: Sequence[SimDevice], span: SimulatedSpan, seed: int) -> list[Incident]:
    """All its events by their beginning; one that no device of the fleet fits is left out."""
    fleet = sorted(fleet, key=lambda device: rng(seed, device.name, "turn").random())
    here = _here(scenario, fleet)
    found = [incident for event in scenario.events for incident in _incidents(event, fleet, here, span)]
    return sorted(found, key=lambda incident: (incident.begin_s, incident.story, incident.device))


def _incidents(event: ScenarioEvent, fleet: Sequence[SimDevice], here: str, span: SimulatedSpan) -> Iterator[Incident]:
    story = STORIES[event.story]
    devices = [device for device in fleet if _fits(event, device) and (not event.here or device.site == here)]
    if story.is_site:
        sites = Counter(device.site for device in devices)
        places = sorted(site for site, number in sites.items() if number >= FEWEST)
    else:
        places = [device.name for device in devices]
    until = None if event.count is None else event.skip + event.count
    chosen = places[event.skip : until]
    for number, place in enumerate(chosen):
        late_s = event.spread / 1000 * number / max(len(chosen) - 1, 1)
        at_s = span.end_s - event.at / 1000 if event.from_end else span.begin_s + event.at / 1000
        begin_s = float(round(at_s + late_s))
        lasts_s = story.lasts_s[0] if event.lasts is None else event.lasts / 1000
        yield Incident(event.story, place, begin_s, begin_s + lasts_s, event.size)


def _here(scenario: Scenario, fleet: Sequence[SimDevice]) -> str:
    """The site at which the most different events can happen; of equals that with the most devices."""
    events = [event for event in scenario.events if event.here]
    sites = sorted({device.site for device in fleet})

    def suits(site: str) -> tuple[int, int]:
        devices = [device for device in fleet if device.site == site]
        return sum(any(_fits(event, device) for device in devices) for event in events), len(devices)

    return max(sites, key=suits, default="")


def _fits(event: ScenarioEvent, device: SimDevice) -> bool:
    return device.kind in (event.kinds or STORIES[event.story].kinds)
