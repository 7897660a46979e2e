"""Devices with events: physics stay physics, meters show what meters show, and the truth is what flowed."""

import hashlib
import math
from itertools import pairwise, product

import pytest

from firmware_sim.faults import encode
from firmware_sim.signals import DAY_S, HOUR_S
from firmware_sim.stories.event_flows import REVERSE
from firmware_sim.stories.meter_display import WIDTH
from firmware_sim.stories.story import DisplayStep
from firmware_sim.stories.table import STORIES
from schemas.quantities import HEALTH, QUANTITIES
from schemas.readings import native_adapter
from tests.firmware_sim.storied import BEGIN_S, INTERVAL_S, NOON_S, role_of
from tests.rows import each_row

NAMES = sorted(STORIES)
STEPS = sorted(name for name, story in STORIES.items() if story.display is not None)
EVERYWHERE = [pytest.param(name, kind, id=f"{name}-{kind}") for name in NAMES for kind in STORIES[name].kinds]


@each_row(("name", "kind"), EVERYWHERE)
def test_whatever_happens_values_stay_within_their_bounds(name: str, kind: str) -> None:
    for size in (0.0, 0.5, 1.0):
        role, incident = role_of(name, kind, size=size)
        for index in range(0, 240, 7):
            sample = role.device.source.sample(BEGIN_S + index * INTERVAL_S, index)
            native_adapter(role.device.domain).validate_python({**sample.tags, **sample.values, **sample.health})
            assert sample.values.keys() <= QUANTITIES[role.device.domain].keys()
            assert sample.health.keys() <= QUANTITIES[HEALTH].keys()
        assert incident.begin_s < incident.end_s


@each_row(("name", "kind"), EVERYWHERE)
def test_what_truly_flowed_only_grows(name: str, kind: str) -> None:
    role, _ = role_of(name, kind)
    lanes = len(role.witness.streams)
    for register in role.witness.source.registers:
        grown = [role.witness.true(register, BEGIN_S + HOUR_S * hour, lanes - 1) or 0.0 for hour in range(96)]
        assert all(one <= other for one, other in pairwise(grown)), register.field


@pytest.mark.parametrize("name", ["leak", "network_leak", "burst", "market"])
def test_a_meters_register_is_the_integral_of_its_flow_whatever_flows(name: str) -> None:
    role, incident = role_of(name, begin_s=BEGIN_S + 30 * HOUR_S, lasts_s=6 * HOUR_S)
    ticks = [incident.begin_s - 3_600 + 60 * tick for tick in range(481)]  # from before it to after it
    samples = [role.device.source.sample(at_s, tick).values for tick, at_s in enumerate(ticks)]
    flowed_m3 = math.fsum((one["flow_m3_h"] + other["flow_m3_h"]) / 2 / 60 for one, other in pairwise(samples))
    calm = role.witness.source.base
    without_m3 = calm.sample(ticks[-1], 0).values["volume_m3"] - calm.sample(ticks[0], 0).values["volume_m3"]
    grown_m3 = samples[-1]["volume_m3"] - samples[0]["volume_m3"]
    assert grown_m3 == pytest.approx(flowed_m3, rel=0.02, abs=0.01)
    assert grown_m3 > without_m3 * 1.05


def test_water_that_runs_back_stands_in_a_register_of_its_own() -> None:
    role, incident = role_of("backflow", begin_s=BEGIN_S + 30 * HOUR_S)
    before, begun = (role.device.source.sample(at_s, 0).values for at_s in (incident.begin_s - 1, incident.begin_s + 1))
    later = role.device.source.sample(incident.end_s - 1, 0).values
    assert before[REVERSE] == 0
    assert begun["flow_m3_h"] < 0 < before["flow_m3_h"]
    assert later["volume_m3"] == pytest.approx(begun["volume_m3"], abs=0.002)
    lasted_h = (incident.end_s - incident.begin_s) / HOUR_S
    assert later[REVERSE] == pytest.approx(-later["flow_m3_h"] * lasted_h, rel=0.01, abs=0.002)
    after = role.device.source.sample(incident.end_s + DAY_S, 0).values
    assert after[REVERSE] == pytest.approx(later[REVERSE], abs=0.002)


