"""The steps of a message, in words for people; also of an earlier one, without touching the running gateway.

That one is processed again, with the time of its arrival, by a separate processor that has the same registry, profiles and
clock. This does not show what depends on earlier messages: if a counter's step is suspect, and if a reading is a duplicate. So
the original outcome replaces the new one, if it was kept.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from gateway.core.edge_nodes import BIRTH
from gateway.core.message import Arrival, CodecAsk, Message, Outcome, StoredMessage, Undecodable, WaitCause
from gateway.core.profiles.language.paths import Nothing
from gateway.core.profiles.recognition import Frame
from gateway.core.sparkplug.births import parse_address
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.onboarding.explain.dry_run import Trace, TracedCore, begin, finish, instant_text, result_document
from schemas.durations import UNITS_MS
from schemas.printable import printable
from schemas.quantities import SUM_OF
from schemas.rejects import DropCause, RejectReason

ExplainedStep = tuple[str, str]
"""A label and its text."""

CodeMeanings = Mapping[str, str]
"""Codes of closed lists, and quality bits as ``quality_1``, with their meanings."""

_FIXED_BY: Final = {
    RejectReason.TOO_LARGE: "let the device send less per message, or raise limits.payload_bytes",
    RejectReason.NOT_UTF8: "the payload is not text; say in the profile, with decode, what it is",
    RejectReason.BAD_JSON: "check where the JSON is broken; if it is another format, name it with decode in the profile",
    RejectReason.BAD_PAYLOAD: "compare the payload with the profile; a truncated frame is a fault of the network",
    RejectReason.NO_QUANTITY: "see the decoded values above, and why each was left out",
    RejectReason.UNKNOWN_TOPIC: "compare topic and content with match in your profile, or write a profile",
    RejectReason.UNKNOWN_DEVICE: "register the device in devices.yaml, with its model or profile",
    RejectReason.DEVICE_MISMATCH: "check the id that is set in the device, or register each meter with its name as source",
    RejectReason.AMBIGUOUS_PROFILE: "register the device with its profile, or add tests to the when of one of the profiles",
    RejectReason.PROFILE_ERROR: "check the frame and its port; the maker's newest codec may know them",
    RejectReason.NO_BIRTH: "the node must send its birth, which was requested",
    RejectReason.TIME_CONFLICT: "two readings of one instant differ; check the device's clock, or give them a channel",
}

_MAKE_UNKNOWN: Final = "not known: neither registry nor message tells the make; try --profile NAME"
_INDENT: Final = 10
_NO_REMARKS: Final[CodeMeanings] = MappingProxyType({})


def explain(seen: Trace, document: dict[str, Any], words: CodeMeanings, remarks: CodeMeanings = _NO_REMARKS) -> str:
    """The steps as lines, each behind its label; ``remarks``: label of a line → text to add below it."""
    lines = []
    for label, text in steps(seen, document, words):
        below = f"\n{remarks[label]}" if remarks.get(label) else ""
        lines.append(f"{label:<{_INDENT}}{text}{below}".replace("\n", "\n" + " " * _INDENT))
    return "\n".join(lines) + "\n"


def steps(seen: Trace, document: dict[str, Any], words: CodeMeanings | None = None) -> list[ExplainedStep]:
    """Envelope, profile and why, what the codec gave, each value with its steps, the points, or the reason and how to fix it.

    ``document`` is the result of the same message. Without meanings of codes, ``words``, only the codes are shown.
    """
    words = words or {}
    lines = [
        ("topic", printable(seen.arrival.message.topic)),
        ("device", document["device"] or seen.to_register or "not known"),
    ]
    inside = seen.if_registered or seen
    lines += _profile(inside) + _values(inside)
    if seen.if_registered is not None:
        lines += _became(document["if_registered"], words, point="would be")
    lines += _became(document, words)
    if document["duplicates"]:
        lines.append(("duplicate", f"{document['duplicates']} of these readings came before"))
    if document["ignored"]:
        lines.append(("ignored", _meaning(document["ignored"], words)))
    if "waits" in document:
        lines.append(("waits", f"in quarantine ({document['waits']['cause']}) for {document['waits']['for']}"))
        if document["waits"]["cause"] == WaitCause.UNKNOWN_DEVICE:
            lines.append(("fix", _FIXED_BY[RejectReason.UNKNOWN_DEVICE]))
    lines += [("sends", topic) for topic in document.get("sends", [])]
    for refusal in seen.outcome.refusals:
        lines.append(("reject", f"{refusal.reason.value}: {refusal.detail}"))
        if refusal.reason in _FIXED_BY:
            lines.append(("fix", _FIXED_BY[refusal.reason]))
    return lines


def _became(document: dict[str, Any], words: CodeMeanings, point: str = "point") -> list[ExplainedStep]:
    dropped = [("dropped", f"{drop['path']}: {_meaning(drop['cause'], words)}") for drop in document["dropped"]]
    return [*dropped, *((point, _point(each, words)) for each in document["points"])]


def _meaning(code: str, words: CodeMeanings) -> str:
    return f"{words[code]} ({code})" if code in words else code


def _profile(seen: Trace) -> list[ExplainedStep]:
    frame = seen.frame
    if frame is None:
        if seen.profile:
            return [("profile", seen.profile)]
        nobody = _MAKE_UNKNOWN if seen.to_register is not None else "none takes this message"
        return [] if seen.outcome.ignored is not None else [("profile", nobody)]
    wrapped = frame.profile.envelope
    envelopes = seen.processor.streams.profiles.envelopes
    envelope = envelopes.find(frame.document["raw"], wrapped) if wrapped is not None and envelopes is not None else None
    found = [("envelope", envelope.name)] if envelope is not None else []
    return [*found, ("profile", f"{frame.profile.name}: {frame.why}\n{frame.profile.file}")]


def value_steps(seen: Trace) -> list[str]:
    """Each value with its steps."""
    return [text for label, text in _values(seen) if label == "step"]


def _values(seen: Trace) -> list[ExplainedStep]:
    frame = seen.frame
    if frame is None:
        return [("decoded", _json(seen.document))] if seen.document is not None else []
    lines = _decoded(frame, seen)
    if frame.profile.codec is not None and "codec" not in frame.document:
        return lines  # it gave nothing: the outcome of the message tells why
    device = seen.processor.streams.devices.get(seen.device or "")
    if device is not None:
        contexts = seen.processor.profiled.contexts(frame, device, seen.arrival)
        with suppress(Undecodable):  # a fault of the whole message: the reject tells it
            for number, context in enumerate(contexts, start=1):
                lines += [("item", f"{number} of {len(contexts)}, a reading of its own")] if len(contexts) > 1 else []
                lines += [("step", line) for line in _joined(frame.profile.explain(context), seen.arrival.now_ms)]
    return lines


def _decoded(frame: Frame, seen: Trace) -> list[ExplainedStep]:
    codec, document = frame.profile.codec, frame.document
    if codec is None:
        shown = {key: value for key, value in document.items() if key != "raw"} if frame.profile.envelope else document
        return [("decoded", _json(shown))]
    warnings = [("warning", warning) for warning in seen.warnings]
    if "codec" not in document:
        return warnings
    whose = f"{codec.name} gave" if seen.was_asked else f"{codec.name} was not called; the network server gave"
    return [("codec", f"{whose} {_json(document['codec'])}"), *warnings]


def _joined(told: Iterable[tuple[str, Any]], arrival_ms: int) -> Iterator[str]:
    """A line for each value: its source, and the result of each step that changed it."""
    line, field, before = "", "", None
    for what, value in told:
        if field and what.startswith(f"{field}: "):
            if not (before == value and isinstance(before, bool) is isinstance(value, bool)):
                line += f" → {what.removeprefix(f'{field}: ')}: {_shown(value)}"
        else:
            if line:
                yield line
            field, _, origin = what.partition(" from ")
            is_time = field == "time" and isinstance(value, int)
            shown = _time(value, arrival_ms, believed="not believed" not in what) if is_time else _shown(value)
            line, field = f"{what}: {shown}", field if origin else ""
        before = value
    if line:
        yield line


def _shown(value: Any) -> str:  # noqa: ANN401 - whatever the payload holds
    if isinstance(value, DropCause):
        return f"dropped, {value.value}"
    if isinstance(value, Nothing):
        return f"nothing: {value}"
    return "nothing" if value is None else _json(value)


def _point(point: dict[str, Any], words: CodeMeanings) -> str:
    tags = " ".join(f"{key}={value}" for key, value in point["tags"].items())
    fields = " ".join(f"{key}={_json(value)}" for key, value in point["fields"].items())
    quality = point["fields"]["quality"]
    bits = [words[key] for key in (f"quality_{quality & 1 << bit}" for bit in range(8)) if key in words]
    told = f"\nquality {quality}: {'; '.join(bits)}" if bits else ""
    return f"{point['measurement']} {tags}\nat {instant_text(point['time_ms'])}\n{fields}{told}"


def _time(time_ms: int, arrival_ms: int, *, believed: bool) -> str:
    """A time, with its distance from the arrival if that is why it is not believed."""
    if believed:
        return instant_text(time_ms)
    offset_ms = time_ms - arrival_ms
    unit = next((unit for unit in ("d", "h", "min") if abs(offset_ms) >= UNITS_MS[unit]), "s")
    side = "before" if offset_ms < 0 else "after"
    return f"{instant_text(time_ms)}, {abs(offset_ms) // UNITS_MS[unit]} {unit} {side} it arrived"


def _json(value: Any) -> str:  # noqa: ANN401 - whatever the payload holds
    return json.dumps(value, ensure_ascii=False, default=lambda odd: odd.hex() if isinstance(odd, bytes) else repr(odd))


AskCodec = Callable[[CodecAsk], Awaitable[CodecAnswer]]
"""Calls a codec of the running gateway."""

_POINTS_MAX: Final = 50
_STEPS_MAX: Final = 60
_STEP_CHARACTERS: Final = 1000
"""Most points shown. The message of a device that was offline for a week holds more of the same."""
_SUMS: Final = frozenset(SUM_OF.values())
"""Left out: they are no part of what the message says."""


@dataclass(frozen=True, slots=True)
class LastMessage:
    """The outcome of a message.

    :ivar result: in the form of ``gateway decode --json``, with at most 50 points; ``points_left_out`` counts the others.
    :ivar steps: label and text of each; at most 60 of a kind.
    """

    result: dict[str, Any]
    steps: list[ExplainedStep]


def births_named_by(topic: str) -> list[str]:
    """Names of the saved Sparkplug births that messages of a topic need; empty for other topics."""
    address = parse_address(topic)
    return [] if address is None else sorted({BIRTH + address.node_key, BIRTH + address.key})


def is_settled(outcome: Outcome | None) -> bool:
    """True if an outcome is final: false while a codec runs, or if nothing could be read."""
    return outcome is not None and bool(outcome.readings or outcome.duplicates or outcome.refusals)


async def explain_last(
    apart: TracedCore, arrival: Arrival, ask: AskCodec, births: Mapping[str, str], became: Outcome | None = None
) -> LastMessage:
    """Explain a message by a core ``apart``, with the same registry, profiles and clock, and a state of its own.

    This runs in another thread: a week of readings in one message takes a tenth of a second. ``births`` are the saved texts of
    :func:`births_named_by`.
    """
    message = arrival.message
    properties = tuple(message.user_properties or ())
    again = StoredMessage(message.topic, message.payload, message.retain, message.duplicate, properties)
    seen = await asyncio.to_thread(_begin, apart, births, again, arrival.now_ms)
    if seen.asks is not None:
        finish(seen, await ask(seen.asks))
    if became is not None and is_settled(became):
        seen.outcome = became
    return await asyncio.to_thread(_told, seen)


def _begin(processor: TracedCore, births: Mapping[str, str], message: Message, arrival_ms: int) -> Trace:
    processor.edge_nodes.restore_births(births)
    return begin(processor, message, arrival_ms, replayed=True)


def _told(seen: Trace) -> LastMessage:
    result = result_document(seen)
    for point in result["points"]:
        point["fields"] = {key: value for key, value in point["fields"].items() if key not in _SUMS}
    told = _first_of_each(steps(seen, result))
    result["points_left_out"] = max(0, len(result["points"]) - _POINTS_MAX)
    del result["points"][_POINTS_MAX:]
    return LastMessage(result, told)


def _first_of_each(told: list[ExplainedStep]) -> list[ExplainedStep]:
    counted: Counter[str] = Counter()
    kept = []
    for what, text in told:
        counted[what] += 1
        if counted[what] <= _STEPS_MAX:
            kept.append((what, text if len(text) <= _STEP_CHARACTERS else f"{text[:_STEP_CHARACTERS]} …"))
    return kept
