"""The choice between several profiles that may take a message."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gateway.core.message import Undecodable
from gateway.core.profiles.recognition import Frame
from schemas.rejects import IgnoreCause, RejectReason

if TYPE_CHECKING:  # a gateway without profiles does not pay for their language at its start
    from gateway.core.profiles.language.profile import CompiledProfile


class NotData(NamedTuple):
    """An event that carries no frame: a join, an acknowledgement, an uplink without payload.

    :ivar why: for people.
    :ivar device: the device that sent it by radio; empty where it is no sign of life.
    """

    why: str
    device: str = ""


class Ignored(NamedTuple):
    """A message that is no data and no fault.

    :ivar device: the name under which its device sends, where the message is a sign of life; else empty.
    """

    cause: IgnoreCause
    device: str = ""


class Candidate:
    """A profile that may take the messages of a topic, and what the topic's levels are called in it.

    :ivar rank: literal topic levels and predicates; the greatest wins.
    :ivar told_by_envelope: the device is the one that the envelope names, and there is nothing to compare it with.
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
    :ivar of_profile: who of them is of a profile.
    :ivar unnamed: one that takes only what the registry or the envelope names its own, if there is such a one.
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
        """Those who may take a document that nobody names: of a radio frame, those who know its port."""
        return self._at_port.get(document["port"], self._elsewhere) if self._at_port else self._elsewhere


class Unnamed(Undecodable):
    """A device whose make nobody tells.

    :ivar device: whom to register.
    """

    def __init__(self, reason: RejectReason, detail: str, device: str) -> None:
        super().__init__(reason, detail)
        self.device = device


class ProfileSelection:
    """The answers of the candidates for a message.

    :ivar failure: what was wrong with a document that one of them read.
    :ivar unreadable: why the payload could not be read; it counts when none could read it.
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
        """Tell if one of them takes it, or knows that it is no data."""
        return self._best is not None or self.ignored

    def fits(self, frame: Frame, rank: tuple[int, int]) -> None:
        """One of them takes it."""
        if rank > self._rank:
            if self._best is not None:
                frame.why = f"{rank[0]} literal topic levels, {rank[1]} predicates"
            self._best, self._rank, self._alike = frame, rank, ()
        elif rank == self._rank:
            self._alike += (frame,)

    def verdict(self, names: Callable[[], str]) -> Frame | Ignored:
        """Return the frame of the profile that takes it; ``names`` lists the profiles that were asked.

        :raises Undecodable: nobody, or several alike; :class:`Unnamed` when a registration would decide.
        """
        best = self._best
        if best is not None and not self._alike:
            return best
        if best is not None:
            alike = " and ".join(frame.profile.name for frame in (best, *self._alike))
            detail = f"{alike} take it alike; register {best.device} with its model"
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
        raise Undecodable(RejectReason.UNKNOWN_TOPIC, f"no profile takes this message; asked were {names() or 'none'}")
