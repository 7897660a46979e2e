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
    from gateway.core.profiles.language.mapping import CompiledPoint, FieldsRead, Numbers
    from gateway.core.profiles.language.paths import Get
    from gateway.core.profiles.language.profile import CompiledProfile

NO_PORTS: Final[frozenset[int]] = frozenset()


class Frame(Struct, eq=False, gc=False):  # made for each frame, never part of a reference cycle
    """A message unwrapped, with the profile that takes it.

    :ivar device: the name under which the device sends.
    :ivar why: the reason for this profile, for people.
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

    :ivar point: its one plain point.
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


class Recognition:
    """The findings of one radio frame that hold for the next on its topic that is like it.

    :ivar point: the one point of the profile, where it says no more than which fields that holds; else None.
    """

    __slots__ = ("_at_once", "_envelope", "_has_codec", "_like", "_model", "_name", "_numbers", "_parts", "_ports", "point")

    def __init__(self, frame: Frame, envelope: "PlainEnvelope", row: "EnvelopeRow") -> None:
        """Keep what a frame has in common with the next: the envelope, and in it the device, as it writes it, and its model."""
        codec = frame.profile.codec
        self.point = point = frame.profile.plain_point
        self._envelope = envelope
        self._name, self._model = row[0], row[-1]
        self._ports = frame.ports
        self._parts = frame.profile, frame.captures, None, frame.device, frame.why, frame.ports
        self._like = Frame(*self._parts)
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
        like = self._like
        document = self._envelope.document(row, payload, like.device)
        taken = like.profile.take(document, like.captures)
        if taken is None or taken is IgnoreCause.RULE:
            return None
        return Frame(like.profile, like.captures, taken, like.device, like.why, like.ports)
