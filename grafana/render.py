"""From the tables to Grafana's dashboard JSON (Grafana 10 and 11)."""

from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, Final

from grafana.model import (
    INFLUXDB,
    PROMETHEUS,
    Column,
    Dashboard,
    Influx,
    Kind,
    Panel,
    Section,
    Steps,
    Target,
    Variable,
    Words,
    both,
)
from grafana.units import AGO

Json = dict[str, Any]

SCHEMA_VERSION: Final = 39
PAGE_WIDTH: Final = 24
TAG: Final = "province"
GAP_MS: Final = 3 * 3600 * 1000
"""A line is broken where nothing came for so long."""

_INFLUXDB: Final = {"type": "influxdb", "uid": INFLUXDB}
_PROMETHEUS: Final = {"type": "prometheus", "uid": PROMETHEUS}

_LEGEND: Final = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
_TOOLTIP: Final = {"mode": "multi", "sort": "desc"}
_OVER_TIME: Final = {"legend": _LEGEND, "tooltip": _TOOLTIP}
_LINE: Final = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 5, "showPoints": "auto", "insertNulls": GAP_MS}

TYPES: Final = {
    Kind.LINES: "timeseries",
    Kind.AREAS: "timeseries",
    Kind.BARS: "timeseries",
    Kind.STAT: "stat",
    Kind.STATES: "state-timeline",
    Kind.TABLE: "table",
}

