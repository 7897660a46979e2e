"""Electricity: triangles, what lines take from the voltage, phases that are not alike, tariffs."""

import cmath
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.physics.electricity import (
    NIGHT,
    NORMAL,
    PEAK,
    Line,
    Load,
    apparent_va,
    line_voltage_v,
    neutral_current_a,
    reactive_var,
    tariff,
    three_phase_at_load,
    voltage_at_load_v,
)

LINE = Line(0.35, 0.1)
loads = st.builds(Load, st.floats(-9_000, 9_000), st.floats(0, 3_000))


def test_active_and_reactive_power_are_the_legs_of_the_apparent_one() -> None:
    assert apparent_va(3.0, 4.0) == 5.0
    assert apparent_va(800.0, reactive_var(800.0, 0.8)) == pytest.approx(1_000)


@given(load=loads)
def test_source_voltage_is_that_of_the_load_and_what_the_line_takes(load: Load) -> None:
    voltage_v = voltage_at_load_v(230.0, load, LINE)
    amps = complex(load.active_w, -load.reactive_var) / voltage_v
    assert abs(voltage_v + complex(LINE.resistance_ohm, LINE.reactance_ohm) * amps) == pytest.approx(230.0, abs=1e-6)


def test_the_drop_is_about_what_electricians_reckon_and_a_roof_that_feeds_in_lifts_the_voltage() -> None:
    drawn, fed_in = (voltage_at_load_v(230.0, Load(active_w, 0), LINE) for active_w in (4_000, -4_000))
    assert 230 - drawn == pytest.approx(0.35 * 4_000 / 230, rel=0.05)
    assert fed_in - 230 == pytest.approx(0.35 * 4_000 / 230, rel=0.05)


def test_a_load_that_no_voltage_can_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot carry"):
        voltage_at_load_v(230.0, Load(90_000, 0), LINE)
    with pytest.raises(ValueError, match="cannot carry"):
        three_phase_at_load(230.0, (Load(90_000, 0), Load(0, 0), Load(0, 0)), LINE, LINE)


@given(one=loads, two=loads, three=loads)
def test_voltages_and_currents_of_three_phases_keep_the_laws_of_kirchhoff(one: Load, two: Load, three: Load) -> None:
    found = three_phase_at_load(230.0, (one, two, three), LINE, LINE)
    for volt, amp, load in zip(found.voltages_v, found.currents_a, (one, two, three), strict=True):
        assert volt * amp == pytest.approx(apparent_va(*load), rel=1e-6)
    assert found.neutral_a <= sum(found.currents_a) + 1e-9


def test_phases_that_are_alike_behave_as_one_and_the_neutral_is_idle() -> None:
    load = Load(5_000, 1_500)
    found = three_phase_at_load(230.0, (load, load, load), LINE, LINE)
    assert found.voltages_v == pytest.approx([voltage_at_load_v(230.0, load, LINE)] * 3, abs=1e-4)
    assert found.neutral_a == pytest.approx(0, abs=1e-4)


def test_one_loaded_phase_shifts_the_neutral_and_lifts_another() -> None:
    found = three_phase_at_load(230.0, (Load(8_000, 0), Load(0, 0), Load(0, 0)), LINE, LINE)
    assert found.voltages_v[0] < 230 < max(found.voltages_v)
    assert found.neutral_a == pytest.approx(found.currents_a[0])


def test_lengths_between_phases_and_of_the_neutral_are_those_of_sums_of_vectors() -> None:
    turn = cmath.exp(2j * math.pi / 3)
    assert line_voltage_v(230, 210) == pytest.approx(abs(230 - 210 * turn))
    assert neutral_current_a(10, 7, 3) == pytest.approx(abs(10 + 7 * turn + 3 * turn**2))


def test_tariffs_are_those_of_the_ministry() -> None:
    monday, sunday = 0, 6
    at = {hour: tariff(monday, round(hour * 2)) for hour in (0, 3.5, 4, 9, 9.5, 11, 11.5, 16.5, 17, 19.5, 20, 21.5, 22)}
    assert [hour for hour, register in at.items() if register == NIGHT] == [0, 3.5, 22]
    assert [hour for hour, register in at.items() if register == PEAK] == [9.5, 11, 17, 19.5]
    assert tariff(sunday, 19) == NORMAL
