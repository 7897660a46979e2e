"""The firmware of a device of a make: from a measurement to its messages and the ledger rows of their points. Pure."""

from dataclasses import dataclass, field
from typing import Any

from firmware_sim.faults import encode
from firmware_sim.firmware import Firmware
from firmware_sim.fleet import SimDevice
from firmware_sim.makers.identity import MakerIdentity
from firmware_sim.makers.reading import MakerReading
from firmware_sim.outgoing import OF_ANY_WIRE, Departures, FaultDraw, OutgoingMessage
from firmware_sim.signals import rng
from firmware_sim.wire.message import CarriedPoint, WireMessage
from schemas.quantities import Quality
from schemas.scenario import Scenario

RSSI_DBM = (-118, -62)
SNR_QUARTERS = (-40, 48)


@dataclass(slots=True)
class MakerFirmware:
    """The little state that a device has: its counter, the last time it told, messages that leave later.

    :ivar counter: readings since its birth.
    :ivar shares: faults of its messages.
    """

    device: SimDevice
    identity: MakerIdentity
    seed: int
    counter: int = 0
    last_ms: int = 0
    heard_ms: int = 0
    is_online: bool = True
    shares: FaultDraw = field(default_factory=FaultDraw)
    readings: int = 0
    departures: Departures = field(default_factory=Departures)

    def measure(self, instant_s: float, now_ms: int) -> list[OutgoingMessage]:
        """Measure at the simulated ``instant_s`` and the real ``now_ms``; return the messages to send."""
        sample = self.device.source.sample(instant_s, self.counter)
        maker = self.identity.maker
        step_ms = maker.clock_ms or 1
        self.last_ms = max(now_ms // step_ms * step_ms, self.last_ms + step_ms)
        self.heard_ms = max(now_ms, self.heard_ms + 1)
        chance = rng(self.seed, self.device.name, self.counter, "radio")
        reading = MakerReading(
            name=self.identity.source,
            values=sample.values,
            time_ms=self.last_ms,
            heard_ms=self.heard_ms,
            counter=self.counter,
            health=sample.health,
            tags=sample.tags,
            params=maker.params,
            form=self.identity.form,
            rssi_dbm=chance.randint(*RSSI_DBM),
            snr_db=chance.randint(*SNR_QUARTERS) / 4,
        )
        self.counter += 1
        self.readings += 1
        kind = self.shares.drawn(rng(self.seed, self.device.name, self.readings, "fault")) if self.shares.limits else None
        return [
            leaving
            for message in maker.encode(reading)
            for leaving in self.departures.leave(self._outgoing(message), kind, self.readings)
        ]

    def flush(self) -> list[OutgoingMessage]:
        """Return what it still holds back, at the end of a run."""
        return self.departures.flush()

    def be_born(self) -> None:
        """Begin again with births, as an edge node does that is asked for them or has connected again."""
        self.counter = 0

    def _outgoing(self, message: WireMessage) -> OutgoingMessage:
        rows = tuple(self._row(message.topic, point) for point in message.points)
        return OutgoingMessage(message.topic, self.device.domain, message.payload, rows)

    def _row(self, topic: str, point: CarriedPoint) -> bytes:
        row: dict[str, Any] = {
            "t": topic,
            "m": point.measurement,
            "tags": {"device": self.device.name, "site": self.device.site, **point.tags},
            "ts": point.time_ms,
            "seq": None,
            "f": dict(point.fields),
            "q": Quality.SIMULATED | (Quality.GATEWAY_TIME if point.time_ms is None else 0),
            "drop": [],
        }
        return encode(row)


AnyFirmware = Firmware | MakerFirmware


def firmware_of(device: SimDevice, scenario: Scenario, seed: int) -> AnyFirmware:
    """The firmware of a device in real time; a make's messages have the faults that any message can have."""
    if device.identity is not None:
        # An edge node numbers its messages, and its host asks for births when one is missing or late.
        can_miss = device.presence is None or not device.presence.commands
        shares = FaultDraw.of(scenario.faults, OF_ANY_WIRE if can_miss else ())
        return MakerFirmware(device, device.identity, seed, shares=shares)
    return Firmware(device, scenario, seed)
