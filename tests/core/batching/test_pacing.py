"""Pacing of writes: the next starts soon after few readings, and evenly beside others while InfluxDB is slow."""

import pytest

from gateway.core.batching.pacing import Pacing


@pytest.mark.parametrize(
    ("readings", "wait_s"),
    [
        pytest.param(0, 0.0, id="nothing-costs-nothing"),
        pytest.param(1, 0.005, id="one-reading"),
        pytest.param(2, 0.010, id="two"),
        pytest.param(5000, 0.010, id="many-wait-max-delay"),
    ],
)
def test_the_next_write_starts_after_5_ms_a_reading_and_max_delay_at_most(readings: int, wait_s: float) -> None:
    pace = Pacing(max_delay_s=0.010)
    pace.started(readings, now_s=100.0)
    assert pace.wait_s(100.0) == pytest.approx(wait_s)


def test_the_delay_counts_from_the_start_of_a_write_and_a_pause_leaves_nothing_of_it() -> None:
    pace = Pacing(max_delay_s=0.010)
    assert pace.wait_s(0.0) <= 0
    pace.started(5000, now_s=100.0)
    assert pace.wait_s(100.004) == pytest.approx(0.006)
    assert pace.wait_s(100.010) <= 1e-9
    assert pace.wait_s(200.0) < 0


def answered(*seconds: float) -> Pacing:
    """A pace that has seen a write at 100 s, and these answers."""
    pace = Pacing(max_delay_s=0.010)
    pace.started(5000, now_s=100.0)
    for each in seconds:
        pace.answered(each)
    return pace


@pytest.mark.parametrize(
    ("pace", "waited_s", "lanes"),
    [
        pytest.param(answered(), 0.0, 1, id="nothing-known"),
        pytest.param(answered(*[0.09] * 50), 0.09, 1, id="quick"),
        pytest.param(answered(), 0.11, 4, id="the-first-that-is-slow"),
        pytest.param(answered(*[0.3] * 8), 0.0, 4, id="slow-lately"),
        pytest.param(answered(0.3), 0.0, 1, id="slow-once"),
        pytest.param(answered(*[0.3] * 8, *[0.01] * 20), 0.0, 1, id="quick-again"),
    ],
)
def test_several_writes_are_under_way_while_answers_take_long(pace: Pacing, waited_s: float, lanes: int) -> None:
    assert pace.lanes(waited_s) == lanes


def test_slow_writes_start_a_quarter_of_an_answer_apart() -> None:
    """Started together they would be answered, and start again, together: readings would wait as long as an answer takes."""
    pace = answered(*[0.4] * 100)
    assert pace.wait_s(100.0) == pytest.approx(0.1, abs=1e-4)
    assert pace.wait_s(100.0, waited_s=0.8) == pytest.approx(0.2, abs=1e-4)


def test_a_broker_that_cannot_wait_has_slow_writes_start_at_once() -> None:
    pace = answered(*[0.4] * 100)
    assert pace.wait_s(100.0, waited_s=0.8, under_pressure=True) == pytest.approx(0.010)


def test_a_write_waits_until_the_one_before_it_has_had_its_time_on_the_link() -> None:
    pace = Pacing(max_delay_s=0.010)
    pace.started(1, now_s=100.0, link_s=0.6)
    assert pace.wait_s(100.0) == pytest.approx(0.6)
    assert pace.wait_s(100.0, under_pressure=True) == pytest.approx(0.005), "the broker cannot wait for the link"
    pace.started(1, now_s=101.0)
    assert pace.wait_s(101.0) == pytest.approx(0.005)
