"""The devices of a run with what happens to each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from firmware_sim.devices.source import ReadingTimes
from firmware_sim.fleet import SimDevice, measured_at
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
    fleet: Sequence[SimDevice],
    incidents: Sequence[Incident],
    stories: Mapping[str, Storyline],
    span: SimulatedSpan,
    live_interval_s: float | None = None,
) -> list[Role]:
    """Give each device its part, in the order of the fleet.

    :param live_interval_s: from one reading to the next behind the span; None: it ends there.
    """
    roles = []
    for number, device in enumerate(fleet):
        own = tuple(incident for incident in incidents if _concerns(incident, device, stories))
        flags = {story.effect.flag for story in stories.values() if story.effect.flag and device.kind in story.kinds}
        late_s = 0.0 if number % OUT_OF_STEP else float(rng(device.name, "phase").randrange(int(span.interval_s * 0.9) or 1))
        sensors = measured_at(device.source, times_of(span, late_s, live_interval_s))
        source = StoriedSource(sensors, device.registers, own, stories, sorted(flags))
        radio = RadioPath(tuple(incident for incident in own if stories[incident.story].radio), stories, span.interval_s)
        roles.append(
            Role(
                replace(device, source=source),
                radio,
                Witness(device, source, span.first_full_s + late_s, span.interval_s, radio),
            )
        )
    return roles


def times_of(span: SimulatedSpan, late_s: float, live_interval_s: float | None) -> ReadingTimes:
    """The times of a device that measures so long after the full intervals of a span, and goes on behind it if it does."""
    if live_interval_s is None:
        return ReadingTimes(span.interval_s)
    return ReadingTimes(span.interval_s, span.first_full_s + late_s, span.end_s, live_interval_s)


def _concerns(incident: Incident, device: SimDevice, stories: Mapping[str, Storyline]) -> bool:
    """Tell if an event happens to a device: to itself, to its site, or to all of its kind."""
    story = stories[incident.story]
    if story.is_calendar:
        return device.kind in story.kinds
    return incident.device == (device.site if story.is_site else device.name)
