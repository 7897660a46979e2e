"""The active profiles, and which of them takes a message.

First comes the profile that the registry names for the device, by name or by model; then the model that the
envelope names; then, among those whose ``when`` holds, the one with more literal topic levels and more predicates. Two of equal
rank are ambiguous: the gateway does not guess which meter it is.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.core.decoders import bad_payload
from gateway.core.message import Message, Undecodable
from gateway.core.profiles.recognition import NO_PORTS, Candidate, CandidateGroup, Frame, Ignored, ProfileSelection, Recognition
from gateway.core.sparkplug.births import Address, parse_address
from schemas.registry import RegisteredDevice, device_key, plain_name, source_key
from schemas.rejects import IgnoreCause, RejectReason

if TYPE_CHECKING:  # a gateway without profiles does not load their language at its start
    from gateway.core.profiles.envelope_fast import PlainEnvelope
    from gateway.core.profiles.envelopes import Envelopes
    from gateway.core.profiles.language.conditions import TopicFilter
    from gateway.core.profiles.language.profile import CompiledProfile

_SPARKPLUG: Final = "sparkplug_b"
_NONE: Final[Sequence["CompiledProfile"]] = ()
_MODELS_MAX: Final = 4096
_MODEL_LONGEST: Final = 100


Registered = Mapping[str, RegisteredDevice]
"""The registry: id → device."""


class Profiles:
    """All active profiles."""

    def __init__(self, profiles: Iterable["CompiledProfile"] = (), envelopes: "Envelopes | None" = None) -> None:
        self.by_name = {profile.name: profile for profile in profiles}
        self.envelopes = envelopes
        self._of_envelope = {
            profile: Candidate(profile, {})
            for profile in self.by_name.values()
            if profile.envelope is not None and not profile.filters
        }
        self._groups: dict[tuple[Candidate, ...], list[CandidateGroup]] = {}
        self._by_model: dict[str, Sequence[CompiledProfile]] = {}
        for profile in self.by_name.values():
            for model in {plain_name(profile.name), *profile.models}:
                self._by_model[model] = (*self._by_model.get(model, ()), profile)

    def topic(self, topic: str) -> "ProfiledTopic | None":
        """Return the profiles that may take the messages of a topic; None if there are none."""
        profiles: Iterable[CompiledProfile] = self.by_name.values()
        address = parse_address(topic) if any(profile.decoder == _SPARKPLUG for profile in profiles) else None
        if address is not None:
            profiles = [profile for profile in profiles if profile.decoder == _SPARKPLUG]
        candidates, states = [], []
        for profile in profiles:
            fits = _fitting(profile, profile.filters, topic)
            if fits:
                candidates.append(max(fits, key=lambda candidate: candidate.rank))
            elif profile in self._of_envelope:
                candidates.append(self._of_envelope[profile])
            states += _fitting(profile, profile.status_filters, topic)
        if not (candidates or states or address):
            return None
        return ProfiledTopic(self, topic, self._grouped(tuple(candidates)), states, address)

    def _grouped(self, candidates: tuple[Candidate, ...]) -> list[CandidateGroup]:
        """The groups of the candidates for a topic. Topics of network servers have the same ones, and share them."""
        groups = self._groups.get(candidates)
        if groups is not None:
            return groups
        alike: dict[Hashable, list[Candidate]] = {}
        for candidate in sorted(candidates, key=lambda candidate: -candidate.rank[0]):
            alike.setdefault((candidate.profile.decode_key, candidate.profile.envelope), []).append(candidate)
        groups = [CandidateGroup(group) for group in alike.values()]
        if all(candidate.profile in self._of_envelope for candidate in candidates):
            self._groups[candidates] = groups
        return groups

    def named(self, device: RegisteredDevice | None) -> Sequence["CompiledProfile"]:
        """The profiles that the registry names for a device; empty if it names none."""
        if device is None:
            return _NONE
        name = device.profile
        if name is not None and (found := self.by_name.get(name)) is not None:
            return (found,)
        return self.of_model(name or device.model)

    def of_model(self, model: object) -> Sequence["CompiledProfile"]:
        """The profiles for a model, by the maker's name of it. Each spelling is normalised once."""
        if not isinstance(model, str):
            return _NONE
        found = self._by_model.get(model)
        if found is None:
            found = self._by_model.get(plain_name(model), _NONE)
            if len(self._by_model) < _MODELS_MAX and len(model) <= _MODEL_LONGEST:
                self._by_model[model] = found
        return found


