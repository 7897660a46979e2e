"""Devices tell of the gateway's clock: at once that it is behind, after a while that it is ahead."""

import random
from collections.abc import Callable

import pytest

from gateway.core.message import StoredMessage
from gateway.core.readings.clock_trust import FEWEST_DEVICES, ClockTrust
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, message, pipeline, point, quality, topic, trusted_clock

LATE_MS = -3 * HOUR_MS


def hear(trust: ClockTrust, minutes: range, offset_ms: Callable[[int, int], int], *, devices: int = 30) -> None:
    """Let each device be heard in each of these minutes."""
    for minute in minutes:
        for number in range(devices):
            now_ms = NOW_MS + minute * MINUTE_MS + number
            trust.see_time(now_ms, now_ms)
            trust.see_device(f"d{number}", offset_ms(number, minute), now_ms)


@pytest.mark.parametrize("devices", [FEWEST_DEVICES, 30])
@pytest.mark.parametrize("every", [1, 15])
def test_devices_that_stay_behind_by_the_same_show_that_the_clock_is_ahead(devices: int, every: int) -> None:
    noise = random.Random(5)  # noqa: S311 - made-up clocks
    offsets_ms = [LATE_MS + noise.randint(-2 * MINUTE_MS, 2 * MINUTE_MS) for _ in range(devices)]
    trust = trusted_clock()
    hear(trust, range(0, 15, every), lambda number, _: offsets_ms[number], devices=devices)
    assert not trust.doubted
    hear(trust, range(15, 21, every), lambda number, _: offsets_ms[number], devices=devices)
    assert (trust.doubted, trust.behind) == (True, False)
    assert abs(trust.off_ms - LATE_MS) <= 2 * MINUTE_MS


def test_fewer_devices_show_nothing_however_long_they_stay_behind() -> None:
    trust = trusted_clock()
    hear(trust, range(500), lambda _, __: LATE_MS, devices=FEWEST_DEVICES - 1)
    assert not trust.doubted


def test_the_doubt_ends_with_the_first_devices_that_are_right_again() -> None:
    trust = trusted_clock()
    hear(trust, range(30), lambda _, __: LATE_MS)
    assert trust.doubted
    hear(trust, range(30, 31), lambda _, __: 0)
    assert not trust.doubted


def test_readings_that_waited_do_not_take_the_place_of_fresher_ones_of_a_device() -> None:
    """Each device sends what it holds now and, between, what it held back: by the same, for an hour."""
    trust = trusted_clock()
    hear(trust, range(60), lambda _, minute: LATE_MS if minute % 2 else 0)
    assert not trust.doubted


def test_devices_that_were_late_once_and_fell_silent_cast_no_doubt() -> None:
    """Meters that speak once an hour: what they said when the gateway came back is not said again, but by very few."""
    trust = trusted_clock()
    hear(trust, range(1), lambda _, __: LATE_MS)
    for minute in range(1, 60):
        now_ms = NOW_MS + minute * MINUTE_MS
        trust.see_time(now_ms, now_ms)
        if minute % 13 == 0:
            trust.see_device(f"d{minute}", LATE_MS, now_ms)
        trust.judge(now_ms)
        assert not trust.doubted, minute


def test_what_devices_said_hours_ago_is_no_evidence_any_more() -> None:
    trust = trusted_clock()
    hear(trust, range(1), lambda _, __: HOUR_MS)
    for minutes, doubted in ((5, True), (179, True), (200, False)):
        now_ms = NOW_MS + minutes * MINUTE_MS
        trust.see_time(now_ms, now_ms)
        assert trust.judge(now_ms) is doubted, minutes


@pytest.mark.parametrize("devices", [1, 4, 5, 30])
@pytest.mark.parametrize("told_by", ["the saved time", "the database"])
def test_a_gateway_three_hours_behind_at_its_start_believes_devices_that_are_right(devices: int, told_by: str) -> None:
    trust = trusted_clock(saved_ms=NOW_MS - LATE_MS if told_by == "the saved time" else 0)
    into = pipeline(trust=trust)
    trust.see_time(NOW_MS, 0)
    trust.judge(NOW_MS)
    if told_by == "the database":
        trust.see_influxdb(-LATE_MS, NOW_MS)
    for number in range(devices):
        got = point(into.process(reading(f"d{number}", NOW_MS - LATE_MS), NOW_MS))
        assert (got.time_ms, got.fields["quality"]) == (NOW_MS - LATE_MS, 0)
    assert trust.behind


@pytest.mark.parametrize("devices", [5, 30])
def test_devices_alone_show_it_where_nothing_else_can(devices: int) -> None:
    into = pipeline()
    told = [quality(into.process(reading(f"d{number}", NOW_MS - LATE_MS), NOW_MS)) for number in range(devices)]
    assert told == [1] * (FEWEST_DEVICES - 1) + [0] * (devices - FEWEST_DEVICES + 1)


def test_a_gateway_that_is_ahead_believes_late_devices_and_none_from_the_future() -> None:
    """A meter that is seven hours fast is as wrong as before."""
    into = pipeline()
    into.trust.see_influxdb(LATE_MS, NOW_MS)
    assert (into.trust.doubted, into.trust.behind) == (True, False)
    assert point(into.process(reading("late", NOW_MS + LATE_MS), NOW_MS)).time_ms == NOW_MS + LATE_MS
    assert point(into.process(reading("fast", NOW_MS + 7 * HOUR_MS), NOW_MS)).time_ms == NOW_MS


def test_each_device_is_asked_about_its_clock_once_in_some_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    into, seen = pipeline(), list[str]()
    see_device = into.trust.see_device

    def note(device: str, offset_ms: int, now_ms: int) -> None:
        seen.append(device)
        see_device(device, offset_ms, now_ms)

    monkeypatch.setattr(into.trust, "see_device", note)
    for minute in range(60):
        now_ms = NOW_MS + minute * MINUTE_MS
        into.trust.see_time(now_ms, now_ms)
        for number in range(FEWEST_DEVICES):
            into.process(reading(f"d{number}", now_ms), now_ms)
    assert len(seen) == 12 * FEWEST_DEVICES


def reading(device: str, at_ms: int) -> StoredMessage:
    return message({"ts": at_ms, "ph": 7}, topic(device))


def test_the_few_that_speak_first_in_a_round_do_not_decide_alone() -> None:
    """Five of sixty are hours ahead, and speak just after a round has begun."""
    trust = trusted_clock()
    hear(trust, range(6), lambda number, _: 0 if number < 55 else 7 * HOUR_MS, devices=60)
    trust.see_time(NOW_MS + 11 * MINUTE_MS, NOW_MS + 11 * MINUTE_MS)
    for number in range(55, 60):
        trust.see_device(f"d{number}", 7 * HOUR_MS, NOW_MS + 11 * MINUTE_MS + number)
    assert not trust.doubted


def test_devices_whose_clocks_are_known_as_wrong_tell_nothing_of_that_of_the_gateway() -> None:
    into = pipeline()
    for quarter in range(6):
        now_ms = NOW_MS + quarter * 15 * MINUTE_MS
        into.trust.see_time(now_ms, now_ms)
        for number in range(9):
            into.process(reading(f"d{number}", now_ms + (7 * HOUR_MS if number < 4 else 0)), now_ms)
    later_ms = NOW_MS + 4 * HOUR_MS  # since then too few have spoken
    into.trust.see_time(later_ms, later_ms)
    for number in (0, 1, 2, 3, 4):
        into.process(reading(f"d{number}", later_ms + (7 * HOUR_MS if number < 4 else 0)), later_ms)
    assert not into.trust.doubted
