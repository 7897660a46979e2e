"""The databases of reports, for the job that works out their figures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.monitoring.reports.conftest import started
from tests.monitoring.reports.stores import Filled
from tests.runtime.jobs.closing_rig import ClosingRig


@pytest.fixture(params=["influxdb", pytest.param("victoria-metrics", marks=pytest.mark.slow)])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Filled]:
    """Each database; VictoriaMetrics takes seconds for each test, since it shows only what it has written out."""
    with started(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def rig(tmp_path: Path, filled: Filled) -> ClosingRig:
    """Each database with a gateway."""
    (tmp_path / "gateway").mkdir()
    return ClosingRig(tmp_path / "gateway", filled)
