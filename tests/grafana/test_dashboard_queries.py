import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.services import Service
from tests.grafana.macros import choose, interpolated
from tests.grafana.points import fill
from tests.influx import query

DASHBOARDS = Path(__file__).parents[2] / "grafana" / "dashboards"
NAMES = ["water", "power", "traffic", "urban", "gateway"]
Json = dict[str, Any]

OF_SILENT_DEVICES = {"Thiết bị im lặng", "Số thiết bị im lặng", "Im lặng"}

SELECTIONS = [
    pytest.param({}, set(), id="all"),
    pytest.param({"site": ["site.1"]}, OF_SILENT_DEVICES, id="one site, whose device is not silent"),
    pytest.param({"area": ["A1"]}, OF_SILENT_DEVICES, id="one area, whose device is not silent"),
    pytest.param({"area": ["A1", "A2"], "site": ["site.1", "site.2"]}, set(), id="two areas and sites"),
]

pytestmark = pytest.mark.real


def read(name: str) -> Json:
    dashboard: Json = json.loads((DASHBOARDS / f"{name}.json").read_text(encoding="utf-8"))
    return dashboard


def panels(dashboard: Json) -> Iterator[Json]:
    """Every panel that asks something, those of closed rows included."""
    for panel in dashboard["panels"]:
        yield from (panel["panels"] if panel["type"] == "row" else [panel])


def influxql(dashboard: Json) -> Iterator[tuple[str, str, str]]:
    """Panel title, query, shortest interval."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            if target["datasource"]["type"] == "influxdb":
                yield panel["title"], target["query"], panel["interval"]


def unanswered(name: str, url: str, now_ms: int, wanted: dict[str, list[str]]) -> list[str]:
    """The panels with a query that returns no row."""
    dashboard = read(name)
    choice = choose(dashboard["templating"]["list"], url, now_ms, wanted)
    return [
        f"{title}: {text}"
        for title, text, interval in influxql(dashboard)
        if not query(url, "iot", interpolated(text, now_ms, choice, interval))
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("wanted", "empty"), SELECTIONS)
def test_every_panel_finds_the_points_it_is_about(
    influxdb: Service, name: str, wanted: dict[str, list[str]], empty: set[str]
) -> None:
    now_ms = time.time_ns() // 1_000_000
    fill(influxdb.url, now_ms, areas=True)
    found = unanswered(name, influxdb.url, now_ms, wanted)
    assert [line for line in found if line.partition(" · ")[0] not in empty] == []


@pytest.mark.parametrize("name", NAMES)
def test_panels_work_where_no_point_has_an_area(influxdb: Service, name: str) -> None:
    now_ms = time.time_ns() // 1_000_000
    fill(influxdb.url, now_ms, areas=False)
    assert unanswered(name, influxdb.url, now_ms, {}) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_database_is_no_error(influxdb: Service, name: str) -> None:
    now_ms = time.time_ns() // 1_000_000
    assert len(unanswered(name, influxdb.url, now_ms, {})) == len(list(influxql(read(name))))


def test_a_choice_of_one_area_leaves_the_other_out(influxdb: Service) -> None:
    now_ms = time.time_ns() // 1_000_000
    fill(influxdb.url, now_ms, areas=True)
    dashboard = read("water")
    choice = choose(dashboard["templating"]["list"], influxdb.url, now_ms, {"area": ["A2"]})
    rows = ask(influxdb, dashboard, "Số đo gần nhất", choice, now_ms)
    assert [row["device"] for row in rows] == ["sim-water-2"]


def test_figures_are_what_the_points_say(influxdb: Service) -> None:
    now_ms = time.time_ns() // 1_000_000
    fill(influxdb.url, now_ms, areas=True)
    dashboard = read("water")
    choice = choose(dashboard["templating"]["list"], influxdb.url, now_ms, {})
    assert value_of(influxdb, dashboard, "Thiết bị có số liệu", choice, now_ms) == 2
    assert value_of(influxdb, dashboard, "Đang báo rò rỉ", choice, now_ms) == 1
    # Registers grow by 1 and 2 per quarter of an hour; the first hour of the range has nothing to be compared with.
    assert value_of(influxdb, dashboard, "Tiêu thụ", choice, now_ms) == pytest.approx(3 * 4 * 23, abs=3 * 4)
    # Nine qualities in turn, good and "simulated" among them.
    assert value_of(influxdb, dashboard, "Số đo bị gắn cờ", choice, now_ms) == pytest.approx(100 * 7 / 9, abs=1)
    # In one group: a shorter one may have begun some minutes ago, with few points in it.
    flags = ask(influxdb, dashboard, "Cờ chất lượng", choice, now_ms, interval="1000d")
    for bit in (1, 2, 4, 8, 16, 32, 64, 128):
        assert flags[-1][f"flag_{bit}"] == pytest.approx(100 / 9, abs=1)
    silent = ask(influxdb, dashboard, "Thiết bị im lặng", choice, now_ms)
    assert [row["device"] for row in silent] == ["sim-water-2"]


def value_of(influxdb: Service, dashboard: Json, title: str, choice: Any, now_ms: int) -> object:  # noqa: ANN401
    (row,) = ask(influxdb, dashboard, title, choice, now_ms)
    (value,) = (value for column, value in row.items() if column != "time")
    return value


def ask(
    influxdb: Service,
    dashboard: Json,
    title: str,
    choice: Any,  # noqa: ANN401
    now_ms: int,
    interval: str = "1h",
) -> list[dict[str, object]]:
    """The rows of the panel whose Vietnamese title is ``title``."""
    (text,) = (text for found, text, _ in influxql(dashboard) if found.partition(" · ")[0] == title)
    return query(influxdb.url, "iot", interpolated(text, now_ms, choice, interval))
