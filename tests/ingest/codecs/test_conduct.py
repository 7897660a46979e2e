"""Codecs are suspended, and come back."""

import pytest

from gateway.ingest.codecs.protocol import SUSPENDED_FOR_S, Codec


def suspended_at(now_s: float) -> Codec:
    codec = Codec("a", 1, "")
    assert [codec.overran("slow", now_s - 2), codec.overran("slow", now_s - 1), codec.overran("slow", now_s)] == [
        False,
        False,
        True,
    ]
    return codec


def test_three_overruns_within_a_minute_suspend_a_codec() -> None:
    codec = suspended_at(100.0)
    assert codec.is_suspended(100.0)
    assert codec.why == "slow"


@pytest.mark.parametrize(
    ("third_s", "suspended"), [pytest.param(60.0, True, id="a minute"), pytest.param(60.1, False, id="more")]
)
def test_overruns_that_lie_further_apart_do_not(third_s: float, suspended: bool) -> None:  # noqa: FBT001
    codec = Codec("a", 1, "")
    assert not codec.overran("slow", 0.0)
    codec.in_time(1.0)
    assert not codec.overran("slow", 30.0)
    assert codec.overran("slow", third_s) is suspended


def test_after_ten_minutes_it_is_on_trial_and_one_overrun_is_enough() -> None:
    codec = suspended_at(100.0)
    later_s = 100.0 + SUSPENDED_FOR_S
    assert codec.is_suspended(later_s - 0.1)
    assert not codec.is_suspended(later_s)
    assert codec.overran("slow again", later_s)
    assert codec.is_suspended(later_s + SUSPENDED_FOR_S - 0.1)


def test_an_answer_in_time_ends_the_trial() -> None:
    codec = suspended_at(100.0)
    codec.in_time(100.0 + SUSPENDED_FOR_S)
    assert not codec.overran("slow", 101.0 + SUSPENDED_FOR_S)


def test_an_answer_from_before_the_suspension_does_not_end_it() -> None:
    codec = suspended_at(100.0)
    codec.in_time(100.1)
    assert codec.is_suspended(101.0)


def test_it_is_suspended_once_however_often_it_overran_meanwhile() -> None:
    codec = suspended_at(100.0)
    assert not codec.overran("slow", 500.0)
    assert not codec.is_suspended(100.0 + SUSPENDED_FOR_S)


# One device that sends what the codec cannot digest.


def slow(codec: Codec, now_s: float, *devices: str) -> list[bool]:
    """Tell for each of these devices if its frame suspended the codec; the frames come a second apart."""
    return [codec.overran("slow", now_s + number, device) for number, device in enumerate(devices)]


def test_three_slow_frames_of_one_device_make_only_its_own_wait() -> None:
    codec = Codec("a.js", 1, "")
    assert slow(codec, 100.0, "d1", "d1", "d1") == [False, False, True]
    assert codec.is_suspended(103.0, "d1")
    assert not codec.is_suspended(103.0, "d2")
    assert codec.suspended_as == "a.js for d1"


def test_when_a_second_device_shows_the_same_all_wait() -> None:
    codec = Codec("a.js", 1, "")
    slow(codec, 100.0, "d1", "d1", "d1")
    codec.in_time(103.0, "d3")
    assert slow(codec, 104.0, "d2", "d2", "d2") == [False, False, True]
    assert codec.is_suspended(107.0, "d3")
    assert codec.suspended_as == "a.js"
    assert codec.is_suspended(106.0 + SUSPENDED_FOR_S - 0.1, "d1")


def test_three_slow_frames_of_several_devices_make_all_wait() -> None:
    codec = Codec("a.js", 1, "")
    assert slow(codec, 100.0, "d1", "d2", "d1") == [False, False, True]
    assert codec.is_suspended(103.0, "d3")


def test_the_trial_of_a_device_is_its_own() -> None:
    codec = Codec("a.js", 1, "")
    slow(codec, 100.0, "d1", "d1", "d1")
    later_s = 102.0 + SUSPENDED_FOR_S
    assert not codec.is_suspended(later_s, "d1")
    codec.in_time(later_s, "d2")
    assert not codec.overran("slow", later_s, "d2")
    assert codec.overran("slow", later_s, "d1")
    assert codec.suspended_as == "a.js for d1"
    codec.in_time(later_s + SUSPENDED_FOR_S, "d1")
    assert not codec.why
