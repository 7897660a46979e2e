"""The province of the demo is possible: what is used was supplied before, by what the payloads of its devices say."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import pytest

from firmware_sim.fleet import SimDevice, build_fleet
from firmware_sim.options import fleet_counts
from firmware_sim.scenarios.events import incidents_of
from firmware_sim.scenarios.loader import scenario
from firmware_sim.signals import DAY_S, EPOCH_S, HOUR_S
from firmware_sim.stories.cast import Role, cast
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.table import STORIES

PROVINCE: Final = scenario("province")
MIDNIGHT_S: Final = EPOCH_S + 1_000 * DAY_S
SIZES: Final = (20, 120, 300)
REGISTERS: Final = {
    "water-district": "volume_m3",
    "water-meter": "volume_m3",
    "power-feeder": "energy_import_kwh",
    "power-house": "energy_import_kwh",
    "power-solar": "energy_export_kwh",
}
SUPPLIES: Final = {"water": {"water-district"}, "power": {"power-feeder", "power-solar"}}
USES: Final = {"water": {"water-meter"}, "power": {"power-house"}}
DISPLAYS: Final = 20.0
"""A step of a register in an hour that no house and no district explains: a meter was exchanged."""


@cache
def roles_of(devices: int) -> Sequence[Role]:
    """The fleet of ``gateway demo`` with its story."""
    fleet = build_fleet(fleet_counts(PROVINCE, {}, devices), 900, 1, PROVINCE.sites)
    span = SimulatedSpan(MIDNIGHT_S + 5 * HOUR_S, MIDNIGHT_S + 3 * DAY_S, 900)
    return cast(fleet, incidents_of(PROVINCE, fleet, span, 1), STORIES, span, 1.0)


@cache
def amounts(devices: int, hour: int, hours: int) -> Mapping[tuple[str, str], float]:
    """(site, kind) → what the registers of its devices grew by; steps of a display are left out."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for device in (role.device for role in roles_of(devices) if role.device.kind in REGISTERS):
        for number in range(hour, hour + hours):
            grown = _shown(device, number + 1) - _shown(device, number)
            found[device.site, device.kind] += grown if 0 <= grown < DISPLAYS * _fastest(device) else 0.0
    return found


def _fastest(device: SimDevice) -> float:
    return 1.0 if device.kind in {"water-meter", "power-house"} else 100.0


def _shown(device: SimDevice, hour: int) -> float:
    return float(device.source.sample(MIDNIGHT_S + hour * HOUR_S, 0).values[REGISTERS[device.kind]])


def flows(devices: int, domain: str, hour: int, hours: int) -> Mapping[str, tuple[float, float]]:
    """Site → what was supplied, what was used."""
    grown = amounts(devices, hour, hours)
    sites = {site for site, kind in grown if kind.startswith(domain)}
    return {
        site: (sum(grown[site, kind] for kind in SUPPLIES[domain]), sum(grown[site, kind] for kind in USES[domain]))
        for site in sorted(sites)
    }


@pytest.mark.parametrize("devices", SIZES)
@pytest.mark.parametrize("domain", ["water", "power"])
def test_each_area_of_the_province_loses_a_twentieth_to_a_quarter_of_its_supply(domain: str, devices: int) -> None:
    for supplied, used in flows(devices, domain, 6, 48).values():
        assert used > 0
        assert 0.05 < 1 - used / supplied < 0.25


@pytest.mark.parametrize("devices", SIZES)
@pytest.mark.parametrize("domain", ["water", "power"])
def test_no_more_is_used_than_supplied_in_any_hour(domain: str, devices: int) -> None:
    for hour in range(6, 70):
        for supplied, used in flows(devices, domain, hour, 1).values():
            assert used <= supplied + 0.05  # a feeder shows hundredths, and its houses go dark within 20 s


@pytest.mark.parametrize("devices", [120, 300])
def test_most_vehicles_are_counted_by_class(devices: int) -> None:
    counted = {True: 0, False: 0}
    for device in (role.device for role in roles_of(devices) if role.device.domain == "traffic"):
        grown = {}
        for turn in range(12):
            first, last = (device.source.sample(MIDNIGHT_S + day * DAY_S, turn) for day in (1, 2))
            day = last.values["vehicle_count_total"] - first.values["vehicle_count_total"]
            grown[tuple(first.tags.values())] = ("vehicle_class" in first.tags, day)
        for is_known, day in grown.values():
            counted[is_known] += int(day)
    assert counted[True] > counted[False]
