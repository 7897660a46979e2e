"""The fate of each message, found in the answers of a gateway."""

from base64 import b64encode
from typing import Any

from firmware_sim.technician.fates import OVERTAKEN_MS, Became, FateFinder, SeenMessage, seen_last, seen_rejects
from firmware_sim.technician.played import PlayedMessage

TOPIC = "iot/v1/s/water/sim-1/readings"


def message(number: int, payload: bytes = b"{}") -> PlayedMessage:
    return PlayedMessage(number, TOPIC, payload, "reading", 0)


def last(payload: str, arrival_ms: int = 1, **more: Any) -> SeenMessage:  # noqa: ANN401 - of any part
    """The last message of a device, taken."""
    result: dict[str, Any] = {"points": [], "dropped": [], "reject": None}
    shown = {"topic": TOPIC, "arrival_ms": arrival_ms, "cut": False, "payload": payload} | more
    found = seen_last({"last_message": shown, "result": result, "fate": "taken"})
    assert found is not None
    return found


def rejects(*payloads: bytes) -> list[SeenMessage]:
    return seen_rejects(
        {"id": n, "topic": TOPIC, "arrival_ms": n, "reason": "bad_json", "detail": "d", "payload_base64": b64encode(p).decode()}
        for n, p in enumerate(payloads)
    )


def finder(*messages: PlayedMessage) -> FateFinder:
    found = FateFinder()
    for each in messages:
        found.sent(each)
    return found


def numbers(finder: FateFinder, *told: Any) -> list[tuple[int, Became]]:  # noqa: ANN401 - as find takes them
    return [(message.number, fate.became) for message, fate in finder.find(*told)]


def test_a_message_is_known_by_topic_and_bytes_and_told_once() -> None:
    looking = finder(message(1, b'{"a":1}'))
    assert numbers(looking, last('{"a":2}'), [], 0) == []
    assert numbers(looking, last('{"a":1}'), [], 0) == [(1, Became.TAKEN)]
    assert numbers(looking, last('{"a":1}'), [], 0) == []
    assert looking.open == []


def test_a_repeat_is_told_by_its_own_arrival() -> None:
    looking = finder(message(1), message(2))
    assert numbers(looking, last("{}", 1), [], 0) == [(1, Became.TAKEN)]
    assert numbers(looking, last("{}", 1), [], 0) == []
    assert numbers(looking, last("{}", 2), [], 0) == [(2, Became.TAKEN)]


def test_rejects_are_found_by_their_bytes_beside_the_last_message() -> None:
    looking = finder(message(1, b"\xff"), message(2, b"{}"))
    assert numbers(looking, last("{}"), rejects(b"\xff"), 0) == [(1, Became.REJECTED), (2, Became.TAKEN)]


def test_a_reject_of_an_earlier_session_is_not_taken_for_one_of_the_same_bytes() -> None:
    looking = finder(message(1, b'"online"'))
    earlier, present = rejects(b'"online"', b'"online"')
    assert numbers(looking, None, [earlier], 0, present.arrival_ms) == []
    assert numbers(looking, None, [earlier, present], 0, present.arrival_ms) == [(1, Became.REJECTED)]


def test_a_message_that_was_overtaken_is_accounted_for_once_a_reject_would_be_listed() -> None:
    looking = finder(message(1, b"1"), message(2, b"2"), message(3, b"3"))
    assert numbers(looking, last("3"), [], 0) == [(3, Became.TAKEN)]
    assert numbers(looking, last("3"), rejects(b"1"), OVERTAKEN_MS - 1) == [(1, Became.REJECTED)]
    assert numbers(looking, last("3"), rejects(b"1"), OVERTAKEN_MS) == [(2, Became.PASSED)]


def test_a_long_payload_is_known_by_its_beginning_and_bytes_by_their_digits() -> None:
    looking = finder(message(1, b"x" * 9000), message(2, b"\x00\xff"))
    assert numbers(looking, last("x" * 8192, cut=True), [], 0) == [(1, Became.TAKEN)]
    assert numbers(looking, last("", payload_hex="00ff"), [], 0) == [(2, Became.TAKEN)]


def test_a_device_without_a_last_message_tells_nothing() -> None:
    assert seen_last({"last_message": None, "result": None, "fate": None}) is None
