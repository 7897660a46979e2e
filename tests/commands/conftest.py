"""A gateway that stands, for commands on its files."""

import pytest

from tests.commands.stopped import Stopped
from tests.site import Site


@pytest.fixture
def stopped(site: Site, capsys: pytest.CaptureFixture[str]) -> Stopped:
    made = Stopped(site, capsys)
    made.open().close()
    return made
