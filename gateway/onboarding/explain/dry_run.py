"""Messages processed by the same core as in the gateway, with each of its steps recorded.

:func:`begin` and :func:`finish` call nothing outside: if a maker's codec is needed, the call is left between them in
:attr:`Trace.asks`. So a command, which waits for the codec, and a page of the gateway, which must not, share the same code.

What comes of a message is told as JSON, which commands and pages share.
"""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Protocol

from gateway.core.devices.streams import Streams
from gateway.core.edge_nodes import EdgeNodes
from gateway.core.message import Arrival, CodecAsk, Core, Message, NativeObjects, Outcome, Refusal, Sender, WaitCause
from gateway.core.profiled import ByProfile
from gateway.core.profiles.recognition import Frame
from gateway.ingest.codecs.process import SyncCodecs
from gateway.ingest.codecs.protocol import CodecAnswer
from schemas.rejects import RejectReason


class TracedCore(Core, Protocol):
    """The core with what explains its steps."""

    streams: Streams
    profiled: ByProfile
    edge_nodes: EdgeNodes


@dataclass(slots=True)
class Trace:
    """One message, the steps of the core, and the outcome."""

    processor: TracedCore
    arrival: Arrival
    outcome: Outcome
    was_asked: bool = False  # its codec was called; false if the network server had decoded it
    warnings: list[str] = field(default_factory=list)
    if_registered: "Trace | None" = None  # the same message with its device registered; None if it is admitted anyway

    @property
    def frame(self) -> Frame | None:
        """Its frame, with the profile that takes it; None if no profile does."""
        return next((step for step in self._steps if isinstance(step, Frame)), None)

    @property
    def device(self) -> str | None:
        """The id of its device, as far as it is known."""
        named = [step.device for step in self._steps if isinstance(step, Sender)]
        return next(iter([*named, *(refusal.device for refusal in self.outcome.refusals)]), "") or None

    @property
    def profile(self) -> str | None:
        """The profile that took it, ``native``, or None."""
        if self.frame is not None:
            return self.frame.profile.name
        return "native" if any(step.native for step in self._steps if isinstance(step, Sender)) else None

    @property
    def document(self) -> Any:  # noqa: ANN401 - whatever the payload holds
        """The document that was mapped; for a native message its values."""
        if self.frame is not None:
            return self.frame.document
        objects = next((step.objects for step in self._steps if isinstance(step, NativeObjects)), None)
        return objects[0] if objects is not None and len(objects) == 1 else objects

    @property
    def _steps(self) -> list[object]:
        return self.arrival.steps or []

    @property
    def to_register(self) -> str | None:
        """The device that is refused only because it is not registered; None if that is not so."""
        waiting = self.outcome.side_effects.waiting if self.outcome.side_effects is not None else ()
        refused = [refusal.device for refusal in self.outcome.refusals if refusal.reason is RejectReason.UNKNOWN_DEVICE]
        return next(iter([*refused, *(message.key for message in waiting if message.cause is WaitCause.UNKNOWN_DEVICE)]), None)

    @property
    def asks(self) -> CodecAsk | None:
        """The codec call that must be answered before :func:`finish`; None: nothing is left to do."""
        return self.outcome.side_effects.ask if self.outcome.side_effects is not None else None


class DryRun:
    """Processes messages in order, with state, and waits for each codec; ``open_to_all``: the same that admits all devices."""

    def __init__(self, processor: TracedCore, codecs: SyncCodecs, open_to_all: TracedCore | None = None) -> None:
        self.processor = processor
        self._codecs = codecs
        self._open_to_all = open_to_all

    def take(self, message: Message, arrival_ms: int) -> Trace:
        """Process one message."""
        seen = self._take(self.processor, message, arrival_ms)
        if seen.to_register is not None and self._open_to_all is not None:
            inside = self._take(self._open_to_all, message, arrival_ms)
            seen.if_registered = inside if inside.to_register is None else None
        return seen

    def _take(self, processor: TracedCore, message: Message, arrival_ms: int) -> Trace:
        seen = begin(processor, message, arrival_ms)
        if seen.asks is not None:
            finish(seen, self._codecs.call(seen.asks))
        return seen


