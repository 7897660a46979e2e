"""A gateway that stands, for commands on its files, and one that runs, as far as commands ask it."""

from collections.abc import Iterator

import pytest

from tests.commands.answering import Answering, answering
from tests.commands.stopped import Running, Stopped
from tests.site import Site


@pytest.fixture
def stopped(site: Site, capsys: pytest.CaptureFixture[str]) -> Stopped:
    made = Stopped(site, capsys)
    made.open().close()
    return made


@pytest.fixture
def server() -> Iterator[Answering]:
    """A server that answers as a table says."""
    with answering() as made:
        yield made


@pytest.fixture
def running(stopped: Stopped, site: Site, server: Answering) -> Iterator[Running]:
    """A gateway that has its file open, and whose API answers as a table says."""
    file = stopped.open()
    yield Running(stopped, site, server)
    file.close()
