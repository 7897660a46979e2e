"""The session that the broker keeps: a shorter life than asked for, and a session that was forgotten, are told."""

import logging

import pytest

from gateway.events import Events
from gateway.i18n.findings import sentence
from gateway.status.broker_session import of_session

DAY_MS = 86_400_000
NOW_MS = 1_793_491_200_250


def said(events: Events, now_ms: int = NOW_MS, *, shared: bool = True) -> list[str]:
    return [sentence(finding) for finding in of_session(events.session, now_ms, shared=shared)]


def test_a_session_that_lives_for_less_than_asked_is_told_until_it_lives_as_long(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    with caplog.at_level(logging.ERROR, "gateway"):
        events.session_cut(86_400, 604_800)
        events.session_cut(86_400, 604_800)
    assert [record.args for record in caplog.records] == [(86_400, 604_800)], "once, not at every connection"
    (text,) = said(events)
    assert "for 1 d, not for 7 d" in text
    events.session_cut(None, 604_800)
    assert said(events) == []


def test_a_forgotten_session_is_told_for_a_day_where_it_is_all_that_keeps_a_gateways_part() -> None:
    events = Events()
    events.session_lost(NOW_MS)
    (text,) = said(events, NOW_MS + DAY_MS - 1)
    assert "had forgotten this gateway's session" in text
    assert said(events, NOW_MS + DAY_MS) == []
    assert said(events, shared=False) == [], "a broker without persistence forgets at each restart; the log says it"


def test_a_smaller_window_is_told_with_both_numbers() -> None:
    events = Events()
    events.session.window = (10, 2000)
    (text,) = said(events)
    assert "it has 10 messages on their way at once, not 2000" in text


def test_missing_and_strange_bindings_are_named_a_few_at_a_time() -> None:
    events = Events()
    events.session.missing = [f"iot/v1/ward-{number}/+/+/readings" for number in range(5)]
    events.session.strange = ["iot.v1.ward-9.#"]
    missing, strange = said(events)
    assert "5 topics did not lead to this gateway" in missing
    assert "ward-2/+/+/readings, ..." in missing
    assert "ward-3" not in missing
    assert "1 topics" in strange
    assert "(iot.v1.ward-9.#)" in strange


def test_messages_that_no_queue_took_are_told_with_the_way_to_replay_them() -> None:
    events = Events()
    events.session.unroutable = 0
    assert said(events) == []
    events.session.unroutable = 12
    (text,) = said(events)
    assert "12 messages reached no gateway" in text
    assert "--replay" in text