def begin(processor: TracedCore, message: Message, arrival_ms: int, *, replayed: bool = False) -> Trace:
    """Process a message and record its steps, up to the end or to the call of its codec."""
    arrival = Arrival(message, arrival_ms, replayed, [])
    return Trace(processor, arrival, processor.process(message, arrival_ms, replayed=replayed, steps=arrival.steps))


def finish(seen: Trace, answer: CodecAnswer) -> None:
    """Process the rest with the answer of the codec."""
    ask, processor = seen.asks, seen.processor
    assert ask is not None, "no codec was asked"  # noqa: S101
    seen.outcome = processor.wait_for_codec(ask) if answer.suspended else processor.resume(ask, answer.data, answer.fault)
    seen.was_asked, seen.warnings = True, [answer.fault] if answer.suspended and answer.fault else answer.warnings


def reject_document(number: int, refusal: Refusal) -> dict[str, object]:
    """A reject as JSON."""
    return _without_payload(number, refusal) | {"payload_base64": b64encode(refusal.payload).decode()}


def listed_reject(number: int, refusal: Refusal, payload_bytes: int) -> dict[str, object]:
    """A reject as JSON for lists, with the size of its payload in place of the payload."""
    return _without_payload(number, refusal) | {"payload_bytes": payload_bytes}


def _without_payload(number: int, refusal: Refusal) -> dict[str, object]:
    return {
        "id": number,
        "arrival_ms": refusal.arrival_ms,
        "topic": refusal.topic,
        "device": refusal.device,
        "stage": refusal.stage,
        "reason": refusal.reason.value,
        "detail": refusal.detail,
    }


def point_document(line: str) -> dict[str, Any]:
    """A point of the gateway, parsed; its tags hold nothing that is escaped."""
    series, fields, time_ms = line.split(" ")
    measurement, *tags = series.split(",")
    return {
        "measurement": measurement,
        "tags": dict(tag.split("=", 1) for tag in tags),
        "time_ms": int(time_ms),
        "fields": {key: _value(text) for key, text in (field.split("=", 1) for field in fields.split(","))},
    }


def point_documents(outcome: Outcome) -> list[dict[str, Any]]:
    """The points that a message gave, in order."""
    return [point_document(line) for reading in outcome.readings for line in reading.lines.split("\n")]


def _value(text: str) -> float | int | bool:
    if text in {"true", "false"}:
        return text == "true"
    return int(text[:-1]) if text.endswith("i") else float(text)


def result_document(seen: Trace) -> dict[str, Any]:
    """The fixed form of one result, with further keys: duplicates, quarantine, warnings of the codec."""
    outcome = seen.outcome
    first = outcome.refusals[0] if outcome.refusals else None
    side_effects = outcome.side_effects
    document: dict[str, Any] = {
        "device": seen.device,
        "profile": seen.profile,
        "decoded": shown(seen.document),
        "points": point_documents(outcome),
        "duplicates": outcome.duplicates,
        "dropped": [{"path": path, "cause": cause.value} for path, cause in outcome.dropped],
        "ignored": outcome.ignored.value if outcome.ignored else None,
        "reject": {"reason": first.reason.value, "detail": first.detail} if first else None,
    }
    if side_effects is not None and side_effects.waiting:
        document["waits"] = {"cause": side_effects.waiting[0].cause.value, "for": side_effects.waiting[0].key}
    if side_effects is not None and side_effects.publish:
        document["sends"] = [topic for topic, _ in side_effects.publish]
    if seen.warnings:
        document["warnings"] = seen.warnings
    if seen.if_registered is not None:
        inside = result_document(seen.if_registered)
        document["if_registered"] = {
            key: inside[key] for key in ("profile", "decoded", "points", "dropped", "ignored", "reject")
        }
    return document


def instant_text(time_ms: int) -> str:
    """An instant as RFC 3339 in UTC."""
    try:
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    except OverflowError:
        return f"{time_ms} ms since 1970"
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(document: Any) -> Any:  # noqa: ANN401 - whatever the payload holds
    """A document, without the original message, in JSON: bytes as hexadecimal, NaN and infinity as text."""
    if isinstance(document, bytes):
        return document.hex()
    if isinstance(document, float):
        return document if isfinite(document) else str(document)
    if isinstance(document, dict):
        return {key: shown(value) for key, value in document.items() if key != "raw" or "device" not in document}
    return [shown(item) for item in document] if isinstance(document, list | tuple) else document
