"""What became of a message, step by step, for people."""

import json
import time
from contextlib import suppress
from typing import Any, Final

from gateway.core.native import Undecodable
from gateway.core.process import Processor
from gateway.desk import Seen
from schemas.rejects import RejectReason

Step = tuple[str, str]
"""What, and what it was."""

_MENDED_BY: Final = {
    RejectReason.UNKNOWN_TOPIC: "see the topic, or enable a profile for it in profiles.enable",
    RejectReason.UNKNOWN_DEVICE: "register the device in devices.yaml, with its model or profile",
    RejectReason.AMBIGUOUS_PROFILE: "register the device with its profile, or make one of the profiles say more in when",
    RejectReason.PROFILE_ERROR: "see the codec and the frame; the maker's newest codec may know it",
    RejectReason.NO_QUANTITY: "see the paths of the profile against what was decoded, above",
    RejectReason.NO_BIRTH: "the node must send its birth; it was asked for",
    RejectReason.TIME_CONFLICT: "two readings of one instant differ; see the device's clock, or give them a channel",
}


def explain(processor: Processor, seen: Seen, document: dict[str, Any]) -> str:
    """The steps as lines; the first word of each says what it is."""
    return "\n".join(f"{label:<9} {_indented(text)}" for label, text in steps(processor, seen, document)) + "\n"


def steps(processor: Processor, seen: Seen, document: dict[str, Any]) -> list[Step]:
    """Envelope, profile and why, what the codec gave, each step and its value, the points, or the reason and how to mend it.

    :param document: of the same message, by :func:`gateway.documents.result_document`.
    """
    lines = [("topic", seen.message.topic), ("device", document["device"] or "not known")]
    lines += _profile(seen) + _values(processor, seen)
    lines += [("dropped", f"{drop['path']}: {drop['cause']}") for drop in document["dropped"]]
    lines += [("point", _point(point)) for point in document["points"]]
    if document["duplicates"]:
        lines.append(("duplicate", f"{document['duplicates']} of these readings came before"))
    if document["ignored"]:
        lines.append(("ignored", document["ignored"]))
    if "waits" in document:
        lines.append(("waits", f"in quarantine ({document['waits']['cause']}) for {document['waits']['for']}"))
    lines += [("sends", topic) for topic in document.get("sends", [])]
    for refusal in seen.outcome.refusals:
        lines.append(("reject", f"{refusal.reason.value}: {refusal.detail}"))
        if refusal.reason in _MENDED_BY:
            lines.append(("mend", _MENDED_BY[refusal.reason]))
    return lines


def _profile(seen: Seen) -> list[Step]:
    frame = seen.frame
    if frame is None:
        return [("profile", seen.profile or "none takes this message")]
    envelope = frame.document.get("envelope") if frame.profile.envelope is not None else None
    found = [("envelope", str(envelope))] if envelope else []
    return [*found, ("profile", f"{frame.profile.name} ({frame.why}), {frame.profile.file}")]


def _values(processor: Processor, seen: Seen) -> list[Step]:
    if seen.frame is None:
        return [("decoded", _json(seen.document))] if seen.document is not None else []
    lines = []
    if seen.frame.profile.codec is not None:
        lines += _codec(seen.frame.profile.codec.name, seen.frame.document, was_asked=seen.was_asked)
        lines += [("warning", warning) for warning in seen.warnings]
    else:
        shown = (
            {key: value for key, value in seen.frame.document.items() if key != "raw"}
            if isinstance(seen.frame.document, dict)
            else seen.frame.document
        )
        lines.append(("decoded", _json(shown)))
    device = processor.streams.devices.get(seen.frame.device)
    if device is not None:
        sight = processor.sight(seen.frame, device, seen.message, seen.arrival_ms)
        with suppress(Undecodable):  # a fault of the whole message: the reject tells it
            lines += [("step", f"{what}: {_json(value)}") for what, value in seen.frame.profile.explain(sight)]
    return lines


def _codec(name: str, document: dict[str, Any], *, was_asked: bool) -> list[Step]:
    if "codec" not in document:
        return []  # it found a fault: the reject tells it
    whose = f"{name} gave" if was_asked else f"{name} was not asked; the network server gave"
    return [("codec", f"{whose} {_json(document['codec'])}")]


def _point(point: dict[str, Any]) -> str:
    tags = " ".join(f"{key}={value}" for key, value in point["tags"].items())
    fields = " ".join(f"{key}={value}" for key, value in point["fields"].items())
    instant = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(point["time_ms"] // 1000)) + f".{point['time_ms'] % 1000:03d}Z"
    return f"{point['measurement']} {tags}\n{fields}\nat {instant}"


def _indented(text: str) -> str:
    return text.replace("\n", "\n" + " " * 10)


def _json(value: Any) -> str:  # noqa: ANN401 - whatever the payload holds
    return json.dumps(value, ensure_ascii=False, default=lambda odd: odd.hex() if isinstance(odd, bytes) else repr(odd))
