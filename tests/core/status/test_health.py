"""The minute's points of registered devices."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.core.devices.device import Device
from gateway.core.devices.streams import Admission, Streams
from gateway.core.readings.line_protocol import FieldSets
from gateway.core.status.health import health_line, health_lines, registered_devices
from gateway.core.status.silence import Silence
from schemas.registry import RegisteredDevice, Registry
from tests.core.line_protocol import parse
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS

METER = RegisteredDevice(id="m1", site="plant", area="a1", interval=timedelta(minutes=15))


def fields(registered: RegisteredDevice = METER, **state: Any) -> dict[str, Any]:  # noqa: ANN401 - of any slot
    """The fields of the point of a device in this state."""
    device = Device(registered.id, registered)
    for slot, value in state.items():
        setattr(device, slot, value)
    return parse(health_line(device, registered, Silence(), NOW_MS)).fields


def test_a_point_stands_in_the_series_of_the_device() -> None:
    device = Device("m1", METER)
    device.last_seen_ms, device.offset_ms, device.seq_missing = NOW_MS - 2500, -3200, 4
    got = parse(health_line(device, METER, Silence(), NOW_MS))
    assert (got.measurement, got.time_ms) == ("device_health", NOW_MS)
    assert got.tags == {"area": "a1", "device": "m1", "site": "plant"}
    assert got.fields == {"up": True, "silence_s": 2.5, "clock_offset_s": -3.2, "seq_missing": 4.0}


@pytest.mark.parametrize(
    ("interval", "silent_ms", "online", "up"),
    [
        pytest.param(None, HOUR_MS - 1, None, True, id="within-an-hour"),
        pytest.param(None, HOUR_MS, None, False, id="silent-for-an-hour"),
        pytest.param(timedelta(minutes=1), 3 * MINUTE_MS, None, False, id="three-short-intervals"),
        pytest.param(timedelta(days=1), 71 * HOUR_MS, None, True, id="three-intervals"),
        pytest.param(timedelta(days=1), 72 * HOUR_MS, None, False, id="more-than-three-intervals"),
        pytest.param(None, 0, False, False, id="said-goodbye"),
        pytest.param(None, 2 * HOUR_MS, True, False, id="said-hello-long-ago"),
        pytest.param(None, -MINUTE_MS, None, True, id="the-clock-was-set-back"),
    ],
)
def test_a_device_is_up_while_it_is_heard(interval: timedelta | None, silent_ms: int, online: bool | None, up: bool) -> None:  # noqa: FBT001
    meter = RegisteredDevice(id="m1", interval=interval)
    got = fields(meter, last_seen_ms=NOW_MS - silent_ms, online=online, goodbye_ms=NOW_MS if online is False else 0)
    assert (got["up"], got["silence_s"]) == (up, max(0, silent_ms) / 1000)


def test_of_a_device_that_was_never_heard_only_that_is_said() -> None:
    assert fields() == {"up": False, "seq_missing": 0.0}


def test_devices_without_area_and_site_have_no_such_tags() -> None:
    bare = RegisteredDevice(id="m1")
    assert health_line(Device("m1", bare), bare, Silence(), NOW_MS).startswith("device_health,device=m1 ")


def test_every_registered_device_is_reported_once_however_its_eui_is_written() -> None:
    """Of two writings of an EUI the registry knows both, and a device speaks under one."""
    devices = [RegisteredDevice(id=name) for name in ("m1", "m2", "24-E1-24-13-6D-00-00-01", "24:E1:24:13:6D:00:00:02")]
    streams = Streams(Registry(devices=devices).by_id())
    streams.admit("m2")
    streams.admit("24-E1-24-13-6D-00-00-01")
    streams.admit("stranger")
    names = ["24-E1-24-13-6D-00-00-01", "24e124136d000002", "m1", "m2"]
    for _ in range(2):
        assert sorted(device.name for device in registered_devices(streams)) == names
    assert all(not device.last_seen_ms for device in registered_devices(streams))


def test_a_place_whose_meter_sends_under_another_name_is_reported_in_its_own_writing() -> None:
    place = RegisteredDevice(id="24-E1-24-13-6D-00-00-01", source="meter 7")
    streams = Streams(Registry(devices=[place]).by_id(), Admission(simulated="reject"))
    assert [device.name for device in registered_devices(streams)] == [place.id]
    refused = RegisteredDevice(id="sim-1")
    streams = Streams(Registry(devices=[refused]).by_id(), Admission(simulated="reject"))
    (device,) = registered_devices(streams)
    assert (device.name, device.registered, streams.devices) == ("sim-1", refused, {}), "it is listed, and not admitted"


def test_points_come_in_parts_and_only_for_registered_devices() -> None:
    devices = [Device(f"m{n}", METER if n % 3 else None) for n in range(10)]
    parts = list(health_lines(devices, Silence(), NOW_MS, most=4))
    assert [len(lines) for lines in parts] == [2, 3, 1]
    assert "device=m8" in parts[-1][0]


def test_a_device_met_before_a_restart_is_up_without_a_message() -> None:
    class Met:
        def restore(self, device: Device, field_sets: FieldSets) -> None:  # noqa: ARG002 - as a memory has it
            device.last_seen_ms = NOW_MS - 10_000

    streams = Streams({"m1": METER}, memory=Met())
    ((line,),) = health_lines(registered_devices(streams), Silence(), NOW_MS)
    assert parse(line).fields == {"silence_s": 10.0, "seq_missing": 0.0, "up": True}