@dataclass(slots=True, eq=False)
class ProfiledTopic:
    """A topic that profiles take: candidates in groups that read a payload alike, once; ``address``: of a Sparkplug topic."""

    _profiles: Profiles
    topic: str
    _groups: list[CandidateGroup]
    _states: list[Candidate]
    address: Address | None
    _usual: "tuple[CandidateGroup, PlainEnvelope] | None" = None

    def status(self, payload: bytes) -> tuple[str, bool] | None:
        """Read a status message or last will: the device, and True if it is online; None if the message is not one."""
        for state in self._states:
            online = state.profile.status(self.topic, payload)
            if online is not None:
                with suppress(Undecodable):
                    return self._device(state, {}, None), online
        return None

    def recognise(self, message: Message, registry: Registered, document: object | None = None) -> Frame | Ignored:
        """The frame in a payload, or the reason why it is not data; ``document`` if it was decoded already.

        :raises Undecodable: no profile takes it, or several do; :class:`Unnamed` if a registration would decide.
        """
        if not message.payload and any(candidate.profile.ignores_empty for candidate in self._candidates()):
            return Ignored(IgnoreCause.RULE, self.device() or "")
        asked = ProfileSelection()
        for group in self._groups:
            try:
                given = document if document is not None else self._read(group, message.payload)
            except Undecodable as why:
                asked.unreadable = asked.unreadable or why
                continue
            if given is None:
                continue
            if type(given) is Ignored:
                return given
            asked.readable = True
            try:
                found = self._named(group, given, registry, message)
                if found is None:
                    self._ask(group, given, message, asked)
            except Undecodable as why:
                asked.failure = asked.failure or why
                continue
            if found is not None:
                return found
        return asked.verdict(self._candidates())

    def _candidates(self) -> Iterator[Candidate]:
        return (candidate for group in self._groups for candidate in group.candidates)

    def _read(self, group: CandidateGroup, payload: bytes) -> Any:  # noqa: ANN401 - whatever the payload holds
        """The document of a group; None if it is in none of their envelopes.

        The messages of a topic come from one server: the envelope of the last one is tried first, in one call.
        """
        if self._usual is not None and self._usual[0] is group:
            plain = self._usual[1]
            row = plain.row(payload)
            if row is not None and plain.is_usual(row, payload):
                return plain.document(row, payload, "")
        raw = group.candidates[0].profile.read(payload)
        if group.envelope is None:
            return raw
        envelopes = self._profiles.envelopes
        envelope = envelopes.find(raw, group.envelope) if envelopes is not None else None
        if envelope is None:
            return None
        if envelope.plain is not None:
            self._usual = group, envelope.plain
        return envelope.unwrap(raw)

    def _ask(self, group: CandidateGroup, document: Any, message: Message, asked: ProfileSelection) -> None:  # noqa: ANN401
        """Ask all candidates of a group; ``asked`` keeps their answers, and gives the verdict after the last group."""
        asked_here = group.for_document(document)
        for candidate in asked_here:
            profile = candidate.profile
            try:
                taken = profile.take(document, candidate.captures)
                if taken is IgnoreCause.RULE:
                    asked.ignored = True
                elif taken is not None:
                    device = taken["device"] if candidate.told_by_envelope else self._device(candidate, taken, message)
                    ports = frozenset([document["port"]]) if group.envelope and len(asked_here) == 1 else NO_PORTS
                    found = Frame(profile, candidate.captures, taken, device, "it alone takes it", ports)
                    asked.fits(found, candidate.rank)
            except Undecodable as why:
                asked.failure = asked.failure or why
        if asked.best is None and not asked.ignored:  # an event fits no test, and a rule may ignore it
            asked.ignored = any(_ignores(each, document) for each in group.candidates if not each.profile.by_registry)
            if group.unnamed is not None:
                asked.unregistered = self._device(group.unnamed, document, message)
        if asked.ignored:
            asked.sender = _sender(group, document)

    def recognition(self, frame: Frame, payload: bytes) -> Recognition | None:
        """Keep what this frame has in common with the next on its topic; None if that is not enough to recognise it."""
        envelope = self._usual[1] if self._usual is not None else None
        if envelope is None or len(self._groups) > 1 or self._states or frame.ports == NO_PORTS:
            return None
        one_device = frame.device.lower() in self.topic.lower()
        row = envelope.row(payload)
        if row is None or not one_device or not self._groups[0].of_profile[frame.profile].told_by_envelope:
            return None
        return Recognition(frame, envelope, row)

    def device(self) -> str | None:
        """The device that the topic alone names, if any."""
        for candidate in self._candidates():
            with suppress(Undecodable):
                return self._device(candidate, {}, None)
        return None

    def _named(
        self,
        group: CandidateGroup,
        document: Any,  # noqa: ANN401
        registry: Registered,
        message: Message,
    ) -> Frame | Ignored | None:
        """The frame of the profile that the registry or the envelope names; None if it is elsewhere or does not take it."""
        meant: Sequence[CompiledProfile]
        chosen_by = "the registry names it"
        if group.envelope is None:
            meant = [each.profile for each in group.candidates if self._registers(each, document, registry, message)]
        else:
            meant = self._profiles.named(_entry(registry, document["device"]))
            if not meant:
                meant, chosen_by = self._profiles.of_model(document["model"]), "the envelope names its model"
        for profile in meant:
            candidate = group.of_profile.get(profile)
            if candidate is None:
                continue
            taken = profile.take(document, candidate.captures)
            if taken is IgnoreCause.RULE or (taken is None and _ignores(candidate, document)):
                return Ignored(IgnoreCause.RULE, _sender(group, document))
            if taken is not None:
                device = taken["device"] if candidate.told_by_envelope else self._device(candidate, taken, message)
                ports = profile.ports if len(meant) == 1 else NO_PORTS
                return Frame(profile, candidate.captures, taken, device, chosen_by, ports)
        return None

    def _registers(self, candidate: Candidate, document: Any, registry: Registered, message: Message) -> bool:  # noqa: ANN401
        """Tell if the registry names this profile for the device that it sees in the message."""
        with suppress(Undecodable):  # a message in which one profile finds no device may belong to another
            if registry:
                return candidate.profile in self._profiles.named(_entry(registry, self._device(candidate, document, message)))
        return False

    def _device(self, candidate: Candidate, document: Any, message: Message | None) -> str:  # noqa: ANN401
        profile, captures = candidate.profile, candidate.captures
        if profile.tells_device:
            properties = dict(message.user_properties) if message is not None and message.user_properties else {}
            device = profile.device(document, captures, properties)
        elif profile.envelope is None:
            device = captures.get("device", "")
        else:
            device = document.get("device", "")
            if captures:
                device = _compared(device, captures, profile.name)
        if not device:
            raise bad_payload(f"profile {profile.name}: the message does not tell its device")
        return device


