"""A message as a profile sees it, and the readings it makes, before time, counters and duplicates are checked."""

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


class Belief(Protocol):
    """Judges times by how far they lie from now."""

    def __call__(self, time_ms: int, window: Window, /) -> bool:
        """Tell if a time lies in a window around now."""

    def latest_ms(self, window: Window) -> int:
        """The latest time that a window lets pass, by a clock that is not doubted."""


class MappingContext(Struct, eq=False):
    """Everything that a profile may read.

    :ivar document: the start of all paths. With an envelope: ``device``, ``payload`` (bytes), ``decoded``, ``port``,
        ``frame_counter``, ``time``, ``rssi``, ``snr``, ``model``, and ``raw``, the message as it came; ``codec`` once the codec
        has answered. Without: the decoded payload itself.
    :ivar believes: tells if a time, in ms, is plausible. A profile asks it for its time sources in order.
    :ivar clock_offset_ms: the ms that the clock of the device that sent it shows too much.
    :ivar registered: name of a device → its parameters, None if it is not registered; a payload may carry several devices.
    """

    document: Any
    topic: str
    captures: Mapping[str, str]
    params: DeviceParams
    now_ms: int
    believes: Belief
    properties: Mapping[str, str] = _NO_PROPERTIES
    registered: Callable[[str], DeviceParams | None] = lambda _: None
    clock_offset_ms: int = 0

    def params_of(self, device: str) -> DeviceParams:
        """The parameters of a device in the message; missing ones are taken from the device that sent it."""
        own = self.registered(device)
        return {**self.params, **own} if own else self.params


class MappedReading(Struct, eq=False, gc=False):
    """One measurement of one device at one instant: canonical values with their time, before counters are checked."""

    measurement: str  # ``water``, ``power``, ``traffic``, ``urban`` or ``device_health``
    values: dict[str, Value]  # canonical quantities of the measurement (and of ``device_health``, which ride along)
    time_ms: int | None = None  # the device's time; None: stamped by the gateway at arrival
    tags: tuple[tuple[str, str], ...] = ()  # ``channel``, ``direction``, ``lane``, ``vehicle_class``, if any
    quality: int = 0  # bits that the payload itself gives: estimated, historic, value dropped
    dropped: list[tuple[str, DropCause]] = member(default_factory=list)  # path or field, and the reason of the drop
    counters: Mapping[str, CounterRule] = _NO_RULES
    device: str | None = None  # its own device, for payloads that carry several
    seq: int | None = None
    item: int = 0  # number of the item that it is of, where a codec gave a list
