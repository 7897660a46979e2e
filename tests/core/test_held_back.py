"""Readings that a broker held back while the gateway was away: they say nothing about the gateway's clock."""

from collections.abc import Callable, Iterator
from itertools import product

import pytest

from gateway.core.message import StoredMessage
from gateway.core.process import Processor
from schemas.quantities import Quality
from tests.core import profiled
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, SECOND_MS, message, pipeline, point, topic

RIGHT = [f"right-{n}" for n in range(54)]
FAST = {"fast": 7 * HOUR_MS, "fast-2": 2 * HOUR_MS, "fast-3": 20 * MINUTE_MS}
CLOCKS_MS = {**dict.fromkeys(RIGHT, 0), **FAST, **dict.fromkeys(("slow", "slow-2", "slow-3"), -7 * HOUR_MS)}
EVERY_MS = MINUTE_MS
LIVE_MS = 20 * MINUTE_MS
"""How long the fleet is heard before and behind the backlog."""

PROFILE = """
match: {topic: 'meters/{device}'}
site: {literal: s1}
time: [{path: /at, format: unix_ms, max_past: 2d, max_future: 10min}, arrival]
points: [{measurement: water, fields: {ph: /ph}}]
"""
"""A window of its own, so that the profile asks for the time itself."""


def native(device: str, at_ms: int) -> StoredMessage:
    return message({"ts": at_ms, "ph": 7}, topic(device))


def by_profile(device: str, at_ms: int) -> StoredMessage:
    return profiled.sent({"at": at_ms, "ph": 7}, f"meters/{device}")


def held_back(stop_ms: int, drain_ms: int) -> Iterator[tuple[str, int, int]]:
    """Each device's readings in the order in which the broker hands them out: its name, the right time, that of arrival."""
    for step in range(-LIVE_MS, stop_ms + drain_ms + LIVE_MS, EVERY_MS // len(CLOCKS_MS)):
        device = list(CLOCKS_MS)[step // (EVERY_MS // len(CLOCKS_MS)) % len(CLOCKS_MS)]
        waited_until = stop_ms + step * drain_ms // (stop_ms + drain_ms)
        yield device, NOW_MS + step, NOW_MS + (step if step < 0 else max(step, waited_until))


STOPS_MS = {"5-min-30-s": 330 * SECOND_MS, "30-min": 30 * MINUTE_MS, "3-h": 3 * HOUR_MS}
DRAINS_MS = {"10-s": 10 * SECOND_MS, "20-min": 20 * MINUTE_MS, "an-hour": HOUR_MS}
READINGS = {"native": (pipeline, native), "profile": (lambda: profiled.pipeline(PROFILE), by_profile)}
ALL = list(product(READINGS, STOPS_MS, DRAINS_MS))
OFTEN = ALL[::2]
"""Each stop with each time of handing out what was held back, by one of the two ways; the other is for test-all."""


@pytest.mark.parametrize(
    ("into", "reading", "stop_ms", "drain_ms"),
    [
        pytest.param(
            *(*READINGS[way], STOPS_MS[stop], DRAINS_MS[drain]),
            id=f"{way}-{stop}-{drain}",
            marks=[] if (way, stop, drain) in OFTEN else [pytest.mark.slow],
        )
        for way, stop, drain in ALL
    ],
)
def test_what_comes_late_is_no_evidence_against_the_clock_of_the_gateway(
    into: Callable[[], Processor], reading: Callable[[str, int], StoredMessage], stop_ms: int, drain_ms: int
) -> None:
    """None is filed in the future, none of a clock ahead at another time than its arrival, and no right one is marked."""
    core = into()
    for device, at_ms, now_ms in held_back(stop_ms, drain_ms):
        core.trust.see_time(now_ms, now_ms)
        sent_ms = at_ms + CLOCKS_MS[device]
        got = point(core.process(reading(device, sent_ms), now_ms))
        assert not core.trust.doubted, (device, now_ms - at_ms)
        if device in FAST:
            assert (got.time_ms, got.fields["quality"]) == (now_ms, Quality.GATEWAY_TIME)
        else:
            late = Quality.HISTORIC if sent_ms < now_ms - HOUR_MS else 0
            assert (got.time_ms, got.fields["quality"]) == (sent_ms, late), device
