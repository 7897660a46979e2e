"""The way from a reading to the network: readings that are lost, stored for later, spoilt, or stamped by a wrong clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from firmware_sim.devices.source import DeviceRegister, Sample
from firmware_sim.signals import rng
from firmware_sim.stories.story import Incident, RadioFault, Storyline

AHEAD_S: Final = 300.0
"""A clock that is further ahead than this is not believed: the gateway gives the time."""
LATE: Final = 0.1
"""Devices that measure together send within this share of their interval."""
LOG: Final = 48
"""Most readings of a log that come in one message."""


class Affected(NamedTuple):
    """A reading's way, at an instant.

    :ivar size: the size of the event.
    :ivar since_s: so long ago it began.
    """

    fault: RadioFault
    size: float
    since_s: float


SOUND: Final = Affected(RadioFault(), 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class RadioPath:
    """The radio of one device."""

    incidents: Sequence[Incident] = ()
    stories: Mapping[str, Storyline] | None = None
    interval_s: float = 0.0

    def at(self, instant_s: float) -> Affected:
        """Return what happens to the reading of an instant."""
        for incident in self.incidents:
            fault = self.stories[incident.story].radio if self.stories else None
            if fault is None:
                continue
            end_s = incident.begin_s + fault.readings * self.interval_s if fault.readings else incident.end_s
            if incident.begin_s <= instant_s < end_s:
                return Affected(fault, incident.size, instant_s - incident.begin_s)
        return SOUND

    def clock_off_s(self, instant_s: float) -> float:
        """Return how far from the truth a reading of an instant is stamped, at most."""
        fault, _, since_s = self.at(instant_s)
        off_s = fault.clock_ms(0, since_s) / 1000
        return LATE * self.interval_s if fault.clock_lost or off_s > AHEAD_S else abs(off_s)


def spoil_registers(sample: Sample, registers: Sequence[DeviceRegister], *seed: object) -> None:
    """Make nonsense of the registers of a sample: eleven times as much, say."""
    chance = rng("garbage", *seed)
    for register in registers:
        if register.field in sample.values:
            sample.values[register.field] = register.shown(sample.values[register.field] * chance.uniform(2, 12) + 5_000)
