"""Readings lost before the gateway are a finding for a day, with their likely cause."""

import logging

import pytest

from gateway.ingest.events import Events
from gateway.monitoring.status import troubles
from gateway.support.i18n.findings import sentence

DAY_MS = 86_400_000
NOW_MS = 1_793_491_200_250


def said(events: Events, now_ms: int) -> list[str]:
    return [sentence(finding) for finding in troubles.of_the_way(events, now_ms)]


def test_what_the_broker_dropped_is_told_for_a_day_and_logged_each_time(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    with caplog.at_level(logging.ERROR, "gateway"):
        for count in (b"0", b"30", b"30", b"42"):
            events.broker_told(count, NOW_MS, retained=False)
    assert [record.args for record in caplog.records] == [(30,), (12,)]
    (text,) = said(events, NOW_MS + DAY_MS - 1)
    assert "it dropped 42 messages" in text
    assert "the queue of a receiver was full" in text
    assert said(events, NOW_MS + DAY_MS) == []


def test_gaps_in_many_sequences_are_told_for_a_day_unless_the_broker_tells_what_it_dropped() -> None:
    events = Events()
    assert said(events, NOW_MS) == []
    events.many_gaps(12, 80, NOW_MS)
    (text,) = said(events, NOW_MS + DAY_MS - 1)
    assert text.startswith("80 readings of 12 devices are missing at once")
    assert said(events, NOW_MS + DAY_MS) == []
    events.broker_told(b"80", NOW_MS, retained=False)
    (text,) = said(events, NOW_MS)
    assert "it dropped 80 messages" in text
