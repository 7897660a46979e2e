"""The time until a store is full, from the pace of the last minutes."""

import pytest

from gateway.core.status.progress import Filling
from gateway.core.status.verdict import Finding, Level, of_room

MIB = 2**20
HOUR_S = 3600.0


def grown(*sizes: tuple[float, int]) -> Filling:
    filling = Filling()
    for now_s, size_bytes in sizes:
        filling.note(now_s, size_bytes)
    return filling


def test_the_time_left_follows_the_pace_of_the_last_five_minutes() -> None:
    slow_then_fast = grown((0, 0), (100, 10), (400, 40), (500, 1040), (700, 3040))
    assert slow_then_fast.seconds_left(3000) == pytest.approx(300.0)


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([], id="unmeasured"),
        pytest.param([(0, 0), (20, 100)], id="too-short"),
        pytest.param([(0, 100), (60, 100)], id="at-rest"),
        pytest.param([(0, 100), (60, 200), (65, 0), (70, 10)], id="emptied-just-now"),
    ],
)
def test_a_store_that_does_not_grow_is_never_full(sizes: list[tuple[float, int]]) -> None:
    assert grown(*sizes).seconds_left(1000) is None


def test_a_store_without_room_is_full_now() -> None:
    assert grown((0, 0), (60, 600)).seconds_left(-5) == 0


@pytest.mark.parametrize(
    ("left_s", "free_mib", "found"),
    [
        pytest.param(None, None, [], id="nothing-known"),
        pytest.param(73 * HOUR_S, 400, [], id="days"),
        pytest.param(5.9 * HOUR_S, 400, [Finding("journal_full_in_hours", Level.ATTENTION, {"hours": 5})], id="hours"),
        pytest.param(90.0, 400, [Finding("journal_full_in_minutes", Level.TROUBLE, {"minutes": 2})], id="minutes"),
        pytest.param(None, 399, [Finding("disk_short", Level.ATTENTION, {"free": 399, "least": 200})], id="disk-nearly"),
        pytest.param(None, 199, [Finding("disk_short", Level.TROUBLE, {"free": 199, "least": 200})], id="disk-short"),
    ],
)
def test_room_that_ends_is_told_in_time(left_s: float | None, free_mib: int | None, found: list[Finding]) -> None:
    assert of_room(left_s, None if free_mib is None else free_mib * MIB, 200 * MIB) == found
