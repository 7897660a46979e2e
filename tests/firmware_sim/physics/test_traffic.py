"""Traffic: the two branches of a lane, and the queue before a bottleneck."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.physics.traffic import RoadLane, waiting_after

LANE = RoadLane(45.0)


@given(share=st.floats(0.05, 1.0))
def test_counts_speeds_and_densities_agree_on_both_branches(share: float) -> None:
    cars_h = share * LANE.capacity_cars_h
    free, queued = LANE.free(cars_h), LANE.queued(cars_h)
    for flow in (free, queued):
        assert flow.speed_km_h * flow.cars_km == pytest.approx(cars_h)
        assert LANE.flow_at(flow.cars_km) == pytest.approx(cars_h)
    assert free.speed_km_h == pytest.approx(45.0)
    assert queued.speed_km_h <= 45.0 + 1e-6
    assert queued.occupancy_pct >= free.occupancy_pct - 1e-6


def test_the_branches_meet_at_the_capacity_and_nothing_moves_in_a_jam() -> None:
    capacity = LANE.capacity_cars_h
    assert LANE.free(capacity).cars_km == pytest.approx(LANE.queued(capacity).cars_km)
    assert LANE.flow_at(LANE.jam_cars_km) == 0
    assert LANE.queued(0).speed_km_h == 0
    assert LANE.free(0).speed_km_h == 0


def test_a_queue_holds_what_arrived_and_did_not_pass() -> None:
    waiting = waiting_after(0.0, arriving_h=2_000, capacity_h=1_600, hours=0.5)
    assert waiting == 200
    assert waiting_after(waiting, arriving_h=1_000, capacity_h=1_600, hours=1.0) == 0


def test_a_queue_is_as_long_as_its_vehicles_need_beyond_a_free_road() -> None:
    length_km = LANE.queue_length_km(50, 1_000)
    more = LANE.queued(1_000).cars_km - LANE.free(1_000).cars_km
    assert length_km * more == pytest.approx(50)
    assert LANE.queue_length_km(50, LANE.capacity_cars_h) == 0
