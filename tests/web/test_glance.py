"""The small lines of a device's page: they come from what the database said a moment ago, and nobody waits long for them."""

import asyncio
from types import SimpleNamespace

import pytest

from gateway.ingest.database.store import StoredSeries, StoreFault
from gateway.web.devices.device_charts import RecentSeries, recent_window
from gateway.web.devices.series import SeriesPages
from tests.web.rendering import parts_for

FLOW = RecentSeries("water", "flow_m3_h", StoredSeries("m1"), [(0, 1.5)])


def test_a_page_does_not_wait_for_a_database_that_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    events = SimpleNamespace(influxdb_trouble="")
    status = SimpleNamespace(
        events=events, config=SimpleNamespace(time=SimpleNamespace(zone="UTC")), clock=None, devices=None, alarms=None
    )
    asked: list[str] = []

    async def story() -> None:
        pages = SeriesPages(parts_for(status))
        answers = asyncio.Event()

        async def ask(name: str, _: int) -> object:
            asked.append(name)
            await answers.wait()
            if name == "broken":
                raise StoreFault("no right to read")
            return SimpleNamespace(window=recent_window(0, 6), series=[FLOW])

        monkeypatch.setattr(pages, "_ask", ask)
        assert await pages.glance("m1") == [], "it has not answered"
        answers.set()
        assert await pages.glance("m1") == [FLOW]
        assert await pages.glance("m1") == [FLOW]
        assert asked == ["m1"], "asked once for all pages"
        assert await pages.glance("broken") == []
        events.influxdb_trouble = "away"
        assert await pages.glance("m1") == [], "no page waits for what is known to be away"

    asyncio.run(story())
