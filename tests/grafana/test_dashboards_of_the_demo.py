"""All dashboards on the points of ``gateway demo``: InfluxDB takes every query, and shows what VictoriaMetrics shows."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from gateway.commands.demo import services
from tests.campaigns.grafana.points import points
from tests.grafana.as_documented import Shown
from tests.grafana.budget import fill
from tests.grafana.documented_sources import LENGTHS_MS, Sources, differences
from tests.influx import query
from tests.system.test_system_demo import demo, named
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(3600)]

DEVICES = 120
HOUR_MS = 3_600_000
PATIENCE_S = 1200.0
"""The roll-ups of two days come in minutes, on a machine that has nothing else to do."""


@dataclass(frozen=True)
class Told:
    """The points of a demo in both databases; ``devices`` has one of each kind."""

    sources: Sources
    end_ms: int
    devices: list[str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with demo(tmp_path_factory.mktemp("demo"), "--devices", f"{DEVICES}") as (_, said):
        url = named(said, "InfluxDB").split()[0]
        until(lambda: newest_ms(url, "hourly") > now_ms() - 3 * HOUR_MS, PATIENCE_S, what="the hours of the story are closed")
        end_ms = now_ms()
        lines = [point.line for point in points(url, end_ms)]
        names = sorted({row["device"] for row in query(url, "iot", 'SELECT last("up") FROM "device_health" GROUP BY "device"')})
    with ExitStack() as stack:
        influxdb = stack.enter_context(services.influxdb(tmp_path_factory.mktemp("influxdb")))
        folder = tmp_path_factory.mktemp("victoria-metrics")
        victoria_metrics = stack.enter_context(services.victoria_metrics(folder, args=["-retentionPeriod=100y"]))
        for service in (influxdb, victoria_metrics):
            fill(service, lines)
        one_a_kind = {name.rpartition("-")[0]: name for name in names}
        yield Told(Sources(influxdb.url, victoria_metrics.url), end_ms, list(one_a_kind.values()))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def newest_ms(url: str, measurement: str) -> int:
    (row,) = query(url, "iot", f'SELECT last("volume_used_m3") FROM "{measurement}"') or [{"time": 0}]  # noqa: S608
    return int(row["time"])


@pytest.mark.parametrize("length", LENGTHS_MS)
def test_what_one_database_shows_of_the_demo_the_other_shows_too(told: Told, length: str) -> None:
    page = Shown(told.end_ms - LENGTHS_MS[length], told.end_ms)
    assert differences(told.sources, page, told.devices) == []
