"""Streams and devices: what a topic resolves to, worked out once and not once per message."""

from dataclasses import dataclass
from typing import Protocol

from gateway.core.counters import CounterState
from gateway.core.duplicates import RecentKeys
from gateway.core.native import NativeDecoder
from gateway.core.points import tag_text
from gateway.core.shapes import Shapes
from schemas.quantities import DOMAINS, Quality
from schemas.rejects import RejectReason
from schemas.topics import parse_topic

SIMULATED_PREFIX = "sim-"
_SET_BACK_MS = 60_000


class Registered(Protocol):
    """What the core needs to know of a registered device."""

    @property
    def area(self) -> str | None:
        """Code of the area, or None."""

    @property
    def params(self) -> dict[str, float | int | str | bool]:
        """Parameters: pulse weight, CT ratio, ``interval_s`` and so on."""


class Device:
    """One device: its small and bounded state."""

    __slots__ = (
        "counters",
        "last_seen_ms",
        "last_seq",
        "last_stamp_ms",
        "name",
        "offset_ms",
        "online",
        "quality",
        "recent",
        "registered",
    )

    def __init__(self, name: str, registered: Registered | None) -> None:
        self.name = name
        self.registered = registered
        self.recent: RecentKeys | None = None
        self.counters: CounterState | None = None
        self.last_seen_ms = 0
        self.last_stamp_ms = 0
        self.last_seq = -1
        self.offset_ms: int | None = None
        self.online: bool | None = None
        self.quality = Quality.SIMULATED if name.startswith(SIMULATED_PREFIX) else 0

    def stamp(self, now_ms: int) -> int:
        """The gateway's time for a reading without its own. Two of one device never share a millisecond.

        When the gateway's clock was set back by more than a minute, its earlier stamps were wrong and are not followed.
        """
        ahead_ms = self.last_stamp_ms - now_ms
        self.last_stamp_ms = now_ms if ahead_ms < 0 or ahead_ms > _SET_BACK_MS else self.last_stamp_ms + 1
        return self.last_stamp_ms


class Stream:
    """A native topic, resolved: device, decoder and the tags that never change."""

    __slots__ = ("decoder", "device", "site", "tags")
    is_status = False

    def __init__(self, site: str, device: Device, decoder: NativeDecoder) -> None:
        self.site = site
        self.device = device
        self.decoder = decoder
        self.tags = tag_text(self.fixed_tags())

    @property
    def domain(self) -> str:
        """Domain of the topic."""
        return self.decoder.domain

    def fixed_tags(self) -> list[tuple[str, str]]:
        """Tags of every point of this stream, unescaped."""
        area = self.device.registered.area if self.device.registered else None
        return [("area", area or ""), ("device", self.device.name), ("site", self.site)]


class StatusStream(Stream):
    """The topic on which a device says that it is there, or its will that it is not."""

    __slots__ = ()
    is_status = True


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Why a topic resolves to nothing."""

    reason: RejectReason
    detail: str
    device: str = ""
    domain: str = "unknown"


@dataclass(frozen=True, slots=True)
class Admission:
    """Which devices are let in.

    :ivar unknown: ``accept`` or ``reject`` what the registry does not name.
    :ivar simulated: the same for simulated devices.
    :ivar devices_max: most devices known at a time: a flood of invented names must not become a flood of series.
    """

    unknown: str = "accept"
    simulated: str = "accept"
    devices_max: int = 20_000


class Streams:
    """All topics and devices met so far."""

    def __init__(self, registry: dict[str, Registered] | None = None, admission: Admission | None = None) -> None:
        self.devices: dict[str, Device] = {}
        self.shapes = Shapes()
        self._registry = registry or {}
        self._admission = admission or Admission()
        self._streams: dict[str, Stream] = {}
        self._sites: dict[str, str] = {}
        self._decoders = {domain: NativeDecoder(domain) for domain in DOMAINS}

    def resolve(self, topic: str) -> Stream | Unresolved:
        """The stream of a topic. What does not resolve is worked out anew each time: it must not fill the memory."""
        return self._streams.get(topic) or self._resolve_new(topic)

    def _resolve_new(self, topic: str) -> Stream | Unresolved:
        parts = parse_topic(topic)
        if parts is None:
            return Unresolved(
                RejectReason.UNKNOWN_TOPIC,
                "the topic is not iot/v1/{site}/{domain}/{device}/readings and no profile takes it",
            )
        refused = self._refused(parts.device)
        if refused:
            return Unresolved(RejectReason.UNKNOWN_DEVICE, refused, parts.device, parts.domain)
        device = self.devices.get(parts.device)
        if device is None:
            device = Device(parts.device, self._registry.get(parts.device))
            self.devices[device.name] = device
        site = self._sites.get(parts.site, parts.site)
        kind = StatusStream if parts.channel == "status" else Stream
        stream = kind(site, device, self._decoders[parts.domain])
        if not stream.is_status and len(self._streams) < 4 * self._admission.devices_max:
            self._sites[site] = site
            self._streams[topic] = stream  # states are rare: they need not be kept for every device
        return stream

    def _refused(self, device: str) -> str:
        """Why a device is not let in; empty when it is."""
        if device.startswith(SIMULATED_PREFIX):
            if self._admission.simulated == "reject":
                return f"{device} is simulated and limits.simulated is reject"
        elif self._admission.unknown == "reject" and device not in self._registry:
            return f"{device} is not in the registry and devices.unknown is reject; register it"
        if device not in self.devices and len(self.devices) >= self._admission.devices_max:
            return f"{device} would be device {len(self.devices) + 1}; limits.devices is {self._admission.devices_max}"
        return ""

    def replace_registry(self, registry: dict[str, Registered]) -> None:
        """Take a new registry. Devices keep their state, streams are worked out anew."""
        self._registry = registry
        self._streams.clear()
        self._sites.clear()
        for device in self.devices.values():
            device.registered = registry.get(device.name)
