"""The last hours: counted by minutes, stored and taken up again, compared with a day ago."""

from gateway.core.status.history import MINUTES_KEPT, SHARE_EVERY_MIN, History, MinuteCounts, SilentShare

MINUTE_MS = 60_000
BEGIN = 29_000_000
"""A minute."""


def at(minute: float) -> int:
    return int((BEGIN + minute) * MINUTE_MS)


def test_readings_are_counted_in_the_minute_in_which_they_came() -> None:
    history = History()
    for minute, received, written in [(0.5, 900, 900), (1, 1000, 990), (1.5, 1010, 995), (1.9, 1030, 1030), (2.1, 1031, 1030)]:
        history.count(at(minute), received, written)
    assert history.minutes(at(2.5)) == [MinuteCounts(BEGIN + 1, 130, 130)], (
        "the gateway began in the first, and the last goes on"
    )
    history.count(at(4), 1040, 1031)
    assert history.minutes(at(4.5))[1:] == [MinuteCounts(BEGIN + 2, 1, 0)], "nobody counted in the third"


def test_a_clock_that_is_set_back_loses_no_count() -> None:
    history = History()
    for minute, received in [(0, 0), (5, 0), (2, 7), (5.5, 9), (6, 9)]:
        history.count(at(minute), received, received)
    assert history.minutes(at(6)) == [MinuteCounts(BEGIN + 5, 9, 9)]


def test_the_next_run_goes_on_with_what_was_stored() -> None:
    first, second = History(), History()
    for minute, received in [(0.5, 0), (1, 60), (2, 70), (2.5, 99)]:
        first.count(at(minute), received, received)
    first.note_silent(at(0.5), 3, 40)
    second.count(at(10.5), 5, 5)
    second.load(first.text())
    for minute, received in [(11, 8), (12, 9)]:
        second.count(at(minute), received, received)
    whole = [MinuteCounts(BEGIN + 1, 60, 60), MinuteCounts(BEGIN + 11, 3, 3)]
    assert second.minutes(at(12)) == whole, "no minute that was counted in part looks like a fall"
    assert second.silent_a_day_ago(at(24 * 60)) == SilentShare(BEGIN, 3, 40)
    for text in ("", "{}", '{"form": 9, "minutes": [], "shares": []}'):
        second.load(text)
    assert second.minutes(at(12)) == whole


def test_hours_are_forgotten_and_what_is_stored_stays_small() -> None:
    history = History()
    for minute in range(3 * MINUTES_KEPT + 1):
        history.count(at(minute), 60_000 * minute, 60_000 * minute)
        if minute % 15 == 0:
            history.note_silent(at(minute), 200, 20_000)
    now_ms = at(3 * MINUTES_KEPT)
    assert len(history.minutes(now_ms)) == MINUTES_KEPT
    assert len(history.text()) < 16_384
    assert len(history.minutes(now_ms + 100 * MINUTE_MS)) == MINUTES_KEPT - 100


def test_a_chart_shows_six_hours_and_a_share_half_an_hour_beyond_a_day_compares_still() -> None:
    assert (MINUTES_KEPT, SHARE_EVERY_MIN) == (360, 15)
    history = History()
    assert history.minutes(at(0)) == []
    history.note_silent(at(0), 3, 40)
    for quarter in range(1, 99):
        history.note_silent(at(15 * quarter), 0, 0)
    assert history.silent_a_day_ago(at(15 * 98)) == SilentShare(BEGIN, 3, 40)
    assert history.silent_a_day_ago(at(15 * 98 + 1)) is None


def test_a_day_ago_is_known_only_near_it_and_only_with_devices() -> None:
    history = History()
    assert history.silent_a_day_ago(at(0)) is None
    history.note_silent(at(0), 0, 0)
    history.note_silent(at(31), 1, 10)
    assert history.silent_a_day_ago(at(24 * 60)) is None
    assert history.silent_a_day_ago(at(24 * 60 + 1)) == SilentShare(BEGIN + 31, 1, 10)
