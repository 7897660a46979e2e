"""Rate limits of rejects: of one device and reason, and of unregistered devices, exact to the last one."""

from gateway.core.batching.rates import Bucket, RateLimit, StrangersRateLimit
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS


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
