"""The words of a pair: what a machine says of itself is read as it was said, and what a stranger wrote is no word."""

import pytest

from gateway.core.gateways.pair_words import PairTopics, state_payload, state_said
from gateway.core.gateways.standby import PairRole

TOPICS = PairTopics("gateway-1", "a")


def test_each_topic_is_told_from_those_of_the_other_kinds() -> None:
    assert TOPICS.state_of(TOPICS.state) == TOPICS.journal_of(TOPICS.journal) == "a"
    assert TOPICS.alarms_of(TOPICS.alarms("07")) == "07"
    assert [TOPICS.state_of(TOPICS.journal), TOPICS.journal_of(TOPICS.state), TOPICS.alarms_of(TOPICS.state)] == ["", "", ""]
    assert TOPICS.state_of("gateway/v1/gateway-2/machines/a") == ""


def test_a_word_is_read_as_it_was_said() -> None:
    assert state_said(state_payload(PairRole.PASSIVE, 7)) == (PairRole.PASSIVE, 7)


@pytest.mark.parametrize(
    "payload", [b"", b"live", b"[]", b"{}", b'{"state": "dead", "term": 1}', b'{"state": "live", "term": "x"}']
)
def test_what_is_no_word_is_none(payload: bytes) -> None:
    assert state_said(payload) is None
