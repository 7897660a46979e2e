"""A device of a make: who it is for its readers, and sensors of several kinds in one device."""

from dataclasses import dataclass

from firmware_sim.devices.source import Sample, Sensors
from firmware_sim.makers.maker import Maker


@dataclass(frozen=True, slots=True)
class MakerIdentity:
    """The identity of one device.

    :ivar source: the name that it sends under: DevEUI, serial number, or its id.
    :ivar form: network server, or form of its messages; empty: there is one.
    """

    maker: Maker
    source: str
    form: str = ""


@dataclass(frozen=True, slots=True)
class JoinedSensors:
    """Sensors of several kinds in one device; of a quantity that several have, the first one's counts."""

    parts: tuple[Sensors, ...]

    def sample(self, instant_s: float, index: int) -> Sample:
        """Read all sensors."""
        samples = [part.sample(instant_s, index) for part in self.parts]
        joined = Sample({}, samples[0].tags)
        for sample in reversed(samples):
            joined.values |= sample.values
            joined.health |= sample.health
        return joined
