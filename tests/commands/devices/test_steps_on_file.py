"""``gateway devices steps`` and ``used`` beside a gateway that does not run: they read and write its file."""

import json

import pytest

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack_kept
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import Register, StepToConfirm
from gateway.ingest.storage import keyvalue
from tests.commands.stopped import Stopped
from tests.site import Site

READ_MS = 1_793_491_200_000
"""2026-11-01, 07:00 in Vietnam."""


@pytest.fixture
def stepped(stopped: Stopped, site: Site) -> Stopped:
    """A gateway that was stopped with a step to confirm."""
    site.devices({"id": "m1", "site": "q1", "domain": "water"}, {"id": "m2"})
    device = Device("m1", None)
    device.counters = CounterState()
    device.counters.restore(Register("volume_m3", 943.1, READ_MS, None, -140.6))
    step = StepToConfirm("volume_m3", 802.4, 943.0, READ_MS - 14 * 3_600_000, READ_MS, is_told=True)
    device.counters.past = device.counters.past.with_step(step)
    file = stopped.open()
    file.run_here(keyvalue.put, "sums m1", pack_kept(device))
    file.close()
    return stopped


def test_they_are_listed_with_both_registers(stepped: Stopped) -> None:
    head, row = stepped.command("devices", "steps").splitlines()
    assert head.split()[:4] == ["device", "counter", "before", "after"]
    assert row.split() == ["m1", "volume_m3", "802.4", "943", "140.6", "2026-11-01", "07:00", "to", "confirm"]
    assert json.loads(stepped.command("devices", "steps", "--json"))["held_out"] == 140.6


def test_one_is_said_to_be_used_and_that_is_taken_back(stepped: Stopped) -> None:
    said = stepped.command("devices", "used", "m1", "--at", "2026-11-01 07:00")
    assert said.startswith("m1: volume_m3: the step of 140.6 was really used: its sums are worked out again in the night")
    assert json.loads(stepped.command("devices", "steps", "--json"))["state"] == "used"
    file = stepped.open()
    (line,) = file.run_here(keyvalue.get_prefix, "exchange ").values()
    file.close()
    assert "kind=step_used" in line
    assert "step_volume_m3=2.0,before_volume_m3=802.4,after_volume_m3=943.0" in line
    (entry,) = stepped.audited()
    assert (entry["action"], entry["after"]["held_out"]) == ("step said to be used", 140.6)
    stepped.command("devices", "used", "m1", "--at", "2026-11-01 07:00", "--undo")
    assert json.loads(stepped.command("devices", "steps", "--json"))["state"] == "to_confirm"
