"""The profiles in force, and which of them takes a message.

What comes before all is the profile that the registry names for the device, by name or by model; then the model that the
envelope names; then, among those whose ``when`` holds, the one with more literal topic levels and more predicates. Two of equal
rank are ambiguous: nobody may guess which meter it is.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from gateway.core.envelopes import Envelopes, NotData
from gateway.core.message import Message
from gateway.core.native import Undecodable
from gateway.core.profile import CompiledProfile, plain_name
from gateway.core.sparkplug_births import Address, parse_address
from schemas.registry import device_key
from schemas.rejects import IgnoreCause, RejectReason

_SPARKPLUG: Final = "sparkplug_b"
_NONE: Final[Sequence[CompiledProfile]] = ()
_MODELS_MAX: Final = 4096
_MODEL_LONGEST: Final = 100


class Named(Protocol):
    """What the registry says of a device's make."""

    @property
    def profile(self) -> str | None:
        """The profile's name."""

    @property
    def model(self) -> str | None:
        """The maker's name of the model."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A profile that may take the messages of a topic, and what the topic's levels are called in it."""

    profile: CompiledProfile
    captures: Mapping[str, str]
    literal_levels: int = 0


@dataclass(slots=True)
class Frame:
    """A message unwrapped, with the profile that takes it.

    :ivar why: what decided for the profile, for people.
    """

    profile: CompiledProfile
    captures: Mapping[str, str]
    document: Any
    device: str
    why: str


@dataclass(frozen=True, slots=True)
class Said:
    """A device said that it is there, or its will that it is not."""

    device: str
    online: bool


class Unnamed(Undecodable):
    """Whose make nobody tells.

    :ivar device: whom to register.
    """

    def __init__(self, reason: RejectReason, detail: str, device: str) -> None:
        super().__init__(reason, detail)
        self.device = device


class Profiles:
    """All profiles in force."""

    def __init__(self, profiles: Iterable[CompiledProfile] = (), envelopes: Envelopes | None = None) -> None:
        self.by_name = {profile.name: profile for profile in profiles}
        self.envelopes = envelopes or Envelopes([])
        self._by_model: dict[str, Sequence[CompiledProfile]] = {}
        for profile in self.by_name.values():
            for model in {plain_name(profile.name), *profile.models}:
                self._by_model[model] = (*self._by_model.get(model, ()), profile)

    def topic(self, topic: str) -> "ProfiledTopic | None":
        """Who may take the messages of a topic; None when nobody does."""
        profiles: Iterable[CompiledProfile] = self.by_name.values()
        address = parse_address(topic) if any(profile.decoder == _SPARKPLUG for profile in profiles) else None
        if address is not None:
            profiles = [profile for profile in profiles if profile.decoder == _SPARKPLUG]
        candidates, states = [], []
        for profile in profiles:
            fits = [
                (pattern.literal_levels, found) for pattern in profile.filters if (found := pattern.match(topic)) is not None
            ]
            if fits:
                levels, captures = max(fits, key=lambda fit: fit[0])
                candidates.append(Candidate(profile, captures, levels))
            elif profile.envelope is not None and not profile.filters:
                candidates.append(Candidate(profile, {}))
            states += [
                Candidate(profile, found) for pattern in profile.status_filters if (found := pattern.match(topic)) is not None
            ]
        return ProfiledTopic(self, topic, candidates, states, address) if candidates or states or address else None

    def named(self, device: Named | None) -> Sequence[CompiledProfile]:
        """The profiles the registry means for a device; none when it says nothing."""
        if device is None:
            return _NONE
        name = device.profile
        if name is not None and (found := self.by_name.get(name)) is not None:
            return (found,)
        return self.of_model(name or device.model)

    def of_model(self, model: object) -> Sequence[CompiledProfile]:
        """The profiles for a model, by the maker's name of it. How a name is written is looked at once."""
        if not isinstance(model, str):
            return _NONE
        found = self._by_model.get(model)
        if found is None:
            found = self._by_model.get(plain_name(model), _NONE)
            if len(self._by_model) < _MODELS_MAX and len(model) <= _MODEL_LONGEST:
                self._by_model[model] = found
        return found


