"""Readings of simulated devices: plausible, consistent, and the same again for the same seed."""

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.devices.source import DeviceKind
from firmware_sim.fleet import KINDS, build_fleet
from firmware_sim.signals import DAY_S, EPOCH_S, HOUR_S, Curve, rippled, rng
from schemas.quantities import DOMAINS, HEALTH, QUANTITIES
from schemas.quantities import Kind as QuantityKind
from schemas.readings import native_adapter
from schemas.topics import parse_topic
from tests.rows import each_row

ALL_KINDS = [pytest.param(domain, kind, id=f"{domain}-{kind.name}") for domain, kinds in KINDS.items() for kind in kinds]
COUNTS = {"water": 40, "power": 30, "traffic": 20, "urban": 10}

seeds = st.integers(0, 10_000)
any_instant = st.floats(0, 4.1e9)  # 1970 to 2099
in_service = st.floats(EPOCH_S, 4.1e9)
intervals = st.sampled_from([0.2, 1.0, 10.0, 900.0, 86_400.0])


@pytest.mark.parametrize(("domain", "kind"), ALL_KINDS)
@given(seed=seeds, instant_s=any_instant, interval_s=intervals, index=st.integers(0, 10**6))
def test_every_value_is_within_the_bounds_of_its_quantity(
    domain: str, kind: DeviceKind, seed: int, instant_s: float, interval_s: float, index: int
) -> None:
    sample = kind.make(rng(seed), interval_s).sample(instant_s, index)
    native_adapter(domain).validate_python({**sample.tags, **sample.values, **sample.health})
    assert sample.values.keys() <= QUANTITIES[domain].keys()
    assert sample.health.keys() <= QUANTITIES[HEALTH].keys()


@pytest.mark.parametrize(("domain", "kind"), ALL_KINDS)
@given(seed=seeds, instant_s=in_service, step_s=st.floats(0.1, 1e6))
def test_counters_only_grow(domain: str, kind: DeviceKind, seed: int, instant_s: float, step_s: float) -> None:
    source = kind.make(rng(seed), 10.0)
    before, after = source.sample(instant_s, 7), source.sample(instant_s + step_s, 7)
    for field, quantity in QUANTITIES[domain].items():
        if quantity.kind is QuantityKind.COUNTER and field in before.values:
            assert after.values[field] >= before.values[field]


@each_row(("domain", "kind"), ALL_KINDS)
def test_an_instant_has_the_same_values_whatever_was_asked_before(domain: str, kind: DeviceKind) -> None:  # noqa: ARG001 - names the case
    fresh, used = kind.make(rng(5), 10.0), kind.make(rng(5), 10.0)
    for index in range(20):
        used.sample(1.79e9 + index, index)
    assert fresh.sample(1.8e9, 30) == used.sample(1.8e9, 30)


@given(seed=seeds, instant_s=in_service)
def test_a_meters_volume_is_the_integral_of_its_flow(seed: int, instant_s: float) -> None:
    district = _kind("water", "district").make(rng(seed), 10.0)
    steps = [district.sample(instant_s + 60 * step, step).values for step in range(61)]
    flowed_m3 = sum((one["flow_m3_h"] + other["flow_m3_h"]) / 2 / 60 for one, other in pairwise(steps))
    assert steps[-1]["volume_m3"] - steps[0]["volume_m3"] == pytest.approx(flowed_m3, rel=0.02, abs=0.01)


@given(seed=seeds, instant_s=in_service)
def test_the_phases_of_a_feeder_are_one_power_triangle_each_and_add_up(seed: int, instant_s: float) -> None:
    values: dict[str, Any] = _kind("power", "feeder").make(rng(seed), 10.0).sample(instant_s, 0).values
    phases = ("l1", "l2", "l3")
    for phase in phases:
        apparent_va = values[f"apparent_power_{phase}_va"]
        active_w, reactive_var = values[f"active_power_{phase}_w"], values[f"reactive_power_{phase}_var"]
        assert values[f"voltage_{phase}_v"] * values[f"current_{phase}_a"] == pytest.approx(apparent_va, rel=1e-3)
        assert math.hypot(active_w, reactive_var) == pytest.approx(apparent_va, rel=1e-3)
        assert active_w / apparent_va == pytest.approx(values["power_factor"], abs=1e-3)
    for total, part in (
        ("active_power_w", "active_power_{}_w"),
        ("reactive_power_var", "reactive_power_{}_var"),
        ("apparent_power_va", "apparent_power_{}_va"),
    ):
        assert values[total] == pytest.approx(sum(values[part.format(phase)] for phase in phases), abs=0.11)
    assert max(values[f"current_{phase}_a"] for phase in phases) > values["current_n_a"]


