"""The devices of a run with what happens to each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from firmware_sim.fleet import SimDevice
from firmware_sim.signals import rng
from firmware_sim.stories.chronicle import Witness
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.radio import RadioPath
from firmware_sim.stories.story import Incident, Storyline
from firmware_sim.stories.truth import StoriedSource

OUT_OF_STEP: Final = 5
"""Data loggers measure on the full quarter of an hour; each fifth device does not."""


@dataclass(frozen=True, slots=True)
class Role:
    """A device in a run."""

    device: SimDevice
    radio: RadioPath
    witness: Witness


def cast(
    fleet: Sequence[SimDevice], incidents: Sequence[Incident], stories: Mapping[str, Storyline], span: SimulatedSpan
) -> list[Role]:
    """Give each device its part, in the order of the fleet."""
    roles = []
    for number, device in enumerate(fleet):
        own = tuple(incident for incident in incidents if _concerns(incident, device, stories))
        flags = {story.effect.flag for story in stories.values() if story.effect.flag and device.kind in story.kinds}
        source = StoriedSource(device.source, device.registers, own, stories, sorted(flags))
        late_s = 0.0 if number % OUT_OF_STEP else float(rng(device.name, "phase").randrange(int(span.interval_s * 0.9) or 1))
        radio = RadioPath(tuple(incident for incident in own if stories[incident.story].radio), stories, span.interval_s)
        roles.append(
            Role(
                replace(device, source=source),
                radio,
                Witness(device, source, span.first_full_s + late_s, span.interval_s, radio),
            )
        )
    return roles


def _concerns(incident: Incident, device: SimDevice, stories: Mapping[str, Storyline]) -> bool:
    """Tell if an event happens to a device: to itself, to its site, or to all of its kind."""
    story = stories[incident.story]
    if story.is_calendar:
        return device.kind in story.kinds
    return incident.device == (device.site if story.is_site else device.name)
