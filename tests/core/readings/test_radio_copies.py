"""Frames seen lately: a copy is known by its key around its time, and the window stays small."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.readings.duplicates import FRAMES_MAX, RecentFrames
from tests.core.making import MINUTE_MS, NOW_MS, SECOND_MS

WINDOW_MS = 10 * MINUTE_MS
KEY = (85, 7, b"\1\2")


@pytest.mark.parametrize(
    ("key", "later_ms", "is_copy"),
    [
        pytest.param(KEY, 0, True, id="at-once"),
        pytest.param(KEY, 48 * SECOND_MS, True, id="sent-once-more"),
        pytest.param(KEY, WINDOW_MS, True, id="at-the-edge"),
        pytest.param(KEY, WINDOW_MS + 1, False, id="later"),
        pytest.param(KEY, -WINDOW_MS, True, id="the-copy-came-first"),
        pytest.param(KEY, -WINDOW_MS - 1, False, id="long-before"),
        pytest.param((85, 8, b"\1\2"), 0, False, id="another-counter"),
        pytest.param((85, 7, b"\1\3"), 0, False, id="other-bytes"),
    ],
)
def test_a_frame_is_a_copy_within_the_window_around_its_time(key: object, later_ms: int, is_copy: bool) -> None:  # noqa: FBT001
    frames = RecentFrames()
    assert not frames.see(KEY, NOW_MS, WINDOW_MS)
    assert frames.see(key, NOW_MS + later_ms, WINDOW_MS) is is_copy


def test_the_window_may_differ_from_call_to_call() -> None:
    frames = RecentFrames()
    assert not frames.see(KEY, NOW_MS, WINDOW_MS)
    assert not frames.see(KEY, NOW_MS + 2 * SECOND_MS, SECOND_MS)
    assert frames.see(KEY, NOW_MS + 3 * SECOND_MS, SECOND_MS)


def test_the_oldest_frame_makes_room_and_the_others_stay_known() -> None:
    frames = RecentFrames()
    for counter in range(FRAMES_MAX + 1):
        assert not frames.see(counter, NOW_MS, WINDOW_MS)
    assert len(frames) == 16 * FRAMES_MAX
    assert all(frames.see(counter, NOW_MS, WINDOW_MS) for counter in range(1, FRAMES_MAX + 1))
    assert not frames.see(0, NOW_MS, WINDOW_MS)


def test_a_copy_is_not_remembered_anew() -> None:
    frames = RecentFrames()
    for _ in range(3 * FRAMES_MAX):
        frames.see(KEY, NOW_MS, WINDOW_MS)
    assert len(frames) == 16


NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(st.integers(-2, 2) | NUMBERS, st.integers(0, 40) | NUMBERS), max_size=80))
def test_the_packed_window_knows_what_a_list_would_know(seen: list[tuple[int, int]]) -> None:
    """Words that fall across two entries, or a time that looks like a key, are no frames."""
    frames = RecentFrames()
    known: list[tuple[int, int]] = []
    for key, at_ms in seen:
        is_copy = any(hash(key) == word and abs(at_ms - then_ms) <= 10 for word, then_ms in known)
        assert frames.see(key, at_ms, 10) is is_copy
        if not is_copy:
            known = [*known, (hash(key), at_ms)][-FRAMES_MAX:]