@given(seed=seeds, instant_s=in_service, name=st.sampled_from(["road", "junction", "class"]))
def test_counts_of_an_interval_add_up_to_the_total(seed: int, instant_s: float, name: str) -> None:
    detector = _kind("traffic", name).make(rng(seed), 30.0)
    lanes = len({str(detector.sample(instant_s, index).tags) for index in range(12)})
    turns = [detector.sample(instant_s + 30 * index, index).values for index in range(0, 10 * lanes, lanes)]
    assert {turn["interval_s"] for turn in turns} == {30 * lanes}
    counted = turns[-1]["vehicle_count_total"] - turns[0]["vehicle_count_total"]
    assert sum(turn["vehicle_count"] for turn in turns[1:]) == counted


@given(seed=seeds, instant_s=in_service)
def test_whoever_is_inside_came_in_and_did_not_leave(seed: int, instant_s: float) -> None:
    values = _kind("urban", "people").make(rng(seed), 10.0).sample(instant_s, 0).values
    assert values["people_in_total"] == values["people_out_total"] + values["people_count"]


def test_demand_peaks_in_the_morning_and_the_evening_and_traffic_at_rush_hour() -> None:
    midnight_s = EPOCH_S + 400 * DAY_S
    flow = {hour: _mean("water", "meter", "flow_m3_h", midnight_s + hour * HOUR_S) for hour in (3, 7, 13, 19)}
    assert flow[3] < flow[13] < min(flow[7], flow[19])
    vehicles = {hour: _mean("traffic", "road", "vehicle_count", midnight_s + hour * HOUR_S) for hour in (2, 7, 10, 17)}
    assert vehicles[2] < vehicles[10] < min(vehicles[7], vehicles[17])


def test_a_battery_runs_down() -> None:
    meter = _kind("water", "meter").make(rng(3), 10.0)
    charges = [meter.sample(1.8e9 + day * DAY_S, 0).health["battery_pct"] for day in range(0, 300, 10)]
    falls = [one > other for one, other in pairwise(charges)]
    assert falls.count(False) <= 1, "it is exchanged once at most"
    assert "battery_pct" not in meter.sample(1.8e9, 1).health, "not with every reading"


@given(seed=seeds, instant_s=in_service, span_s=st.floats(1, 1e6))
def test_a_signal_is_positive_and_its_integral_is_its_area(seed: int, instant_s: float, span_s: float) -> None:
    signal = rippled(rng(seed), Curve((1.0, 0.3, 2.0, 0.7)), 5.0)
    assert signal.at(instant_s) > 0
    area = signal.integral(instant_s + span_s) - signal.integral(instant_s)
    parts = 64
    cuts = [instant_s + span_s * cut / parts for cut in range(parts + 1)]
    assert area == pytest.approx(sum(signal.integral(b) - signal.integral(a) for a, b in pairwise(cuts)), rel=1e-6)
    assert 0.06 * 5 * span_s < area < 2.3 * 5 * span_s
    nearby_s = 0.5
    slope = (signal.integral(instant_s + nearby_s) - signal.integral(instant_s)) / nearby_s
    assert slope == pytest.approx(signal.at(instant_s + nearby_s / 2), rel=1e-2)


def test_the_same_seed_is_the_same_fleet_and_another_seed_shares_no_device() -> None:
    first, again, other = build_fleet(COUNTS, 10, 1), build_fleet(COUNTS, 10, 1), build_fleet(COUNTS, 10, 2)
    assert [(device.name, device.site, device.source.sample(1.8e9, 0)) for device in first] == [
        (device.name, device.site, device.source.sample(1.8e9, 0)) for device in again
    ]
    assert not {device.name for device in first} & {device.name for device in other}


def test_a_device_stays_itself_when_the_fleet_grows() -> None:
    small = {device.name: device for device in build_fleet({"water": 5}, 10, 1)}
    large = {device.name: device for device in build_fleet({"water": 50, "power": 7}, 10, 1)}
    for name, device in small.items():
        assert large[name].site == device.site
        assert large[name].source.sample(1.8e9, 3) == device.source.sample(1.8e9, 3)


def test_every_domain_is_spread_evenly_over_the_interval() -> None:
    order = [device.domain for device in build_fleet(COUNTS, 10, 1)]
    assert {domain: order.count(domain) for domain in DOMAINS} == COUNTS
    quarters = [order[start : start + 25] for start in range(0, 100, 25)]
    for domain, number in COUNTS.items():
        assert all(abs(quarter.count(domain) - number / 4) <= 1 for quarter in quarters)


def test_topics_are_native_and_ids_begin_with_sim() -> None:
    for device in build_fleet(COUNTS, 10, 2**62):
        topic = parse_topic(device.readings_topic)
        assert topic is not None
        assert topic.device == device.name
        assert device.name.startswith("sim-")
        assert parse_topic(device.status_topic) is not None


def _kind(domain: str, name: str) -> DeviceKind:
    return next(kind for kind in KINDS[domain] if kind.name == name)


def _mean(domain: str, kind: str, field: str, instant_s: float) -> float:
    sources = [_kind(domain, kind).make(rng(seed), 600.0) for seed in range(30)]
    return sum(source.sample(instant_s, 0).values[field] for source in sources) / len(sources)
