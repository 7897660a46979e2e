import re
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
import yaml

from grafana.made import file_text
from grafana.model import PROMETHEUS, Dashboard, Panel
from grafana.render import dashboard as rendered
from grafana.stores import DATABASES
from grafana.tables import DASHBOARDS
from grafana.text import LANGUAGES, Language
from schemas.glossary import todo
from tests.grafana import as_documented
from tests.rows import each_row

NAMES = [f"{database.folder}/{board.name}" for database in DATABASES for board in DASHBOARDS]
Json = dict[str, Any]

NOT_IN_INFLUXDB_3 = re.compile(
    r"\b(SLIMIT|SOFFSET|SHOW SERIES|SHOW DATABASES|CARDINALITY|SAMPLE|HOLT_WINTERS)\b", re.IGNORECASE
)
VIETNAMESE = re.compile("[ăâđêôơưạảấầậắằẵặẹếềệỉịọốồộớờởợụủứừửựỳ]", re.IGNORECASE)


def read(name: str) -> Json:
    store, _, board = name.partition("/")
    return as_documented.read(store, board)


def provisioned(store: str, *folders: str) -> list[Json]:
    """The documents of a store below some folders."""
    return [yaml.safe_load(text) for path, text in as_documented.made(store).items() if path.startswith(folders)]


def groups(dashboard: Json) -> list[list[Json]]:
    """Panels that share a page: the open ones, and those of each closed row."""
    return [dashboard["panels"], *(panel["panels"] for panel in dashboard["panels"] if panel.get("collapsed"))]


def panels(dashboard: Json) -> list[Json]:
    return [panel for group in groups(dashboard) for panel in group]


def queries(dashboard: Json) -> list[str]:
    """All queries, of panels, marks and variables."""
    asked = [query.text for query in as_documented.queries(dashboard)]
    return asked + [text for _, _, text in as_documented.choices(dashboard)]


def variables(dashboard: Json) -> list[Json]:
    """The variables whose values are asked for."""
    return [variable for variable in dashboard["templating"]["list"] if variable["type"] == "query"]


def overlap(one: Json, other: Json) -> bool:
    a, b = one["gridPos"], other["gridPos"]
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not (beside or below)


@each_row("name", NAMES)
def test_panels_have_their_own_number_and_place(name: str) -> None:
    dashboard = read(name)
    ids = [panel["id"] for panel in panels(dashboard)]
    assert len(ids) == len(set(ids))
    assert all(0 < number < 2**31 for number in ids)
    for group in groups(dashboard):
        assert [(a["title"], b["title"]) for a, b in combinations(group, 2) if overlap(a, b)] == []
        tops = {panel["gridPos"]["y"] for panel in group}
        assert {sum(panel["gridPos"]["w"] for panel in group if panel["gridPos"]["y"] == top) for top in tops} == {24}


def with_panels(board: Dashboard, place: int, panels: tuple[Panel, ...]) -> Dashboard:
    """A dashboard with other panels under one of its headings."""
    sections = list(board.sections)
    sections[place] = replace(sections[place], panels=panels)
    return replace(board, sections=tuple(sections))


@pytest.mark.parametrize(("name", "place"), [("water", 0), ("gateway", 2)], ids=["open", "closed"])
def test_a_changed_panel_is_one_changed_line(name: str, place: int) -> None:
    (board,) = (board for board in DASHBOARDS if board.name == name)
    first, *others = board.sections[place].panels
    changed = with_panels(board, place, (replace(first, about_en="Another text.", unit="other", minimum=0.0), *others))
    for database in DATABASES:
        before, after = (file_text(rendered(one, database, "en")).splitlines() for one in (board, changed))
        assert len(before) == len(after)
        (differing,) = (line for line, old in zip(after, before, strict=True) if line != old)
        assert "Another text." in differing


def test_a_panel_keeps_its_number_whatever_comes_and_goes_beside_it() -> None:
    (board,) = (board for board in DASHBOARDS if board.name == "water")
    numbers = {panel["title"]: panel["id"] for panel in panels(rendered(board, DATABASES[0], "en"))}
    assert numbers["Leaks now"] == 111778293, "it is in people's bookmarks"
    _, *others = board.sections[0].panels
    left = {panel["title"]: panel["id"] for panel in panels(rendered(with_panels(board, 0, tuple(others)), DATABASES[0], "en"))}
    assert left == {title: numbers[title] for title in left}
    assert len(left) == len(numbers) - 1


@pytest.mark.parametrize("language", LANGUAGES)
@each_row("board", DASHBOARDS)
def test_operators_read_one_language(board: Dashboard, language: Language) -> None:
    for database in DATABASES:
        shown = rendered(board, database, language)
        told = [panel for panel in panels(shown) if panel["type"] != "row"]
        texts = [panel["title"] for panel in panels(shown)] + [panel["description"] for panel in told]
        assert [text for text in texts if not text or " · " in text] == []
        if language == "en":
            assert [text for text in texts if VIETNAMESE.search(text)] == []


