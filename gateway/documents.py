"""The forms in which commands and HTTP show the same things."""

from base64 import b64encode

from gateway.core.message import Refusal


def reject_document(number: int, refusal: Refusal) -> dict[str, object]:
    """A reject as JSON."""
    return {
        "id": number,
        "arrival_ms": refusal.arrival_ms,
        "topic": refusal.topic,
        "device": refusal.device,
        "stage": refusal.stage,
        "reason": refusal.reason.value,
        "detail": refusal.detail,
        "payload_base64": b64encode(refusal.payload).decode(),
    }
