"""``gateway devices resum`` beside a gateway that does not run."""

import pytest

from gateway.commands.demo.services import Service
from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack_kept
from gateway.core.readings.counters import CounterState
from gateway.ingest.storage import keyvalue
from gateway.monitoring.reports.resum import SUMS_AWAITED
from tests.commands.stopped import Stopped
from tests.influx import query
from tests.site import Site


@pytest.mark.parametrize(
    ("counters", "status", "said"),
    [
        pytest.param(None, 2, "'m1' was never heard and is not registered", id="none"),
        pytest.param(CounterState(awaits=True), 2, f"m1: {SUMS_AWAITED}", id="awaited"),
        pytest.param(CounterState(), 3, "m1: http://127.0.0.1:9 does not answer", id="its-own"),
    ],
)
def test_sums_are_worked_out_again_only_of_a_device_that_has_them(
    stopped: Stopped, counters: CounterState | None, status: int, said: str
) -> None:
    device = Device("m1", None)
    device.counters = counters
    file = stopped.open()
    file.run_here(keyvalue.put, "sums m1", "damaged" if counters is None else pack_kept(device))
    file.close()
    assert said in stopped.command("devices", "resum", "m1", "--from", "2d", status=status)
    assert "'m2' was never heard" in stopped.command("devices", "resum", "m2", "--from", "2d", status=2)


@pytest.mark.real
def test_sums_that_were_worked_out_are_kept_for_the_next_start(site: Site, stopped: Stopped, influxdb: Service) -> None:
    site.sections["influxdb"]["url"] = influxdb.url
    assert site.config
    query(influxdb.url, "", "CREATE DATABASE iot")
    device = Device("m1", None)
    device.counters = CounterState()
    file = stopped.open()
    file.run_here(keyvalue.put, "sums m1", before := pack_kept(device))
    file.close()
    assert stopped.command("devices", "resum", "m1", "--from", "2d") == "m1: 0 sums changed, of 0 readings\n"
    file = stopped.open()
    (kept,) = file.run_here(keyvalue.get_prefix, "sums ").items()
    file.close()
    assert kept[0] == "sums m1"
    assert kept[1] != before, "the periods since then are written again"
