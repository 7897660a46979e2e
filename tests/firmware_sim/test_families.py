"""Bulk meters measure what the houses behind them use, and what is lost."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

import pytest
import yaml

from firmware_sim.fleet import SimDevice, build_fleet, in_families, parents_of
from firmware_sim.registry import registry_yaml
from firmware_sim.signals import DAY_S, EPOCH_S, HOUR_S

MIDNIGHT_S = EPOCH_S + 400 * DAY_S
REGISTERS = {"water": "volume_m3", "power": "energy_import_kwh"}
EXPORT = "energy_export_kwh"
COUNTS = {"water-district": 8, "water-meter": 80, "power-feeder": 8, "power-house": 60, "power-solar": 4}
FLEET = {device.name: device for device in build_fleet(COUNTS, 900, 1, 3)}
FAMILIES: Mapping[str, list[str]] = defaultdict(list)
for child, above in parents_of(FLEET.values()).items():
    FAMILIES[above].append(child)


def used(device: SimDevice, begin_s: float, end_s: float) -> float:
    """Return the amount that a device used; negative where a roof feeds in."""
    begin, end = (device.source.sample(at_s, 0).values for at_s in (begin_s, end_s))
    register = EXPORT if EXPORT in begin else REGISTERS[device.domain]
    return (float(end[register]) - float(begin[register])) * (-1 if register == EXPORT else 1)


def lost(parent: str, begin_s: float, end_s: float) -> float:
    flows = [used(FLEET[name], begin_s, end_s) for name in FAMILIES[parent]]
    supplied = used(FLEET[parent], begin_s, end_s) - sum(flow for flow in flows if flow < 0)
    return 1 - sum(flow for flow in flows if flow > 0) / supplied


def test_each_bulk_meter_of_the_demos_sites_has_a_family_at_its_site() -> None:
    bulk = {name for name, device in FLEET.items() if device.kind in {"water-district", "power-feeder"}}
    assert bulk == FAMILIES.keys()
    assert all(FLEET[name].site == FLEET[parent].site for parent, names in FAMILIES.items() for name in names)
    sizes: Mapping[tuple[str, str], list[int]] = defaultdict(list)
    for parent, names in FAMILIES.items():
        sizes[FLEET[parent].site, FLEET[parent].kind].append(sum(FLEET[name].kind != "power-solar" for name in names))
    assert all(max(some) - min(some) <= 1 for some in sizes.values())


def test_a_district_loses_a_tenth_to_a_quarter_of_its_inflow_most_of_it_at_night() -> None:
    for parent in (name for name in FAMILIES if FLEET[name].domain == "water"):
        day = lost(parent, MIDNIGHT_S, MIDNIGHT_S + 7 * DAY_S)
        night = lost(parent, MIDNIGHT_S + 2 * HOUR_S, MIDNIGHT_S + 4 * HOUR_S)
        evening = lost(parent, MIDNIGHT_S + 18 * HOUR_S, MIDNIGHT_S + 20 * HOUR_S)
        assert 0.1 < day < 0.25
        assert 0 < evening < day < night < 0.95


def test_a_feeder_loses_some_per_cent_and_more_where_somebody_steals() -> None:
    shares = sorted(lost(parent, MIDNIGHT_S, MIDNIGHT_S + 7 * DAY_S) for parent in FAMILIES if FLEET[parent].domain == "power")
    *honest, robbed = shares
    assert all(0.05 < share < 0.1 for share in honest)
    assert 0.18 < robbed < 0.25


def test_a_feeder_brings_what_its_roofs_do_not_and_never_runs_back() -> None:
    above = next(name for name in FAMILIES if any(FLEET[child].kind == "power-solar" for child in FAMILIES[name]))
    for hour in range(24 * 7):
        values = FLEET[above].source.sample(MIDNIGHT_S + hour * HOUR_S, 0).values
        assert values["active_power_w"] > 0
        tariffs = sum(float(values[f"energy_import_t{number}_kwh"]) for number in (1, 2, 3))
        assert tariffs == pytest.approx(float(values["energy_import_kwh"]), abs=0.03)
        if hour:
            assert 0 < lost(above, MIDNIGHT_S, MIDNIGHT_S + hour * HOUR_S) < 0.25


def test_pressures_and_voltages_are_those_of_a_bulk_meter_without_a_family() -> None:
    alone = {device.name: device for device in build_fleet({"water-district": 8, "power-feeder": 8}, 900, 1, 3)}
    for name, device in alone.items():
        gauge, apart = ("pressure_kpa", 60.0) if device.domain == "water" else ("voltage_l1_v", 3.0)
        for hour in range(24):
            values = [one.source.sample(MIDNIGHT_S + hour * HOUR_S, 0).values for one in (device, FLEET[name])]
            assert float(values[1][gauge]) == pytest.approx(float(values[0][gauge]), abs=apart)


def test_a_register_never_falls() -> None:
    for parent in FAMILIES:
        hours = [used(FLEET[parent], MIDNIGHT_S, MIDNIGHT_S + hour * HOUR_S) for hour in range(1, 170)]
        assert all(later >= earlier for earlier, later in pairwise(hours))


def test_families_do_not_change_when_they_are_formed_again() -> None:
    for device in in_families(list(FLEET.values())):
        once, again = (one.source.sample(MIDNIGHT_S, 0).values for one in (FLEET[device.name], device))
        assert again.keys() == once.keys()
        assert all(float(again[name]) == pytest.approx(float(once[name]), rel=2e-3) for name in once)


def test_the_registry_names_the_parents() -> None:
    registered = yaml.safe_load(registry_yaml(FLEET.values(), 900))["devices"]
    assert {device["id"]: device["parent"] for device in registered if "parent" in device} == parents_of(FLEET.values())
