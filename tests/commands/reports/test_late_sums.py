"""Sums that could not be written again: asked of the gateway that runs, else read from its file, for a report."""

import json

import pytest

from gateway.commands import OutOfReach
from gateway.commands.reports.report_rows import late_sums
from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack_kept
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import Register
from gateway.ingest.storage import keyvalue
from tests.commands.stopped import Running, Stopped
from tests.site import Site


def kept(*, is_written: bool) -> str:
    """A device whose sums were worked out again since a time, and written or not."""
    device = Device("m1", None)
    device.counters = CounterState()
    device.counters.restore(Register("volume_m3", 100.0, 2000))
    device.counters.worked_out(1000, is_written=is_written)
    return pack_kept(device)


def put(stopped: Stopped, text: str) -> None:
    """Keep it in the file."""
    file = stopped.open()
    file.run_here(keyvalue.put, "sums m1", text)
    file.close()


def test_they_are_the_same_from_the_file_and_from_the_gateway_that_runs(stopped: Stopped, site: Site) -> None:
    put(stopped, kept(is_written=False))
    found = late_sums(site.config)
    assert (set(found), found["m1"].since_ms) == ({"m1"}, 1000)
    put(stopped, kept(is_written=True))
    assert late_sums(site.config) == {}


def test_a_gateway_that_runs_is_asked(running: Running, site: Site) -> None:
    running.api.answers["GET", "/api/late-sums"] = {"devices": {"m1": json.loads(kept(is_written=False))}}
    assert late_sums(site.config)["m1"].since_ms == 1000
    running.api.answers["GET", "/api/late-sums"] = (500, "broken")
    with pytest.raises(OutOfReach, match=": 500 broken"):
        late_sums(site.config)


def test_where_no_gateway_has_run_there_are_none(site: Site) -> None:
    site.sections["journal"] = {"path": str(site.folder / "none.db")}
    assert late_sums(site.config) == {}
    assert not (site.folder / "none.db").exists()
