"""Rules that every dashboard keeps: those of Grafana's linter, and our own about units and links.

The linter's rules about alerts, a summary and a runbook that exists, stand in ``alerts/test_alert_files.py``.
"""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from grafana.ask import Ask, Each, Over, Question, Step, column_name, first
from grafana.model import Dashboard, Kind, Panel, Prom
from grafana.points import MEASUREMENTS
from grafana.stores import DATABASES
from grafana.tables import DASHBOARDS
from grafana.tables.flows import is_doubt
from grafana.text import both
from grafana.units import AGO, COUNT, DURATION, GRAFANA_UNITS, SHARE, unit_of
from schemas.quantities import DOMAINS
from tests.grafana.test_dashboard_files import NAMES, Json, panels, read
from tests.rows import each_row
from tests.web.pages.places import PAGES

OF_THE_SUM = {"water": unit_of("water", "volume_m3"), "power": unit_of("power", "energy_import_kwh")}
"""The unit of what flowed, and of a balance."""
PER_HOUR = {
    **dict.fromkeys(("supplied_m3", "used_m3"), unit_of("water", "flow_m3_h")),
    **dict.fromkeys(("supplied_kwh", "used_kwh"), "kwatt"),
}
"""As many m³ in an hour are so many m³/h, and as many kWh are so many kW."""
MARKS = {"estimated", "suspect", "measured"}
"""Shares, where they stand beside a figure; beside completeness two of them are numbers of readings."""
PER_DEVICE = both("suffix:/công tơ", "suffix:/meter")
MINUTES = both("suffix:phút", "suffix:min")


def shown(dashboard: Json) -> list[Json]:
    return [panel for panel in panels(dashboard) if panel["type"] != "row"]


@each_row("name", NAMES)
def test_a_panel_has_a_title_a_description_a_unit_and_a_text_for_when_it_is_empty(name: str) -> None:
    for panel in shown(read(name)):
        defaults = panel["fieldConfig"]["defaults"]
        assert all((panel["title"], panel["description"], defaults["unit"], defaults["noValue"])), panel["title"]
        assert defaults["noValue"]


@each_row("name", NAMES)
def test_a_dashboard_is_changed_in_its_table_and_not_in_grafana(name: str) -> None:
    assert read(name)["editable"] is False


def test_addresses_of_dashboards_differ() -> None:
    assert len({read(name)["uid"] for name in NAMES}) == len(NAMES)


def test_every_unit_of_a_field_has_one_in_grafana() -> None:
    assert {unit for points in MEASUREMENTS.values() for unit in points.units.values()} <= GRAFANA_UNITS.keys()


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.name)
def test_every_figure_has_the_unit_that_the_table_of_quantities_says(board: Dashboard) -> None:
    assert [
        f"{panel.title}: {column_name(question)} in {unit}"
        for panel, question, unit in _figures(board)
        if unit not in _units(question)
    ] == []


def _figures(board: Dashboard) -> Iterator[tuple[Panel, Question, str]]:
    """Yield the questions of a dashboard with the unit in which the answers are shown."""
    for panel in (panel for section in board.sections for panel in section.panels):
        of_columns = {column.name: column.unit for column in panel.columns}
        for target in panel.targets:
            if not isinstance(target, Prom) and panel.kind not in (Kind.STATES, Kind.MAP):
                unit = SHARE if is_doubt(target) else panel.unit
                yield panel, target, of_columns.get(column_name(target)) or unit


def _units(question: Question) -> set[str]:
    asked = first(question)
    if asked.field in MARKS and asked.beside:
        return {SHARE}
    if not isinstance(question, Ask) and question.operator == "/":
        is_of_minutes = unit_of(asked.measurement, asked.field) == "s" and question.per == 60
        return {MINUTES} if is_of_minutes else {SHARE, PER_DEVICE}
    if asked.over in (Over.COUNT, Over.DEVICES) or asked.each in (Each.COUNT, Each.TRUE):
        return {COUNT}
    if asked.points.units[asked.field] == "ms":
        return {AGO}
    if asked.field in ("in", "out") and not asked.mark:
        return {OF_THE_SUM[dict(asked.tags)["domain"]]}
    unit = SHARE if asked.mark else unit_of(asked.measurement, asked.field)
    return {unit, DURATION} if unit == "s" else {unit, PER_HOUR.get(asked.field if asked.step is Step.HOUR else "", unit)}


def links(dashboard: Json) -> Iterator[str]:
    """Yield where the links of a dashboard lead to."""
    for panel in shown(dashboard):
        yield from (link["url"] for link in panel["fieldConfig"]["defaults"].get("links", []))
        for override in panel["fieldConfig"]["overrides"]:
            for chosen in override["properties"]:
                yield from (link["url"] for link in chosen["value"]) if chosen["id"] == "links" else ()
    yield from (link["url"] for link in dashboard["links"] if link["type"] == "link")


def keeps_time(dashboard: Json, path: str) -> bool:
    """Tell if a link at the head leads there with the time of the page."""
    return any(link["keepTime"] for link in dashboard["links"] if link["url"].startswith(path))


