"""Pacing of reads: messages wait for the next write or read where that saves wake-ups, and nowhere else."""

import pytest

from gateway.core.batching.pacing import ReadPacing

NEAR_S, FAR_S = 0.0003, 0.02


def after(readings: int, apart_s: float = 0.01) -> ReadPacing:
    """The pacing after a write of so many readings that started so long after the one before."""
    pacing = ReadPacing()
    pacing.started(1, 100.0)
    pacing.started(readings, 100.0 + apart_s)
    return pacing


def wait_s(readings: int, *, apart_s: float = 0.01, next_write_s: float = 0.009, round_trip_s: float = NEAR_S) -> float:
    """The wait after a write of so many readings that started so long after the one before."""
    return after(readings, apart_s).wait_s(next_write_s, round_trip_s)


@pytest.mark.parametrize("readings", [pytest.param(5, id="500-a-second"), pytest.param(99, id="nearly-10000-a-second")])
def test_while_writes_follow_each_other_messages_wait_for_the_next(readings: int) -> None:
    assert wait_s(readings) == pytest.approx(0.009)


@pytest.mark.parametrize(
    ("readings", "apart_s"),
    [
        pytest.param(1, 0.1, id="10-a-second"),
        pytest.param(1, 0.01, id="100-a-second"),
        pytest.param(20, 10.0, id="many-at-once-after-a-pause"),
        pytest.param(150, 0.01, id="15000-a-second"),
        pytest.param(5000, 0.05, id="saturation"),
    ],
)
def test_rare_and_very_many_messages_wait_for_no_write(readings: int, apart_s: float) -> None:
    assert wait_s(readings, apart_s=apart_s) == 0


def test_the_first_write_of_all_lets_no_message_wait() -> None:
    pacing = ReadPacing()
    pacing.started(10, 100.0)
    assert pacing.wait_s(0.009, NEAR_S) == 0
    assert pacing.apart_s == 0


@pytest.mark.parametrize(
    ("readings", "apart_s"), [pytest.param(150, 0.01, id="15000-a-second"), pytest.param(5000, 0.05, id="saturation")]
)
def test_very_many_messages_are_read_two_milliseconds_apart(readings: int, apart_s: float) -> None:
    assert after(readings, apart_s).apart_s == pytest.approx(0.002)


def test_fewer_messages_are_read_as_they_come_again() -> None:
    pacing = after(5000, 0.05)
    pacing.started(1, 100.2)
    assert pacing.apart_s == 0


@pytest.mark.parametrize("round_trip_s", [pytest.param(FAR_S, id="far"), pytest.param(float("inf"), id="unknown")])
def test_a_broker_that_sends_held_back_messages_too_late_is_read_as_they_come(round_trip_s: float) -> None:
    assert wait_s(10, round_trip_s=round_trip_s) == 0


def test_a_wait_that_is_too_short_to_save_anything_is_not_made() -> None:
    assert wait_s(10, next_write_s=0.002) == 0


def test_no_message_waits_unseen_for_long_whatever_the_pace_of_writes() -> None:
    assert wait_s(1000, apart_s=1.0, next_write_s=1.0) == pytest.approx(0.05)
