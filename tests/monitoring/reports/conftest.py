"""InfluxDB and VictoriaMetrics as fixtures, one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.commands.demo import services
from gateway.ingest.database import metricsql
from tests.monitoring.reports.stores import Filled


@contextmanager
def started(name: str, folder: Path) -> Iterator[Filled]:
    """Start a database, empty, with room for the past."""
    if name == "influxdb":
        service = services.influxdb(folder)
    else:
        service = services.victoria_metrics(folder, args=["-retentionPeriod=100y"])
    with service:
        yield Filled(service)


@pytest.fixture(autouse=True)
def _seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no series: what a test writes is flushed, and shown at once."""
    monkeypatch.setattr(metricsql, "SHOWN_AFTER_S", 0.0)


VICTORIA_METRICS_IS_SLOW = pytest.mark.parametrize(
    "filled", ["influxdb", pytest.param("victoria-metrics", marks=pytest.mark.slow)], indirect=True
)
"""For a test that asks so much that it takes seconds there; its cheaper neighbours ask the same questions of both."""


@pytest.fixture(params=["influxdb", "victoria-metrics"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Filled]:
    """Each database."""
    with started(request.param, tmp_path) as found:
        yield found
