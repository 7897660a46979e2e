"""InfluxDB and VictoriaMetrics as fixtures, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo import services
from tests.reports.stores import Filled


@pytest.fixture(params=["influxdb", "victoria-metrics"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Filled]:
    """Each database, empty, with room for the past."""
    if request.param == "influxdb":
        service = services.influxdb(tmp_path)
    else:
        service = services.victoria_metrics(tmp_path, args=["-retentionPeriod=100y"])
    with service:
        yield Filled(service)
