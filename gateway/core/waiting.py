"""Messages that wait for knowledge: a registration, a Sparkplug birth, a mended codec."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class WaitCause(StrEnum):
    """What a quarantined message waits for."""

    UNKNOWN_DEVICE = "unknown_device"
    NO_BIRTH = "no_birth"
    CODEC = "codec"


@dataclass(slots=True)
class Waiting:
    """A whole message for the quarantine.

    :ivar key: what frees it: the device's id, ``group/node`` of a Sparkplug node, or the codec.
    :ivar expires_ms: from when on it waits in vain; None: as long as there is room.
    :ivar duplicate: the broker had sent it before.
    :ivar properties: MQTT user properties, which may name the device.
    """

    cause: WaitCause
    key: str
    expires_ms: int | None
    topic: str
    payload: bytes
    retain: bool
    arrival_ms: int
    device: str = ""
    domain: str = "unknown"
    properties: Sequence[tuple[str, str]] = ()
    duplicate: bool = False
