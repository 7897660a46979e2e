"""The head of a dashboard: its variables, its links, and the marks over time."""

from typing import Final, NamedTuple

from grafana.model import PROMETHEUS, TO_DASHBOARD, Annotation, Dashboard, Link, Prom, Variable
from grafana.stores import Database, Json
from grafana.text import both, joined

DATA_SOURCE: Final = "datasource"
"""The variable that says which data source of the dashboard's kind is asked."""
METRICS_SOURCE: Final = "prometheus"
"""The same for the gateway's own metrics."""
HIDDEN: Final = 2
"""Grafana's number for a variable that is not shown."""
GATEWAY_PAGE: Final = "gateway_page"
"""The variable with the address of the gateway's pages."""
NO_PAGES: Final = "https://gateway.example.vn"
"""Address of the gateway's pages where nobody named one."""


class Head(NamedTuple):
    """The choices of a site: the address of the gateway's pages, and whether simulated devices are shown at first."""

    pages: str = NO_PAGES
    shows_simulated: bool = False


DEFAULT_HEAD: Final = Head()


def annotations(board: Dashboard, database: Database) -> list[Json]:
    """The marks over time."""
    return [_annotation(annotation, database) for annotation in board.annotations]


def links(board: Dashboard, database: Database) -> list[Json]:
    """Links to the other dashboards, and those of its own."""
    return [_other_dashboards(database), *(_link(link, database) for link in board.links)]


def variables(board: Dashboard, database: Database, head: Head) -> list[Json]:
    """The data sources, the choices, and the address of the gateway's pages."""
    sources = [_source(DATA_SOURCE, both("Nguồn số liệu", "Data source"), database.source)]
    targets = (target for section in board.sections for panel in section.panels for target in panel.targets)
    if any(isinstance(target, Prom) for target in targets):
        metrics = {"type": "prometheus", "uid": PROMETHEUS}
        sources.append(_source(METRICS_SOURCE, both("Nguồn Prometheus", "Prometheus"), metrics))
    asked = [_variable(variable, database) for variable in board.variables]
    return [*sources, _simulated(is_shown=head.shows_simulated), *asked, _gateway_page(head.pages)]


def chosen_source(database: Database) -> Json:
    """The data source of readings that the reader chose."""
    return {"type": database.source["type"], "uid": f"${{{DATA_SOURCE}}}"}


def chosen_metrics() -> Json:
    """The data source of the gateway's metrics that the reader chose."""
    return {"type": "prometheus", "uid": f"${{{METRICS_SOURCE}}}"}


def _other_dashboards(database: Database) -> Json:
    return {
        "type": "dashboards",
        "title": both("Bảng khác", "Other dashboards"),
        "tags": [database.prefix],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _annotation(annotation: Annotation, database: Database) -> Json:
    return {
        "name": both(annotation.vi, annotation.en),
        "datasource": chosen_source(database),
        "enable": True,
        "hide": False,
        "iconColor": annotation.color,
        **database.annotation(annotation.question),
    }


def _link(link: Link, database: Database) -> Json:
    is_outside = not link.url.startswith(TO_DASHBOARD)
    return {
        "type": "link",
        "title": both(link.vi, link.en),
        "url": link.url.replace(TO_DASHBOARD, f"/d/{database.prefix}-"),
        "icon": "external link",
        "targetBlank": is_outside,
        "asDropdown": False,
        "includeVars": False,
        "keepTime": not is_outside,
        "tags": [],
        "tooltip": "",
    }


def _source(name: str, label: str, source: Json) -> Json:
    """The choice among the data sources of a kind; the provisioned one is chosen at first."""
    return {
        "type": "datasource",
        "name": name,
        "label": label,
        "query": source["type"],
        "regex": "",
        "refresh": 1,
        "multi": False,
        "includeAll": False,
        "options": [],
        "current": _chosen(source["uid"], source["uid"]),
        "hide": 0,
    }


def _gateway_page(address: str) -> Json:
    """A constant: what a reader writes into a field of a provisioned dashboard cannot be saved."""
    return {
        "type": "constant",
        "name": GATEWAY_PAGE,
        "label": both("Trang của cổng thu thập", "The gateway's pages"),
        "query": address,
        "current": _chosen(address, address),
        "options": [_chosen(address, address)],
        "hide": 2,
        "skipUrlSync": True,
    }


def _variable(variable: Variable, database: Database) -> Json:
    several = {"multi": True, "includeAll": True, "allValue": ".*", "current": _chosen("All", "$__all", is_list=True)}
    return {
        "type": "query",
        "name": variable.name,
        "label": both(variable.vi, variable.en),
        "datasource": chosen_source(database),
        "refresh": 1,
        "sort": 1,
        "regex": "",
        "options": [],
        "hide": HIDDEN if variable.is_hidden else 0,
        **({"multi": False, "includeAll": False} if variable.is_single else several),
        **database.variable(variable),
    }


def _simulated(*, is_shown: bool) -> Json:
    """The choice to see simulated devices too: the value is the form of the names that are left out."""
    options = [(both("ẩn", "hidden"), "sim-.*"), (both("hiện", "shown"), "~")]
    return {
        "type": "custom",
        "name": "simulated",
        "label": both("Thiết bị mô phỏng", "Simulated devices"),
        "query": joined(*(joined(text, value, by=" : ") for text, value in options), by=","),
        "multi": False,
        "includeAll": False,
        "current": _chosen(*options[is_shown]),
        "options": [_chosen(text, value) | {"selected": place == is_shown} for place, (text, value) in enumerate(options)],
        "hide": 0,
    }


def _chosen(text: str, value: str, *, is_list: bool = False) -> Json:
    return {"selected": True, "text": [text] if is_list else text, "value": [value] if is_list else value}
