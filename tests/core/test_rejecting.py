"""Messages that do not become data are kept whole, or as much of them as a reject keeps, with all that is known of them."""

from gateway.core.devices.streams import Admission
from gateway.core.message import (
    Arrival,
    Outcome,
    QuarantinedMessage,
    Refusal,
    StoredMessage,
    Undecodable,
    WaitCause,
    addressed,
    reject,
)
from schemas.rejects import RejectReason
from tests.core.making import NOW_MS, message, pipeline, topic

WORDS = [("device", "d1")]
SENT = StoredMessage(topic("d1", "power"), b'{"ph": 7}', retain=False, duplicate=True, user_properties=WORDS)


def test_a_message_that_waits_is_kept_as_it_came() -> None:
    outcome = pipeline(admission=Admission(unknown="quarantine")).process(SENT, NOW_MS)
    assert outcome.side_effects is not None
    assert outcome.side_effects.waiting == [
        QuarantinedMessage(
            WaitCause.UNKNOWN_DEVICE,
            key="d1",
            expires_ms=None,
            topic=SENT.topic,
            payload=SENT.payload,
            retain=False,
            arrival_ms=NOW_MS,
            device="d1",
            domain="power",
            properties=WORDS,
            duplicate=True,
        )
    ]
    assert (outcome.refusals, outcome.readings, outcome.domain) == ([], [], "power")


def test_an_eui_waits_in_the_registry_s_spelling() -> None:
    outcome = pipeline(admission=Admission(unknown="quarantine")).process(message({}, topic("24-E1-24-13-6D-00-00-01")), NOW_MS)
    assert outcome.side_effects is not None
    (waits,) = outcome.side_effects.waiting
    assert (waits.key, waits.device) == ("24e124136d000001", "24-E1-24-13-6D-00-00-01")


def test_a_reject_says_where_it_happened_and_to_whom() -> None:
    why = Undecodable(RejectReason.BAD_PAYLOAD, "why")
    outcome = reject(Outcome("power"), Arrival(SENT, NOW_MS), "decode", why, "d1")
    reject(outcome, Arrival(SENT, NOW_MS), "check", why, "d2", "water", b"x" * 70_000)
    whole = Refusal(RejectReason.BAD_PAYLOAD, "why", SENT.topic, SENT.payload, "decode", NOW_MS, "d1", "power")
    part = Refusal(RejectReason.BAD_PAYLOAD, "why", SENT.topic, b"x" * 65_536, "check", NOW_MS, "d2", "water")
    assert outcome.refusals == [whole, part]
    assert reject(Outcome(), Arrival(SENT, NOW_MS), "decode", why, payload=b"").refusals[0].payload == b""


def test_a_topic_names_its_device_as_far_as_it_does() -> None:
    assert addressed(SENT.topic) == ("d1", "power")
    assert addressed("application/7/up") == ("", "unknown")
