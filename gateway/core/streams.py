"""Streams and devices: what a topic resolves to, worked out once and not once per message."""

from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from gateway.core.counters import CounterState
from gateway.core.duplicates import RecentKeys, series_key
from gateway.core.frames import RecentFrames
from gateway.core.mapped import Params
from gateway.core.message import Message, Outcome
from gateway.core.native import Drop, NativeDecoder
from gateway.core.points import tag_text
from gateway.core.profiles import ProfiledTopic, Profiles
from gateway.core.shapes import Shapes
from schemas.device_ids import device_id
from schemas.quantities import DOMAINS, RAISED_BY, Quality
from schemas.registry import device_key, is_same_source
from schemas.rejects import DropCause, RejectReason
from schemas.topics import is_id, parse_topic

SIMULATED_PREFIX = "sim-"
_SET_BACK_MS = 60_000
MESSAGES_KEPT = 1000
"""The last message is kept of so many devices; of another one from when people begin to look at it."""

TAG_VALUES_MAX = 64
"""Most values of one tag of one device: a tag that is never the same twice would be a flood of series."""


NO_PARAMS: Final[Mapping[str, float | int | str | bool]] = MappingProxyType({})
"""Of a device that the registry does not name."""


class Registered(Protocol):
    """What the core needs to know of a registered device."""

    @property
    def id(self) -> str:
        """The measuring place."""

    @property
    def source(self) -> str | None:
        """The name that the meter sends under, or None: nobody said another than the id."""

    @property
    def area(self) -> str | None:
        """Code of the area, or None."""

    @property
    def params(self) -> dict[str, float | int | str | bool]:
        """Parameters: pulse weight, CT ratio, ``interval_s`` and so on."""

    @property
    def site(self) -> str | None:
        """Where it stands, or None."""

    @property
    def domain(self) -> str | None:
        """What it measures, or None."""

    @property
    def profile(self) -> str | None:
        """The profile that reads its messages, or None: what its model or the message itself tells."""

    @property
    def model(self) -> str | None:
        """The maker's name of its model, or None."""


