"""All points of one device: counted, read whole and deleted, on real databases; 2 and 3 as their documentation says."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from gateway.config.model import Influxdb
from gateway.reports.device_points import DevicePoint, DevicePoints, open_device_points, places_of_points
from gateway.reports.store import StoreFault
from tests.reports.stores import Filled
from tests.reports.versioned import stub

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


def opened(config: Influxdb, work: Callable[[DevicePoints], Awaitable[T]], *, to_delete: bool = False) -> T:
    async def run() -> T:
        async with open_device_points(config, to_delete=to_delete) as points:
            return await work(points)

    return asyncio.run(run())


async def everything(points: DevicePoints) -> list[DevicePoint]:
    return [point async for point in points.points(["his"], NOW_MS)]


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
    assert second == DevicePoint(
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
