"""Messages that go into the core, the outcomes that come out of it, and the making of those that are no data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec import field as member

from schemas.registry import device_key
from schemas.rejects import DropCause, IgnoreCause, RejectReason
from schemas.topics import parse_topic


class Undecodable(Exception):  # noqa: N818 - it says what the payload is
    """A payload, or one object of it, that is not a reading; the detail is a sentence for people."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class WaitCause(StrEnum):
    """The reason why a quarantined message waits."""

    UNKNOWN_DEVICE = "unknown_device"
    NO_BIRTH = "no_birth"
    CODEC = "codec"


@dataclass(slots=True)
class QuarantinedMessage:
    """A whole message for the quarantine.

    :ivar key: the key that releases it: the device's id, ``group/node`` of a Sparkplug node, or the codec.
    :ivar expires_ms: the end of its wait; None: it waits as long as there is room.
    :ivar properties: MQTT user properties, which may name the device.
    """

    cause: WaitCause
    key: str
    expires_ms: int | None
    topic: str
    payload: bytes
    retain: bool
    arrival_ms: int
    device: str = ""
    domain: str = "unknown"
    properties: Sequence[tuple[str, str]] = ()
    duplicate: bool = False


class Message(Protocol):
    """One MQTT PUBLISH as it arrived. The codec's own packet is one, so nothing is copied on the way in.

    :ivar retain: the broker had retained it, and sent it because of a new subscription.
    :ivar duplicate: the broker has sent it before.
    """

    topic: str
    payload: bytes
    retain: bool
    duplicate: bool

    @property
    def user_properties(self) -> Sequence[tuple[str, str]]:
        """MQTT 5 user properties."""


@dataclass(slots=True)
class StoredMessage:
    """A message that did not come over the network: from a file, the rejects or a test."""

    topic: str
    payload: bytes
    retain: bool = False
    duplicate: bool = False
    user_properties: Sequence[tuple[str, str]] = ()


class Arrival(Struct, frozen=True, gc=False):  # made for each message, never part of a reference cycle
    """A message and the time of its arrival.

    :ivar replayed: it waited in quarantine or was rejected, so its place in the order of messages means nothing.
    :ivar steps: each step adds its findings here, to explain the message; None: they are not recorded.
    """

    message: Message
    now_ms: int
    replayed: bool = False
    steps: list[object] | None = None

    def record(self, step: object) -> None:
        """Add the finding of a step, if they are recorded. The fast paths look first, so that none is made in vain."""
        if self.steps is not None:
            self.steps.append(step)


class Sender(NamedTuple):
    """A recorded step: the device that sent the message, empty if not even the topic names one; native: it needs no profile."""

    device: str
    native: bool = False


class NativeObjects(NamedTuple):
    """A recorded step: the objects of a native message, with their values, or with their bytes if they are not readings."""

    objects: list[object]


