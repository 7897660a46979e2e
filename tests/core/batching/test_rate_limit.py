"""Rejects of unregistered devices: invented names do not push out what is kept of others."""

from gateway.core.batching.rates import StrangersRateLimit
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS

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
