"""Counts of the last minutes and rates of the last seconds."""

from gateway.core.delivery.rates import RATES_KEPT, Rates, RecentCounts


def test_what_happened_more_than_ten_minutes_ago_is_history() -> None:
    lately: RecentCounts[str] = RecentCounts(10)
    lately.count("bad_json", 0.0)
    lately.count("bad_json", 59.0)
    lately.count("no_quantity", 300.0)
    assert lately.counts(599.0) == {"bad_json": 2, "no_quantity": 1}
    assert lately.counts(600.0) == {"no_quantity": 1}
    assert lately.counts(5000.0) == {}


def test_rates_are_those_of_the_last_two_minutes() -> None:
    rates = Rates()
    for second in range(RATES_KEPT + 10):
        rates.sample(float(second), 60 * second, 50 * second)
    found = rates.document()
    assert (len(found["received"]), len(found["written"])) == (RATES_KEPT, RATES_KEPT)
    assert (found["received"][-1], found["written"][-1]) == (60.0, 50.0)


def test_readings_that_come_and_wait_are_a_rate_of_their_own() -> None:
    rates = Rates()
    rates.sample(0.0, 0, 0)
    rates.sample(2.0, 120, 0)
    assert rates.document() == {"received": [60.0], "written": [0.0]}