@pytest.mark.parametrize("name", ["overload", "outage", "phase_lost", "voltage_low", "voltage_high"])
def test_energy_is_the_integral_of_power_and_phases_add_up(name: str) -> None:
    role, incident = role_of(name, "power-feeder", begin_s=BEGIN_S + 30 * HOUR_S)
    ticks = [incident.begin_s + 1 + 60 * tick for tick in range(181)]
    samples = [role.device.source.sample(at_s, tick).values for tick, at_s in enumerate(ticks)]
    used_kwh = math.fsum((one["active_power_w"] + other["active_power_w"]) / 2 / 60_000 for one, other in pairwise(samples))
    assert samples[-1]["energy_import_kwh"] - samples[0]["energy_import_kwh"] == pytest.approx(used_kwh, rel=0.01, abs=0.02)
    for values in samples[::30]:
        phases = [values[f"active_power_{phase}_w"] for phase in ("l1", "l2", "l3")]
        assert values["active_power_w"] == pytest.approx(sum(phases), abs=0.5)
        for phase in ("l1", "l2", "l3"):
            apparent_va = values[f"voltage_{phase}_v"] * values[f"current_{phase}_a"]
            assert apparent_va == pytest.approx(values[f"apparent_power_{phase}_va"], rel=2e-3, abs=0.1)


def test_counts_of_intervals_add_up_to_the_total_over_a_market_day() -> None:
    role, incident = role_of("market", "traffic-road", begin_s=BEGIN_S + 6 * DAY_S, lasts_s=DAY_S)
    around = [role.device.source.sample(incident.begin_s + 900 * tick, tick).values for tick in range(-8, 110)]
    counted = sum(values["vehicle_count"] for values in around[1:])
    assert counted == around[-1]["vehicle_count_total"] - around[0]["vehicle_count_total"]


@each_row(("name", "kind"), product(STEPS, ["water-meter", "water-district", "power-house"]))
def test_a_meter_that_steps_shows_what_flows_from_there_on(name: str, kind: str) -> None:
    role, incident = role_of(name, kind)
    source = role.witness.source
    (register, *_) = source.registers
    before, after = source.around(incident, register, 0)
    for at_s, start in ((incident.begin_s - 6 * HOUR_S, before), (incident.begin_s + 30 * HOUR_S, after)):
        shown = source.sample(at_s, 0).values[register.field]
        flowed = source.true(at_s, 0).values[register.field] - source.true(incident.begin_s, 0).values[register.field]
        assert shown - start == pytest.approx(flowed, abs=2.1 * register.resolution)
    assert after < before
    assert (before == WIDTH) is (STORIES[name].display is DisplayStep.ROLLED_OVER)


def test_flags_are_false_before_and_after_and_a_meter_needs_a_day_to_notice_a_leak() -> None:
    role, incident = role_of("leak")
    seen = [
        (at_s, role.device.source.sample(at_s, 0).values["alarm_leak"])
        for at_s in (incident.begin_s - 1, incident.begin_s + 0.9 * DAY_S, incident.begin_s + 1.1 * DAY_S, incident.end_s + 1)
    ]
    assert [flag for _, flag in seen] == [False, False, True, False]


def test_the_same_seed_sends_the_same_bytes_on_every_python() -> None:
    digest = hashlib.sha256()
    for name in NAMES:
        for kind in STORIES[name].kinds:
            role, _ = role_of(name, kind)
            for index in range(0, 200, 9):
                sample = role.device.source.sample(NOON_S + index * INTERVAL_S, index)
                digest.update(encode({**sample.tags, **sample.values, **sample.health}))
    assert digest.hexdigest()[:16] == "fcb3f28a8c28ef95", (
        "the devices measure otherwise: on purpose? Then write the new digest here"
    )
