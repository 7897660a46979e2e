"""Messages that do not become data: the outcome of each, in one form."""

from gateway.core.devices.device import Series
from gateway.core.devices.streams import Unresolved
from gateway.core.message import REJECT_KEPT_BYTES, Message, Outcome, QuarantinedMessage, Refusal, SideEffects, WaitCause
from schemas.registry import device_key
from schemas.rejects import RejectReason
from schemas.topics import parse_topic


def internal_error(message: Message, now_ms: int, trace: str) -> Outcome:
    """The outcome of a message that hit a bug."""
    device, domain = addressed(message.topic)
    detail = f"a fault in the gateway; report it:\n{trace}"
    return refused(message, now_ms, "check", RejectReason.INTERNAL_ERROR, detail, device, domain)


def unresolved(why: Unresolved, message: Message, now_ms: int) -> Outcome:
    """A message of nobody known: refused, or put into quarantine until its device is registered."""
    if not why.waits:
        return refused(message, now_ms, "intake", why.reason, why.detail, why.device, why.domain)
    outcome = Outcome(why.domain)
    key = device_key(why.device)  # as the registry has it, whatever writing of its EUI is registered
    outcome.side_effects = SideEffects(
        waiting=[waiting(WaitCause.UNKNOWN_DEVICE, key, None, message, now_ms, why.device, why.domain)]
    )
    return outcome


def waiting(
    cause: WaitCause, key: str, expires_ms: int | None, message: Message, now_ms: int, device: str, domain: str
) -> QuarantinedMessage:
    """A whole message for the quarantine."""
    return QuarantinedMessage(
        cause,
        key,
        expires_ms,
        message.topic,
        message.payload,
        message.retain,
        now_ms,
        device,
        domain,
        message.user_properties,
        message.duplicate,
    )


def addressed(topic: str) -> tuple[str, str]:
    """Device and domain that a topic names, as far as it does."""
    parts = parse_topic(topic)
    return (parts.device, parts.domain) if parts else ("", "unknown")


def refusal_of(
    message: Message,
    now_ms: int,
    stage: str,
    reason: RejectReason,
    detail: str,
    series: Series,
    payload: bytes | None = None,
) -> Refusal:
    """The refusal of one reading of a series; ``payload`` are its bytes where they are not those of the whole message."""
    kept = (message.payload if payload is None else payload)[:REJECT_KEPT_BYTES]
    return Refusal(reason, detail, message.topic, kept, stage, now_ms, series.device.name, series.domain)


def refused(
    message: Message,
    now_ms: int,
    stage: str,
    reason: RejectReason,
    detail: str,
    device: str = "",
    domain: str = "unknown",
) -> Outcome:
    """The outcome of a message that is refused as a whole."""
    outcome = Outcome(domain)
    kept = message.payload[:REJECT_KEPT_BYTES]
    outcome.refusals.append(Refusal(reason, detail, message.topic, kept, stage, now_ms, device, domain))
    return outcome
