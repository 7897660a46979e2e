"""The recognition of a message: its profile, the choice between several, and what holds for the next frame on its topic.

Nearly every device behind a network server has a topic of its own, and the recognition of one of its frames holds for the
next: how the message is read, its profile and its device. So this is kept, as for a native topic.
Frames that differ in any of it are recognised on their own (:mod:`gateway.core.profiles.matching`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec import Struct

from gateway.core.message import Undecodable
from schemas.rejects import IgnoreCause, RejectReason

if TYPE_CHECKING:  # a gateway without profiles does not pay for their language at its start
    from gateway.core.profiles.envelope_fast import EnvelopeRow, PlainEnvelope
    from gateway.core.profiles.language.mapping import CompiledPoint, FieldsRead, Numbers
    from gateway.core.profiles.language.paths import Get
    from gateway.core.profiles.language.profile import CompiledProfile

NO_PORTS: Final[frozenset[int]] = frozenset()


class Frame(Struct, eq=False, gc=False):  # made for each frame, never part of a reference cycle
    """A message unwrapped, with the profile that takes it.

    :ivar device: the name under which the device sends.
    :ivar ports: the ports on which the device's frames are sure to be the profile's, whatever else they hold; None: all.
    :ivar repeated: its parts, if it is like the frame before on its topic and its profile wants no more than plain fields.
    """

    profile: "CompiledProfile"
    captures: Mapping[str, str]
    unwrapped: Any
    device: str
    why: str
    ports: frozenset[int] | None = NO_PORTS
    repeated: "Repeated | None" = None

    @property
    def document(self) -> Any:  # noqa: ANN401 - whatever a payload holds
        """All that is in the message. Where numbers are all that is wanted, nobody asks for it."""
        if self.unwrapped is None and self.repeated is not None:
            repeated = self.repeated
            self.unwrapped = repeated.envelope.document(repeated.row, repeated.message, self.device)
            if repeated.answer is not None:
                self.unwrapped["codec"] = repeated.answer
        return self.unwrapped

    def for_codec(self, frame_of: "Get") -> tuple[bytes, int, Any, Any]:
        """The bytes that its codec is asked for, and its port; its time and what the server decoded, or None."""
        if self.repeated is not None:
            _, payload, decoded, port, _, time, _ = self.repeated.row
            return payload or b"", port or 0, time, decoded or None
        document = self.document
        return frame_of(document), document.get("port") or 0, document.get("time"), document.get("decoded")

    def answered(self, data: object) -> None:
        """Take what the codec gave, or what the server had decoded in its place."""
        if self.unwrapped is not None:
            self.unwrapped["codec"] = data
        if self.repeated is not None:
            self.repeated.answered(data)


class Repeated(Struct, eq=False, gc=False):
    """The parts of a frame that is like the one before it, of a profile with nothing but a :attr:`CompiledProfile.plain_point`.

    :ivar numbers: reads its fields from the object that the server or the codec made; None: they are no plain numbers of it.
    :ivar read: its fields and their values, where all are such numbers; else None.
    :ivar answer: the object of the codec, or the one that the server decoded in its place; None: neither yet, or no codec.
    """

    envelope: "PlainEnvelope"
    row: "EnvelopeRow"
    message: bytes
    point: "CompiledPoint"
    numbers: "Numbers | None"
    read: "FieldsRead | None" = None
    answer: object = None

    def answered(self, data: object) -> None:
        """Take what the codec gave, and the numbers in it."""
        self.answer = data
        self.read = self.numbers.read(data) if self.numbers is not None else None


class Ignored(NamedTuple):
    """Neither data nor a fault, as a join or an empty uplink; ``device``: its sender, if it is a sign of life, else empty."""

    cause: IgnoreCause
    device: str = ""  # the name under which its device sends, if the message is a sign of life; else empty


class Candidate:
    """A profile that may take the messages of a topic, with its names for the topic's levels.

    :ivar rank: literal topic levels and predicates; the greatest wins.
    :ivar told_by_envelope: the envelope alone names the device, so there is nothing to compare it with.
    """

    __slots__ = ("captures", "profile", "rank", "told_by_envelope")

    def __init__(self, profile: "CompiledProfile", captures: Mapping[str, str], literal_levels: int = 0) -> None:
        self.profile = profile
        self.captures = captures
        self.rank = (literal_levels, profile.predicates)
        self.told_by_envelope = profile.envelope is not None and not profile.tells_device and not captures


class CandidateGroup:
    """Candidates that read a payload in the same way, so that it is read once for all of them.

    :ivar envelope: theirs, see :attr:`CompiledProfile.envelope`.
    :ivar unnamed: a candidate that takes only devices which the registry or the envelope names its own, if there is one.
    """

    __slots__ = ("_at_port", "_elsewhere", "candidates", "envelope", "of_profile", "unnamed")

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = candidates
        self.envelope = candidates[0].profile.envelope
        self.of_profile = {candidate.profile: candidate for candidate in candidates}
        self.unnamed = next((candidate for candidate in candidates if candidate.profile.by_registry), None)
        others = [(candidate, candidate.profile.ports) for candidate in candidates if not candidate.profile.by_registry]
        self._elsewhere = [candidate for candidate, ports in others if ports is None]
        self._at_port = {
            port: [candidate for candidate, ports in others if ports is None or port in ports]
            for port in {port for _, ports in others for port in ports or ()}
        }

    def for_document(self, document: Any) -> Sequence[Candidate]:  # noqa: ANN401 - whatever a payload holds
        """Candidates for a document that neither registry nor envelope assigns: for a radio frame, those that know its port."""
        return self._at_port.get(document["port"], self._elsewhere) if self._at_port else self._elsewhere


class Unnamed(Undecodable):
    """A device of unknown make, which is to be registered."""

    def __init__(self, reason: RejectReason, detail: str, device: str) -> None:
        super().__init__(reason, detail)
        self.device = device


class ProfileSelection:
    """The answers of the candidates for a message.

    :ivar best: the frame of the one that says most of those that take it.
    :ivar failure: the fault of a document that one of them read.
    :ivar unreadable: the reason why the payload could not be read; used if none could read it.
    :ivar unregistered: the device, when profiles would take it that only the registry can name.
    :ivar sender: the device of a radio frame that one of them ignores.
    """

    readable = ignored = False
    failure: Undecodable | None = None
    unreadable: Undecodable | None = None
    unregistered = sender = ""
    best: Frame | None = None
    _rank = (-1, -1)
    _alike: tuple[Frame, ...] = ()

    def fits(self, frame: Frame, rank: tuple[int, int]) -> None:
        """Note that one of them takes it."""
        if rank > self._rank:
            if self.best is not None:
                frame.why = f"{rank[0]} literal topic levels, {rank[1]} predicates"
            self.best, self._rank, self._alike = frame, rank, ()
        elif rank == self._rank:
            self._alike += (frame,)

    def verdict(self, candidates: Iterable[Candidate]) -> Frame | Ignored:
        """The frame of the profile that takes it; Undecodable: none does, or several; Unnamed: a registration would decide."""
        best = self.best
        if best is not None and not self._alike:
            return best
        if best is not None:
            alike = " and ".join(frame.profile.name for frame in (best, *self._alike))
            detail = f"{alike} fit equally well; register {best.device} with its model"
            raise Unnamed(RejectReason.AMBIGUOUS_PROFILE, detail, best.device)
        if self.ignored:
            return Ignored(IgnoreCause.RULE, self.sender)
        if self.failure is not None:
            raise self.failure
        if self.unregistered:
            detail = f"{self.unregistered} is not registered and its frames do not tell its make; register it with its model"
            raise Unnamed(RejectReason.UNKNOWN_DEVICE, detail, self.unregistered)
        if self.unreadable is not None and not self.readable:
            raise self.unreadable
        names = ", ".join(candidate.profile.name for candidate in candidates)
        raise Undecodable(RejectReason.UNKNOWN_TOPIC, f"no profile takes this message; tried were {names or 'none'}")


class Recognition:
    """The findings of one radio frame that hold for the next on its topic that is like it.

    :ivar point: the one point of the profile, where it says no more than which fields that holds; else None.
    """

    __slots__ = ("_at_once", "_envelope", "_has_codec", "_model", "_name", "_numbers", "_parts", "_ports", "point")

    def __init__(self, frame: Frame, envelope: "PlainEnvelope", row: "EnvelopeRow") -> None:
        """Keep what a frame has in common with the next: the envelope, and in it the device, as it writes it, and its model."""
        codec = frame.profile.codec
        self.point = point = frame.profile.plain_point
        self._envelope = envelope
        self._name, self._model = row[0], row[-1]
        self._ports = frame.ports
        self._parts = frame.profile, frame.captures, None, frame.device, frame.why, frame.ports
        self._numbers = point.numbers.get("decoded" if codec is None else "codec") if point is not None else None
        self._has_codec = codec is not None
        self._at_once = self._numbers is not None and (codec is None or codec.prefer == "decoded")

    def frame(self, payload: bytes) -> Frame | None:
        """The frame in a payload; None: it is not like the one before, or holds none, and must be recognised on its own."""
        row = self._envelope.row(payload)
        if row is None:
            return None
        name, frame, decoded, port, _, _, model = row
        if name != self._name or model != self._model or (self._ports is not None and port not in self._ports):
            return None
        point, numbers = self.point, self._numbers
        if point is None:
            return self._with_document(row, payload) if self._envelope.is_usual(row, payload) else None
        if numbers is not None and self._at_once and frame and decoded:
            read = numbers.read(decoded)
            if read is not None:
                answer = decoded if self._has_codec else None
                return Frame(*self._parts, Repeated(self._envelope, row, payload, point, numbers, read, answer))
        if not self._envelope.is_usual(row, payload):
            return None
        return Frame(*self._parts, Repeated(self._envelope, row, payload, point, numbers))

    def _with_document(self, row: "EnvelopeRow", payload: bytes) -> Frame | None:
        """The frame with all that is in it; None: its profile does not take it."""
        frame = Frame(*self._parts)
        frame.unwrapped = frame.profile.take(self._envelope.document(row, payload, frame.device), frame.captures)
        return None if frame.unwrapped is None or frame.unwrapped is IgnoreCause.RULE else frame
