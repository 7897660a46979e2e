"""``firmware-sim registry``: what a fleet would be registered as."""

import pytest
import yaml

from firmware_sim.cli import main
from firmware_sim.fleet import build_fleet
from schemas.registry import registry_adapter

FLEET = ["--water", "3", "--power", "2", "--traffic", "1", "--urban", "1", "--seed", "7"]


def test_a_registry_holds_each_device_of_the_fleet_of_the_same_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", *FLEET, "--interval", "60"]) == 0
    registry = registry_adapter.validate_python(yaml.safe_load(capsys.readouterr().out))
    fleet = build_fleet({"water": 3, "power": 2, "traffic": 1, "urban": 1}, 60, 7)
    told = {(device.id, device.site, device.domain) for device in registry.devices}
    assert told == {(device.name, device.site, device.domain) for device in fleet}
    assert {device.area for device in registry.devices} == set(registry.areas)


def test_the_interval_is_that_of_the_clock_on_the_wall(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", *FLEET, "--interval", "60", "--speed", "4"]) == 0
    registry = registry_adapter.validate_python(yaml.safe_load(capsys.readouterr().out))
    assert {device.interval.total_seconds() for device in registry.devices if device.interval} == {15}


def test_a_fleet_of_nobody_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", "--water", "0", "--power", "0", "--traffic", "0", "--urban", "0"]) == 2
    assert "no devices" in capsys.readouterr().err
