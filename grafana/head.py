"""The head of a dashboard: its variables, its links, and the marks over time."""

from typing import Final

from grafana.model import Annotation, Dashboard, Link, Variable, both
from grafana.stores import Database, Json

GATEWAY_PAGE: Final = "http://127.0.0.1:8080"
"""Address of the gateway's pages until the reader sets another."""


def annotations(board: Dashboard, database: Database) -> list[Json]:
    """The marks over time."""
    return [_annotation(annotation, database) for annotation in board.annotations]


def links(board: Dashboard, database: Database) -> list[Json]:
    """Links to the other dashboards, and those of its own."""
    return [_other_dashboards(database), *(_link(link) for link in board.links)]


def variables(board: Dashboard, database: Database) -> list[Json]:
    """The choices, and the address of the gateway's pages where a link needs it."""
    asked = [_variable(variable, database) for variable in board.variables]
    return [_simulated(), *asked, *([_gateway_page()] if board.links else [])]


def _other_dashboards(database: Database) -> Json:
    return {
        "type": "dashboards",
        "title": "Bảng khác · Other dashboards",
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
        "datasource": database.source,
        "enable": True,
        "hide": False,
        "iconColor": annotation.color,
        **database.annotation(annotation.question),
    }


def _link(link: Link) -> Json:
    return {
        "type": "link",
        "title": both(link.vi, link.en),
        "url": link.url,
        "icon": "external link",
        "targetBlank": True,
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "tags": [],
        "tooltip": "",
    }


def _gateway_page() -> Json:
    return {
        "type": "textbox",
        "name": "gateway_page",
        "label": both("Trang của cổng thu thập", "The gateway's pages"),
        "query": GATEWAY_PAGE,
        "current": _chosen(GATEWAY_PAGE, GATEWAY_PAGE),
        "options": [_chosen(GATEWAY_PAGE, GATEWAY_PAGE)],
        "hide": 0,
    }


def _variable(variable: Variable, database: Database) -> Json:
    several = {"multi": True, "includeAll": True, "allValue": ".*", "current": _chosen("All", "$__all", is_list=True)}
    return {
        "type": "query",
        "name": variable.name,
        "label": both(variable.vi, variable.en),
        "datasource": database.source,
        "refresh": 1,
        "sort": 1,
        "regex": "",
        "options": [],
        "hide": 0,
        **({"multi": False, "includeAll": False} if variable.is_single else several),
        **database.variable(variable),
    }


def _simulated() -> Json:
    """The choice to see simulated devices too: the value is the form of the names that are left out."""
    options = [(both("ẩn", "hidden"), "sim-.*"), (both("hiện", "shown"), "~")]
    return {
        "type": "custom",
        "name": "simulated",
        "label": both("Thiết bị mô phỏng", "Simulated devices"),
        "query": ",".join(f"{text} : {value}" for text, value in options),
        "multi": False,
        "includeAll": False,
        "current": _chosen(*options[0]),
        "options": [_chosen(text, value) | {"selected": place == 0} for place, (text, value) in enumerate(options)],
        "hide": 0,
    }


def _chosen(text: str, value: str, *, is_list: bool = False) -> Json:
    return {"selected": True, "text": [text] if is_list else text, "value": [value] if is_list else value}
