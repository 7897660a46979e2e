"""The way from a reading to the network: readings that are lost, stored for later, spoilt, or stamped by a wrong clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from firmware_sim.devices.source import DeviceRegister, Sample
from firmware_sim.signals import rng
from firmware_sim.stories.story import Incident, RadioFault, Storyline

SOUND: Final = RadioFault()
AHEAD_S: Final = 300.0
"""A clock that is further ahead than this is not believed: the gateway gives the time."""
LOG: Final = 48
"""Most readings of a log that come in one message."""


@dataclass(frozen=True, slots=True)
class RadioPath:
    """The radio of one device."""

    incidents: Sequence[Incident] = ()
    stories: Mapping[str, Storyline] | None = None
    interval_s: float = 0.0

    def at(self, instant_s: float) -> RadioFault:
        """Return what happens to the reading of an instant."""
        for incident in self.incidents:
            fault = self.stories[incident.story].radio if self.stories else None
            if fault is None:
                continue
            end_s = incident.begin_s + fault.readings * self.interval_s if fault.readings else incident.end_s
            if incident.begin_s <= instant_s < end_s:
                return fault
        return SOUND


def spoil_registers(sample: Sample, registers: Sequence[DeviceRegister], *seed: object) -> None:
    """Make nonsense of the registers of a sample: eleven times as much, say."""
    chance = rng("garbage", *seed)
    for register in registers:
        if register.field in sample.values:
            sample.values[register.field] = register.shown(sample.values[register.field] * chance.uniform(2, 12) + 5_000)
