"""Steps of a counter: what can be, what is usual, a reset, a roll-over, and whether the counter goes on after it."""

import pytest

from gateway.core.readings.steps import CounterRule, CounterValue, Doubt, StepVerdict, usual
from schemas.quantities import Growth
from tests.core.making import HOUR_MS
from tests.rows import each_row

FINE, COARSE = Growth(1.0, 100.0, 0.0), Growth(1.0, 100.0, 1.0)


def met(
    value: float, hour: float = 1.0, growth: Growth = FINE, rule: CounterRule | None = None, together: object = None
) -> CounterValue:
    """A value that is met so many hours after the reading before, which was at 0."""
    return CounterValue("volume_m3", value, hour * HOUR_MS, growth, rule, together, growth.usual_per_h)


@each_row(
    ("value", "before", "rule", "possible"),
    [
        (100.0, 100.0, None, True),
        (99.9, 100.0, None, False),
        (200.0, 100.0, None, True),
        (200.1, 100.0, None, False),
        (107.0, 100.0, CounterRule(7.0), True),
        (107.1, 100.0, CounterRule(7.0), False),
        (200.0, 100.0, CounterRule(None, 1000.0), True),
    ],
)
def test_a_counter_only_grows_and_no_faster_than_can_be(
    value: float,
    before: float,
    rule: CounterRule | None,
    possible: bool,  # noqa: FBT001
) -> None:
    assert met(value, rule=rule).is_possible_after(before, 0) is possible


@each_row(
    ("size_per_h", "mean_per_h", "hours", "most"),
    [
        pytest.param(10.0, None, 2.0, 20.0, id="what-its-size-passes"),
        pytest.param(10.0, None, 0.25, 10.0, id="an-hour-of-it-at-least"),
        pytest.param(10.0, 0.05, 72.0, 20.8, id="three-times-its-mean-and-an-hour-of-its-size"),
        pytest.param(3.125, 0.05, 72.0, 13.925, id="the-size-is-its-own"),
        pytest.param(10.0, 0.05, 0.25, 10.0, id="an-hour-of-its-size-in-any-time"),
        pytest.param(10.0, 8.0, 3.0, 72.0, id="a-meter-is-no-smaller-than-what-it-uses"),
    ],
)
def test_what_is_usual_is_of_the_size_of_a_meter_and_of_its_mean(
    size_per_h: float, mean_per_h: float | None, hours: float, most: float
) -> None:
    mean = None if mean_per_h is None else mean_per_h / HOUR_MS
    assert round(usual(size_per_h, mean, hours * HOUR_MS), 6) == most


def test_a_size_that_the_registry_tells_holds_also_where_the_mean_is_great() -> None:
    assert round(usual(10.0, 8.0 / HOUR_MS, 3 * HOUR_MS, is_rated=True), 6) == 30.0


def test_a_step_is_usual_as_far_as_its_profile_allows() -> None:
    assert [met(value).is_usual_after(100.0, 0, None) for value in (99.9, 100.0, 100.99, 101.01)] == [False, True, True, False]
    assert not met(106.0, rule=CounterRule(5.0)).is_usual_after(100.0, 0, 10.0), "the mean allows no more than the rule"


@each_row(
    ("value", "mean_per_h", "offset"),
    [
        (1050.0, 1.0, -43.0),
        (6.0, 2.0, 1007.0),
        (6.1, 2.0, 1000.9),
        (100.0, 50.0, 1007.0),
        (100.1, 50.0, 906.9),
        (0.0, 0.0, 1007.0),
        (5000.0, 50.0, -3993.0),
    ],
)
def test_a_register_that_shows_what_it_can_have_counted_was_reset_and_another_goes_on_from_what_it_shows(
    value: float, mean_per_h: float, offset: float
) -> None:
    assert round(met(value).offset_after(1000.0, 0, 7.0, mean_per_h / HOUR_MS), 6) == offset