class Reading(Struct, eq=False, gc=False):
    """One device, one instant, in canonical units, as one line of line protocol, or two when device health rides along."""

    lines: str
    domain: str


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A topic that cannot be resolved, with the reason.

    :ivar waits: the device may still be registered, and its messages wait for that in quarantine.
    :ivar no_place: there are too many unregistered devices.
    """

    reason: RejectReason
    detail: str
    device: str = ""
    domain: str = "unknown"
    waits: bool = False
    no_place: bool = False


@dataclass(slots=True)
class Refusal:
    """A message, or one object of it, or a point, that could not become data.

    :ivar stage: the step that refused it: ``intake``, ``decode``, ``check`` or ``deliver``.
    :ivar detail: one sentence for people: the fault and, if known, what to do.
    :ivar payload: its bytes, at most 64 KiB of them.
    """

    reason: RejectReason
    detail: str
    topic: str
    payload: bytes
    stage: str
    arrival_ms: int
    device: str = ""
    domain: str = "unknown"


class CodecAsk(NamedTuple):
    """A call of a maker's codec; the message whose frame it decodes is held until it has answered.

    :ivar codec: its key among the sources.
    :ivar received_ms: the time at which the network server received the frame, if it says so; else the arrival.
    :ivar device: the device of the frame; a codec that overruns is suspended for this device first.
    :ivar pending: the state that the core needs to go on; opaque to the shell.
    """

    codec: str
    payload: bytes
    port: int
    received_ms: int
    variables: Mapping[str, float | int | str | bool] = MappingProxyType({})
    device: str = ""
    pending: object = None


@dataclass(slots=True)
class SideEffects:
    """Side effects requested by a message and carried out by the shell.

    :ivar ask: the codec to call; if set, nothing else has been decided yet.
    :ivar released: keys whose quarantined messages are processed again now.
    :ivar keep: name → value that must outlive the process, saved at once; None deletes it.
    :ivar sums_wanted: devices whose newest registers and sums must be read from InfluxDB.
    """

    ask: CodecAsk | None = None
    waiting: list[QuarantinedMessage] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    publish: list[tuple[str, bytes]] = field(default_factory=list)
    keep: dict[str, str | None] = field(default_factory=dict)
    sums_wanted: list[str] = field(default_factory=list)


class Outcome(Struct, eq=False):
    """The outcome of one message: every object in it is in exactly one of readings, duplicates and refusals.

    A message that must wait has none of them yet: it is in :attr:`side_effects`.
    """

    domain: str = "unknown"
    ignored: IgnoreCause | None = None
    readings: list[Reading] = member(default_factory=list)
    refusals: list[Refusal] = member(default_factory=list)
    duplicates: int = 0
    dropped: list[tuple[str, DropCause]] = member(default_factory=list)
    side_effects: SideEffects | None = None


class Core(Protocol):
    """The pure core as shells call it: :class:`gateway.core.process.Processor`, made where the parts are joined."""

    def process(self, message: Message, now_ms: int, *, replayed: bool = False, steps: list[object] | None = None) -> Outcome:
        """Process ``message``, arrived at ``now_ms``."""

    def resume(self, ask: CodecAsk, data: object, fault: str | None) -> Outcome:
        """Go on with a message whose codec has answered, with an object or a fault."""

    def wait_for_codec(self, ask: CodecAsk) -> Outcome:
        """Put a message whose codec is suspended into quarantine."""

    def too_large(self, message: Message, now_ms: int, size_bytes: int) -> Outcome:
        """Refuse a message of ``size_bytes``, of which ``message`` holds the beginning."""


REJECT_KEPT_BYTES = 65536
"""Most bytes of a payload that a reject keeps."""


def reject(
    outcome: Outcome,
    arrival: Arrival,
    stage: str,
    why: Undecodable,
    device: str = "",
    domain: str | None = None,
    payload: bytes | None = None,
) -> Outcome:
    """Add the reject of a message, or of one object of it, to its outcome.

    :param stage: the step that refuses it: ``intake``, ``decode`` or ``check``.
    :param domain: the domain it is counted under; None: that of the outcome.
    :param payload: the bytes of the object, where they are not those of the whole message.
    """
    message = arrival.message
    kept = (message.payload if payload is None else payload)[:REJECT_KEPT_BYTES]
    counted = outcome.domain if domain is None else domain
    outcome.refusals.append(Refusal(why.reason, why.detail, message.topic, kept, stage, arrival.now_ms, device, counted))
    return outcome


def internal_error(arrival: Arrival, trace: str) -> Outcome:
    """The outcome of a message that hit a bug."""
    device, domain = addressed(arrival.message.topic)
    why = Undecodable(RejectReason.INTERNAL_ERROR, f"a fault in the gateway; report it:\n{trace}")
    return reject(Outcome(domain), arrival, "check", why, device)


def unresolved(why: Unresolved, arrival: Arrival) -> Outcome:
    """The outcome of a message of an unknown device: refused, or put into quarantine until it is registered."""
    outcome = Outcome(why.domain)
    if not why.waits:
        return reject(outcome, arrival, "intake", Undecodable(why.reason, why.detail), why.device)
    key = device_key(why.device)  # in the registry's spelling of the EUI
    waits = quarantined(arrival, WaitCause.UNKNOWN_DEVICE, key, device=why.device, domain=why.domain)
    outcome.side_effects = SideEffects(waiting=[waits])
    return outcome


def quarantined(
    arrival: Arrival, cause: WaitCause, key: str, expires_ms: int | None = None, *, device: str, domain: str
) -> QuarantinedMessage:
    """The whole message for the quarantine."""
    message, at_ms = arrival.message, arrival.now_ms
    content, told = (message.topic, message.payload, message.retain), (message.user_properties, message.duplicate)
    return QuarantinedMessage(cause, key, expires_ms, *content, at_ms, device, domain, *told)


def addressed(topic: str) -> tuple[str, str]:
    """Device and domain that a topic names, as far as it does."""
    parts = parse_topic(topic)
    return (parts.device, parts.domain) if parts else ("", "unknown")