class Device:
    """One device: its small and bounded state.

    :ivar source: the name that its messages come under; the first one that came, unless the registry says. Empty: none came.
    :ivar last_message: its newest message, when it came and what became of it, for people who look at it; None: not kept.
    :ivar domain: the domain in which it was first heard.
    :ivar goodbye_ms: when it, or its will, last said that it is offline.
    :ivar registered_ms: when it was first seen in the registry, of a device that was never heard.
    """

    __slots__ = (
        "admitted",
        "counters",
        "domain",
        "goodbye_ms",
        "last_message",
        "last_replay_stamp_ms",
        "last_seen_ms",
        "last_seq",
        "last_stamp_ms",
        "name",
        "offset_ms",
        "online",
        "quality",
        "recent",
        "registered",
        "registered_ms",
        "seen_frames",
        "seq_missing",
        "source",
        "streams",
        "tag_values",
    )

    def __init__(self, name: str, registered: Registered | None, source: str = "") -> None:
        self.name = name
        self.registered = registered
        self.admitted = False
        self.recent: RecentKeys | None = None
        self.counters: CounterState | None = None
        self.domain: str | None = None
        self.goodbye_ms = 0
        self.last_message: tuple[Message, int, Outcome] | tuple[()] | None = None
        self.last_seen_ms = 0
        self.last_replay_stamp_ms = 0
        self.last_stamp_ms = 0
        self.last_seq = -1
        self.registered_ms = 0
        self.seq_missing = 0
        self.source = source
        self.streams = 0
        self.seen_frames: RecentFrames | None = None
        self.tag_values: dict[str, set[str]] | None = None
        self.offset_ms: int | None = None
        self.online: bool | None = None
        self.quality = Quality.SIMULATED if name.startswith(SIMULATED_PREFIX) else 0

    def allowed_tags(self, given: Iterable[tuple[str, str]], dropped: list[Drop]) -> list[tuple[str, str]]:
        """The tags that this device may have; one value too many of a tag is dropped."""
        allowed = []
        for tag, text in given:
            if self._may_tag(tag, text):
                allowed.append((tag, text))
            else:
                dropped.append((tag, DropCause.BAD_TAG))
        return allowed

    @property
    def measures(self) -> str | None:
        """Its domain, as the registry says, else as it was heard."""
        return (self.registered.domain if self.registered is not None else None) or self.domain

    @property
    def has_left(self) -> bool:
        """True when it said goodbye and nothing came from it since."""
        return self.online is False and self.last_seen_ms <= self.goodbye_ms

    @property
    def is_blank(self) -> bool:
        """True when it never sent anything, live or retained, neither a reading nor a state."""
        sent = self.recent is not None or self.counters is not None or self.last_stamp_ms
        return not (self.last_seen_ms or sent or self.online is not None)

    def say(self, now_ms: int, *, online: bool) -> None:
        """Take its word, or its will's, that it is there or is not."""
        self.online = online
        if not online:
            self.goodbye_ms = now_ms

    @property
    def raised_bounds(self) -> dict[str, float]:
        """Field → the greater maximum that the registry gives it: a meter behind a transformer has a scale of its own."""
        params = self.registered.params if self.registered else NO_PARAMS
        given = {name: value for name in RAISED_BY if isinstance(value := params.get(name), int | float)}
        return {field: float(value) for name, value in given.items() for field in RAISED_BY[name]}

    def _may_tag(self, tag: str, value: str) -> bool:
        if self.tag_values is None:
            self.tag_values = {}
        values = self.tag_values.setdefault(tag, set())
        if value not in values:
            if len(values) >= TAG_VALUES_MAX:
                return False
            values.add(value)
        return True

    def stamp(self, now_ms: int, *, replayed: bool = False) -> int:
        """The gateway's time for a reading without its own. Two of one device never share a millisecond.

        When the gateway's clock was set back by more than a minute, its earlier stamps were wrong and are not followed. What is
        replayed came long ago, beside readings that come now: it follows its own.
        """
        if replayed:
            self.last_replay_stamp_ms = _next_ms(self.last_replay_stamp_ms, now_ms)
            return self.last_replay_stamp_ms
        self.last_stamp_ms = _next_ms(self.last_stamp_ms, now_ms)
        return self.last_stamp_ms


def _next_ms(last_ms: int, now_ms: int) -> int:
    ahead_ms = last_ms - now_ms
    return now_ms if ahead_ms < 0 or ahead_ms > _SET_BACK_MS else last_ms + 1


class Series:
    """Where the readings of one device go in one domain: the tags that never change.

    :ivar key: stands for domain and tags in the window of duplicates.
    """

    __slots__ = ("device", "domain", "key", "site", "tags")

    def __init__(self, site: str, device: Device, domain: str) -> None:
        self.site = site
        self.device = device
        self.domain = domain
        if device.domain is None and domain in DOMAINS:
            device.domain = domain
        self.tags = tag_text(self.fixed_tags())
        self.key = series_key(domain, self.tags)

    def fixed_tags(self) -> list[tuple[str, str]]:
        """Tags of every point of this series, unescaped."""
        area = self.device.registered.area if self.device.registered else None
        return [("area", area or ""), ("device", self.device.name), ("site", self.site)]


class Stream(Series):
    """A native topic, resolved: its series and its decoder."""

    __slots__ = ("decoder",)
    is_status = False

    def __init__(self, site: str, device: Device, decoder: NativeDecoder) -> None:
        super().__init__(site, device, decoder.domain)
        self.decoder = decoder


