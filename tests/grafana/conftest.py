"""Both databases, filled once with the known points, and empty ones."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain

import pytest

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.grafana.known_points import DAY_MS, HOUR_MS, known_points, write
from tests.grafana.worked_out import KnownPoints


@dataclass(frozen=True)
class Databases:
    """The databases and the points in them."""

    services: tuple[Service, ...]
    points: KnownPoints
    now_ms: int


def _started(factory: pytest.TempPathFactory, stack: ExitStack) -> tuple[Service, ...]:
    influxdb = services.influxdb(factory.mktemp("influxdb"))
    victoria_metrics = services.victoria_metrics(factory.mktemp("victoria-metrics"), args=["-retentionPeriod=100y"])
    return tuple(stack.enter_context(service) for service in (influxdb, victoria_metrics))


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Both databases with the known points. They end at 10:23:17 of yesterday in Vietnam."""
    now_ms = time.time_ns() // 1_000_000 // DAY_MS * DAY_MS - 21 * HOUR_MS + 23 * 60_000 + 17_123
    with ExitStack() as stack:
        points = known_points(now_ms)
        started = _started(tmp_path_factory, stack)
        for service in started:
            write(service, chain.from_iterable(points.values()))
        yield Databases(started, points, now_ms)


@pytest.fixture
def empty_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, ...]]:
    """Both databases without a point."""
    with ExitStack() as stack:
        yield _started(tmp_path_factory, stack)