@each_row("board", DASHBOARDS)
def test_links_to_a_panel_hold_in_either_language(board: Dashboard) -> None:
    vi, en = ([panel["id"] for panel in panels(rendered(board, DATABASES[0], language))] for language in LANGUAGES)
    assert vi == en


def test_a_panel_that_nobody_has_put_into_vietnamese_is_once_in_english() -> None:
    (board,) = (board for board in DASHBOARDS if board.name == "water")
    first, *others = board.sections[0].panels
    english = replace(first, vi=todo(first.en), about_vi=todo(first.about_en))
    shown = rendered(with_panels(board, 0, (english, *others)), DATABASES[0], "en")["panels"][1]
    assert (shown["title"], shown["description"]) == (first.en, first.about_en)


@each_row("name", NAMES)
def test_dashboards_start_with_a_day_and_completeness_with_a_month(name: str) -> None:
    dashboard = read(name)
    first = "now-31d" if name.endswith("/completeness") else "now-24h"
    assert dashboard["time"] == {"from": first, "to": "now"}
    assert dashboard["timezone"] == "browser"


@each_row("name", NAMES)
def test_queries_use_nothing_that_influxdb_3_lacks(name: str) -> None:
    for query in queries(read(name)):
        assert not NOT_IN_INFLUXDB_3.search(query)


@each_row("name", NAMES)
def test_the_reader_chooses_the_data_source_and_the_provisioned_one_comes_first(name: str) -> None:
    store = name.partition("/")[0]
    documents = provisioned(store, "provisioning/datasources", "optional")
    found = {(source["type"], source["uid"]) for document in documents for source in document["datasources"]}
    kind, uid = next((one.source["type"], one.source["uid"]) for one in DATABASES if one.folder == store)
    assert found == {(kind, uid), (kind, f"{uid}-rollups"), ("prometheus", PROMETHEUS)}
    first = {variable["name"]: (variable["query"], variable["current"]["value"]) for variable in sources(read(name))}
    wanted = {"datasource": (kind, uid), "prometheus": ("prometheus", PROMETHEUS)}
    assert first == {source: wanted[source] for source in first}
    assert set(first) == {"datasource", *(["prometheus"] if name.endswith("/gateway-metrics") else [])}


@each_row("name", NAMES)
def test_every_question_goes_to_a_data_source_that_the_reader_chose(name: str) -> None:
    dashboard = read(name)
    chosen = {(variable["query"], f"${{{variable['name']}}}") for variable in sources(dashboard)}
    asking = [*panels(dashboard), *variables(dashboard), *dashboard["annotations"]["list"]]
    targets = [target for panel in panels(dashboard) for target in panel.get("targets", [])]
    assert {source(one) for one in (*asking, *targets) if one.get("type") != "row"} == chosen


def sources(dashboard: Json) -> list[Json]:
    return [variable for variable in dashboard["templating"]["list"] if variable["type"] == "datasource"]


def source(asking: Json) -> tuple[str, str]:
    return asking["datasource"]["type"], asking["datasource"]["uid"]


@each_row("name", NAMES)
def test_the_gateways_own_metrics_have_a_dashboard_of_their_own(name: str) -> None:
    asked_for = {panel["datasource"]["uid"] for panel in panels(read(name)) if "datasource" in panel}
    assert asked_for == ({"${prometheus}"} if name.endswith("/gateway-metrics") else {"${datasource}"})


@pytest.mark.parametrize("name", [board.name for board in DASHBOARDS])
def test_both_databases_have_the_same_panels_under_addresses_of_their_own(name: str) -> None:
    one, other = (read(f"{database.folder}/{name}") for database in DATABASES)
    assert one["title"] == other["title"]
    assert [(panel["id"], panel["title"]) for panel in panels(one)] == [
        (panel["id"], panel["title"]) for panel in panels(other)
    ]
    assert one["uid"] != other["uid"]


@each_row("name", NAMES)
def test_marks_come_from_the_database_of_the_dashboard(name: str) -> None:
    asked = read(name)["annotations"]["list"]
    assert len({annotation["name"] for annotation in asked}) == len(asked) > 0
    assert {source(annotation) for annotation in asked} == {(sources(read(name))[0]["query"], "${datasource}")}


@each_row("name", NAMES)
def test_simulated_devices_are_hidden_at_first(name: str) -> None:
    (simulated,) = [variable for variable in read(name)["templating"]["list"] if variable["name"] == "simulated"]
    assert simulated["current"]["value"] == "sim-.*"


@each_row("store", [database.folder for database in DATABASES])
def test_provisioning_holds_no_address_and_no_secret(store: str) -> None:
    for document in provisioned(store, "provisioning/datasources", "optional"):
        for source in document["datasources"]:
            assert source["url"].startswith("${")
            assert all(secret.startswith("${") for secret in source.get("secureJsonData", {}).values())
