"""The firmware of a played device with native payloads. Pure."""

from dataclasses import dataclass, field
from typing import Any

from firmware_sim.devices.source import Sample, SensorValues
from firmware_sim.faults import PayloadFault, ValueFault, encode
from firmware_sim.technician.battery_clock import DeviceBattery, DeviceClock
from firmware_sim.technician.bench import Bench
from schemas.quantities import QUANTITIES, Kind


@dataclass(frozen=True, slots=True)
class WrittenPayload:
    """A payload as the firmware wrote it.

    :ivar fault: the fault in it; empty if there is none.
    """

    topic: str
    payload: bytes
    fault: str = ""


@dataclass(slots=True)
class NativeReadings:
    """Writes readings of a bench as JSON.

    :ivar seq: the number of the next reading.
    """

    topic: str
    bench: Bench
    seq: int = 0
    joins: bool = True
    _clock: DeviceClock = field(init=False)
    _battery: DeviceBattery = field(init=False)

    def __post_init__(self) -> None:
        self._clock, self._battery = DeviceClock(self.bench.broken), DeviceBattery(self.bench.broken)

    def look(self, now_ms: int) -> Sample:
        """The values now, and the device's own state, without sending them."""
        sample = self.bench.measure(now_ms / 1000)
        return Sample(sample.values, sample.tags, self._battery.state(sample.health, now_ms))

    def write(self, now_ms: int, fault: PayloadFault | ValueFault | None = None) -> list[WrittenPayload]:
        """The next reading, sound or with a fault."""
        sample = self.look(now_ms)
        self.bench.sent()
        reading: dict[str, Any] = {"ts": self._clock.read(now_ms), "seq": self.seq}
        reading |= sample.tags | sample.values | sample.health
        self.seq += 1
        if isinstance(fault, PayloadFault):
            return [WrittenPayload(self.topic, fault.spoil(reading), fault.name)]
        if fault is not None and (spoilt := self._spoilt(sample.values)):
            reading[spoilt] = fault.spoil(QUANTITIES[self.bench.domain][spoilt])
            return [WrittenPayload(self.topic, encode(reading), f"{spoilt} {fault.name}")]
        return [WrittenPayload(self.topic, encode(reading))]

    def reboot(self) -> None:
        """Start again: the sequence begins at 0."""
        self.seq = 0

    def be_born(self) -> None:
        """Do nothing: there are no births."""

    def is_empty(self, now_ms: int) -> bool:
        """Tell if the battery has nothing left to send with."""
        return self._battery.is_empty(now_ms)

    def _spoilt(self, values: SensorValues) -> str:
        """The value that a fault takes: the first one on a knob, else the first gauge."""
        table = QUANTITIES[self.bench.domain]
        gauges = [name for name in values if table[name].kind is Kind.GAUGE and name != "interval_s"]
        on_knobs = [knob.field for knob in self.bench.knobs if knob.field in gauges and knob.field != "vehicle_count"]
        return next(iter(on_knobs + gauges), "")
