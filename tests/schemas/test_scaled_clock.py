"""The arithmetic of a scaled clock, and the text that programs take it from."""

import pytest

from schemas.scaled_clock import ScaledTime, parse_scaled_time
from tests.rows import each_row

A_DAY_A_MINUTE = ScaledTime(1_793_491_200_000, 1_790_812_800_000, 1440.0)


@pytest.mark.parametrize(
    ("real_ns", "simulated_ms"),
    [
        (1_793_491_200_000_000_000, 1_790_812_800_000),
        (1_793_491_200_500_000_000, 1_790_812_800_000 + 720_000),
        (1_793_491_260_000_000_000, 1_790_812_800_000 + 86_400_000),
        (1_793_491_200_000_100_000, 1_790_812_800_144),
        (1_793_491_199_000_000_000, 1_790_812_800_000 - 1_440_000),
    ],
    ids=["origin", "half a second", "a minute", "finer than a millisecond", "before"],
)
def test_a_real_time_has_one_simulated_time(real_ns: int, simulated_ms: int) -> None:
    assert A_DAY_A_MINUTE.at_ms(real_ns) == simulated_ms


def test_simulated_seconds_take_fewer_real_ones() -> None:
    assert A_DAY_A_MINUTE.real_s(86_400.0, A_DAY_A_MINUTE.simulated_ms) == 60.0


def test_a_clock_that_begins_in_the_past_catches_up_with_real_time_and_goes_on_with_it() -> None:
    clock = ScaledTime(1_000_000_000, 1_000_000_000 - 99_000, 100.0)
    assert clock.caught_up_ms == 1_000_001_000
    assert clock.at_ms(1_000_000_999_000_000) == 1_000_000_900
    assert clock.at_ms(1_000_001_500_000_000) == 1_000_001_500
    assert clock.real_s(50.0, clock.simulated_ms) == 0.5
    assert clock.real_s(101.0, clock.simulated_ms) == 2.0, "a second of it is real"
    assert clock.real_s(7.0, 1_000_002_000) == 7.0


@pytest.mark.parametrize("clock", [ScaledTime(1000, 2000, 9.0), ScaledTime(1000, 0, 1.0)], ids=["ahead", "slow"])
def test_a_clock_that_is_ahead_or_no_faster_never_meets_real_time(clock: ScaledTime) -> None:
    assert clock.caught_up_ms is None
    assert clock.at_ms(3_000_000_000) == clock.simulated_ms + 2000 * clock.speed


def test_what_one_program_writes_another_reads() -> None:
    assert parse_scaled_time(str(A_DAY_A_MINUTE)) == A_DAY_A_MINUTE


@each_row("text", ["", "1,2", "1,2,3,4", "now,2,3", "1.5,2,3", "1,2,fast", "1,2,0", "1,2,-1", "1,2,inf", "1,2,nan"])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"REAL_MS,SIMULATED_MS,SPEED|above 0"):
        parse_scaled_time(text)
