"""The sun, noise, air and parking bays: figures that can be looked up."""

import pytest

from firmware_sim.physics.shapes import DISTRICT_INFLOW, HIGHWAY, LOAD, RUSH, WATER_USE
from firmware_sim.physics.solar import clear_sky_w_m2, declination_deg, elevation_deg, lit_hours, roof_share
from firmware_sim.physics.urban import box_ug_m3, noise_db, taken_share

SUMMER, WINTER, SPRING = 171, 354, 80


def test_the_sun_stands_where_the_almanac_has_it() -> None:
    assert declination_deg(SUMMER) == pytest.approx(23.45, abs=0.05)
    assert declination_deg(WINTER) == pytest.approx(-23.45, abs=0.05)
    assert elevation_deg(WINTER, 12, 22.0) == pytest.approx(90 - 22 - 23.45, abs=0.1)
    assert elevation_deg(SPRING, 6) == pytest.approx(0, abs=1)


def test_lamps_are_lit_longer_in_winter_and_half_an_hour_off_six_at_the_equinox() -> None:
    (evening, morning), (summer, _), (winter, _) = lit_hours(SPRING, 0.0), lit_hours(SUMMER), lit_hours(WINTER)
    assert (evening, morning) == pytest.approx((18, 6), abs=0.1)
    assert winter < evening < summer


def test_a_roof_yields_what_its_light_gives_and_less_when_hot() -> None:
    assert clear_sky_w_m2(90) == pytest.approx(1_037, abs=1)
    assert clear_sky_w_m2(-5) == 0
    assert roof_share(1_000, 10) > roof_share(1_000, 35) > 0.7


def test_noise_grows_by_three_decibels_where_traffic_doubles_and_sinks_to_that_of_a_quiet_town() -> None:
    assert noise_db(2_000, 50, 5) - noise_db(1_000, 50, 5) == pytest.approx(3.0, abs=0.1)
    assert noise_db(1_000, 75, 0) == pytest.approx(42.2 + 30 - 3, abs=0.2)
    assert noise_db(0, 50, 5) == pytest.approx(38)


def test_exhaust_thins_with_the_wind() -> None:
    assert box_ug_m3(10, 0.5, 4_000, 2, 500) == 12
    assert box_ug_m3(10, 0.5, 4_000, 4, 500) == 11


def test_bays_are_taken_as_erlang_found() -> None:
    assert taken_share(1.0, 1.0, 1) == pytest.approx(0.5)
    assert taken_share(2.0, 1.0, 2) == pytest.approx(2 * (1 - 0.4) / 2)
    assert taken_share(500, 1.0, 10) > 0.97


@pytest.mark.parametrize("shape", [DISTRICT_INFLOW, WATER_USE, LOAD, HIGHWAY, RUSH])
def test_a_shape_is_a_week_against_its_own_mean(shape: tuple[float, ...]) -> None:
    assert len(shape) == 168
    assert min(shape) > 0
    assert sum(shape) / 168 == pytest.approx(1, abs=0.002)