class StatusStream(Stream):
    """The topic on which a device says that it is there, or its will that it is not."""

    __slots__ = ()
    is_status = True


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Why a topic resolves to nothing.

    :ivar waits: the device may be registered yet, and its messages wait for that in quarantine.
    """

    reason: RejectReason
    detail: str
    device: str = ""
    domain: str = "unknown"
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """Which devices are let in.

    :ivar unknown: ``accept``, ``quarantine`` or ``reject`` what the registry does not name.
    :ivar simulated: the same for simulated devices.
    :ivar devices_max: most devices known at a time: a flood of invented names must not become a flood of series.
    """

    unknown: str = "accept"
    simulated: str = "accept"
    devices_max: int = 20_000


class Streams:
    """All topics and devices met so far, and the profiles that take what is not native.

    :ivar restore: gives a device that is met for the first time what an earlier run remembered of it.
    """

    def __init__(
        self,
        registry: Mapping[str, Registered] | None = None,
        admission: Admission | None = None,
        profiles: Profiles | None = None,
    ) -> None:
        self.devices: dict[str, Device] = {}
        self.shapes = Shapes()
        self.restore: Callable[[Device], None] = lambda _device: None
        self.registry: Mapping[str, Registered] = registry or {}
        self.profiles = profiles or Profiles()
        self._admission = admission or Admission()
        self._streams: dict[str, Stream] = {}
        self._topics: dict[str, ProfiledTopic] = {}
        self._series: dict[tuple[str, str], Series] = {}
        self._sites: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._decoders = {domain: NativeDecoder(domain) for domain in DOMAINS}

    def resolve(self, topic: str) -> Stream | ProfiledTopic | Unresolved:
        """The stream of a topic. What does not resolve is worked out anew each time: it must not fill the memory."""
        return self._streams.get(topic) or self._topics.get(topic) or self._resolve_new(topic)

    def _resolve_new(self, topic: str) -> Stream | ProfiledTopic | Unresolved:
        parts = parse_topic(topic)
        if parts is None:
            return self._profiled(topic)
        for what, name in (("site", parts.site), ("device", parts.device)):
            if not is_id(name):
                detail = f"{name!r} cannot be a {what}: it means a folder"
                return Unresolved(RejectReason.UNKNOWN_DEVICE, detail, parts.device, parts.domain)
        device = self.admit(parts.device, parts.domain)
        if isinstance(device, Unresolved):
            return device
        if device.streams >= TAG_VALUES_MAX:
            detail = f"{device.name} speaks on its topic {TAG_VALUES_MAX + 1}; one device has few sites and domains"
            return Unresolved(RejectReason.UNKNOWN_DEVICE, detail, device.name, parts.domain)
        site = self._sites.get(parts.site, parts.site)
        kind = StatusStream if parts.channel == "status" else Stream
        stream = kind(site, device, self._decoders[parts.domain])
        if not stream.is_status and self._has_room(self._streams):
            self._sites[site] = site
            device.streams += 1
            self._streams[topic] = stream  # states are rare: they need not be kept for every device
        return stream

    def _profiled(self, topic: str) -> ProfiledTopic | Unresolved:
        found = self.profiles.topic(topic)
        if found is None:
            return Unresolved(
                RejectReason.UNKNOWN_TOPIC,
                "the topic is not iot/v1/{site}/{domain}/{device}/readings and no profile takes it",
            )
        if self._has_room(self._topics):
            self._topics[topic] = found
        return found

    def _has_room(self, met: Sized) -> bool:
        return len(met) < 4 * self._admission.devices_max

    def admit(self, source: str, domain: str = "unknown") -> Device | Unresolved:
        """The device that sends under the name ``source``, or why it is not let in.

        An id has one source: two meters whose names become one id are two meters all the same.
        """
        device = self.devices.get(self._ids.get(source, source))
        if device is not None and device.admitted and device.source == source:
            return device
        name = self.id_of(source)
        registered = self._registered(name)
        owner = registered.source if registered is not None else None
        if owner is None or is_same_source(owner, source):
            found = self.meet(name, domain, source)
            if isinstance(found, Unresolved):
                return found
            if owner is not None or is_same_source(found.source or source, source):
                found.source = source
                return found
            owner = found.source
        theirs, ours = repr(source[:80]), repr(owner[:80])
        detail = (
            f"{theirs} would be {name}, but that is {ours}; register one of them with an id of its own and its name as source"
        )
        return Unresolved(RejectReason.DEVICE_MISMATCH, detail, name, domain)

    def id_of(self, source: str) -> str:
        """The id of the device that sends under a name: the registry's, else the name itself or an id made of it."""
        known = self._ids.get(source)
        if known is not None:
            return known
        name = device_id(source)
        entry = self._entry(name)
        if entry is not None and entry.source is not None:
            name = entry.id
        if name != source and self._has_room(self._ids):
            self._ids[source] = name
        return name

    def meet(self, name: str, domain: str = "unknown", source: str = "") -> Device | Unresolved:
        """The device with an id, or why it is not let in; ``source`` is the name that it sends under, if it sends."""
        device = self.devices.get(name)
        if device is not None and device.admitted:
            return device
        refused = self._refused(name)
        if refused:
            waits = self._admission.unknown == "quarantine" and self._registered(name) is None
            return Unresolved(RejectReason.UNKNOWN_DEVICE, refused, name, domain, waits and is_id(name))
        if device is None:
            device = self.devices[name] = Device(name, self._registered(name), source)
            if len(self.devices) <= MESSAGES_KEPT:
                device.last_message = ()
            self.restore(device)
        device.admitted = True
        return device

    def _entry(self, name: str) -> Registered | None:
        """The registry's entry with an id, or with the source of which an id was made; either may be an EUI in any writing."""
        return self.registry.get(name) or self.registry.get(device_key(name))

    def _registered(self, name: str) -> Registered | None:
        """The registry's entry of a device."""
        entry = self._entry(name)
        return entry if entry is None or entry.source is None or entry.id == name else None

    def params_of(self, source: str) -> Params | None:
        """The parameters of the device that sends under a name; None where it is not registered."""
        registered = self._registered(self.id_of(source))
        return registered.params if registered is not None else None

    def unnamed(self, source: str, reason: RejectReason, detail: str) -> Unresolved:
        """A device whose make nobody tells: its messages wait where those of unknown devices do."""
        name = self.id_of(source)
        waits = self._admission.unknown == "quarantine" and self._registered(name) is None
        return Unresolved(reason, detail, name, waits=waits)

    def _refused(self, device: str) -> str:
        """Why a device is not let in; empty when it is."""
        if not is_id(device):
            return f"{device[:80]!r} cannot be a device: 1 to 64 of A-Z a-z 0-9 . _ : -"
        if device.startswith(SIMULATED_PREFIX):
            if self._admission.simulated == "reject":
                return f"{device} is simulated and limits.simulated is reject"
        elif self._admission.unknown != "accept" and self._registered(device) is None:
            return f"{device} is not in the registry and devices.unknown is {self._admission.unknown}; register it"
        if device not in self.devices and len(self.devices) >= self._admission.devices_max:
            return f"{device} would be device {len(self.devices) + 1}; limits.devices is {self._admission.devices_max}"
        return ""

    def series(self, device: Device, domain: str, site: str) -> Series:
        """Where the readings of a device go that a profile made, in one domain."""
        series = self._series.get((device.name, domain))
        if series is None or series.site != site or series.device is not device:
            series = Series(site, device, domain)
            if self._has_room(self._series):
                self._series[device.name, domain] = series
        return series

    def replace_registry(self, registry: Mapping[str, Registered]) -> list[str]:
        """Take a new registry; the devices that are new in it. Devices keep their state, streams are worked out anew.

        A device that left the registry and never sent anything is forgotten.
        """
        new = [name for name in registry if name not in self.registry]
        self.registry = registry
        self._forget_resolved()
        for device in self.devices.values():
            device.registered = self._registered(device.name)
            device.admitted = False
        for name in [name for name, device in self.devices.items() if device.registered is None and device.is_blank]:
            del self.devices[name]
        return new

    def replace_profiles(self, profiles: Profiles) -> None:
        """Take other profiles."""
        self.profiles = profiles
        self._forget_resolved()

    def _forget_resolved(self) -> None:
        self._streams.clear()
        self._topics.clear()
        self._series.clear()
        self._sites.clear()
        self._ids.clear()
        for device in self.devices.values():
            device.streams = 0
