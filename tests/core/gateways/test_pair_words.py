"""The words of a pair: what a machine says of itself is read as it was said, and what a stranger wrote is no word."""

import pytest

from gateway.core.gateways.standby import PairRole, PairTopics, state_payload, state_said

TOPICS = PairTopics("gateway-1", "a")


def told_at(topic: str) -> list[str]:
    """Return the machine of a state, of a journal, and the bucket of alarms, that a topic tells of."""
    return [TOPICS.told_at(topic, "machines"), TOPICS.told_at(topic, "journals"), TOPICS.told_at(topic, "alarms")]


def test_each_topic_is_told_from_those_of_the_other_kinds() -> None:
    assert told_at(TOPICS.state) == ["a", "", ""]
    assert told_at(TOPICS.journal) == ["", "a", ""]
    assert told_at(TOPICS.alarms("07")) == ["", "", "07"]
    assert told_at("gateway/v1/gateway-2/machines/a") == ["", "", ""], "another pair"
    base = "gateway/v1/gateway-1"
    assert TOPICS.filters == [f"{base}/machines/+", f"{base}/journals/+", f"{base}/alarms/+"]
    assert (TOPICS.state, TOPICS.journal) == (f"{base}/machines/a", f"{base}/journals/a")


def test_a_word_is_read_as_it_was_said() -> None:
    assert state_said(state_payload(PairRole.PASSIVE, 7)) == (PairRole.PASSIVE, 7)


@pytest.mark.parametrize(
    "payload", [b"", b"live", b"[]", b"{}", b'{"state": "dead", "term": 1}', b'{"state": "live", "term": "x"}']
)
def test_what_is_no_word_is_none(payload: bytes) -> None:
    assert state_said(payload) is None
