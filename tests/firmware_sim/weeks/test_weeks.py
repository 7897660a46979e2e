"""A simulated week of each kind of device beside weeks that were measured; where the data sets are not here, by itself."""

from collections.abc import Callable
from functools import cache
from math import fsum
from typing import NamedTuple

import pytest

from firmware_sim.devices.traffic import MEAN_UNITS
from firmware_sim.physics.shapes import DISTRICT_INFLOW, HIGHWAY, LOAD
from firmware_sim.physics.traffic import CAR_SHADOW_M
from tests.firmware_sim.weeks import measured, simulated
from tests.firmware_sim.weeks.simulated import correlation, load_factor


class WeekCase(NamedTuple):
    """A kind of device: the week that was measured, the one that is simulated, and the table between them."""

    there: Callable[[], measured.Hours]
    here: Callable[[], list[float]]
    table: tuple[float, ...]


CASES = {
    "water": WeekCase(measured.water, cache(simulated.water), DISTRICT_INFLOW),
    "electricity": WeekCase(measured.electricity, cache(simulated.electricity), LOAD),
    "traffic": WeekCase(measured.occupancy, cache(simulated.occupancy), HIGHWAY),
}
needs_datasets = pytest.mark.skipif(not measured.DATASETS.exists(), reason="the data sets are not here")


@pytest.mark.slow
@needs_datasets
@pytest.mark.parametrize("name", CASES)
def test_a_week_is_like_one_that_was_measured(name: str) -> None:
    case = CASES[name]
    there, here = case.there(), case.here()
    alike = correlation(there, here)
    factors = load_factor(measured.by_day_type(here)), load_factor(measured.by_day_type(there))
    print(f"{name}: correlation {alike:.3f}, load factor {factors[0]:.3f}, measured {factors[1]:.3f}")  # noqa: T201
    assert alike >= 0.95
    assert factors[0] == pytest.approx(factors[1], rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_week_is_the_table_that_it_was_made_from(name: str) -> None:
    case = CASES[name]
    assert correlation(case.table, case.here()) >= 0.97


@pytest.mark.slow
def test_counts_speeds_and_occupancies_of_a_week_agree_and_show_both_branches() -> None:
    detector = simulated.busy_junction()
    lane = detector.streams[0].lane
    found = simulated.readings(detector)
    queued, free = ([values for values in found if values["congested"] is is_queued] for is_queued in (True, False))
    assert len(queued) > 4
    assert len(free) > 500
    passed = sum(values["vehicle_count"] for values in found[1:])
    assert found[-1]["vehicle_count_total"] - found[0]["vehicle_count_total"] == passed
    for branch in (free, queued):
        counted = fsum(values["vehicle_count"] * 3600 / values["interval_s"] * MEAN_UNITS for values in branch)
        flowing = fsum(values["occupancy_pct"] * 10 / CAR_SHADOW_M * values["mean_speed_km_h"] for values in branch)
        assert flowing == pytest.approx(counted, rel=0.05), "flow is density times speed"
    slow = fsum(values["mean_speed_km_h"] for values in queued) / len(queued)
    assert slow < 0.8 * lane.road.free_km_h
    assert min(values["occupancy_pct"] for values in queued) > 1.1 * max(values["occupancy_pct"] for values in free)
