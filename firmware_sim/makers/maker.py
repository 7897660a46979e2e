"""A make of device: which sensors it has, how it writes them, and how it presents itself to the broker."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.reading import MakerParams, MakerReading
from firmware_sim.wire.lorawan import SERVERS
from firmware_sim.wire.message import CarriedPoint, WireMessage
from firmware_sim.wire.presence import BrokerPresence
from firmware_sim.wire.uplink import RadioUplink
from schemas.quantities import HEALTH

EncodeReading = Callable[[MakerReading], list[WireMessage]]

LORAWAN: Final = "LoRaWAN"
LOCAL: Final = "fe"
"""First byte of a locally administered EUI."""


def under_its_id(device_id: str, _chance: random.Random) -> str:
    """Name a device that sends under the id of the registry."""
    return device_id


def dev_eui(_device_id: str, chance: random.Random) -> str:
    """An EUI-64 that is locally administered, which no maker gives away."""
    return f"{LOCAL}{chance.getrandbits(56):014x}"


@dataclass(frozen=True, slots=True)
class Maker:
    """One row of the table of encoders.

    :ivar profile: the profile that reads it.
    :ivar kinds: kinds of simulated devices, as in ``water-meter``, whose sensors it has; a device has those of all.
    :ivar wire: wire format, for people.
    :ivar clock_ms: resolution of the time in its payloads; 0: they tell none, and the receiver's time stands.
    :ivar forms: network servers or forms of its messages, the first one usual.
    :ivar params: what the registry must say of a device.
    :ivar registers: its counters, and the smallest step that each shows.
    :ivar presence: its state at the broker, by its name; None: a network server or bridge speaks for it.
    :ivar name: the name that a device sends under, from its id in the registry.
    """

    profile: str
    domain: str
    kinds: tuple[str, ...]
    wire: str
    encode: EncodeReading
    clock_ms: int = 1
    forms: tuple[str, ...] = ()
    params: MakerParams = field(default_factory=dict)
    registers: Mapping[str, float] = field(default_factory=dict)
    presence: Callable[[str], BrokerPresence] | None = None
    name: Callable[[str, random.Random], str] = under_its_id

    @property
    def is_lorawan(self) -> bool:
        """True for a device behind a network server."""
        return self.wire == LORAWAN


@dataclass(frozen=True, slots=True)
class RadioFrame:
    """The frame that a LoRaWAN device sends.

    :ivar points: without a time where the frame has none; the network server's stands then.
    :ivar health: the device's own state in it, stored with the server's time.
    """

    port: int
    payload: bytes
    points: tuple[CarriedPoint, ...] = ()
    health: SensorValues = field(default_factory=dict)


def over_lorawan(frame_of: Callable[[MakerReading], RadioFrame], *, counts_frames: bool = True) -> EncodeReading:
    """Wrap the frame of a reading as the network server of the reading does.

    :param counts_frames: the profile keeps the frame counter.
    """

    def encode(reading: MakerReading) -> list[WireMessage]:
        frame = frame_of(reading)
        uplink = RadioUplink(
            reading.name, frame.port, frame.payload, reading.counter, reading.heard_ms, reading.rssi_dbm, reading.snr_db
        )
        topic, payload = SERVERS[reading.form or "chirpstack"](uplink)
        radio: SensorValues = {"rssi_dbm": reading.rssi_dbm, "snr_db": reading.snr_db}
        if counts_frames:
            radio["frame_counter"] = reading.counter
        health = CarriedPoint(HEALTH, frame.health | radio, reading.heard_ms)
        return [WireMessage(topic, payload, (*_stamped(frame.points, reading.heard_ms), health))]

    return encode


def _stamped(points: Iterable[CarriedPoint], time_ms: int) -> Iterable[CarriedPoint]:
    for point in points:
        yield point if point.time_ms is not None else CarriedPoint(point.measurement, point.fields, time_ms, point.tags)


def lorawan(
    profile: str,
    kinds: tuple[str, ...],
    frame_of: Callable[[MakerReading], RadioFrame],
    *,
    counts_frames: bool = True,
    clock_ms: int = 1,
    params: MakerParams | None = None,
    registers: Mapping[str, float] | None = None,
) -> Maker:
    """A row of a LoRaWAN device; its domain is that of its first kind. Where it tells no time, the network server's stands."""
    return Maker(
        profile,
        kinds[0].partition("-")[0],
        kinds,
        LORAWAN,
        over_lorawan(frame_of, counts_frames=counts_frames),
        clock_ms,
        tuple(SERVERS),
        params or {},
        registers or {},
        name=dev_eui,
    )
