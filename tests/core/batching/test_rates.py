"""Counts of the last minutes, rates of the last seconds, and limits for stored rejects."""

from collections import Counter

from gateway.core.batching.rates import (
    DELIVERY_BUCKETS_S,
    RATES_KEPT,
    Bucket,
    Histogram,
    RateLimit,
    Rates,
    RecentCounts,
    RecentOrigins,
    StrangersRateLimit,
)
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS


def test_what_happened_more_than_ten_minutes_ago_is_history() -> None:
    lately = RecentCounts(10)
    lately.count("bad_json", 0.0)
    lately.count("bad_json", 59.0)
    lately.count("no_quantity", 300.0)
    assert lately.counts(599.0) == {"bad_json": 2, "no_quantity": 1}
    assert lately.counts(600.0) == {"no_quantity": 1}
    assert lately.counts(5000.0) == {}


def test_each_minute_is_forgotten_by_itself() -> None:
    lately = RecentCounts(2)
    for second in (0.0, 60.0, 61.0):
        lately.count("late", second, 2)
    assert [lately.counts(now_s)["late"] for now_s in (119.0, 120.0, 179.0, 180.0)] == [6, 4, 4, 0]


def test_a_count_takes_the_room_of_its_minutes_however_often_it_is_asked() -> None:
    lately = RecentCounts(2)
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


STORE_BYTES = 64 * 2**20
LARGE_BYTES = 65_800


def taken_bytes(quota: StrangersRateLimit, prefix: str, now_ms: int, number: int = 2000) -> int:
    """A flood under a prefix; how many bytes of it are kept."""
    return sum(LARGE_BYTES for _ in range(number) if quota.allow(prefix, LARGE_BYTES, now_ms))


def test_a_flood_of_a_day_leaves_what_registered_devices_left() -> None:
    """The attack: each invented name had a quota of its own, and 1,000 rejects of 64 KiB filled the store within a minute."""
    quota = StrangersRateLimit(STORE_BYTES)
    kept_bytes = sum(
        taken_bytes(quota, f"iot/v1/s{minute % 7}/water/", NOW_MS + minute * MINUTE_MS, 100) for minute in range(24 * 60)
    )
    assert STORE_BYTES / 2 < kept_bytes < STORE_BYTES


def test_no_prefix_takes_the_share_of_the_others() -> None:
    quota = StrangersRateLimit(STORE_BYTES)
    assert abs(taken_bytes(quota, "iot/v1/flooded/water/", NOW_MS) - STORE_BYTES / 16) <= LARGE_BYTES
    assert quota.allow("iot/v1/s1/water/", LARGE_BYTES, NOW_MS)


def test_the_share_comes_in_again_and_not_at_once() -> None:
    quota = StrangersRateLimit(STORE_BYTES)
    taken_bytes(quota, "a/", NOW_MS)
    assert not quota.allow("a/", LARGE_BYTES, NOW_MS + 1)
    assert quota.allow("a/", LARGE_BYTES, NOW_MS + HOUR_MS)
    assert abs(taken_bytes(quota, "a/", NOW_MS + DAY_MS) - STORE_BYTES / 16) <= LARGE_BYTES
    assert not quota.allow("a/", LARGE_BYTES, NOW_MS), "a clock that is set back brings nothing in"


def test_invented_prefixes_fill_neither_the_memory_nor_the_store() -> None:
    quota = StrangersRateLimit(STORE_BYTES)
    kept_bytes = sum(taken_bytes(quota, f"iot/v1/s{n}/water/", NOW_MS, 1) for n in range(20_000))
    assert abs(kept_bytes - STORE_BYTES / 8) <= LARGE_BYTES
    assert len(quota._by_prefix) <= 1001  # noqa: SLF001


def test_of_more_devices_than_can_be_remembered_in_a_minute_nothing_is_kept_until_the_next() -> None:
    quota = RateLimit()
    assert all(quota.allow(f"d{number}", "bad_json", NOW_MS) for number in range(10_000))
    assert not quota.allow("one-more", "bad_json", NOW_MS)
    assert quota.allow("d9999", "bad_json", NOW_MS), "it is remembered"
    assert quota.allow("one-more", "bad_json", NOW_MS + MINUTE_MS)


def test_a_device_has_its_twenty_of_a_reason_again_each_minute() -> None:
    quota, minute_ms = RateLimit(), NOW_MS // MINUTE_MS * MINUTE_MS
    assert [quota.allow("d1", "bad_json", minute_ms) for _ in range(21)] == [True] * 20 + [False]
    assert [quota.allow("d1", "bad_json", minute_ms + after_ms) for after_ms in (59_999, 60_000)] == [False, True]


def test_a_quarter_of_what_unregistered_devices_may_fill_comes_in_again_each_hour() -> None:
    bucket = Bucket(1000)
    bucket.fill(NOW_MS)
    bucket.left_bytes = 0
    bucket.fill(NOW_MS + HOUR_MS)
    assert bucket.left_bytes == 250
    bucket.fill(NOW_MS)
    assert bucket.left_bytes == 250, "a clock that is set back brings nothing"


def test_unregistered_devices_fill_their_share_to_the_last_byte() -> None:
    for size_bytes, another in ((4, True), (5, False)):
        quota = StrangersRateLimit(8 * 10)
        assert quota.allow("p", size_bytes, NOW_MS)
        assert quota.allow("p", 1, NOW_MS) is another


def test_a_thousand_prefixes_have_a_share_each_and_all_others_one_together() -> None:
    quota = StrangersRateLimit(8 * 100_000)
    assert all(quota.allow(f"p{number}", 1, NOW_MS) for number in range(1000))
    assert quota.allow("another", 50_000, NOW_MS)
    assert not quota.allow("and-another", 1, NOW_MS)
    assert quota.allow("p999", 1, NOW_MS)


def test_a_time_is_counted_once_or_so_many_times_below_the_first_bound_that_holds_it() -> None:
    times = Histogram((0.1, 1.0))
    times.observe(0.1)
    times.observe(0.2, 3)
    times.observe(5.0)
    assert (times.counts, round(times.sum_s, 6)) == ([1, 3, 1], 5.7)


def test_delays_are_told_by_the_bounds_that_dashboards_draw() -> None:
    assert DELIVERY_BUCKETS_S == (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
    assert Histogram().counts == [0] * 14
