"""The real parts as fixtures, new for each test: they start in a few hundredths of a second."""

import ctypes
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gateway.commands.demo import services
from tests.examples import examples
from tests.processes import children
from tests.site_fixtures import _shipped_profiles_are_compiled_once, decode, few_shipped, site  # noqa: F401 - fixtures
from tests.waiting import until

PR_SET_CHILD_SUBREAPER = 36

# No time limit for one example: a busy machine is not a fault of the code.
settings.register_profile("ours", max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")


SLOW_TIMEOUT_S = 900.0
"""Slow tests end by themselves within two minutes on a quiet machine; a busy one needs several times as long."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give slow tests more time than ``timeout`` in pyproject.toml, where they do not ask for another."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT_S))


@pytest.fixture(scope="session", autouse=True)
def _orphans_come_to_us() -> None:
    """A process whose parent a test killed becomes a child of the test run, where it is seen."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> None:
    """A shell lets what it starts in the background ignore SIGINT, and children inherit that: nothing would stop them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _logs_go_where_they_went() -> Iterator[None]:
    """Take away the handlers that a ``gateway run`` in this process leaves: they write to what was standard error then."""
    before, level = list(logging.root.handlers), logging.root.level
    yield
    logging.root.setLevel(level)
    for handler in [one for one in logging.root.handlers if one not in before]:
        logging.root.removeHandler(handler)


@pytest.fixture(autouse=True)
def _no_process_left_behind() -> Iterator[None]:
    """Fail a test that leaves a child process running, and end that process."""
    before = set(children())
    yield
    with suppress(AssertionError):
        until(lambda: set(children()) <= before, within_s=10.0)
    left = {pid: command for pid, command in children().items() if pid not in before}
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    if left:
        pytest.fail(f"left running: {'; '.join(left.values())}")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[services.Service]:
    """The broker as a deployment runs it."""
    with services.mosquitto(_made(tmp_path / "mosquitto")) as service:
        yield service


@pytest.fixture
def stock_mosquitto(tmp_path: Path) -> Iterator[services.Service]:
    """The broker as Debian ships it: queues of 1,000 messages, saved every half hour."""
    with services.mosquitto(_made(tmp_path / "stock-mosquitto"), tuned=False) as service:
        yield service


@pytest.fixture
def influxdb(tmp_path: Path) -> Iterator[services.Service]:
    """InfluxDB 1 with the database ``iot``, empty."""
    with services.influxdb(_made(tmp_path / "influxdb")) as service:
        yield service


@pytest.fixture
def victoria_metrics(tmp_path: Path) -> Iterator[services.Service]:
    """VictoriaMetrics, empty. What it answered 204 to can be queried a second or so later."""
    with services.victoria_metrics(_made(tmp_path / "victoria-metrics")) as service:
        yield service


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
