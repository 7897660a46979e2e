"""A frame, and the part of its recognition that holds for the next one on its topic.

Nearly every device behind a network server has a topic of its own, and the recognition of one of its frames holds for the
next: how the message is read, its profile and its device. So this is kept, as for a native topic.
Frames that differ in any of it are recognised on their own (:mod:`gateway.core.profiles.matching`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from schemas.rejects import IgnoreCause

if TYPE_CHECKING:  # a gateway without profiles does not pay for their language at its start
    from gateway.core.profiles.envelope_fast import EnvelopeRow, PlainEnvelope
    from gateway.core.profiles.language.mapping import CompiledPoint, Numbers
    from gateway.core.profiles.language.profile import CompiledProfile
    from schemas.readings import NativeReading

NO_PORTS: Final[frozenset[int]] = frozenset()


class Frame(Struct, eq=False, gc=False):  # made for each frame, never part of a reference cycle
    """A message unwrapped, with the profile that takes it.

    :ivar device: the name under which the device sends.
    :ivar why: the reason for this profile, for people.
    :ivar ports: the ports on which the device's frames are sure to be the profile's, whatever else they hold; None: all.
    :ivar repeated: its parts, where it is like the frame before on its topic and its profile wants no more than plain fields.
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
            envelope, row, message = self.repeated.envelope, self.repeated.row, self.repeated.message
            self.unwrapped = envelope.document(row, message, "")
            if self.profile.codec is not None:  # the numbers were those that the server had decoded
                self.unwrapped["codec"] = self.unwrapped["decoded"]
        return self.unwrapped


class Repeated(Struct, eq=False, gc=False):
    """The parts of a frame that is like the one before it, of a profile with nothing but a :attr:`CompiledProfile.plain_point`.

    :ivar point: that point.
    :ivar numbers: reads its fields from the object that the server or the codec made; None: they are no plain numbers of it.
    :ivar values: its fields, where all are such numbers; else None.
    """

    envelope: "PlainEnvelope"
    row: "EnvelopeRow"
    message: bytes
    point: "CompiledPoint"
    numbers: "Numbers | None"
    values: "NativeReading | None" = None

    def answered(self, data: object) -> None:
        """Take the numbers of what the codec gave."""
        self.values = self.numbers.read(data) if self.numbers is not None else None


class Recognition:
    """The findings of one radio frame that hold for the next on its topic that is like it.

    :ivar point: the one point of the profile, where it says no more than which fields that holds; else None.
    """

    __slots__ = ("_at_once", "_envelope", "_like", "_model", "_name", "_numbers", "_parts", "_ports", "point")

    def __init__(self, frame: Frame, envelope: "PlainEnvelope", row: "EnvelopeRow") -> None:
        """Keep what a frame has in common with the next: the envelope, and in it the device, as it writes it, and its model."""
        codec = frame.profile.codec
        self.point = point = frame.profile.plain_point
        self._envelope = envelope
        self._name, self._model = row[0], row[-1]
        self._ports = frame.ports
        self._parts = frame.profile, frame.captures, None, frame.device, frame.why, frame.ports
        self._like = Frame(*self._parts)
        self._numbers = point.numbers_in("decoded" if codec is None else "codec") if point is not None else None
        self._at_once = self._numbers if codec is None or codec.prefer == "decoded" else None

    def frame(self, payload: bytes) -> Frame | None:
        """The frame in a payload; None: it is not like the one before, or holds none, and must be recognised on its own."""
        row = self._envelope.row(payload)
        if row is None:
            return None
        name, frame, decoded, port, _, _, model = row
        if name != self._name or model != self._model or (self._ports is not None and port not in self._ports):
            return None
        if frame and decoded and self._at_once is not None and self.point is not None:
            values = self._at_once.read(decoded)
            if values:
                return Frame(*self._parts, Repeated(self._envelope, row, payload, self.point, self._numbers, values))
        return self._with_document(row, payload) if self._envelope.is_usual(row, payload) else None

    def _with_document(self, row: "EnvelopeRow", payload: bytes) -> Frame | None:
        """The frame with all that is in it; None: its profile does not take it."""
        like, point = self._like, self.point
        document = self._envelope.document(row, payload, like.device)
        if point is not None:  # its profile tests nothing but the port
            repeated = Repeated(self._envelope, row, payload, point, self._numbers)
            return Frame(like.profile, like.captures, document, like.device, like.why, like.ports, repeated)
        taken = like.profile.take(document, like.captures)
        if taken is None or taken is IgnoreCause.RULE:
            return None
        return Frame(like.profile, like.captures, taken, like.device, like.why, like.ports)
