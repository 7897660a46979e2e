"""A gateway's folder with two devices, beside a database with points of both."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.ingest.database import metricsql
from tests.admin.backup.machine import HIS, OTHER, Machine, line
from tests.monitoring.reports.conftest import started
from tests.monitoring.reports.stores import Filled


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that every owner of what is made in it can reach; pytest's own is its user's alone."""
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(autouse=True)
def _seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no series: what a test writes is flushed, and shown at once."""
    monkeypatch.setattr(metricsql, "SHOWN_AFTER_S", 0.0)


@pytest.fixture(params=["influxdb", "victoria-metrics"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Filled]:
    """Each database, with readings, hours and an alarm of two devices."""
    with started(request.param, tmp_path / "database") as found:
        for name in (HIS, OTHER):
            found.write([line(name), line(name, 1_793_400_000_000), *_more(name)])
        yield found


@pytest.fixture
def known(database: Filled, tmp_path: Path) -> Machine:
    """A gateway that does not run, with something of two devices in every place."""
    machine = Machine(tmp_path / "known")
    machine.fill(HIS, OTHER, influxdb_url=database.service.url)
    return machine


def _more(name: str) -> list[str]:
    return [f"{kind},device={name},site=s1 {fields} 1793491200000" for kind, fields in _FIELDS.items()]


_FIELDS = {
    "hourly": "volume_used_m3=0.5",
    "completeness": "expected=24,received=24",
    "alarm": "active=true",
    "event": "value=1",
}
