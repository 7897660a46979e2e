"""A gateway that stands, for commands on its files, and one that runs, as far as commands ask it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands import finding
from tests.commands.answering import Answering, answering
from tests.commands.stopped import Running, Stopped
from tests.site import Site


@pytest.fixture(autouse=True)
def machine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in place of ``/etc`` where commands look for a gateway; no gateway is installed there."""
    folder = tmp_path_factory.mktemp("etc")
    monkeypatch.setattr(finding, "MACHINE", folder)
    return folder


@pytest.fixture
def stopped(site: Site, capsys: pytest.CaptureFixture[str]) -> Stopped:
    site.devices({"id": "m1", "site": "q1", "domain": "water"})
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
