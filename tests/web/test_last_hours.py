"""The last hours of a device: from the database, as JSON and as charts, and what is said when it does not answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.ingest.database.store import StoredSeries, StoreFault
from gateway.web.devices import series
from gateway.web.devices.device_charts import RecentSeries, SampledWindow
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS
from tests.web.visiting import Answer, Visitor, visit


class Store:
    """The answers of a database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, int]] = []
        self.fault = ""
        monkeypatch.setattr(series, "open_store", self._opened)
        monkeypatch.setattr(series, "recent_series", self._answer)

    @asynccontextmanager
    async def _opened(self, *_: object) -> AsyncIterator[None]:
        yield

    async def _answer(self, _: None, measured: list[str], window: SampledWindow, name: str) -> list[RecentSeries]:
        assert measured[-1] == "device_health"
        self.asked.append((name, (window.span.end_ms - window.span.start_ms) // HOUR_MS))
        if self.fault:
            raise StoreFault(self.fault)
        points = [(NOW_MS - minute * MINUTE_MS, 1.5 + minute) for minute in (5, 3, 1)]
        return [RecentSeries("water", "flow_m3_h", StoredSeries(name, channel=channel), points) for channel in ("", "2")]


def test_the_last_hours_are_asked_once_for_all_readers_and_at_most_three_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(monkeypatch)

    async def story(visitor: Visitor) -> list[Answer]:
        visitor.come("m1", {"ts": NOW_MS, "flow_m3_h": 1.5})
        asked = ("", "?hours=6", "?hours=0", "?hours=99", "?hours=x")
        found = [await visitor.get(f"/api/series/m1{query}") for query in asked]
        return [*found, await visitor.get("/api/series/nobody"), await visitor.page("/devices/m1/charts?hours=72")]

    six, again, least, most, wrong, nobody, charts = visit(tmp_path, story)
    assert store.asked == [("m1", 6), ("m1", 72)]
    assert six.document == again.document == least.document
    assert (six.document["device"], six.document["step_s"]) == ("m1", 60.0)
    assert six.document["to_ms"] - six.document["from_ms"] == 6 * HOUR_MS
    assert most.document["to_ms"] - most.document["from_ms"] >= 72 * HOUR_MS
    plain, of_channel = six.document["series"]
    assert of_channel.items() >= {"measurement": "water", "field": "flow_m3_h", "tags": {"channel": "2"}}.items()
    assert (plain["tags"], [value for _, value in plain["points"]]) == ({}, [6.5, 4.5, 2.5])
    assert (wrong.status, nobody.status) == (400, 404)
    assert '<a href="?hours=72" aria-current="true">3\xa0days</a>' in charts.text
    assert "<h3>Flow (m³/h)</h3>" in charts.text
    assert "last 2.5, lowest 2.5, highest 6.5" in charts.text


def test_a_database_that_refuses_leaves_the_page_with_its_reason_and_the_newest_devices_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(monkeypatch)
    store.fault = "no right to read"

    async def story(visitor: Visitor) -> list[Answer]:
        visitor.come("m1", {"ts": NOW_MS, "flow_m3_h": 1.5})
        found = [
            await visitor.get("/api/series/m1"),
            await visitor.page("/devices/m1/charts"),
            await visitor.page("/devices/m1"),
        ]
        store.fault = ""
        store.asked.clear()
        found.append(await visitor.page("/devices/m1"))
        for number in range(40):
            visitor.come(f"n{number}", {"ts": NOW_MS, "ph": 7})
            await visitor.get(f"/api/series/n{number}")
        for name in ("n39", "n8", "m1"):
            await visitor.get(f"/api/series/{name}")
        return [*found, await visitor.page("/devices/nobody/charts")]

    refused, charts, without, with_line, nobody = visit(tmp_path, story)
    assert (refused.status, refused.document["error"]) == (503, "no right to read")
    assert "What is stored cannot be read from the database" in charts.text
    assert "no right to read" in charts.text
    assert ('class="spark"' in without.text, without.status) == (False, 200)
    assert without.text.count("<svg") + 1 == with_line.text.count("<svg"), "the small line of the flow"
    assert store.asked[-1] == ("m1", 6), "asked again: the least used of 32 answers make room"
    assert store.asked.count(("n39", 6)) == store.asked.count(("n8", 6)) == 1
    assert nobody.status == 200


def test_a_page_that_follows_a_device_is_told_when_something_came_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "_LOOK_EVERY_S", 0.0)

    async def story(visitor: Visitor) -> list[int]:
        told: list[int] = []
        written = asyncio.Event()

        async def follow() -> None:
            async for piece in visitor.follow("/api/devices/m1/events"):
                told.append(piece["now"])
                written.set()

        async def next_told(after_ms: int) -> None:
            written.clear()
            visitor.come("m1", {"ts": NOW_MS + after_ms, "ph": 7}, after_ms=after_ms)
            await written.wait()

        following = asyncio.create_task(follow())
        await written.wait()
        visitor.clock.at_ms += 1
        for _ in range(20):
            await asyncio.sleep(0)
        await next_told(MINUTE_MS)
        following.cancel()
        return told

    assert visit(tmp_path, story) == [NOW_MS, NOW_MS + MINUTE_MS]
