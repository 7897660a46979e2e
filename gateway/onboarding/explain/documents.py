"""JSON documents that commands and HTTP share."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from gateway.core.message import Refusal
from gateway.onboarding.explain.dry_run import Trace


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
        "points": [point_document(line) for reading in outcome.readings for line in reading.lines.split("\n")],
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
    """A document in JSON: bytes as hexadecimal, NaN and infinity as text.

    The original message is left out, since it was the input.
    """
    if isinstance(document, bytes):
        return document.hex()
    if isinstance(document, float):
        return document if isfinite(document) else str(document)
    if isinstance(document, dict):
        return {key: shown(value) for key, value in document.items() if key != "raw" or "device" not in document}
    return [shown(item) for item in document] if isinstance(document, list | tuple) else document
