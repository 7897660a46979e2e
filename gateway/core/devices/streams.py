"""Streams and devices: each topic is resolved once, not once per message."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

from gateway.core.devices.device import MESSAGE_KEPT_BYTES, Device, Series
from gateway.core.devices.places import Places, topic_prefix
from gateway.core.gateways.tenures import OWN_TOPICS, Tenures
from gateway.core.message import Unresolved
from gateway.core.profiles.mapped import DeviceParams
from gateway.core.profiles.matching import ProfiledTopic, Profiles
from gateway.core.profiles.recognition import Frame, Recognition
from gateway.core.readings.line_protocol import FieldSets
from gateway.core.readings.native import NO_KEYS, NativeDecoder
from schemas.device_ids import device_id
from schemas.quantities import DOMAINS
from schemas.registry import RegisteredDevice, device_key, is_same_source
from schemas.rejects import RejectReason
from schemas.topics import SIMULATED_PREFIX, is_id, parse_topic

Met = TypeVar("Met")

_TOGETHER: Final = 500
"""Devices that take a new registry in one turn of the loop: a millisecond, on a Raspberry Pi some."""
_FORGET_SHARE: Final = 64
"""A full cache forgets one entry in this many at a time."""

MESSAGES_KEPT = 3000
"""Devices whose last message is kept if it is not large; for others it is kept once somebody opens their page."""

_UNKNOWN: Final = "unknown"
"""The domain of messages without a known measurement."""


class Stream(Series):
    """A native topic, resolved: its series, and the keys of its last regular reading."""

    __slots__ = ("key_set",)

    def __init__(self, site: str, device: Device, domain: str) -> None:
        super().__init__(site, device, domain)
        self.key_set = NO_KEYS


@dataclass(slots=True, eq=False)
class ProfiledStream:
    """A topic that profiles read, resolved.

    :ivar recognition: recognises frames that are like the one before; None: each frame is recognised on its own.
    :ivar domain: the domain of their outcomes while no measurement is known.
    :ivar series: the series of the one plain point in each of them; None: their points differ.
    """

    topic: ProfiledTopic
    device: Device | None = None
    domain: str = _UNKNOWN
    recognition: Recognition | None = None
    series: Series | None = None

    def keep(self, recognition: Recognition | None, device: Device, series: Series | None) -> None:
        """Keep what was recognised in a frame for the next; without a recognition, nothing of it holds."""
        self.recognition = recognition
        self.device = device if recognition is not None else None
        self.domain = domain_of(device)
        self.series = series


def domain_of(device: Device) -> str:
    """The domain of a device by the registry."""
    registered = device.registered
    return (registered.domain if registered is not None else None) or _UNKNOWN


@dataclass(frozen=True, slots=True)
class Admission:
    """Rules of admission for devices.

    :ivar unknown: ``accept``, ``quarantine`` or ``reject`` for devices that are not in the registry.
    :ivar simulated: the same for simulated devices.
    :ivar devices_max: most unregistered devices known at a time: a flood of invented names must not become a flood of series.
    """

    unknown: str = "accept"
    simulated: str = "accept"
    devices_max: int = 20_000


class Memory(Protocol):
    """The devices of earlier runs."""

    def restore(self, device: Device, field_sets: FieldSets) -> None:
        """Restore a new device's state from an earlier run."""