@each_row(
    ("value", "before", "modulus", "width"),
    [
        (3.0, 995.0, 1000.0, 1000.0),
        (3.0, 1000.0, 1000.0, 1000.0),
        (3.0, 1000.1, 1000.0, 0.0),
        (-1.0, 995.0, 1000.0, 0.0),
        (0.0, 995.0, 1000.0, 1000.0),
        (995.0, 995.0, 1000.0, 0.0),
        (95.0, 995.0, 1000.0, 1000.0),
        (95.1, 995.0, 1000.0, 0.0),
        (3.0, 995.0, None, 0.0),
        (40.0, 80.0, 80.0, 0.0),
    ],
)
def test_a_step_back_is_a_roll_over_where_it_is_possible_and_shorter_forwards(
    value: float, before: float, modulus: float | None, width: float
) -> None:
    assert met(value, rule=CounterRule(None, modulus)).rolled_over(before, 0) == width
    assert met(value).rolled_over(before, 0) == 0.0


FIRST = Doubt(500.0, HOUR_MS, 0, 500.0, HOUR_MS)
"""A step from 100 to 500, an hour after."""


def after(
    doubt: Doubt, value: float, hour: float, growth: Growth = FINE, together: object = None, before: float = 100.0
) -> Doubt:
    return met(value, hour, growth, None, together).doubt_after(doubt, before, 0)


def test_a_step_is_confirmed_by_each_message_that_goes_on_from_it() -> None:
    begun = met(500.0).doubt_after(None, 100.0, 0)
    assert begun == FIRST
    assert after(FIRST, 501.0, 2) == Doubt(501.0, 2 * HOUR_MS, 1, 500.0, HOUR_MS)
    assert after(FIRST, 499.0, 2) == Doubt(499.0, 2 * HOUR_MS, 0, 499.0, 2 * HOUR_MS), "another step begins"
    assert after(FIRST, 600.0, 2).confirmations == 1
    assert after(FIRST, 600.1, 2).confirmations == 0, "more than can be"
    array = object()
    alone = after(FIRST, 501.0, 2, together=array)
    assert (alone.confirmations, alone.together) == (1, array)
    assert after(alone, 502.0, 3, together=array).confirmations == 1, "of one message"
    assert after(alone, 502.0, 3, together=object()).confirmations == 2


def test_a_step_back_is_confirmed_until_the_counter_is_back_where_it_was() -> None:
    back = Doubt(50.0, HOUR_MS, 0, 50.0, HOUR_MS)
    assert [after(back, value, 2).confirmations for value in (50.0, 99.9, 100.0)] == [1, 1, 0]


def test_a_counter_that_jumps_once_more_confirms_nothing() -> None:
    doubt = Doubt(500.0, HOUR_MS, 1, 500.0, HOUR_MS)
    slow = doubt._replace(value=500.0, first=101.0)
    assert after(slow, 503.0, 2, before=100.0).confirmations == 2, "three times the rate of its step"
    assert after(doubt._replace(first=101.0, value=101.0), 103.9, 2).confirmations == 2
    assert after(doubt._replace(first=101.0, value=101.0), 104.1, 2).confirmations == 0
    assert after(doubt._replace(first=101.0, value=101.0), 104.9, 2, COARSE).confirmations == 2, "one step of the register more"


def verdict(value: float, hour: float, doubt: Doubt, mean_per_h: float = 0.0, growth: Growth = FINE) -> StepVerdict:
    return met(value, hour, growth).verdict_after(100.0, 0, doubt, mean_per_h / HOUR_MS)


STEP = Doubt(140.0, HOUR_MS, 0, 140.0, HOUR_MS)
"""A step that is possible, from 100 to 140 in an hour."""
CONFIRMED = STEP._replace(confirmations=1)


def test_a_step_counts_if_the_counter_goes_on_at_a_third_of_its_rate() -> None:
    third = 140.0 + 40 / 3
    assert verdict(140.0, 1, STEP) is StepVerdict.OPEN, "nobody knows yet"
    assert verdict(third, 2, CONFIRMED) is StepVerdict.EXPLAINED, "a season, a burst, a plant that starts"
    assert verdict(third - 0.01, 2, CONFIRMED) is StepVerdict.STEPPED
    assert verdict(500.0, 1, FIRST) is StepVerdict.STEPPED, "impossible from the beginning"


