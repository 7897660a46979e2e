"""Messages looked at: through the same core as in the gateway, and what it saw on the way.

:func:`begin` and :func:`finish` ask nobody: where the way needs a maker's codec, it stops between them with the question in
:attr:`Trace.asks`. So a command, which waits for the codec, and a page of the running gateway, which must not, go the same way.
"""

from dataclasses import dataclass, field
from typing import Any

from gateway.codecs.protocol import CodecAnswer
from gateway.codecs.sync_client import SyncCodecs
from gateway.core.devices.streams import Unresolved
from gateway.core.message import Arrival, CodecAsk, Message, Outcome, Undecodable, WaitCause
from gateway.core.pending_decode import pending_decode
from gateway.core.process import Processor
from gateway.core.profiles.candidates import Frame, Ignored
from gateway.core.profiles.matching import ProfiledTopic
from gateway.core.readings.native import Broken
from schemas.rejects import RejectReason


@dataclass(slots=True)
class Trace:
    """One message and what became of it.

    :ivar profile: the profile that took it, ``native``, or None.
    :ivar document: what the mapping saw; of a native message its values.
    :ivar was_asked: whether its codec was asked; not where the network server had decoded it.
    :ivar warnings: what the codec said beside its answer.
    :ivar if_registered: the same message where its device is let in; None where nothing keeps it out.
    """

    processor: Processor
    arrival: Arrival
    outcome: Outcome
    device: str | None = None
    profile: str | None = None
    frame: Frame | None = None
    document: Any = None
    was_asked: bool = False
    warnings: list[str] = field(default_factory=list)
    if_registered: "Trace | None" = None

    @property
    def is_kept_out(self) -> bool:
        """Whether it is no data only because its device is not registered."""
        return self.to_register is not None

    @property
    def to_register(self) -> str | None:
        """The device that is kept out because it is not registered."""
        waiting = self.outcome.side_effects.waiting if self.outcome.side_effects is not None else ()
        refused = [refusal.device for refusal in self.outcome.refusals if refusal.reason is RejectReason.UNKNOWN_DEVICE]
        return next(iter([*refused, *(message.key for message in waiting if message.cause is WaitCause.UNKNOWN_DEVICE)]), None)

    @property
    def asks(self) -> CodecAsk | None:
        """The question to a codec that must be answered before :func:`finish`; None: this is the end."""
        return self.outcome.side_effects.ask if self.outcome.side_effects is not None else None

    def take(self, frame: Frame) -> None:
        """Its frame is known."""
        self.frame, self.device, self.profile, self.document = frame, frame.device, frame.profile.name, frame.document


class DryRun:
    """Takes messages in order, with state, as the gateway would, and waits for each codec.

    :param open_to_all: the same, but lets every device in: shows what becomes of a device once it is registered.
    """

    def __init__(self, processor: Processor, codecs: SyncCodecs, open_to_all: Processor | None = None) -> None:
        self.processor = processor
        self._codecs = codecs
        self._open_to_all = open_to_all

    def take(self, message: Message, arrival_ms: int) -> Trace:
        """What becomes of one message."""
        seen = self._take(self.processor, message, arrival_ms)
        if seen.is_kept_out and self._open_to_all is not None:
            inside = self._take(self._open_to_all, message, arrival_ms)
            seen.if_registered = None if inside.is_kept_out else inside
        return seen

    def _take(self, processor: Processor, message: Message, arrival_ms: int) -> Trace:
        seen = begin(processor, message, arrival_ms)
        if seen.asks is not None:
            finish(seen, self._codecs.call(seen.asks))
        return seen


def begin(processor: Processor, message: Message, arrival_ms: int, *, replayed: bool = False) -> Trace:
    """What becomes of a message, or what a codec must be asked first."""
    arrival = Arrival(message, arrival_ms, replayed)
    stream = processor.streams.resolve(message.topic)
    if isinstance(stream, ProfiledTopic):
        return _by_profile(processor, stream, arrival)
    document = None
    if not isinstance(stream, Unresolved) and not stream.is_status:
        document = _native_document(stream.decoder.decode, message.payload)
    seen = Trace(processor, arrival, processor.process(message, arrival_ms, replayed=replayed), document=document)
    if isinstance(stream, Unresolved):
        seen.device = stream.device or None
    else:
        seen.device, seen.profile = stream.device.name, "native"
    return seen


def finish(seen: Trace, answer: CodecAnswer) -> None:
    """Go the rest of the way with what the codec gave."""
    ask, processor = seen.asks, seen.processor
    assert ask is not None, "no codec was asked"  # noqa: S101
    pending = pending_decode(ask)
    seen.outcome = processor.wait_for_codec(ask) if answer.suspended else processor.resume(ask, answer.data, answer.fault)
    seen.was_asked, seen.warnings = True, answer.warnings
    pending.frame.device = pending.device.name
    seen.take(pending.frame)


def _by_profile(processor: Processor, topic: ProfiledTopic, arrival: Arrival) -> Trace:
    message = arrival.message
    looked = processor.look(topic, message)
    frame = looked if isinstance(looked, Frame) else None
    seen = Trace(processor, arrival, processor.process(message, arrival.now_ms, replayed=arrival.replayed))
    if frame is not None:
        if frame.profile.codec is not None and seen.asks is None:  # as the core does it
            frame.document = frame.document | {"codec": frame.document.get("decoded")}
        seen.take(frame)
    elif said := topic.status(message.payload):
        seen.device = processor.streams.id_of(said.device)
    elif source := (looked.device if isinstance(looked, Ignored) else "") or topic.device():
        seen.device = processor.streams.id_of(source)
    return seen


def _native_document(decode: Any, payload: bytes) -> Any:  # noqa: ANN401 - whatever the payload holds
    try:
        objects = decode(payload)
    except Undecodable:
        return None
    shown = [item.payload if isinstance(item, Broken) else item.values for item in objects]
    return shown[0] if len(shown) == 1 else shown
