"""The link of a cabinet with a budget: live readings take what they need, a backlog the rest."""

import pytest

from gateway.admin.capacity.plan import at_rate, link_plan, read_figures
from gateway.core.batching.pacing import WRITE_BYTES

FIGURES = read_figures()


def test_behind_a_large_budget_live_readings_travel_as_they_do_without_one() -> None:
    plan = link_plan(10, 1_000_000, FIGURES)
    assert plan.live == pytest.approx(10 * at_rate(FIGURES.link_bytes, 10))
    assert plan.live + plan.backlog == 1_000_000
    assert not plan.is_exceeded


def test_behind_a_small_one_they_take_half_of_it_in_larger_writes() -> None:
    plan = link_plan(10, 4000, FIGURES)
    assert (plan.live, plan.backlog) == (2000, 2000)
    assert plan.catch_up == pytest.approx(10 * FIGURES.backlog_bytes / 2000)


def test_they_take_a_write_a_second_however_small_it_is_and_a_tenth_is_left_for_a_backlog() -> None:
    plan = link_plan(10, 500, FIGURES)
    assert plan.live == pytest.approx(WRITE_BYTES + 10 * FIGURES.backlog_bytes)
    assert plan.is_exceeded
    assert plan.backlog == 50
