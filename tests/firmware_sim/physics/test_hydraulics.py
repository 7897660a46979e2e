"""Water in pipes: what friction takes, what leaks, what a tank holds, and a network in balance."""

import math
from itertools import pairwise

import pytest

from firmware_sim.physics.hydraulics import Pipe, chlorine_left, head_loss_m, leak_m3_h, level_after_m, pressure_kpa
from firmware_sim.physics.network import Junction, Leak, Network, PipeBetween, Tank, follow, pressure_head_m, solve

MAIN = Pipe(1_000, 0.3, 100)
TOWN = Network(
    {"a": Junction(10, 20), "b": Junction(5, 30, Leak(0.5, 1.1)), "c": Junction(8, 10)},
    [
        PipeBetween("source", "a", MAIN),
        PipeBetween("a", "b", Pipe(500, 0.2, 110)),
        PipeBetween("b", "c", Pipe(400, 0.15, 110)),
        PipeBetween("a", "c", Pipe(700, 0.15, 110)),
        PipeBetween("tank", "c", Pipe(200, 0.2, 120)),
    ],
)


def test_a_pipe_takes_as_much_head_as_the_textbook_says_and_in_the_direction_of_the_flow() -> None:
    assert head_loss_m(MAIN.resistance, 0.1) == pytest.approx(10.67 * 1_000 / 0.3**4.871 * (0.1 / 100) ** 1.852, rel=1e-3)
    assert head_loss_m(MAIN.resistance, -0.1) == -head_loss_m(MAIN.resistance, 0.1)


def test_ten_metres_of_water_are_a_little_less_than_a_bar() -> None:
    assert pressure_kpa(10) == pytest.approx(97.9, abs=0.1)


def test_a_leak_grows_with_the_root_of_the_pressure_and_faster_where_the_crack_opens() -> None:
    assert leak_m3_h(2.0, 36.0) == 12.0
    assert leak_m3_h(1.0, 40, 1.5) / leak_m3_h(1.0, 20, 1.5) == pytest.approx(2**1.5)
    assert leak_m3_h(2.0, -3.0) == 0


def test_a_tank_rises_by_what_is_left_in_it() -> None:
    assert level_after_m(2.0, inflow_m3_h=30, outflow_m3_h=10, area_m2=50, hours=2) == pytest.approx(2.8)


def test_chlorine_is_halved_in_its_half_life() -> None:
    assert chlorine_left(0.5, 24 * math.log(2) / 0.5) == pytest.approx(0.5)


def test_what_flows_into_each_junction_flows_out_or_is_drawn_or_leaks() -> None:
    found = solve(TOWN, {"source": 60.0, "tank": 45.0}, 1.3)
    for name, junction in TOWN.junctions.items():
        assert -found.drawn_m3_h(TOWN, name) == pytest.approx(
            1.3 * junction.demand_m3_h + found.leaks_m3_h.get(name, 0.0), abs=1e-3
        )
    assert found.leaks_m3_h["b"] == pytest.approx(leak_m3_h(0.5, pressure_head_m(TOWN, found, "b"), 1.1), rel=1e-4)


def test_head_falls_along_each_pipe_by_its_friction() -> None:
    found = solve(TOWN, {"source": 60.0, "tank": 45.0})
    for each, flow in zip(TOWN.pipes, found.flows_m3_h, strict=True):
        lost = found.heads_m[each.start] - found.heads_m[each.end]
        assert lost == pytest.approx(head_loss_m(each.pipe.resistance, flow / 3600), abs=1e-3)


def test_a_tank_follows_what_is_drawn_between_empty_and_full() -> None:
    night_and_day = [0.5] * 4 + [5.0] * 4
    steps = list(follow(TOWN, {"source": 50.0}, {"tank": Tank(44, 40, 2.0, 3.0)}, night_and_day, step_h=0.5))
    levels = [step.tank.level_m for step in steps]
    assert max(levels) == 3.0
    assert min(levels) == 0.0
    for before, after in pairwise(steps):
        if 0 < after.tank.level_m < 3.0:
            drawn_m3 = before.heads.drawn_m3_h(TOWN, "tank") * 0.5
            assert before.tank.level_m - after.tank.level_m == pytest.approx(drawn_m3 / 40, abs=1e-9)


def test_a_junction_without_a_source_is_refused() -> None:
    cut_off = Network({"a": Junction(0, 1)}, [])
    with pytest.raises(ValueError, match="no source"):
        solve(cut_off, {})
