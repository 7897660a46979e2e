"""The choice between several profiles that may take a message."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.core.message import Undecodable
from gateway.core.profiles.recognition import Frame
from schemas.rejects import IgnoreCause, RejectReason

if TYPE_CHECKING:  # a gateway without profiles does not load their language at its start
    from gateway.core.profiles.language.profile import CompiledProfile


class NotData(NamedTuple):
    """An event that carries no frame: a join, an acknowledgement, an uplink without payload.

    :ivar why: for people.
    :ivar device: the device that sent it by radio; empty if it is no sign of life.
    """

    why: str
    device: str = ""


class Ignored(NamedTuple):
    """A message that is neither data nor a fault.

    :ivar device: the name under which its device sends, if the message is a sign of life; else empty.
    """

    cause: IgnoreCause
    device: str = ""


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
    :ivar of_profile: profile → its candidate.
    :ivar unnamed: a candidate that takes only devices which the registry or the envelope names its own, if there is one.
    """

    __slots__ = ("_at_port", "_elsewhere", "candidates", "envelope", "of_profile", "unnamed")

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = candidates
        self.envelope = candidates[0].profile.envelope
        self.of_profile = {candidate.profile: candidate for candidate in candidates}
        self.unnamed = next((candidate for candidate in candidates if candidate.profile.by_registry), None)
        others = [candidate for candidate in candidates if not candidate.profile.by_registry]
        self._elsewhere = [candidate for candidate in others if candidate.profile.ports is None]
        self._at_port = {
            port: [candidate for candidate in others if candidate.profile.ports is None or port in candidate.profile.ports]
            for port in {port for candidate in others for port in candidate.profile.ports or ()}
        }

    def for_document(self, document: Any) -> Sequence[Candidate]:  # noqa: ANN401 - whatever a payload holds
        """Candidates for a document that neither registry nor envelope assigns: for a radio frame, those that know its port."""
        return self._at_port.get(document["port"], self._elsewhere) if self._at_port else self._elsewhere


class Unnamed(Undecodable):
    """A device of unknown make.

    :ivar device: the device to register.
    """

    def __init__(self, reason: RejectReason, detail: str, device: str) -> None:
        super().__init__(reason, detail)
        self.device = device


class ProfileSelection:
    """The answers of the candidates for a message.

    :ivar failure: the fault of a document that one of them read.
    :ivar unreadable: the reason why the payload could not be read; used if none could read it.
    :ivar unregistered: the device, when profiles would take it that only the registry can name.
    :ivar sender: the device of a radio frame that one of them ignores.
    """

    readable = ignored = False
    failure: Undecodable | None = None
    unreadable: Undecodable | None = None
    unregistered = sender = ""
    _best: Frame | None = None
    _rank = (-1, -1)
    _alike: tuple[Frame, ...] = ()

    @property
    def decided(self) -> bool:
        """Tell if one of them takes it, or recognises that it is not data."""
        return self._best is not None or self.ignored

    def fits(self, frame: Frame, rank: tuple[int, int]) -> None:
        """Note that one of them takes it."""
        if rank > self._rank:
            if self._best is not None:
                frame.why = f"{rank[0]} literal topic levels, {rank[1]} predicates"
            self._best, self._rank, self._alike = frame, rank, ()
        elif rank == self._rank:
            self._alike += (frame,)

    def verdict(self, names: Callable[[], str]) -> Frame | Ignored:
        """Return the frame of the profile that takes it; ``names`` lists the profiles that were asked.

        :raises Undecodable: none takes it, or several fit equally; :class:`Unnamed` if a registration would decide.
        """
        best = self._best
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
        raise Undecodable(RejectReason.UNKNOWN_TOPIC, f"no profile takes this message; tried were {names() or 'none'}")
