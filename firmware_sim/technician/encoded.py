"""The firmware of a played device of a make that has an encoder (:mod:`firmware_sim.makers`). Pure."""

from dataclasses import dataclass, field

from firmware_sim.devices.source import Sample
from firmware_sim.faults import PayloadFault, ValueFault
from firmware_sim.makers.identity import MakerIdentity
from firmware_sim.makers.reading import MakerReading
from firmware_sim.technician.battery_clock import DeviceBattery, DeviceClock
from firmware_sim.technician.bench import Bench
from firmware_sim.technician.fixed import CUT
from firmware_sim.technician.native import WrittenPayload


@dataclass(slots=True)
class EncodedReadings:
    """Writes readings of a bench as the device of a make does.

    :ivar counter: readings since its birth.
    """

    identity: MakerIdentity
    bench: Bench
    counter: int = 0
    joins: bool = False
    _clock: DeviceClock = field(init=False)
    _heard: DeviceClock = field(init=False)
    _battery: DeviceBattery = field(init=False)

    def __post_init__(self) -> None:
        conditions = self.bench.broken
        self._clock = DeviceClock(conditions, self.identity.maker.clock_ms or 1)
        self._heard, self._battery = DeviceClock(frozenset()), DeviceBattery(conditions)

    def look(self, now_ms: int) -> Sample:
        """The values now, and the device's own state, without sending them."""
        sample = self.bench.measure(now_ms / 1000)
        return Sample(sample.values, sample.tags, self._battery.state(sample.health, now_ms))

    def write(self, now_ms: int, fault: PayloadFault | ValueFault | None = None) -> list[WrittenPayload]:
        """The messages of the next reading; with a fault they are cut short."""
        sample, maker = self.look(now_ms), self.identity.maker
        self.bench.sent()
        reading = MakerReading(
            name=self.identity.source,
            values=sample.values,
            time_ms=self._clock.read(now_ms),
            heard_ms=self._heard.read(now_ms),
            counter=self.counter,
            health=sample.health,
            tags=sample.tags,
            params=maker.params,
            form=self.identity.form,
        )
        self.counter += 1
        messages = maker.encode(reading)
        if fault is not None:
            return [WrittenPayload(each.topic, each.payload[: len(each.payload) // 2], CUT) for each in messages]
        return [WrittenPayload(each.topic, each.payload) for each in messages]

    def reboot(self) -> None:
        """Start again: frames are counted from 0."""
        self.counter = 0

    def be_born(self) -> None:
        """Begin again with births, as an edge node does that has connected."""
        if (presence := self.identity.maker.presence) is not None and presence(self.identity.source).commands:
            self.counter = 0

    def is_empty(self, now_ms: int) -> bool:
        """Tell if the battery has nothing left to send with."""
        return self._battery.is_empty(now_ms)
