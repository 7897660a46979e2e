"""Traffic formulas judged by UXsim: a road that ends in a bottleneck, before, in and after its rush hour."""

import math

import pytest

from firmware_sim.physics.traffic import LaneFlow, RoadLane, waiting_after

uxsim = pytest.importorskip("uxsim", reason="the judges are not installed: make judge")

FREE_KM_H, JAM_CARS_KM = 54.0, 150.0
LENGTH_M = 3_000.0
BOTTLENECK_CARS_H = 1_080.0
PHASES_CARS_H = ((0, 600.0), (1_200, 1_500.0), (3_600, 500.0))
"""From a second on so many arrive."""
UNTIL_S = 6_000
PLATOON = 5
CELL = 2
"""The last but one before the bottleneck."""


def judged() -> tuple[list[tuple[float, float, float, float]], RoadLane, tuple[float, float]]:
    """Find density, flow, beginning and end of cells before the bottleneck by UXsim, its lane, and where the cell lies."""
    world = uxsim.World(name="", deltan=PLATOON, tmax=UNTIL_S, print_mode=0, save_mode=0, random_seed=1)
    for number, name in enumerate(("from", "gate", "to")):
        world.addNode(name, number, 0)
    free_m_s, jam_m = FREE_KM_H / 3.6, JAM_CARS_KM / 1000
    before = world.addLink("before", "from", "gate", LENGTH_M, free_m_s, jam_m, capacity_out=BOTTLENECK_CARS_H / 3600)
    world.addLink("behind", "gate", "to", LENGTH_M, free_m_s, jam_m)
    ends = [start for start, _ in PHASES_CARS_H[1:]] + [UNTIL_S]
    for (start_s, cars_h), end_s in zip(PHASES_CARS_H, ends, strict=True):
        world.adddemand("from", "to", start_s, end_s, cars_h / 3600)
    world.exec_simulation()
    world.analyzer.compute_edie_state()
    lasts_s, long_m = before.edie_dt, before.edie_dx
    cell = round(LENGTH_M / long_m) - CELL
    found = [
        (float(before.k_mat[step][cell]) * 1000, float(before.q_mat[step][cell]) * 3600, step * lasts_s, (step + 1) * lasts_s)
        for step in range(len(before.k_mat))
    ]
    edges_km = ((CELL - 1) * long_m / 1000, CELL * long_m / 1000)
    return found, RoadLane(FREE_KM_H, float(before.w) * 3.6, JAM_CARS_KM), edges_km


def arriving_cars_h(at_s: float) -> float:
    """Cars that enter the road in an hour."""
    return next(cars_h for start_s, cars_h in reversed(PHASES_CARS_H) if start_s <= at_s)


def predicted(lane: RoadLane, from_s: float, to_s: float, edges_km: tuple[float, float]) -> LaneFlow | None:
    """The state of a cell before the bottleneck over a time, by the formulas; None where it changes meanwhile."""
    travels_s = LENGTH_M / FREE_KM_H * 3.6
    states = set()
    waiting = 0.0
    for second in range(int(to_s)):
        arrives_h = arriving_cars_h(max(second - travels_s, 0))
        waiting = waiting_after(waiting, arrives_h, BOTTLENECK_CARS_H, 1 / 3600)
        if second >= from_s:
            queue_km = lane.queue_length_km(waiting, BOTTLENECK_CARS_H)
            states |= {lane.queued(BOTTLENECK_CARS_H) if queue_km > edge_km else lane.free(arrives_h) for edge_km in edges_km}
    return states.pop() if len(states) == 1 else None


@pytest.mark.slow
def test_flow_over_density_before_a_bottleneck_is_that_of_uxsim() -> None:
    cells, lane, edges_km = judged()
    seen: dict[LaneFlow, list[tuple[float, float]]] = {}
    for cars_km, cars_h, from_s, to_s in cells:
        state = predicted(lane, from_s, to_s, edges_km)
        if state is not None and from_s > LENGTH_M / FREE_KM_H * 3.6:
            seen.setdefault(state, []).append((cars_km, cars_h))
    assert len([state for state in seen if state.queued]) == 1
    assert len([state for state in seen if not state.queued]) >= 2
    for state, found in seen.items():
        cars_km, cars_h = (math.fsum(each) / len(found) for each in zip(*found, strict=True))
        print(f"{len(found)} cells: {cars_h:.0f} cars/h at {cars_km:.1f} cars/km, by the formulas {state}")  # noqa: T201 - make judge shows it
        assert state.cars_h == pytest.approx(cars_h, rel=0.05)
        assert state.cars_km == pytest.approx(cars_km, rel=0.05)
        assert lane.flow_at(cars_km) == pytest.approx(cars_h, rel=0.05)
