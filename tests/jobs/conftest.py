"""The databases of reports, for the job that works out their figures."""

from pathlib import Path

import pytest

from tests.jobs.closing_rig import ClosingRig
from tests.reports.conftest import filled as filled  # noqa: PLC0414 - a fixture
from tests.reports.stores import Filled


@pytest.fixture
def rig(tmp_path: Path, filled: Filled) -> ClosingRig:
    """Each database with a gateway."""
    (tmp_path / "gateway").mkdir()
    return ClosingRig(tmp_path / "gateway", filled)
