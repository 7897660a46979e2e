"""The backlog takes what live readings leave, always comes in, and a province does not come back in step."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.batching.catch_up import DrainShare, Progress, start_pause_s
from gateway.core.batching.pacing import Backoff
from tests.core.batching.slow_database import SlowDatabase

MOST = 5000


def test_a_catch_up_begins_with_a_few_readings_and_doubles_while_answers_are_in_time() -> None:
    share = DrainShare(MOST)
    sizes = []
    for _ in range(6):
        sizes.append(share.readings)
        share.written(0.02, 0.005)
    assert sizes == [200, 400, 800, 1600, 3200, MOST]


def test_late_live_answers_halve_the_next_write_and_it_grows_by_steps_from_then_on() -> None:
    share = DrainShare(MOST, readings=4000)
    share.written(0.02, 0.005)
    assert share.readings == MOST
    share.written(0.05, 0.2)
    assert share.readings == MOST // 2
    share.written(0.05, 0.01)
    assert share.readings == MOST // 2 + 250


def test_an_answer_to_our_own_write_ends_the_doubling_and_shrinks_only_far_beyond_the_usual() -> None:
    share = DrainShare(MOST, readings=1000)
    share.written(0.15, 0.005)
    assert share.readings == 1250
    share.written(0.45, 0.005)
    assert share.readings == 625


def test_a_database_that_is_far_away_is_not_taken_for_a_busy_one() -> None:
    share = DrainShare(MOST)
    for _ in range(10):
        share.written(0.62, 0.61)
    assert (share.readings, share.pause_s) == (MOST, 0.0)


def test_a_way_that_becomes_longer_for_good_is_the_usual_one_after_a_while() -> None:
    share = DrainShare(MOST)
    share.written(0.01, 0.005)
    for _ in range(100):
        share.written(0.62, 0.61)
    assert share.pause_s == 0.0


def test_live_readings_that_went_to_the_journal_count_as_late() -> None:
    share = DrainShare(MOST, readings=4000)
    share.written(0.02, None, held_up=True)
    assert share.readings == 2000


def test_a_refused_write_of_several_rows_makes_each_go_alone() -> None:
    share = DrainShare(MOST, readings=4000)
    share.refused()
    assert share.readings == 1
    share.written(0.02, None)
    assert share.readings == 2


def test_a_write_that_was_too_large_is_not_tried_again() -> None:
    share = DrainShare(MOST, readings=4000)
    share.too_large(4000)
    for _ in range(20):
        share.written(0.02, None)
    assert share.readings == 2000


@given(st.lists(st.tuples(st.floats(0, 60), st.none() | st.floats(0, 60), st.booleans())), st.integers(1, 10_000))
def test_whatever_is_answered_there_is_always_a_next_write_within_half_a_second(
    answers: list[tuple[float, float | None, bool]], most: int
) -> None:
    share = DrainShare(most)
    for answer_s, live_s, held_up in answers:
        share.written(answer_s, live_s, held_up=held_up)
        assert min(200, most) <= share.readings <= most
        assert 0 <= share.pause_s <= 0.5


@pytest.mark.parametrize(
    ("database", "drained_of_spare", "live_p99_ms"),
    [
        pytest.param(SlowDatabase(50_000), 0.5, 250, id="quick"),
        pytest.param(SlowDatabase(10_000), 0.5, 500, id="slow"),
        pytest.param(SlowDatabase(3000), 0.5, 600, id="hardly-enough"),
        pytest.param(SlowDatabase(50_000, away_ms=300), 0.1, 1000, id="far-away"),
        pytest.param(SlowDatabase(5000, away_ms=300), 0.2, 1200, id="slow-and-far-away"),
        pytest.param(SlowDatabase(5000, row=1000), 0.5, 500, id="large-rows"),
    ],
)
def test_a_backlog_comes_in_beside_live_readings(database: SlowDatabase, drained_of_spare: float, live_p99_ms: int) -> None:
    """A database with one worker, the worst there is: what it does for one lane the other waits for."""
    spare_per_s = database.per_s - database.live_per_s
    took_ms = database.drain(30_000, within_ms=60_000)
    assert took_ms is not None
    assert 30_000 / took_ms * 1000 >= spare_per_s * drained_of_spare
    assert database.live_p99_ms() <= live_p99_ms


@pytest.mark.parametrize("away_s", [5.0, 60.0, 3600.0])
@pytest.mark.parametrize(
    ("backoff", "together"),
    [pytest.param((0.1, 5.0), 60, id="probe-of-influxdb"), pytest.param((0.2, 2.0), 120, id="reconnect-to-the-broker")],
)
def test_a_thousand_gateways_do_not_come_back_in_step(backoff: tuple[float, float], together: int, away_s: float) -> None:
    """All lost the server in the same instant, and it is back for all in the same instant."""
    chance = Random(7)  # noqa: S311 - the same every time
    came_s = []
    for _ in range(1000):
        mine = Backoff(*backoff)
        now_s = 0.0
        while now_s < away_s:
            now_s += mine.next_s(chance.random())
        came_s.append(now_s)
    assert most_within(came_s, 0.1) <= together


def test_a_thousand_gateways_do_not_begin_with_their_backlogs_in_step() -> None:
    """A database that was stopped and goes on answers all of them in the same instant."""
    chance = Random(7)  # noqa: S311 - the same every time
    began_s = [start_pause_s(60.0, chance.random()) for _ in range(1000)]
    assert most_within(began_s, 0.1) <= 80


def most_within(instants_s: list[float], window_s: float) -> int:
    """The most of them that lie in any window."""
    ordered = sorted(instants_s)
    return max(sum(first <= other <= first + window_s for other in ordered[at : at + 500]) for at, first in enumerate(ordered))


def test_a_short_outage_is_followed_by_a_short_pause() -> None:
    assert start_pause_s(0.5, 1.0) == 0.1
    assert start_pause_s(86_400.0, 1.0) == 2.0


def test_progress_tells_the_rate_of_the_last_seconds() -> None:
    progress = Progress()
    assert progress.per_s(100.0) is None
    for tenth in range(200):
        progress.add(10 if tenth < 100 else 100, 100.0 + tenth / 10)
    assert progress.per_s(120.0) == pytest.approx(1000, rel=0.05)
    assert progress.brought_in == 11_000


def test_progress_tells_no_rate_when_nothing_came_in_for_long() -> None:
    progress = Progress()
    progress.add(1000, 100.0)
    progress.add(1000, 101.0)
    assert progress.per_s(104.0) == 500
    assert progress.per_s(112.0) is None
    progress.end()
    assert (progress.brought_in, progress.began_s, progress.per_s(112.0)) == (0, None, None)


def test_writes_that_are_far_apart_have_a_rate_too() -> None:
    """Behind a small budget of the link a write comes every half minute."""
    progress = Progress()
    for write in range(20):
        progress.add(300, write * 30.0)
    assert progress.per_s(19 * 30.0 + 5.0) == pytest.approx(10, rel=0.1)
    assert progress.per_s(19 * 30.0 + 100.0) is None


def readings_after(share: DrainShare, *answers_s: float) -> list[int]:
    """The readings of the next write after each answer."""
    found = []
    for answer_s in answers_s:
        share.written(answer_s, None)
        found.append(share.readings)
    return found


def pauses_after(share: DrainShare, *answers_s: float) -> list[float]:
    """The pause before the next write after each answer."""
    found = []
    for answer_s in answers_s:
        share.written(answer_s, None)
        found.append(share.pause_s)
    return found


def test_writes_double_until_one_is_late_then_grow_by_steps_and_halve_when_far_too_late() -> None:
    share = DrainShare(5000)
    assert readings_after(share, 0.05, 0.05, 0.15) == [400, 800, 1600], "a tenth of a second is in time"
    assert readings_after(share, 0.16, 0.05, 0.34) == [1850, 2100, 2350], "nothing doubles any more"
    assert readings_after(share, 0.36, 0.36, 0.36, 0.36) == [1175, 587, 293, 200]
    assert pauses_after(share, *[0.36] * 5) == [0.05, 0.1, 0.2, 0.4, 0.5]
    assert share.readings == 200


def test_the_pause_ends_before_writes_grow_again() -> None:
    share = DrainShare(5000, pause_s=0.4)
    assert pauses_after(share, *[0.05] * 5) == [0.2, 0.1, 0.05, 0.0, 0.0]
    assert share.readings == 400, "only the last of them grew"


def test_an_answer_that_even_the_smallest_share_does_not_restore_becomes_the_usual_one() -> None:
    share = DrainShare(5000, readings=200, pause_s=0.5)
    share.written(0.05, 0.05)
    share.pause_s = 0.5
    share.written(0.85, None)
    share.written(0.39, None)
    assert share.pause_s == 0.25, "0.1 s is usual by now, a sixteenth of the way"


def test_live_readings_that_wait_or_went_to_the_journal_make_the_next_write_smaller() -> None:
    for live_s, held_up, readings in ((0.15, False, 2000), (0.16, False, 500), (0.05, True, 500)):
        share = DrainShare(5000, readings=1000)
        share.written(0.05, 0.05)
        share.readings = 1000
        share.written(0.05, live_s, held_up=held_up)
        assert share.readings == readings, (live_s, held_up)


def test_a_write_is_never_above_what_was_accepted_and_begins_small_after_a_refusal() -> None:
    assert (DrainShare(100).readings, DrainShare(5000).readings) == (100, 200)
    share = DrainShare(5000, readings=1000)
    share.too_large(801)
    assert (share.most, share.readings) == (400, 400)
    share.too_large(4000)
    assert (share.most, share.readings) == (2000, 400)
    share.refused()
    assert (share.readings, readings_after(share, 0.05, 0.05)) == (1, [2, 4])
    share.put_off()
    assert (share.readings, readings_after(share, 0.05)) == (200, [400])
    share.too_large(1)
    assert (share.most, share.readings) == (1, 1)
    small = DrainShare(100)
    small.written(0.05, None, held_up=True)
    assert (small.readings, small.pause_s) == (100, 0.05), "it cannot shrink, so it waits"


def test_the_pace_is_that_of_ten_seconds_or_of_three_writes() -> None:
    quick = Progress()
    quick.add(100, 0.0)
    assert [quick.per_s(now_s) for now_s in (0.0, 0.24, 0.25, 1.0)] == [None, None, 400.0, 100.0]
    quick.add(50, 0.24)
    quick.add(50, 0.25)
    assert [quick.per_s(now_s) for now_s in (0.5, 10.25, 10.26)] == [400.0, pytest.approx(200 / 10.25), None]
    slow = Progress()
    for now_s in (0.0, 20.0, 40.0, 60.0):
        slow.add(100, now_s)
    assert (slow.per_s(60.0), slow.per_s(80.0), slow.per_s(100.1)) == (5.0, 5.0, None)
    assert (slow.brought_in, slow.began_s) == (400, 0.0)
    slow.end()
    assert (slow.brought_in, slow.began_s, slow.per_s(61.0)) == (0, None, None)
    steady = Progress()
    for second in range(30):
        steady.add(10, float(second))
    assert steady.per_s(29.0) == pytest.approx(110 / 10), "what came in before has been forgotten"