_OPTIONS: Final[dict[Kind, Json]] = {
    Kind.LINES: _OVER_TIME,
    Kind.AREAS: _OVER_TIME,
    Kind.BARS: _OVER_TIME,
    Kind.STAT: {
        "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "textMode": "value",
        "orientation": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    },
    Kind.STATES: _OVER_TIME | {"mergeValues": True, "showValue": "never", "rowHeight": 0.8, "alignValue": "left"},
    Kind.TABLE: {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"]}},
}

_CUSTOM: Final[dict[Kind, Json]] = {
    Kind.LINES: _LINE,
    Kind.AREAS: _LINE | {"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}},
    Kind.BARS: {"drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "stacking": {"mode": "normal", "group": "A"}},
    Kind.STAT: {},
    Kind.STATES: {"fillOpacity": 80, "lineWidth": 0},
    Kind.TABLE: {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True},
}

_EVERY_TABLE: Final = (
    Column("device", "Thiết bị", "Device"),
    Column("site", "Địa điểm", "Site"),
    Column("gateway", "Cổng thu thập", "Gateway"),
)


def dashboard(board: Dashboard) -> Json:
    """One dashboard."""
    return {
        "id": None,
        "uid": f"{TAG}-{board.name}",
        "title": both(board.vi, board.en),
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "weekStart": "monday",
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "timepicker": {},
        "annotations": {"list": []},
        "links": [_links()],
        "templating": {"list": [_variable(variable) for variable in board.variables]},
        "panels": list(_laid_out(board.sections)),
    }


def _links() -> Json:
    return {
        "type": "dashboards",
        "title": "Bảng khác · Other dashboards",
        "tags": [TAG],
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }


def _variable(variable: Variable) -> Json:
    everything = {} if variable.listed else {"allValue": ".*"}
    return {
        "type": "query",
        "name": variable.name,
        "label": both(variable.vi, variable.en),
        "datasource": _INFLUXDB,
        "query": variable.query,
        "definition": variable.query,
        "refresh": 1,
        "sort": 1,
        "regex": "",
        "multi": True,
        "includeAll": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "options": [],
        "hide": 2 if variable.hidden else 0,
    } | everything


def _laid_out(sections: Iterable[Section]) -> Iterator[Json]:
    """Panels with their places: left to right, a new line where the page ends. What a closed section holds takes no room."""
    ids = count(1)
    top = 0
    for section in sections:
        row = {
            "type": "row",
            "id": next(ids),
            "title": both(section.vi, section.en),
            "collapsed": section.closed,
            "gridPos": {"x": 0, "y": top, "w": PAGE_WIDTH, "h": 1},
        }
        top += 1
        placed, bottom = _placed(section.panels, top, ids)
        if section.closed:
            yield row | {"panels": placed}
        else:
            yield row | {"panels": []}
            yield from placed
            top = bottom


def _placed(panels: Iterable[Panel], top: int, ids: Iterator[int]) -> tuple[list[Json], int]:
    placed: list[Json] = []
    x, bottom = 0, top
    for panel in panels:
        if x + panel.size.width > PAGE_WIDTH:
            x, top = 0, bottom
        place = {"x": x, "y": top, "w": panel.size.width, "h": panel.size.height}
        placed.append(_panel(panel) | {"id": next(ids), "gridPos": place})
        x, bottom = x + panel.size.width, max(bottom, top + panel.size.height)
    return placed, bottom


def _panel(panel: Panel) -> Json:
    return {
        "type": TYPES[panel.kind],
        "title": panel.title,
        "description": f"{panel.about_vi}\n\n{panel.about_en}",
        "datasource": _INFLUXDB if isinstance(panel.targets[0], Influx) else _PROMETHEUS,
        "interval": panel.least_interval,
        "targets": [_target(target, chr(ord("A") + n), panel.kind) for n, target in enumerate(panel.targets)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": [_override(column) for column in _columns(panel)]},
        "options": _options(panel),
        "transformations": _transformations(panel),
    }


def _target(target: Target, ref: str, kind: Kind) -> Json:
    if isinstance(target, Influx):
        return {
            "refId": ref,
            "datasource": _INFLUXDB,
            "query": target.query,
            "rawQuery": True,
            "resultFormat": "table" if kind is Kind.TABLE else "time_series",
            "alias": target.name,
        }
    return {
        "refId": ref,
        "datasource": _PROMETHEUS,
        "expr": target.query,
        "legendFormat": target.name,
        "editorMode": "code",
        "range": True,
        "instant": False,
    }


def _defaults(panel: Panel) -> Json:
    lines = {"thresholdsStyle": {"mode": "dashed"}} if panel.steps and panel.kind is Kind.LINES else {}
    limits = {} if panel.minimum is None else {"min": panel.minimum}
    return {
        "unit": panel.unit,
        "noValue": panel.without_data,
        "color": {"mode": "palette-classic" if TYPES[panel.kind] == "timeseries" else "thresholds"},
        "thresholds": _thresholds(panel.steps),
        "mappings": _mappings(panel.words),
        "custom": _CUSTOM[panel.kind] | lines,
    } | limits


def _thresholds(steps: Steps) -> Json:
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps or ((None, "text"),)]}


def _mappings(words: Words | None) -> list[Json]:
    return [_mapping(value, word.text, word.color, index) for index, (value, word) in enumerate((words or {}).items())]


def _mapping(value: str, text: str, color: str, index: int) -> Json:
    result = {"text": text, "color": color, "index": index}
    if value.endswith("+"):
        return {"type": "range", "options": {"from": float(value[:-1]), "to": None, "result": result}}
    return {"type": "value", "options": {value: result}}


def _columns(panel: Panel) -> tuple[Column, ...]:
    return (*_EVERY_TABLE, *panel.columns) if panel.kind is Kind.TABLE else panel.columns


def _override(column: Column) -> Json:
    properties: list[Json] = [{"id": "displayName", "value": both(column.vi, column.en)}]
    if column.unit:
        properties.append({"id": "unit", "value": column.unit})
    if column.steps:
        properties.append({"id": "thresholds", "value": _thresholds(column.steps)})
    if column.words:
        properties.append({"id": "mappings", "value": _mappings(column.words)})
    if column.steps or column.words:
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    return {"matcher": {"id": "byName", "options": column.name}, "properties": properties}


def _options(panel: Panel) -> Json:
    if panel.sort_by:
        return _OPTIONS[panel.kind] | {"sortBy": [{"displayName": panel.sort_by, "desc": True}]}
    return _OPTIONS[panel.kind]


def _transformations(panel: Panel) -> list[Json]:
    """Tables: several questions become one table; the time is shown only where it says when something was last heard."""
    if panel.kind is not Kind.TABLE:
        return []
    merge: list[Json] = [{"id": "merge", "options": {}}] if len(panel.targets) > 1 else []
    if any(column.unit == AGO for column in panel.columns):
        return merge
    return [*merge, {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": {}}}]
