"""All points of one device: counted, read whole and deleted, on real databases; 2 and 3 as their documentation says."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import pytest

from gateway.ingest.database import metricsql
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.metricsql_http import MetricLabels, MetricsqlSample
from gateway.ingest.database.open_store import PointStore, open_store, places_of_points
from gateway.ingest.database.store import StoreFault, WholePoint
from gateway.support.config.model import Influxdb
from tests.monitoring.reports.stores import Filled
from tests.monitoring.reports.versioned import stub

T = TypeVar("T")

DAY_MS = 86_400_000
NOW_MS = 1_790_000_000_000
LINES = [
    *(f"water,device=his,site=s flow_m3_h={day}.5,quality=0i {NOW_MS - day * DAY_MS}" for day in range(100)),
    f"water,device=his,site=s,channel=b volume_m3=3.5,volume_sum_m3=3.5,quality=8i {NOW_MS}",
    f"hourly,device=his,site=s volume_used_m3=0.5 {NOW_MS}",
    f"monthly_completeness,device=his,site=s expected=1 {NOW_MS}",
    f"completeness,device=his,domain=water expected=1 {NOW_MS}",
    f"water,device=his-too,site=s flow_m3_h=1,quality=0i {NOW_MS}",
    f"water,device=hisx,site=s flow_m3_h=1,quality=0i {NOW_MS}",
    f"hourly_area,area=A,domain=water volume_used_m3=0.5 {NOW_MS}",
]


def opened(config: Influxdb, work: Callable[[PointStore], Awaitable[T]], *, to_delete: bool = False) -> T:
    async def run() -> T:
        async with open_store(config, to_delete=to_delete) as points:
            return await work(points)

    return asyncio.run(run())


async def everything(points: PointStore) -> list[WholePoint]:
    return [point async for point in points.points_of(["his"], NOW_MS)]


@pytest.mark.real
def test_everything_of_a_device_is_counted_read_and_deleted_and_nothing_of_others(filled: Filled) -> None:
    filled.write(LINES)
    expected = {"water": 101, "hourly": 1, "completeness": 1, "monthly_completeness": 1}
    assert opened(filled.config, lambda points: points.counted(["his"], NOW_MS)) == expected
    found = opened(filled.config, everything)
    assert len(found) == 104
    assert opened(filled.config, lambda points: points.devices()) == {"his", "his-too", "hisx"}
    assert {point.time_ms for point in found if point.measurement == "water"} == {NOW_MS - day * DAY_MS for day in range(100)}
    (second,) = (point for point in found if point.tags.get("channel") == "b")
    assert second == WholePoint(
        "water",
        {"device": "his", "site": "s", "channel": "b"},
        NOW_MS,
        {"volume_m3": 3.5, "volume_sum_m3": 3.5, "quality": 8},
    )
    opened(filled.config, lambda points: points.delete(["his"]), to_delete=True)
    assert opened(filled.config, lambda points: points.counted(["his"], NOW_MS)) == {}
    assert opened(filled.config, everything) == []
    assert opened(filled.config, lambda points: points.counted(["his-too", "hisx"], NOW_MS)) == {"water": 2}
    opened(filled.config, lambda points: points.delete(["his"]), to_delete=True)


def played(monkeypatch: pytest.MonkeyPatch, counts: Iterable[int]) -> tuple[metricsql.MetricsqlStore, list[dict[str, str]]]:
    """A VictoriaMetrics that counts so many series, one count after the other, and what it was asked."""
    asked: list[dict[str, str]] = []
    answers = iter(counts)

    async def ask(_http: object, _path: str, form: dict[str, str]) -> list[MetricsqlSample]:
        asked.append(form)
        return [MetricsqlSample(MetricLabels(), (0.0, str(next(answers))))]

    monkeypatch.setattr(metricsql, "ask_samples", ask)
    return metricsql.MetricsqlStore(DatabaseHttp(Influxdb()), Influxdb()), asked


def test_victoria_metrics_is_asked_again_until_no_new_series_has_shown_itself_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metricsql, "SHOWN_AFTER_S", 0.3)
    monkeypatch.setattr(metricsql, "_LOOK_S", 0.01)
    shown = [5, 5, 5, 6, 6, 9]
    points, asked = played(monkeypatch, [*shown, *[9] * 1000])

    async def settle() -> float:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await points.all_shown(["his"], NOW_MS)
        return loop.time() - began_s

    assert asyncio.run(settle()) >= 0.3
    assert len(asked) > len(shown)


def test_no_question_reaches_back_to_before_1970(monkeypatch: pytest.MonkeyPatch) -> None:
    """VictoriaMetrics 1.79 answers such a one with nothing."""
    points, asked = played(monkeypatch, [1, 1])

    async def ask() -> None:
        await points.all_shown(["his"], NOW_MS)
        await points.counted(["his"], NOW_MS)

    asyncio.run(ask())
    for form in asked:
        (range_s,) = re.findall(r"\[(\d+)s\]", form["query"])
        assert 0 < float(form["time"]) - int(range_s) < DAY_MS / 500


@pytest.mark.parametrize(
    ("rollups", "asked"),
    [
        pytest.param({}, ["iot"], id="one"),
        pytest.param({"bucket": "iot/long"}, ["iot"], id="policy"),
        pytest.param({"bucket": "long"}, ["iot", "long"], id="database"),
        pytest.param({"url": "http://other:8086"}, ["iot", "iot"], id="server"),
    ],
)
def test_a_second_place_of_roll_ups_is_asked_too_unless_it_is_the_same_database(
    rollups: dict[str, str], asked: list[str]
) -> None:
    config = Influxdb.model_validate({"url": "http://one:8086", "api": "v1", "bucket": "iot", "rollups": rollups})
    assert [place.bucket for place in places_of_points(config)] == asked


def test_influxdb_2_is_asked_by_its_own_api() -> None:
    with stub("v2.7.1") as (config, taken):
        opened(config, lambda points: points.delete(['h"is']), to_delete=True)
    ((path, body),) = taken
    assert path == "/api/v2/delete?bucket=iot&org=o"
    assert json.loads(body)["predicate"] == r'device="h\"is"'


def test_influxdb_3_core_cannot_delete_and_says_so() -> None:
    with stub("3.2.0") as (config, taken), pytest.raises(StoreFault, match="InfluxDB 3 Core cannot delete"):
        opened(config, lambda points: points.delete(["his"]), to_delete=True)
    assert taken == []
