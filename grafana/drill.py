"""Data links: from a figure to what lies behind it, on a dashboard or on the gateway's pages."""

from itertools import chain
from typing import Final

from grafana.ask import asks, first
from grafana.columns import tags
from grafana.head import DATA_SOURCE, GATEWAY_PAGE
from grafana.model import Dashboard, Panel
from grafana.stores import Database, Json
from grafana.text import both
from schemas.quantities import DOMAINS

ONE_DEVICE: Final = "device"
"""The dashboard of one device."""
_KEPT: Final = (
    f"${{__url_time_range}}&var-{DATA_SOURCE}=${{{DATA_SOURCE}:percentencode}}&var-simulated=${{simulated:percentencode}}"
)
"""The time and the choices that the linked dashboard keeps."""
_CELL: Final = "${__value.raw:percentencode}"
_NARROWED: Final = {"site": ("Chỉ địa điểm này", "Only this site"), "area": ("Chỉ khu vực này", "Only this area")}


def columns(panel: Panel, board: Dashboard, database: Database) -> list[Json]:
    """The links of the tags that stand in a table."""
    leads = {tag: _of_column(tag, panel, board, database) for tag in tags(panel)}
    return [
        {"matcher": {"id": "byName", "options": tag}, "properties": [{"id": "links", "value": found}]}
        for tag, found in leads.items()
        if found
    ]


def _of_column(tag: str, panel: Panel, board: Dashboard, database: Database) -> list[Json]:
    if tag == "device":
        own = _to_dashboard(database, ONE_DEVICE, tag, _CELL, "Tình trạng của thiết bị này", "State of this device")
        on_page = _on_the_gateway("Trên trang của cổng thu thập", "On the gateway's page", f"/devices/{_CELL}")
        return [own, *(_values(database, domain, _CELL) for domain in _domains(panel)), on_page]
    if tag == "domain" and "device" in tags(panel):
        return [_values(database, _CELL, "${__data.fields.device:percentencode}")]
    if tag == "alarm":
        return [_on_the_gateway("Lời khuyên, nhận xử lý", "Advice, acknowledge", "/alarms")]
    return [_narrowed(board, database, tag, _CELL)] if tag in _NARROWED and _chooses(board, tag) else []


def _domains(panel: Panel) -> list[str]:
    """The domain of the devices of a table, if its questions say it."""
    found = {
        domain
        for question in panel.questions
        for ask in asks(question)
        for domain in (ask.measurement, dict(ask.tags).get("domain", ""))
    }
    return sorted(found & set(DOMAINS))


def _values(database: Database, domain: str, device: str) -> Json:
    vi, en = "Số đo của thiết bị này", "Values of this device"
    return _to_dashboard(database, f"{ONE_DEVICE}-{domain}", ONE_DEVICE, device, vi, en)


def lines(panel: Panel, board: Dashboard, database: Database) -> list[Json]:
    """The links of the lines or bars of a panel: the same dashboard for the site or area of the line alone.

    Lines of areas, in whose place those of sites stand where some are chosen, lead to their area: they have no site.
    """
    of_areas = [first(question).by for question in panel.questions if first(question).of_areas]
    grouped = of_areas or [tags(panel)]
    shared = [tag for tag in dict.fromkeys(chain(*grouped)) if tag in _NARROWED and _chooses(board, tag)]
    return [_narrowed(board, database, tag, f"${{__field.labels.{tag}}}") for tag in shared]


def more(panel: Panel, database: Database) -> list[Json]:
    """The link of a large number to the dashboard that says more about it."""
    url = f"/d/{database.prefix}-{panel.leads_to}?{_KEPT}"
    return [{"title": both("Xem thêm", "More about it"), "url": url, "targetBlank": False}] if panel.leads_to else []


def _chooses(board: Dashboard, tag: str) -> bool:
    return any(variable.name == tag for variable in board.variables)


def _narrowed(board: Dashboard, database: Database, tag: str, value: str) -> Json:
    return _to_dashboard(database, board.name, tag, value, *_NARROWED[tag])


def _to_dashboard(database: Database, name: str, tag: str, value: str, vi: str, en: str) -> Json:
    return {"title": both(vi, en), "url": f"/d/{database.prefix}-{name}?var-{tag}={value}&{_KEPT}", "targetBlank": False}


def _on_the_gateway(vi: str, en: str, path: str) -> Json:
    return {"title": both(vi, en), "url": f"${{{GATEWAY_PAGE}}}{path}", "targetBlank": True}
