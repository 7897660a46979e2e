"""The times of an alarm's points: those of its readings, but each newer than the points before it."""

import pytest

from gateway.core.alarms.alarm import AlarmKey
from gateway.monitoring.alarms.documents import PointTimes
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS

LEAK = AlarmKey("leak", "m1")
DAY_MS = 24 * HOUR_MS


def test_no_point_lies_ahead_of_the_clock_whatever_time_its_reading_has() -> None:
    assert PointTimes().of_change(LEAK, NOW_MS + MINUTE_MS, NOW_MS) == NOW_MS


def test_the_end_lies_behind_what_was_repeated_also_after_the_clock_was_set_back() -> None:
    times = PointTimes()
    for now_ms in (NOW_MS, NOW_MS - HOUR_MS):
        times.repeat([LEAK], now_ms)
    assert times.of_change(LEAK, NOW_MS - HOUR_MS, NOW_MS - HOUR_MS) == NOW_MS + 1


@pytest.mark.parametrize(("later_ms", "time_ms"), [(DAY_MS - 1, NOW_MS + 1), (DAY_MS, NOW_MS - 1)], ids=["day", "later"])
def test_an_alarm_that_ended_is_remembered_for_a_day_so_that_it_begins_again_behind_its_end(
    later_ms: int, time_ms: int
) -> None:
    times = PointTimes()
    times.of_change(LEAK, NOW_MS, NOW_MS)
    times.repeat([], NOW_MS + later_ms)
    assert times.of_change(LEAK, NOW_MS - 1, NOW_MS + later_ms) == time_ms
