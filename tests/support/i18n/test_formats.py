"""Numbers, times and lengths of time, as the readers of each language write them."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from gateway.support.i18n.formats import Formats

VI = Formats("vi", ZoneInfo("Asia/Ho_Chi_Minh"))
EN = Formats("en", ZoneInfo("Asia/Ho_Chi_Minh"))
T = 1_795_690_800_250
"""2026-11-26, 11:00 in Greenwich."""


@pytest.mark.parametrize(
    ("value", "vi", "en"),
    [
        pytest.param(1234567, "1.234.567", "1,234,567", id="whole"),
        pytest.param(1234.5, "1.234,5", "1,234.5", id="decimal"),
        pytest.param(77.5000001, "77,5", "77.5", id="too-fine"),
        pytest.param(-0.00001, "0", "0", id="no-minus-zero"),
        pytest.param(-1234.25, "-1.234,25", "-1,234.25", id="negative"),
        pytest.param(float("nan"), "\u2013", "\u2013", id="no-number"),
        pytest.param(0, "0", "0", id="zero"),
    ],
)
def test_numbers_have_the_commas_of_their_language(value: float, vi: str, en: str) -> None:
    assert (VI.number(value), EN.number(value)) == (vi, en)


def test_times_are_those_of_the_zone() -> None:
    assert VI.moment(T) == "18:00:00 26/11/2026"
    assert EN.moment(T) == "26 Nov 2026, 18:00:00"
    assert (VI.day(T), EN.day(T)) == ("26/11/2026", "26 Nov 2026")
    assert VI.time_of_day(T) == EN.time_of_day(T) == "18:00"
    assert (VI.short_day(T), EN.short_day(T)) == ("26/11", "26 Nov")
    assert (VI.month(T), EN.month(T)) == ("11/2026", "Nov 2026")


@pytest.mark.parametrize(
    ("seconds", "vi", "en"),
    [
        pytest.param(0.2, "0 giây", "0 seconds", id="none"),
        pytest.param(1, "1 giây", "1 second", id="one"),
        pytest.param(119, "1 phút", "1 minute", id="rounded-down"),
        pytest.param(7200, "2 giờ", "2 hours", id="hours"),
        pytest.param(86_400 * 1500, "1.500 ngày", "1,500 days", id="days"),
    ],
)
def test_a_length_of_time_is_in_its_largest_unit(seconds: float, vi: str, en: str) -> None:
    assert (VI.span(seconds).replace("\u00a0", " "), EN.span(seconds).replace("\u00a0", " ")) == (vi, en)


def test_a_share_is_never_rounded_up_to_all() -> None:
    assert EN.share(19_999, 20_000).replace("\u00a0", " ") == "99.9 %"
    assert VI.share(1, 3).replace("\u00a0", " ") == "33,3 %"
    assert EN.share(0, 0) == "\u2013"


def test_sizes_and_units_stay_on_one_line() -> None:
    assert VI.size(1536) == "1,5\u00a0KiB"
    assert EN.size(3 * 2**30) == "3\u00a0GiB"
    assert EN.with_unit(1.84, "m³/h") == "1.84\u00a0m³/h"
    assert EN.with_unit(0.9, "") == "0.9"


def test_a_day_begins_at_midnight_of_the_zone() -> None:
    assert VI.midnight_ms(date(2026, 11, 26)) == 1_795_626_000_000
    assert VI.moment(VI.midnight_ms(date(2026, 11, 26))) == "00:00:00 26/11/2026"