def test_a_coarse_register_may_have_counted_one_step_more_than_it_shows() -> None:
    confirmed = CONFIRMED._replace(confirmations=2)
    assert verdict(153.0, 2, confirmed, growth=COARSE) is StepVerdict.EXPLAINED, "153 and a part of one"
    assert verdict(153.0, 2, confirmed) is StepVerdict.STEPPED, "a fine register shows all of it"
    assert verdict(153.2, 2, confirmed, growth=COARSE) is StepVerdict.STEPPED, "it shows parts of one: it is fine"


LONG = Doubt(250.0, 720 * HOUR_MS, 1, 250.0, 720 * HOUR_MS)
"""A step of 150 in thirty days: the third of its rate is 0.07 in an hour, as many use in the evening."""


@each_row(
    ("value", "hours", "mean_per_h", "expected"),
    [
        pytest.param(250.30, 1.0, 0.05, StepVerdict.OPEN, id="an-evening"),
        pytest.param(250.01, 1.0, 0.05, StepVerdict.STEPPED, id="a-night"),
        pytest.param(251.20, 1.0, 0.05, StepVerdict.EXPLAINED, id="more-than-an-hour-of-its-size-beyond-what-is-usual"),
        pytest.param(253.60, 24.0, 0.05, StepVerdict.STEPPED, id="a-day-of-three-times-its-mean-was-usual-before"),
        pytest.param(254.60, 24.0, 0.05, StepVerdict.EXPLAINED, id="a-day-of-more"),
        pytest.param(257.00, 24.0, 0.01, StepVerdict.EXPLAINED, id="a-season"),
    ],
)
def test_behind_a_long_gap_a_rate_must_be_shown_by_more_than_one_evening(
    value: float, hours: float, mean_per_h: float, expected: StepVerdict
) -> None:
    assert verdict(value, 720 + hours, LONG, mean_per_h) is expected


def test_behind_a_gap_of_hours_a_rate_is_shown_for_as_long() -> None:
    gap = Doubt(128.0, 14 * HOUR_MS, 1, 128.0, 14 * HOUR_MS)
    assert [verdict(128.0 + 0.7 * hours, 14 + hours, gap, 0.25) for hours in (1, 13.9, 14)] == [
        StepVerdict.OPEN,
        StepVerdict.OPEN,
        StepVerdict.EXPLAINED,
    ]


@each_row(
    ("value", "before", "mean_per_h", "width"),
    [
        pytest.param(0.116, 99_999.9, 1.0, 100_000.0, id="five-digits"),
        pytest.param(0.5, 9_999.8, 0.0, 10_000.0, id="four-digits"),
        pytest.param(0.5, 999.8, 0.0, 0.0, id="no-meter-has-three"),
        pytest.param(3.0, 99_999.9, 0.0, 0.0, id="more-than-can-have-been-used"),
        pytest.param(0.1, 99_000.0, 1000.0, 100_000.0, id="a-large-meter-may-be-farther-away"),
        pytest.param(0.1, 98_999.0, 1000.0, 0.0, id="but-not-that-far"),
        pytest.param(0.1, 804.987, 0.05, 0.0, id="an-exchange"),
        pytest.param(-0.5, 99_999.9, 1.0, 0.0, id="below-zero"),
    ],
)
def test_a_register_near_a_power_of_ten_rolls_over_by_its_own_digits(
    value: float, before: float, mean_per_h: float, width: float
) -> None:
    large = Growth(max(1.0, 2 * mean_per_h), 100.0, 0.0)
    assert met(value, growth=large).rolled_over_by_digits(before, 0, mean_per_h / HOUR_MS) == width
    assert met(value, rule=CounterRule(None, 65_536.0)).rolled_over_by_digits(before, 0, 1.0) == 0.0, "its width is known"