@each_row("name", NAMES)
def test_links_lead_to_dashboards_and_choices_that_exist(name: str) -> None:
    folder = name.partition("/")[0]
    boards = {read(other)["uid"]: read(other) for other in NAMES if other.startswith(f"{folder}/")}
    inside = [urlsplit(url) for url in links(read(name)) if url.startswith("/d/")]
    for url in inside:
        # The domain of a device is put in for a variable, and is that of one of these dashboards.
        named = [re.sub(r"\$\{[^}]*\}", domain, url.path.removeprefix("/d/")) for domain in DOMAINS]
        for board in dict.fromkeys(named):
            known = {variable["name"] for variable in boards[board]["templating"]["list"]}
            assert {key.removeprefix("var-") for key, _ in parse_qsl(url.query)} <= known
        assert "${__url_time_range}" in url.query or keeps_time(read(name), url.path)


@each_row("name", NAMES)
def test_links_to_the_gateway_lead_to_its_pages(name: str) -> None:
    dashboard = read(name)
    pages = {re.sub("wm-0001", "*", path.partition("?")[0]) for path in PAGES.values()}
    led = [url.removeprefix("${gateway_page}") for url in links(dashboard) if url.startswith("${gateway_page}")]
    assert {re.sub(r"\$\{[^}]*\}", "*", path) for path in led} <= pages
    assert "gateway_page" in {variable["name"] for variable in dashboard["templating"]["list"]}


@each_row("name", NAMES)
def test_each_device_in_a_table_leads_to_its_dashboard_and_its_page(name: str) -> None:
    prefix = {database.folder: database.prefix for database in DATABASES}[name.partition("/")[0]]
    (board,) = (board for board in DASHBOARDS if board.name == name.partition("/")[2])
    listing = {
        panel.title for panel, question, _ in _figures(board) if panel.kind is Kind.TABLE and "device" in first(question).by
    }
    for panel in shown(read(name)):
        of_devices = [override for override in panel["fieldConfig"]["overrides"] if override["matcher"]["options"] == "device"]
        led = [link["url"] for one in of_devices for row in one["properties"] if row["id"] == "links" for link in row["value"]]
        if panel["title"] in listing:
            state, *values, page = [url.partition("?")[0] for url in led]
            assert (state, page) == (f"/d/{prefix}-device", "${gateway_page}/devices/${__value.raw:percentencode}")
            assert values in ([], *([f"/d/{prefix}-device-{domain}"] for domain in DOMAINS))


ASKED_FOR = {
    "province": "Critical|Warnings|Not seen to|Silent devices|Completeness yesterday|Gateways|"
    "Map of the devices|Open alarms|Water: supplied and used|Energy: supplied and used|Silent devices by site",
    "alarms": "Critical, nobody|Open over a day|Oldest open|Nobody sees to it|Who acknowledged|By area",
    "water": "Critical alarms|Warnings|Silent devices|Complete yesterday|Bursts now|Leaks now|Supplied, newest hour|"
    "Lowest pressure now|Lowest tank now|Lost yesterday|Open alarms|"
    "Used per hour|Used per day|Used per month|Water that earns nothing|Losses by bulk meter|"
    "Lost by area|Supplied per hour|Night minimum|Reverse volume|"
    "Lowest pressure by zone|Highest pressure by zone|Filling of the lowest tank|pH|Residual chlorine|Turbidity",
    "power": "Critical alarms|Warnings|Silent devices|Complete yesterday|Outages now|Voltage out of limits|"
    "Load, newest hour|Peak load|SAIDI, last 31 days|Lost yesterday|Open alarms|"
    "Supplied per hour|Used per hour|Lost by area|Energy lost|"
    "Load curve|Losses by transformer|Lowest and highest voltage|Unbalance of voltages|"
    "Unbalance of currents|Current by phase|Outages that have ended|SAIDI by day|SAIFI|MAIFI|Produced per hour",
    "traffic": "Critical alarms|Congested now|Slowest now|Longest queue now|by class and direction|Speed against flow|"
    "Occupancy|Congested points|Peak hours",
    "urban": "Critical alarms|Failed street lights|Spaces occupied|Parking by site|Lights on|People in by hour",
    "environment": "Polluted stations|Highest PM2.5 now|Loudest place now|PM10|Rain by hour|Air temperature|NO₂",
    "device": "Last heard before|Completeness|Longest gap|Open alarms, since|Battery|Signal",
    "device-water": "Water values|Counted per hour|States and alarm bits|Quality of the readings|register and sum",
    "device-power": "Voltage|Current|Active power|Power factor|Counted per hour|Quality of the readings|register and sum",
    "completeness": "Readings received|Readings on time|by domain|By area|Least complete devices|By month|12 months",
    "gateway": "Without MQTT|Clock doubted|Readings lost|Ledger imbalance|Silent|Each gateway|Readings pending|Weakest battery",
    "gateway-metrics": "Connections|Ledger imbalance|Age of the journal|From arrival to InfluxDB|Rejects by reason",
}


@pytest.mark.parametrize("name", ASKED_FOR)
def test_operators_find_what_they_ask_for(name: str) -> None:
    for database in DATABASES:
        titles = " | ".join(panel["title"] for panel in shown(read(f"{database.folder}/{name}")))
        assert [part for part in ASKED_FOR[name].split("|") if part not in titles] == []


@each_row("name", NAMES)
def test_alarms_outages_restarts_and_exchanges_are_marked(name: str) -> None:
    marks = [mark["name"] for mark in read(name)["annotations"]["list"]]
    of_gateways, of_devices = (
        ["Gateway restarted", "Broker or database away"],
        ["Meter exchanged", "Alarm began", "Alarm ended"],
    )
    assert marks == [*of_gateways, *([] if name.endswith("/gateway-metrics") else of_devices)]
