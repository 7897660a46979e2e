"""The view that a profile has of a message and the readings it makes of it, before time, counters and duplicates are judged."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct
from msgspec import field as member

from gateway.core.readings.steps import CounterRule
from schemas.readings import Value
from schemas.rejects import DropCause

DeviceParams = Mapping[str, float | int | str | bool]
"""Parameters of a registered device: pulse weight, CT ratio and so on."""

_NO_PROPERTIES: Final[Mapping[str, str]] = MappingProxyType({})
_NO_RULES: Final[Mapping[str, CounterRule]] = MappingProxyType({})


class Window(NamedTuple):
    """The greatest distance from now at which a time is believed, in ms; None: as configured for the gateway."""

    max_past_ms: int | None = None
    max_future_ms: int | None = None


def _nobody(_: str) -> DeviceParams | None:
    return None


class Belief(Protocol):
    """Judges times by how far they lie from now."""

    def __call__(self, time_ms: int, window: Window, /) -> bool:
        """Tell if a time lies in a window around now."""

    def latest_ms(self, window: Window) -> int:
        """The latest time that a window lets pass, by a clock that is not doubted."""


class MappingContext(Struct, eq=False):
    """All that a profile may look at.

    :ivar document: what paths start from. With an envelope: ``device``, ``payload`` (bytes), ``decoded``, ``port``,
        ``frame_counter``, ``time``, ``rssi``, ``snr``, ``model``, and ``raw``, the message as it came; ``codec`` once the codec
        has answered. Without: the decoded payload itself.
    :ivar captures: named levels of the topic.
    :ivar properties: MQTT user properties.
    :ivar believes: whether a time, in ms, lies in a window around now. A profile asks it for its time sources, in their order.
    :ivar registered: name of a device → its parameters, None where it is not registered; a payload may carry several devices.
    """

    document: Any
    topic: str
    captures: Mapping[str, str]
    params: DeviceParams
    now_ms: int
    believes: Belief
    properties: Mapping[str, str] = _NO_PROPERTIES
    registered: Callable[[str], DeviceParams | None] = _nobody

    def params_of(self, device: str) -> DeviceParams:
        """The parameters of a device that the message speaks of; what it has not is as for the device that sent it."""
        own = self.registered(device)
        return {**self.params, **own} if own else self.params


class MappedReading(Struct, eq=False, gc=False):
    """One measurement of one device at one instant: canonical values whose time is chosen and whose step is not judged yet.

    :ivar measurement: ``water``, ``power``, ``traffic``, ``urban`` or ``device_health``.
    :ivar values: canonical quantities of the measurement (and of ``device_health``, which ride along).
    :ivar time_ms: the device's time; None: stamped by the gateway at arrival.
    :ivar tags: ``channel``, ``direction``, ``lane``, ``vehicle_class`` where there are any.
    :ivar quality: bits that the payload itself tells: estimated, historic, value dropped.
    :ivar dropped: path or field, and why its value was left out.
    :ivar counters: field → what the profile knows of it.
    :ivar device: another device than that of the message, for payloads that carry many.
    :ivar seq: the device's sequence number, where it has one.
    """

    measurement: str
    values: dict[str, Value]
    time_ms: int | None = None
    tags: tuple[tuple[str, str], ...] = ()
    quality: int = 0
    dropped: list[tuple[str, DropCause]] = member(default_factory=list)
    counters: Mapping[str, CounterRule] = _NO_RULES
    device: str | None = None
    seq: int | None = None
