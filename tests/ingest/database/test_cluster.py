"""A cluster of VictoriaMetrics is written at one address and asked at another, and an answer in part is none."""

import asyncio
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from gateway.admin.copying.copier import open_source
from gateway.commands.demo import services
from gateway.ingest.database.metricsql_http import deleting_url, is_cluster, process_url
from gateway.ingest.database.open_store import PointStore, open_store
from gateway.ingest.database.store import Counter, Side, Store, StoredSeries, StoreFault, SumPoint, TimeSpan
from gateway.support.config.model import Influxdb, RollupsPlace
from tests.cluster import Cluster

T = TypeVar("T")

START = 1_790_000_000_000
HOUR = 3_600_000
VOLUME = Counter("water", "volume_m3")
LINES = [
    f"water,device={device},site=s1 volume_m3={10.0 + hour},volume_sum_m3={10.0 + hour},quality=0i {START + hour * HOUR}"
    for device in ("m1", "m2")
    for hour in range(5)
]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Service]:
    """A real VictoriaMetrics, with two meters in it."""
    args = ["-retentionPeriod=100y", "-dedup.minScrapeInterval=1ms"]
    with services.victoria_metrics(tmp_path_factory.mktemp("victoria-metrics"), args=args) as service:
        with Cluster(service) as cluster:
            write(cluster)
        yield service


@pytest.fixture
def cluster(behind: services.Service) -> Iterator[Cluster]:
    with Cluster(behind) as found:
        yield found


def write(cluster: Cluster) -> None:
    request = urllib.request.Request(f"{cluster.url}/write?precision=ms", "\n".join(LINES).encode())  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        assert response.status == 204
    cluster.flush()


def settings(cluster: Cluster) -> Influxdb:
    return Influxdb(url=cluster.url, read_url=cluster.read_url)


def ask(cluster: Cluster, question: Callable[[PointStore], Awaitable[T]], *, to_delete: bool = False) -> T:
    async def opened() -> T:
        async with open_store(settings(cluster), to_delete=to_delete) as database:
            return await question(database)

    return asyncio.run(opened())


async def newest(store: Store) -> list[tuple[StoredSeries, SumPoint]]:
    return [found async for found in store.nearest(VOLUME, Side.UP_TO, START + 9 * HOUR, 20 * HOUR)]


async def rows(store: Store) -> list[tuple[int, tuple[float | int | None, ...]]]:
    window = TimeSpan(START, START + 9 * HOUR)
    found = store.rows("water", ["volume_m3"], window, ["m1"])
    return [row async for _, some in found for row in some]


async def sampled(store: Store) -> list[str]:
    return [one.field async for one in store.sampled(["water"], TimeSpan(START, START + 4 * HOUR), HOUR, "m1")]


async def counted(database: PointStore) -> dict[str, int]:
    return dict(await database.counted(["m1"], START + 9 * HOUR))


async def named(database: PointStore) -> set[str]:
    return await database.devices()


@pytest.mark.real
def test_all_questions_go_to_the_address_for_questions(cluster: Cluster) -> None:
    assert {series.device: point.sum for series, point in ask(cluster, newest)} == {"m1": 14.0, "m2": 14.0}
    assert [values for _, values in ask(cluster, rows)] == [(10.0 + hour,) for hour in range(5)]
    assert "volume_m3" in ask(cluster, sampled)
    assert ask(cluster, counted) == {"water": 5}
    assert {"m1", "m2"} <= ask(cluster, named)
    assert {path.split("/")[1] for path in cluster.asked} == {"select"}
    assert not cluster.written


@pytest.mark.real
@pytest.mark.parametrize("denies", [True, False], ids=["refused", "told"])
@pytest.mark.parametrize("question", [newest, rows, sampled, counted, named])
def test_an_answer_without_a_part_of_the_cluster_is_none(
    cluster: Cluster, question: Callable[..., Awaitable[object]], *, denies: bool
) -> None:
    cluster.part_is_away, cluster.denies = True, denies
    refused = denies or question is rows  # an export is always whole
    with pytest.raises(StoreFault, match="some of vmstorage nodes are unavailable" if refused else "in part only"):
        ask(cluster, question)
    cluster.part_is_away = False
    assert ask(cluster, question)


@pytest.mark.real
def test_points_are_deleted_at_an_address_of_its_own(cluster: Cluster) -> None:
    try:
        ask(cluster, lambda database: database.delete(["m2"]), to_delete=True)
        assert cluster.asked[-1] == "/delete/0/prometheus/api/v1/admin/tsdb/delete_series"
        assert [series.device for series, _ in ask(cluster, newest)] == ["m1"]
    finally:
        write(cluster)


@pytest.mark.real
def test_a_cluster_is_copied_from(cluster: Cluster) -> None:
    async def copied() -> tuple[list[str], int]:
        source = await open_source(settings(cluster))
        some = [one async for few in source.points("water", TimeSpan(START, START + 9 * HOUR)) for one in few]
        assert (await source.figures("water", TimeSpan(START // 86_400_000 * 86_400_000, START + 30 * HOUR))).keys()
        return list(await source.measurements()), len({(one.tags["device"], one.time_ms) for one in some})

    assert asyncio.run(copied()) == (["water"], 10)
    assert "/flags" in cluster.asked


@pytest.mark.real
def test_a_cluster_that_would_count_a_point_twice_is_not_copied_from(tmp_path: Path) -> None:
    fault = pytest.raises(StoreFault, match=r"-dedup\.minScrapeInterval=0s: restart it with 1ms")
    with services.victoria_metrics(tmp_path) as service, Cluster(service) as plain, fault:
        asyncio.run(open_source(settings(plain)))


@pytest.mark.parametrize(
    ("url", "deletes_at", "process"),
    [
        ("http://s:8481/select/0/prometheus", "http://s:8481/delete/0/prometheus", "http://s:8481"),
        ("http://s:8481/select/7:2/prometheus/", "http://s:8481/delete/7:2/prometheus", "http://s:8481"),
        ("https://vm.vn/a/select/0/prometheus", "https://vm.vn/a/delete/0/prometheus", "https://vm.vn/a"),
        ("http://s:8481/select/prometheus", "http://s:8481/delete/prometheus", "http://s:8481"),
    ],
)
def test_the_addresses_of_a_cluster_follow_from_that_for_questions(url: str, deletes_at: str, process: str) -> None:
    assert is_cluster(url)
    assert (deleting_url(url), process_url(url)) == (deletes_at, process)


@pytest.mark.parametrize("url", ["http://s:8428", "http://s:8428/prometheus", "http://select:8481/vm"])
def test_a_single_process_has_one_address(url: str) -> None:
    assert not is_cluster(url)
    assert (deleting_url(url), process_url(url)) == (url, url)


def test_the_second_place_is_asked_where_it_is_written_unless_told() -> None:
    first = Influxdb(url="http://i/insert/0/influx", read_url="http://s/select/0/prometheus")
    places = {
        RollupsPlace(bucket="years"): "http://s/select/0/prometheus",
        RollupsPlace(url="http://single:8428"): "http://single:8428",
        RollupsPlace(url="http://i/insert/1/influx", read_url="http://s/select/1/prometheus"): "http://s/select/1/prometheus",
    }
    for place, asked in places.items():
        second = first.model_copy(update={"rollups": place}).of_rollups()
        assert second is not None
        assert second.asked_url == asked


def test_all_addresses_are_reached_in_the_same_way() -> None:
    with pytest.raises(ValueError, match="url and read_url must both begin with http: or both with https:"):
        Influxdb(url="https://i", read_url="http://s")
