"""The last hours of a device are the same by InfluxDB and VictoriaMetrics, and few however often it sends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest

from gateway.ingest.database.store import SampledField, Store, StoredSeries, TimeSpan
from gateway.web.devices.device_charts import SAMPLES, SERIES_MAX, RecentSeries, recent_series, recent_window
from tests.monitoring.reports.stores import Filled

MINUTE = 60_000
NOW = 1_790_000_000_000
WINDOW = recent_window(NOW, 6)
M = StoredSeries("m-1")


def last_hours(filled: Filled, device: str = "m-1") -> list[RecentSeries]:
    return filled.ask(lambda store: recent_series(store, ["water", "device_health"], WINDOW, device))


def test_a_window_has_whole_steps_and_ends_with_that_of_now() -> None:
    assert WINDOW.step_ms == MINUTE
    assert WINDOW.span.end_ms - MINUTE <= NOW < WINDOW.span.end_ms
    assert (WINDOW.span.end_ms - WINDOW.span.start_ms) == SAMPLES * MINUTE
    assert recent_window(NOW, 0).step_ms == 1000


@pytest.mark.real
def test_each_step_has_its_last_value_and_a_state_is_a_number(filled: Filled) -> None:
    start = WINDOW.span.end_ms - 10 * MINUTE
    filled.write(
        [
            f"water,device=m-1,site=a flow_m3_h=1.5,pump_on=true,quality=0i {start + 1}",
            f"water,device=m-1,site=a flow_m3_h=2.5,pump_on=false,quality=0i {start + 2000}",
            f"water,device=m-1,site=b flow_m3_h=3.5,quality=0i {start + MINUTE + 1}",
            f"water,channel=2,device=m-1,site=b flow_m3_h=9,quality=0i {start + 1}",
            f"device_health,device=m-1,site=b battery_pct=88 {start + 1}",
            f"water,device=m-2,site=b flow_m3_h=7,quality=0i {start + 1}",
            f"water,device=m-1,site=b flow_m3_h=4,quality=0i {WINDOW.span.start_ms - 1}",
        ]
    )
    found = {(one.field, one.series): one.points for one in last_hours(filled) if one.field != "quality"}
    assert found == {
        ("flow_m3_h", M): [(start, 2.5), (start + MINUTE, 3.5)],
        ("flow_m3_h", StoredSeries("m-1", channel="2")): [(start, 9.0)],
        ("pump_on", M): [(start, 0.0)],
        ("battery_pct", M): [(start, 88.0)],
    }


@pytest.mark.real
def test_a_device_without_points_has_no_series_and_a_strange_name_asks_for_no_other(filled: Filled) -> None:
    filled.write([f"water,device=m-1,site=a flow_m3_h=1 {NOW}"])
    assert last_hours(filled, "m.*") == []
    assert last_hours(filled, "x' OR 1=1") == []


class _ManyLanes:
    async def sampled(
        self, measurements: Sequence[str], window: TimeSpan, step_ms: int, device: str
    ) -> AsyncIterator[SampledField]:
        del window, step_ms
        for lane in range(300):
            yield SampledField(measurements[0], "mean_speed_km_h", StoredSeries(device, lane=f"{lane:03}"), [(0, 1.0)])


def test_a_device_of_very_many_series_tells_the_first_of_them() -> None:
    found = asyncio.run(recent_series(cast("Store", _ManyLanes()), ["traffic"], WINDOW, "m"))
    assert [one.series.lane for one in found] == [f"{lane:03}" for lane in range(SERIES_MAX)]
