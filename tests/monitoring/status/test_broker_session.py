"""The session that the broker keeps: a shorter life than asked for, and a session that was forgotten, are told."""

import asyncio
import logging
from pathlib import Path

import pytest

from gateway.ingest.waiting_events import SessionEvents
from gateway.monitoring.status.troubles import of_session
from gateway.support.i18n.findings import sentence
from gateway.support.standing import StandingFindings

DAY_MS = 86_400_000
NOW_MS = 1_793_491_200_250


def said(session: SessionEvents, now_ms: int = NOW_MS, *, shared: bool = True) -> list[str]:
    return [sentence(finding) for finding in of_session(session, now_ms, shared=shared)]


def test_a_session_that_lives_for_less_than_asked_is_told_until_it_lives_as_long(caplog: pytest.LogCaptureFixture) -> None:
    session = SessionEvents()
    with caplog.at_level(logging.ERROR, "gateway"):
        session.granted(86_400, 604_800)
        session.granted(86_400, 604_800)
    assert [record.args for record in caplog.records] == [(86_400, 604_800)], "once, not at every connection"
    (text,) = said(session)
    assert "for 1 d, not for 7 d" in text
    session.granted(None, 604_800)
    assert said(session) == []


def test_a_forgotten_session_is_told_until_a_person_has_seen_it() -> None:
    session = SessionEvents()
    session.forgotten(NOW_MS)
    for shared in (True, False):
        (text,) = said(session, NOW_MS + 99 * DAY_MS, shared=shared)
        assert "had forgotten this gateway's session" in text
        assert ("unroutable" in text) is shared
    assert session.seen() == ["session_lost"]
    assert said(session) == []


async def put_on_disk(journal: Path) -> None:
    session = SessionEvents(standing=StandingFindings(journal))
    session.taken(NOW_MS)
    await asyncio.get_running_loop().shutdown_default_executor()


def test_what_a_person_has_not_seen_outlives_a_restart_and_a_damaged_file_is_told_all_the_same(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    asyncio.run(put_on_disk(journal))
    (tmp_path / "journal.db.stands-accounts_put_back").write_text('["no", ')
    again = SessionEvents(standing=StandingFindings(journal))
    again.look_for_standing()
    taken, put_back = sorted(said(again), key=lambda text: "accounts" in text)
    assert "another client connected under this gateway's client id and took its session" in taken
    assert "0 accounts that a kill or a power cut had lost were put back" in put_back
    assert again.seen() == ["accounts_put_back", "session_taken"]
    assert list(tmp_path.iterdir()) == []


def test_a_smaller_window_is_told_with_both_numbers() -> None:
    session = SessionEvents()
    session.window_seen(10, 2000)
    (text,) = said(session)
    assert "it has 10 messages on their way at once, not 2000" in text
    session.window_seen(2000, 2000)
    assert said(session) == []


def test_missing_bindings_are_named_for_a_day_and_strange_ones_as_long_as_they_are_there() -> None:
    session = SessionEvents()
    session.bindings_seen([f"iot/v1/ward-{number}/+/+/readings" for number in range(5)], ["iot.v1.ward-9.#"], NOW_MS)
    missing, strange = said(session)
    assert "5 topics did not lead to this gateway" in missing
    assert "ward-2/+/+/readings, ..." in missing
    assert "ward-3" not in missing
    assert "(iot.v1.ward-9.#)" in strange
    session.bindings_seen([], [], NOW_MS + 60_000)
    assert said(session, NOW_MS + DAY_MS - 1) == [missing]
    assert said(session, NOW_MS + DAY_MS) == []


def test_messages_that_no_queue_took_are_told_with_the_way_to_replay_them() -> None:
    session = SessionEvents()
    session.unroutable_seen(0)
    assert said(session) == []
    session.unroutable_seen(12)
    (text,) = said(session)
    assert "12 messages reached no gateway" in text
    assert "`gateway unroutable --replay`" in text
    session.unroutable_seen(None)
    (text,) = said(session)
    assert "it does not keep messages that reach no gateway" in text


def test_a_broker_that_cannot_be_asked_is_told_until_it_can() -> None:
    session = SessionEvents()
    session.not_watched("http://127.0.0.1:15672 does not answer: connection refused")
    (text,) = said(session)
    assert text.endswith("does not answer: connection refused")
    session.unroutable_seen(0)
    assert said(session) == []
