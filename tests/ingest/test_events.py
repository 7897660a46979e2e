"""The log of what happens to readings: enough for people, and no flood."""

import logging

import pytest

from gateway.core.message import Refusal
from gateway.ingest.events import Events
from schemas.rejects import RejectReason


def test_a_backlog_is_said_with_the_time_that_it_takes_once_its_pace_is_known(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Events().catching_up(100, 900, None)
    Events().catching_up(100, 900, 45.0)
    head = "writing the backlog: 100 readings written, 900 left"
    assert caplog.messages == [head, f"{head}, at 45 a second about 20 s more"]


def test_of_a_flood_of_rejects_some_a_minute_are_said_and_all_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    events = Events()
    for number in range(500):
        one = Refusal(RejectReason.BAD_JSON, "a fault", f"t/m{number}", b"?", "decode", 1000, f"m{number}", "water")
        events.rejected(one, kept=True)
    assert events.rejects["bad_json"] == events.rejects_kept["bad_json"] == 500
    assert caplog.messages[0] == "reject bad_json from m0: a fault"
    assert 100 <= len(caplog.messages) <= 200, "a minute may end meanwhile"
