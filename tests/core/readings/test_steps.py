"""Steps of a counter: what can be, what is usual, a reset, a roll-over, and whether the counter goes on after it."""

from gateway.core.readings.steps import CounterRule, CounterValue, Doubt, RegisterStep, usual
from schemas.quantities import Growth
from tests.core.making import HOUR_MS
from tests.rows import each_row

FINE, COARSE = Growth(1.0, 100.0, 0.0), Growth(1.0, 100.0, 1.0)


def met(
    value: float, hour: float = 1.0, growth: Growth = FINE, rule: CounterRule | None = None, together: object = None
) -> CounterValue:
    """A value that is met so many hours after the reading before, which was at 0."""
    return CounterValue("volume_m3", value, hour * HOUR_MS, growth, rule, together)


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


def test_what_is_usual_is_of_the_table_or_twenty_times_the_mean() -> None:
    most = [usual(growth, mean / HOUR_MS, 2 * HOUR_MS) for growth, mean in ((FINE, 0.0), (COARSE, 0.0), (FINE, 0.25))]
    assert [round(each, 6) for each in most] == [2.0, 3.0, 10.0]
    assert [met(value).is_usual_after(100.0, 0, 0.0) for value in (99.9, 100.0, 100.99, 101.01)] == [False, True, True, False]
    assert not met(106.0, rule=CounterRule(5.0)).is_usual_after(100.0, 0, 1.0), "the mean allows no more than the rule"


@each_row(
    ("value", "mean_per_h", "offset"),
    [
        (1050.0, 1.0, 7.0),
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


def test_a_step_is_told_unless_the_way_the_counter_goes_on_explains_it() -> None:
    possible = Doubt(140.0, HOUR_MS, 0, 140.0, HOUR_MS)
    assert met(140.0).step_after(100.0, 0, possible) is None, "nobody knows yet"
    confirmed = possible._replace(confirmations=1)
    third = 140.0 + 40 / 3
    assert met(third, 2).step_after(100.0, 0, confirmed) is None, "a third of its rate: a season, a burst"
    assert met(third - 0.01, 2).step_after(100.0, 0, confirmed) == RegisterStep(HOUR_MS, 2)
    assert met(500.0).step_after(100.0, 0, FIRST) == RegisterStep(HOUR_MS, 1), "impossible from the beginning"


def test_a_coarse_register_may_have_counted_one_step_more_than_it_shows() -> None:
    confirmed = Doubt(140.0, HOUR_MS, 1, 140.0, HOUR_MS)
    assert met(153.0, 2, COARSE).step_after(100.0, 0, confirmed) is None, "153 and a part of one"
    assert met(153.0, 2).step_after(100.0, 0, confirmed) is not None, "a fine register shows all of it"
    assert met(153.2, 2, COARSE).step_after(100.0, 0, confirmed) is not None, "it shows parts of one: it is fine"