class ProfiledTopic:
    """A topic that profiles take: candidates in groups that read a payload in the same way, so that it is read once.

    :ivar address: what the topic says in Sparkplug, where it is one of its topics and a profile reads it.
    """

    __slots__ = ("_groups", "_profiles", "_states", "address", "topic")

    def __init__(
        self,
        profiles: Profiles,
        topic: str,
        candidates: list[Candidate],
        states: list[Candidate],
        address: Address | None = None,
    ) -> None:
        self.topic = topic
        self.address = address
        self._profiles = profiles
        self._states = states
        groups: dict[Hashable, list[Candidate]] = {}
        for candidate in sorted(candidates, key=lambda candidate: -candidate.literal_levels):
            groups.setdefault((candidate.profile.decode_key, candidate.profile.envelope), []).append(candidate)
        self._groups = list(groups.values())

    def status(self, payload: bytes) -> Said | None:
        """What a message says of a device being there; None when it is no such message."""
        for state in self._states:
            online = state.profile.status(self.topic, payload)
            if online is not None:
                with suppress(Undecodable):
                    return Said(self._device(state, {}, None), online)
        return None

    def recognise(self, message: Message, registry: Mapping[str, Named], document: object | None = None) -> Frame | IgnoreCause:
        """The frame in a payload, or why it is no data; ``document`` where it was decoded already.

        :raises Undecodable: nobody takes it, or several do; :class:`Unnamed` when a registration would decide.
        """
        asked = _Asked(message)
        for group in self._groups:
            try:
                given = document if document is not None else self._unwrap(group[0].profile, message.payload)
            except Undecodable as why:
                asked.unreadable = asked.unreadable or why
                continue
            if given is None:
                continue
            try:
                found = self._ask(group, given, registry, asked)
            except Undecodable as why:
                asked.failure = asked.failure or why
                continue
            if found is not None:
                return found
        return asked.verdict(self._names)

    def _names(self) -> str:
        return ", ".join(candidate.profile.name for group in self._groups for candidate in group)

    def _ask(
        self,
        group: list[Candidate],
        document: Any,  # noqa: ANN401
        registry: Mapping[str, Named],
        asked: "_Asked",
    ) -> Frame | IgnoreCause | None:
        """What a group says of a document at once; else None, and what each of it says is added to ``asked``."""
        if isinstance(document, NotData):
            return IgnoreCause.NOT_DATA
        asked.readable = True
        named = self._named(group, document, registry, asked.message)
        if named is not None:
            return named
        for candidate in group:
            profile, captures = candidate.profile, candidate.captures
            if profile.by_registry:
                asked.unregistered = self._device(candidate, document, asked.message)
                continue
            try:
                prepared = profile.prepare(document)
                if profile.ignores(prepared, captures):
                    asked.ignored = True
                elif profile.holds(prepared, captures):
                    frame = Frame(profile, captures, prepared, self._device(candidate, prepared, asked.message), "")
                    asked.fitting.append(((candidate.literal_levels, profile.predicates), frame))
            except Undecodable as why:
                asked.failure = asked.failure or why
        return None

    def _unwrap(self, profile: CompiledProfile, payload: bytes) -> Any:  # noqa: ANN401 - whatever the payload holds
        """The document of a group; None when it is in no envelope of theirs."""
        raw = profile.read(payload)
        if profile.envelope is None:
            return raw
        envelope = self._profiles.envelopes.find(raw, profile.envelope)
        return envelope.unwrap(raw) if envelope is not None else None

    def device(self) -> str | None:
        """The device that the topic alone names, if it does."""
        for group in self._groups:
            for candidate in group:
                with suppress(Undecodable):
                    return self._device(candidate, {}, None)
        return None

    def _named(
        self,
        group: list[Candidate],
        document: Any,  # noqa: ANN401
        registry: Mapping[str, Named],
        message: Message,
    ) -> Frame | IgnoreCause | None:
        """The frame of the profile that registry or envelope name, if they name one of this group and it takes it."""
        meant, why = self._meant(group, document, registry, message)
        for candidate in meant:
            profile, captures = candidate.profile, candidate.captures
            prepared = profile.prepare(document)
            if profile.ignores(prepared, captures):
                return IgnoreCause.RULE
            if profile.holds(prepared, captures):
                return Frame(profile, captures, prepared, self._device(candidate, prepared, message), why)
        return None

    def _meant(
        self,
        group: list[Candidate],
        document: Any,  # noqa: ANN401
        registry: Mapping[str, Named],
        message: Message,
    ) -> tuple[Sequence[Candidate], str]:
        """Those of a group that registry or envelope name, and which of the two it was."""
        if group[0].profile.envelope is None:
            return [candidate for candidate in group if self._registers(candidate, document, registry, message)], _BY_REGISTRY
        named, why = self._profiles.named(registry.get(document["device"])), _BY_REGISTRY
        if not named:
            named, why = self._profiles.of_model(document["model"]), _BY_ENVELOPE
        return [candidate for candidate in group if candidate.profile in named] if named else (), why

    def _registers(self, candidate: Candidate, document: Any, registry: Mapping[str, Named], message: Message) -> bool:  # noqa: ANN401
        """Whether the registry names this profile for the device that it sees in the message."""
        if not registry:
            return False
        device = self._device(candidate, document, message)
        registered = registry.get(device) or registry.get(device_key(device))
        return candidate.profile in self._profiles.named(registered)

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
            raise Undecodable(RejectReason.BAD_PAYLOAD, f"profile {profile.name}: the message does not tell its device")
        return device


