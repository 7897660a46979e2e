"""Messages that do not become data: the outcome of each, in one form."""

from gateway.core.message import (
    REJECT_KEPT_BYTES,
    Arrival,
    Outcome,
    QuarantinedMessage,
    Refusal,
    SideEffects,
    Undecodable,
    Unresolved,
    WaitCause,
)
from schemas.registry import device_key
from schemas.rejects import RejectReason
from schemas.topics import parse_topic


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
