"""Counts of the last minutes and rates of the last seconds."""

from collections import Counter

from gateway.core.batching.rates import RATES_KEPT, Rates, RecentCounts, RecentOrigins


def test_what_happened_more_than_ten_minutes_ago_is_history() -> None:
    lately: RecentCounts[str] = RecentCounts(10)
    lately.count("bad_json", 0.0)
    lately.count("bad_json", 59.0)
    lately.count("no_quantity", 300.0)
    assert lately.counts(599.0) == {"bad_json": 2, "no_quantity": 1}
    assert lately.counts(600.0) == {"no_quantity": 1}
    assert lately.counts(5000.0) == {}


def test_each_minute_is_forgotten_by_itself() -> None:
    lately: RecentCounts[str] = RecentCounts(2)
    for second in (0.0, 60.0, 61.0):
        lately.count("late", second, 2)
    assert [lately.counts(now_s)["late"] for now_s in (119.0, 120.0, 179.0, 180.0)] == [6, 4, 4, 0]


def test_a_count_takes_the_room_of_its_minutes_however_often_it_is_asked() -> None:
    lately: RecentCounts[str] = RecentCounts(2)
    for second in range(600):
        lately.count("often", float(second))
    assert len(lately._counts) == 2  # noqa: SLF001


def test_the_three_largest_origins_are_named_and_the_others_are_one() -> None:
    lately, origins = RecentOrigins(2), Counter({"a/": 9, "b/": 8, "c/": 7, "d/": 2, "e/": 1})
    assert lately.count_origins(origins, 0.0) == [("a/", 9), ("b/", 8), ("c/", 7)]
    assert lately.counts(0.0) == {"a/": 9, "b/": 8, "c/": 7, "": 3}
    lately.count_origins(Counter({"a/": 1}), 1.0)
    assert lately.counts(1.0) == {"a/": 10, "b/": 8, "c/": 7, "": 3}


def test_rates_have_a_decimal_and_need_time_to_pass() -> None:
    rates = Rates()
    for now_s, received, written in ((1.0, 0, 0), (1.0, 5, 5), (4.0, 105, 55), (3.0, 200, 200)):
        rates.sample(now_s, received, written)
    assert rates.document() == {"received": [33.3], "written": [16.7]}


def test_rates_are_those_of_the_last_two_minutes() -> None:
    rates = Rates()
    for second in range(RATES_KEPT + 10):
        rates.sample(float(second), 60 * second, 50 * second)
    found = rates.document()
    assert (RATES_KEPT, len(found["received"]), len(found["written"])) == (120, 120, 120)
    assert (found["received"][-1], found["written"][-1]) == (60.0, 50.0)


def test_readings_that_come_and_wait_are_a_rate_of_their_own() -> None:
    rates = Rates()
    rates.sample(0.0, 0, 0)
    rates.sample(2.0, 120, 0)
    assert rates.document() == {"received": [60.0], "written": [0.0]}
