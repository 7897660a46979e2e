"""Workers that stand still are found, and the time until a store is full is told."""

import pytest

from gateway.core.status.history import Filling, Liveness, WorkerSight
from gateway.core.status.verdict import Finding, Level, of_room

PATIENCE_S = 45.0


def sight(*, has_work: bool = True, progress: float = 0, waits_for: str = "") -> WorkerSight:
    return WorkerSight("spool", has_work, progress, waits_for)


def looked(sights: list[WorkerSight], every_s: float = 20.0) -> list[str]:
    """Look at a worker again and again; the result of the last look."""
    liveness, found = Liveness(PATIENCE_S), []
    for number, one in enumerate(sights):
        found = liveness.stuck([one], number * every_s)
    return found


def test_a_worker_that_stands_still_with_work_is_stuck_once_patience_is_over() -> None:
    assert looked([sight()] * 3) == []
    assert looked([sight()] * 4) == ["spool"]


def test_one_that_advances_is_not_stuck() -> None:
    assert looked([sight(progress=number) for number in range(9)]) == []


def test_one_without_work_is_not_stuck() -> None:
    assert looked([sight(has_work=False)] * 9) == []


def test_one_that_waits_for_a_named_thing_is_not_stuck_however_long_that_is_away() -> None:
    assert looked([sight(waits_for="InfluxDB")] * 99) == []


def test_patience_begins_again_after_work_or_a_wait() -> None:
    assert looked([sight(), sight(), sight(waits_for="the disk"), sight(), sight()]) == []
    assert looked([sight(), sight(), sight(has_work=False), sight(), sight()]) == []
    assert looked([sight(), sight(), sight(progress=1), sight(progress=1), sight(progress=1)]) == []


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


def test_sizes_of_exactly_five_minutes_ago_count_and_an_emptied_store_begins_again() -> None:
    assert grown((0, 0), (300, 300)).seconds_left(100) == 100.0
    assert grown((0, 0), (300.1, 300)).seconds_left(100) is None
    assert grown((0, 900), (10, 0), (40, 30)).seconds_left(60) == 60.0
    assert grown((0, 0), (30, 30)).seconds_left(1) == 1.0


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
