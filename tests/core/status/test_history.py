"""The last hours: counted by minutes, stored and taken up again, compared with a day ago."""

from gateway.core.status.history import MINUTES_KEPT, History, MinuteCounts, SilentShare

MINUTE_MS = 60_000
BEGIN = 29_000_000
"""A minute."""


def at(minute: float) -> int:
    return int((BEGIN + minute) * MINUTE_MS)


def test_readings_are_counted_in_the_minute_in_which_they_came() -> None:
    history = History()
    for minute, received, written in [(0, 1000, 990), (0.5, 1010, 995), (0.9, 1030, 1030), (1.1, 1031, 1030), (3, 1040, 1031)]:
        history.count(at(minute), received, written)
    assert history.minutes(at(3.5)) == [MinuteCounts(BEGIN, 30, 40), MinuteCounts(BEGIN + 1, 1, 0)], "the third still runs"


def test_a_clock_that_is_set_back_loses_no_count() -> None:
    history = History()
    for minute, received in [(5, 0), (2, 7), (5.5, 9)]:
        history.count(at(minute), received, received)
    assert history.minutes(at(6)) == [MinuteCounts(BEGIN + 5, 9, 9)]


def test_the_next_run_goes_on_with_what_was_stored() -> None:
    first, second = History(), History()
    first.count(at(0), 0, 0)
    first.count(at(0.5), 60, 60)
    first.note_silent(at(0.5), 3, 40)
    second.count(at(10), 5, 5)
    second.load(first.text())
    second.count(at(10.5), 8, 7)
    assert second.minutes(at(11)) == [MinuteCounts(BEGIN, 60, 60), MinuteCounts(BEGIN + 10, 3, 2)]
    assert second.silent_a_day_ago(at(24 * 60)) == SilentShare(BEGIN, 3, 40)
    for text in ("", "{}", '{"form": 9, "minutes": [], "shares": []}'):
        second.load(text)
    assert len(second.minutes(at(11))) == 2


def test_hours_are_forgotten_and_what_is_stored_stays_small() -> None:
    history = History()
    for minute in range(3 * MINUTES_KEPT):
        history.count(at(minute), 60_000 * minute, 60_000 * minute)
        if minute % 15 == 0:
            history.note_silent(at(minute), 200, 20_000)
    assert len(history.minutes(at(3 * MINUTES_KEPT))) == MINUTES_KEPT
    assert len(history.text()) < 16_384
    assert len(history.minutes(at(3 * MINUTES_KEPT + 100))) == MINUTES_KEPT - 100


def test_a_day_ago_is_known_only_near_it_and_only_with_devices() -> None:
    history = History()
    assert history.silent_a_day_ago(at(0)) is None
    history.note_silent(at(0), 0, 0)
    history.note_silent(at(31), 1, 10)
    assert history.silent_a_day_ago(at(24 * 60)) is None
    assert history.silent_a_day_ago(at(24 * 60 + 1)) == SilentShare(BEGIN + 31, 1, 10)