def _compared(device: str, captures: Mapping[str, str], profile: str) -> str:
    """The device that the envelope names; of a message without one, as a status, the one that the topic names.

    :raises Undecodable: the topic names another device than the envelope.
    """
    in_topic = captures.get("device") or captures.get("dev_eui") or ""
    if not device:
        return device_key(in_topic)
    if in_topic and in_topic != device and plain_name(in_topic) != plain_name(device):
        detail = f"profile {profile}: the message is of {device}, but its topic names {in_topic[:80]!r}"
        raise Undecodable(RejectReason.DEVICE_MISMATCH, detail)
    return device


_BY_REGISTRY: Final = "the registry names it"
_BY_ENVELOPE: Final = "the envelope names its model"


@dataclass(slots=True)
class _Asked:
    """What the candidates for a message have said.

    :ivar fitting: rank and frame of those who take it.
    :ivar failure: what was wrong with a document that one of them read.
    :ivar unreadable: why the payload could not be read; it counts when none could read it.
    :ivar unregistered: the device, when profiles would take it that only the registry can name.
    """

    message: Message
    fitting: list[tuple[tuple[int, int], Frame]] = field(default_factory=list)
    failure: Undecodable | None = None
    unreadable: Undecodable | None = None
    readable: bool = False
    ignored: bool = False
    unregistered: str = ""

    def verdict(self, names: Callable[[], str]) -> Frame | IgnoreCause:
        """Who takes it; ``names`` tells who was asked.

        :raises Undecodable: nobody, or several alike.
        """
        if self.fitting:
            return _best(self.fitting)
        if self.ignored:
            return IgnoreCause.RULE
        if self.failure is not None:
            raise self.failure
        if self.unregistered:
            raise Unnamed(
                RejectReason.UNKNOWN_DEVICE,
                f"{self.unregistered} is not registered and its frames do not tell its make; register it with its model",
                self.unregistered,
            )
        if self.unreadable is not None and not self.readable:
            raise self.unreadable
        raise Undecodable(RejectReason.UNKNOWN_TOPIC, f"no profile takes this message; asked were {names() or 'none'}")


def _best(fitting: list[tuple[tuple[int, int], Frame]]) -> Frame | IgnoreCause:
    if len(fitting) == 1:
        fitting[0][1].why = "it alone takes it"
        return fitting[0][1]
    rank = max(rank for rank, _ in fitting)
    best = [frame for frame_rank, frame in fitting if frame_rank == rank]
    if len(best) > 1:
        names = " and ".join(frame.profile.name for frame in best)
        device = best[0].device
        raise Unnamed(RejectReason.AMBIGUOUS_PROFILE, f"{names} take it alike; register {device} with its model", device)
    best[0].why = f"{rank[0]} literal topic levels, {rank[1]} predicates"
    return best[0]