class Streams:
    """All topics and devices met so far, and the profiles that read messages that are not native.

    :ivar native: native topics that were resolved, at hand for each reading; :meth:`resolve` finds the others.
    """

    def __init__(
        self,
        registry: Mapping[str, RegisteredDevice] | None = None,
        admission: Admission | None = None,
        profiles: Profiles | None = None,
        memory: Memory | None = None,
        tenures: Tenures | None = None,
    ) -> None:
        self.devices: dict[str, Device] = {}
        self.field_sets = FieldSets()
        self._memory = memory
        self.tenures = tenures or Tenures()
        self.registry: Mapping[str, RegisteredDevice] = registry or {}
        self.profiles = profiles or Profiles()
        self._admission = admission or Admission()
        self.places = Places(self._admission.devices_max)
        self._is_replacing = False
        self.native: dict[str, Stream] = {}
        self._topics: dict[str, ProfiledStream] = {}
        self._sites: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self.decoders = {domain: NativeDecoder(domain, self.field_sets) for domain in DOMAINS}

    def resolve(self, topic: str) -> Series | ProfiledStream | Unresolved:
        """The stream of a topic, or of a status topic the series. What cannot be resolved is not kept, it would fill memory."""
        return self.native.get(topic) or self._topics.get(topic) or self._resolve_new(topic)

    def _resolve_new(self, topic: str) -> Series | ProfiledStream | Unresolved:
        parts = parse_topic(topic)
        if parts is None:
            return self._profiled(topic)
        for what, name in (("site", parts.site), ("device", parts.device)):
            if not is_id(name):
                detail = f"{name!r} cannot be a {what}: it means a folder"
                return Unresolved(RejectReason.UNKNOWN_DEVICE, detail, parts.device, parts.domain)
        device = self.admit(parts.device, parts.domain)
        if isinstance(device, Unresolved):
            self.note_turned_away(device, topic)
            return device
        if not self.places.may_speak_on_another(device):
            detail = f"{device.name} speaks on its topic {device.streams + 1}; one device has few sites and domains"
            return Unresolved(RejectReason.UNKNOWN_DEVICE, detail, device.name, parts.domain)
        self.meet_again(device, topic)
        site = self._sites.get(parts.site, parts.site)
        if parts.channel == "status":  # these messages are rare: their topics need not be kept for every device
            return Series(site, device, parts.domain)
        self._remember(self._sites, site, site)
        self.places.topic_taken(device)
        stream = self.native[topic] = Stream(site, device, parts.domain)
        return stream

    def meet_again(self, device: Device, topic: str) -> None:
        """Note the share of a device; if it was last heard before that came here, another gateway has gone on with it since."""
        device.share = self.tenures.share_of(topic)
        if device.last_seen_ms < self.tenures.since_ms(device.share):
            device.went_on_elsewhere()

    def note_turned_away(self, why: Unresolved, topic: str) -> None:
        """Count a message of a device that found no place, by its origin."""
        if why.no_place:
            self.places.turned_away.note(topic_prefix(topic, why.device))

    def _profiled(self, topic: str) -> ProfiledStream | Unresolved:
        # No profile without a topic takes the broker's own topics, as no wildcard of a subscription does, or a gateway's.
        found = None if topic.startswith(("$SYS/", OWN_TOPICS)) else self.profiles.topic(topic)
        if found is None:
            detail = "the topic is not iot/v1/{site}/{domain}/{device}/readings and no profile takes it"
            return Unresolved(RejectReason.UNKNOWN_TOPIC, detail)
        stream = ProfiledStream(found)
        self._remember(self._topics, topic, stream)
        return stream

    def remember(self, stream: ProfiledStream, frame: Frame, device: Device, payload: bytes) -> None:
        """Keep what was recognised in a frame of a topic, if it is sure to hold for the next frame."""
        recognition = stream.topic.recognition(frame, payload)
        point = recognition.point if recognition is not None else None
        stream.keep(recognition, device, self.series(device, point.measurement) if point is not None else None)

    def _remember(self, met: dict[str, Met], key: str, value: Met) -> None:
        """Keep a resolved stream. Beyond the limit the oldest are forgotten, and resolved again if they come back."""
        most = 4 * (self._admission.devices_max + len(self.registry))
        if len(met) >= most and key not in met:
            for old in list(islice(met, 1 + most // _FORGET_SHARE)):
                del met[old]
        met[key] = value

    def admit(self, source: str, domain: str = "unknown") -> Device | Unresolved:
        """The device that sends under a name, or why it is not admitted: an id has one source, and two meters stay two."""
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
        theirs, ours = source[:80], owner[:80]
        detail = (
            f"{theirs!r} would be {name}, but that is {ours!r}; "
            "register one of them with an id of its own and its name as source"
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
        if name != source:
            self._remember(self._ids, source, name)
        return name

    def meet(self, name: str, domain: str = "unknown", source: str = "") -> Device | Unresolved:
        """The device with an id, or the reason why it is not admitted; ``source`` is the name that it sends under."""
        device = self.devices.get(name)
        if device is not None and device.admitted:
            return device
        refused = self._refused(name)
        if refused:
            return Unresolved(RejectReason.UNKNOWN_DEVICE, refused, name, domain, self._waits(name))
        if device is None:
            registered, as_written = self._registered(name), name in self.registry
            if self.places.full and not self.places.reserved(name, registered=registered is not None, as_written=as_written):
                most = self._admission.devices_max
                detail = f"{name} would be unregistered device {most + 1}; limits.devices is {most}; register it"
                return Unresolved(RejectReason.UNKNOWN_DEVICE, detail, name, domain, no_place=True)
            device = self.devices[name] = Device(name, registered, source)
            self.places.take(device, as_written=as_written)
            if len(self.devices) <= MESSAGES_KEPT:
                device.keeps_bytes = MESSAGE_KEPT_BYTES
            if self._memory is not None:
                self._memory.restore(device, self.field_sets)
        return device

    def _entry(self, name: str) -> RegisteredDevice | None:
        """The registry's entry with an id, or with the source that an id was made from, EUIs in any spelling."""
        return self.registry.get(name) or self.registry.get(device_key(name))

    def _registered(self, name: str) -> RegisteredDevice | None:
        entry = self._entry(name)
        return entry if entry is None or entry.source is None or entry.id == name else None

    def note_not_taken(self, name: str, at_ms: int) -> None:
        """Note that InfluxDB refused a reading of a device."""
        device = self.devices.get(name)
        if device is not None:
            device.not_taken_ms = at_ms

    def params_of(self, source: str) -> DeviceParams | None:
        """The parameters of the device that sends under a name; None if it is not registered."""
        registered = self._registered(self.id_of(source))
        return registered.params if registered is not None else None

    def unnamed(self, source: str, reason: RejectReason, detail: str) -> Unresolved:
        """A device of unknown make: its messages wait like those of unknown devices."""
        name = self.id_of(source)
        return Unresolved(reason, detail, name, waits=self._waits(name))

    def _waits(self, device: str) -> bool:
        """Tell if the messages of a device wait until it is registered."""
        return self._admission.unknown == "quarantine" and self._registered(device) is None and not self._never(device)

    def _refused(self, device: str) -> str:
        """Return the reason why a device is not admitted; empty if it is."""
        unknown = self._admission.unknown
        if why := self._never(device):
            return why
        if device.startswith(SIMULATED_PREFIX) or unknown == "accept" or self._registered(device) is not None:
            return ""
        return f"{device} is not in the registry and devices.unknown is {unknown}; register it"

    def _never(self, device: str) -> str:
        """Return the reason why a device is not admitted even if it is registered; empty if there is none."""
        if not is_id(device):
            return f"{device[:80]!r} cannot be a device: 1 to 64 of A-Z a-z 0-9 . _ : -"
        if device.startswith(SIMULATED_PREFIX) and self._admission.simulated == "reject":
            return f"{device} is simulated and limits.simulated is reject"
        return ""

    def age(self, now_ms: int) -> list[str]:
        """Forget the unregistered devices that must make room, with their topics and state; called once a minute."""
        leaving = [] if self._is_replacing else self.places.leaving(self.devices.values(), now_ms)
        if not leaving:
            return []
        gone = set(leaving)
        for device in leaving:
            del self.devices[device.name]
            self.places.left(device)
        for topic in [topic for topic, stream in self.native.items() if stream.device in gone]:
            del self.native[topic]
        for topic in [topic for topic, stream in self._topics.items() if stream.device in gone]:
            del self._topics[topic]
        return [device.name for device in leaving]

    def is_registered(self, name: str) -> bool:
        """Tell if the registry names a device."""
        return self._registered(name) is not None

    def is_expected(self, source: str) -> bool:
        """Tell if the device that sends under a name is registered, or was heard before."""
        name = self.id_of(source)
        return name in self.devices or self.is_registered(name)

    def series(self, device: Device, domain: str, told_site: str = "") -> Series:
        """Return the series of a device's readings in one domain, as a profile made them."""
        registered = device.registered
        # The registry knows better than the message where a device is.
        site = registered.site if registered is not None and registered.site is not None else told_site
        if device.series is None:
            device.series = {}
        series = device.series.get(domain)
        if series is None or series.site != site:
            series = device.series[domain] = Series(site, device, domain)
        return series

    def replacing(self, registry: Mapping[str, RegisteredDevice], profiles: Profiles) -> Iterator[None]:
        """Take a new registry and other profiles, a few devices at a time; between them messages may be processed.

        Devices keep their state, topics are resolved again. A device that left the registry and never sent anything is
        forgotten. A message of a device whose turn has not come is processed as before; what was resolved by then is forgotten
        in the end.
        """
        self.registry, self.profiles = registry, profiles
        yield from self._forget_resolved()
        places, known = Places(self._admission.devices_max), list(self.devices.values())
        self._is_replacing = True
        for at, device in enumerate(known):
            self._take_entry(device, places)
            if at % _TOGETHER == _TOGETHER - 1:
                yield
        for name in self.devices.keys() - {device.name for device in known}:  # met meanwhile, by the new registry
            places.take(self.devices[name], as_written=name in registry)
        places.turned_away = self.places.turned_away
        self.places, self._is_replacing = places, False
        yield from self._forget_resolved()

    def _take_entry(self, device: Device, places: Places) -> None:
        """Give a device its entry in the new registry, and its place."""
        device.take_entry(self._registered(device.name))
        device.rate_counters()
        device.admitted = not self._refused(device.name)
        device.streams, device.series = 0, None
        if device.registered is None and device.is_blank:
            del self.devices[device.name]
        else:
            places.take(device, as_written=device.name in self.registry)

    def _forget_resolved(self) -> Iterator[None]:
        """Forget all that was resolved, at once; its memory is freed a little at a time."""
        resolved: tuple[dict[str, Any], ...] = (self.native, self._topics, self._sites, self._ids)
        self.native, self._topics, self._sites, self._ids = {}, {}, {}, {}
        for old in resolved:
            while old:
                for name in list(islice(old, _TOGETHER)):
                    del old[name]
                yield
