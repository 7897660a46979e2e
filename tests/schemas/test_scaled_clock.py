"""The arithmetic of a scaled clock, and the text that programs take it from."""

import pytest

from schemas.scaled_clock import ScaledTime, parse_scaled_time

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
    assert A_DAY_A_MINUTE.real_s(86_400.0) == 60.0


def test_what_one_program_writes_another_reads() -> None:
    assert parse_scaled_time(str(A_DAY_A_MINUTE)) == A_DAY_A_MINUTE


@pytest.mark.parametrize(
    "text", ["", "1,2", "1,2,3,4", "now,2,3", "1.5,2,3", "1,2,fast", "1,2,0", "1,2,-1", "1,2,inf", "1,2,nan"]
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"REAL_MS,SIMULATED_MS,SPEED|above 0"):
        parse_scaled_time(text)
