"""One browser and one gateway with an example fleet for all tests of pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.system.rig import Gateway
from tests.web.pages.browser import NO_CHROMIUM, chromium, find_chromium
from tests.web.pages.places import example_gateway


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. It ends with this folder: while it runs, nothing else in this thread may run an event loop."""
    if find_chromium() is None:
        pytest.skip(NO_CHROMIUM)
    with chromium() as found:
        yield found


@pytest.fixture(scope="package")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with something to see on each page."""
    with example_gateway(tmp_path_factory.mktemp("example")) as found:
        yield found