def _fitting(profile: "CompiledProfile", filters: Iterable["TopicFilter"], topic: str) -> list[Candidate]:
    """A profile with its names for the levels of a topic, for each of its filters that takes the topic."""
    fits = [(pattern, pattern.match(topic)) for pattern in filters]
    return [Candidate(profile, found, pattern.literal_levels) for pattern, found in fits if found is not None]


def _sender(group: CandidateGroup, document: Any) -> str:  # noqa: ANN401
    """The device of a frame in an envelope, which proves that it is online. The sender of other messages is not certain."""
    return document["device"] if group.envelope is not None else ""


def _entry(registry: Registered, source: str) -> RegisteredDevice | None:
    """The registry's entry for the device that sends under a name."""
    return registry.get(source) or registry.get(source_key(source))


def _compared(device: str, captures: Mapping[str, str], profile: str) -> str:
    """The device that the envelope names; for a message without one, such as a status, the one that the topic names."""
    in_topic = captures.get("device") or captures.get("dev_eui") or ""
    if not device:
        return device_key(in_topic)
    if in_topic and in_topic != device and plain_name(in_topic) != plain_name(device):
        detail = f"profile {profile}: the message is of {device}, but its topic names {in_topic[:80]!r}"
        raise Undecodable(RejectReason.DEVICE_MISMATCH, detail)
    return device


def _ignores(candidate: Candidate, document: Any) -> bool:  # noqa: ANN401
    with suppress(Undecodable):
        return candidate.profile.ignores(candidate.profile.prepare(document), candidate.captures)
    return False
