"""From the tables to Grafana's dashboard JSON (Grafana 10 and 11)."""

from collections.abc import Iterator
from typing import Final

from grafana import drill, layout
from grafana.ask import CannotAsk, first, gap_ms
from grafana.head import annotations, chosen_metrics, chosen_source, links, variables
from grafana.model import GREY, TABLES, Column, Dashboard, Kind, Panel, Prom, Section, Steps, Words, panel_id
from grafana.reasons import without_data
from grafana.stores import Database, Json, letter
from grafana.tables.flows import DOUBT, DOUBT_FROM, is_doubt
from grafana.text import Language, both, joined, said_in
from grafana.units import SHARE
from grafana.words import OF_TAGS, Called

SCHEMA_VERSION: Final = 39
POINTS_MAX: Final = 3000
"""Figures of a line: more than the hours or days that a panel shows, so that Grafana asks for each of them."""
METRICS_GAP_MS: Final = 3_600_000
"""A line of the gateway's own metrics is broken where nothing came for so long."""

_LEGEND: Final = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
_TOOLTIP: Final = {"mode": "multi", "sort": "desc"}
_OVER_TIME: Final = {"legend": _LEGEND, "tooltip": _TOOLTIP}
_LINE: Final = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 5, "showPoints": "auto"}

TYPES: Final = {
    Kind.LINES: "timeseries",
    Kind.AREAS: "timeseries",
    Kind.BARS: "timeseries",
    Kind.STAT: "stat",
    Kind.PEAK: "stat",
    Kind.NEWEST: "stat",
    Kind.WORST: "stat",
    Kind.STATES: "state-timeline",
    Kind.TABLE: "table",
    Kind.MAP: "xychart",
    Kind.SCATTER: "xychart",
}

_FIGURE: Final = {
    "colorMode": "value",
    "graphMode": "none",
    "justifyMode": "auto",
    "textMode": "value",
    "orientation": "auto",
    "wideLayout": True,
    "showPercentChange": False,
    "percentChangeColorMode": "standard",
}
# The first number of a row is its x and the second its y, in Grafana 10 (seriesMapping) and 11 (mapping).
_POINTS: Final = {
    "seriesMapping": "auto",
    "mapping": "auto",
    "series": [],
    "dims": {"frame": 0},
    "legend": _LEGEND | {"showLegend": False},
    "tooltip": {"mode": "single", "sort": "none"},
}

_OPTIONS: Final[dict[Kind, Json]] = {
    Kind.LINES: _OVER_TIME,
    Kind.AREAS: _OVER_TIME,
    Kind.BARS: _OVER_TIME,
    Kind.STAT: _FIGURE | {"reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""}},
    Kind.PEAK: _FIGURE | {"reduceOptions": {"values": False, "calcs": ["max"], "fields": ""}},
    Kind.NEWEST: _FIGURE | {"reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""}},
    # Of a row a figure is called as the texts beside it.
    Kind.WORST: _FIGURE
    | {"textMode": "value_and_name", "reduceOptions": {"values": True, "limit": 1, "calcs": ["lastNotNull"], "fields": ""}},
    Kind.STATES: _OVER_TIME | {"mergeValues": True, "showValue": "never", "rowHeight": 0.8, "alignValue": "left"},
    Kind.MAP: _POINTS,
    Kind.SCATTER: _POINTS,
    Kind.TABLE: {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"]}},
}

_DOTS: Final = {"show": "points", "pointSize": {"fixed": 5}}
_CUSTOM: Final[dict[Kind, Json]] = {
    Kind.LINES: _LINE,
    Kind.AREAS: _LINE | {"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}},
    Kind.BARS: {"drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "stacking": {"mode": "normal", "group": "A"}},
    Kind.STAT: {},
    Kind.PEAK: {},
    Kind.NEWEST: {},
    Kind.WORST: {},
    Kind.STATES: {"fillOpacity": 80, "lineWidth": 0},
    Kind.MAP: _DOTS,
    Kind.SCATTER: _DOTS,
    Kind.TABLE: {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True},
}

_SURE: Final = {"text": both("chắc chắn", "sure"), "color": "transparent", "index": 0}
_UNKNOWN: Final = {"text": both("chưa rõ", "not known"), "color": GREY, "index": 1}
"""In place of the mark of points that have none: those of an older gateway."""
_DOUBT: Final[Json] = {
    "matcher": {"id": "byRegexp", "options": joined("/", DOUBT, "$/", by="")},
    "properties": [
        {"id": "unit", "value": SHARE},
        {"id": "min", "value": 0},
        {"id": "max", "value": 1},
        {"id": "color", "value": {"mode": "fixed", "fixedColor": GREY}},
        {
            "id": "mappings",
            "value": [
                {"type": "range", "options": {"from": -DOUBT_FROM, "to": DOUBT_FROM - 1e-9, "result": _SURE}},
                {"type": "special", "options": {"match": "null", "result": _UNKNOWN}},
            ],
        },
        {"id": "custom.drawStyle", "value": "line"},
        {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [4, 4]}},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.stacking", "value": {"mode": "none", "group": "A"}},
        {"id": "custom.axisPlacement", "value": "right"},
        {"id": "custom.hideFrom", "value": {"legend": True, "tooltip": False, "viz": False}},
    ],
}
"""The share that is in doubt, in every panel that shows one: dim, dashed, on an axis of its own from 0 to 100 %."""

EVERY_TABLE: Final = (
    Column("device", "Thiết bị", "Device"),
    Column("site", "Địa điểm", "Site"),
    Column("area", "Khu vực", "Area"),
    Column("alarm", "Cảnh báo", "Alarm"),
    Column("severity", "Mức độ", "Severity"),
    Column("domain", "Lĩnh vực", "Domain"),
    Column("gateway", "Cổng thu thập", "Gateway"),
)


def dashboard(board: Dashboard, database: Database, language: Language) -> Json:
    """One dashboard in one language.

    :raises CannotAsk: a panel asks what the database's query language has no words for.
    """
    said: Json = said_in(_dashboard(said_in(board, language), database), language)
    return said


def _dashboard(board: Dashboard, database: Database) -> Json:
    return {
        "id": None,
        "uid": f"{database.prefix}-{board.name}",
        "title": both(board.vi, board.en),
        "tags": [database.prefix],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "weekStart": "monday",
        "time": {"from": "now-24h" if board.days == 1 else f"now-{board.days}d", "to": "now"},
        "refresh": "1m" if board.days == 1 else "15m",
        "timepicker": {},
        "annotations": {"list": annotations(board, database)},
        "links": links(board, database),
        "templating": {"list": variables(board, database)},
        "panels": list(_laid_out(board, database)),
    }


def _laid_out(board: Dashboard, database: Database) -> Iterator[Json]:
    """Panels with their places. What a closed section holds takes no room."""
    top = 0
    for section in board.sections:
        row = {
            "type": "row",
            "id": panel_id(board.name, section.key),
            "title": both(section.vi, section.en),
            "collapsed": section.closed,
            "gridPos": {"x": 0, "y": top, "w": layout.PAGE_WIDTH, "h": 1},
        }
        top += 1
        placed, bottom = _placed(section, top, board, database)
        if section.closed:
            yield row | {"panels": placed}
        else:
            yield row | {"panels": []}
            yield from placed
            top = bottom


def _placed(section: Section, top: int, board: Dashboard, database: Database) -> tuple[list[Json], int]:
    placed: list[Json] = []
    for line in layout.lines(section.panels):
        for panel, x, width in line:
            place = {"x": x, "y": top, "w": width, "h": panel.size.height}
            number = panel_id(board.name, section.key, panel.key)
            placed.append(_panel(panel, board, database) | {"id": number, "gridPos": place})
        top += max(panel.size.height for panel, _, _ in line)
    return placed, top


def _panel(panel: Panel, board: Dashboard, database: Database) -> Json:
    overrides = [_override(column, database.column(panel, column.name)) for column in _columns(panel)]
    if _has_doubt(panel):
        overrides.append(_DOUBT)
    if panel.kind not in TABLES:
        overrides += _lines_in_words(panel)
    if panel.kind is Kind.TABLE:
        overrides += drill.columns(panel, board, database)
    times = {
        **({"maxDataPoints": POINTS_MAX} if TYPES[panel.kind] == "timeseries" else {}),
        **({"timeFrom": f"{panel.days}d"} if panel.days else {}),
        **({"timeShift": f"{panel.days_before}d"} if panel.days_before else {}),
    }
    targets = _targets(panel, database)
    return {
        "type": TYPES[panel.kind],
        "title": panel.title,
        "description": "\n\n".join(dict.fromkeys((panel.about_vi, panel.about_en))),
        "datasource": chosen_metrics() if isinstance(panel.targets[0], Prom) else chosen_source(database),
        "interval": panel.least_interval,
        "targets": targets,
        "fieldConfig": {"defaults": _defaults(panel) | _links(panel, board, database), "overrides": overrides},
        "options": _options(panel),
        "transformations": [*database.renaming(panel), *_transformations(panel, len(targets))],
    } | times


def _targets(panel: Panel, database: Database) -> list[Json]:
    asked: list[Json] = [
        {"expr": target.query, "legendFormat": target.name, "editorMode": "code", "range": True, "instant": False}
        | {"datasource": chosen_metrics()}
        for target in panel.targets
        if isinstance(target, Prom)
    ]
    try:
        asked += [{"datasource": chosen_source(database)} | target for target in database.targets(panel)]
    except CannotAsk as error:
        raise CannotAsk(f"Panel '{panel.title}': {error}") from error
    return [{"refId": letter(place)} | target for place, target in enumerate(asked)]


def _defaults(panel: Panel) -> Json:
    lines: Json = {"thresholdsStyle": {"mode": "dashed"}} if panel.steps and panel.kind is Kind.LINES else {}
    if panel.kind in (Kind.LINES, Kind.AREAS):
        gaps = [METRICS_GAP_MS if isinstance(target, Prom) else gap_ms(target) for target in panel.targets]
        lines["insertNulls"] = max(gaps)
    limits = {end: value for end, value in (("min", panel.minimum), ("max", panel.maximum)) if value is not None}
    return {
        "unit": panel.unit,
        "noValue": without_data(panel),
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


def _called(value: str, called: Called, index: int) -> Json:
    color = {"color": called.color} if called.color else {}
    return {"type": "value", "options": {value: {"text": called.text, "index": index} | color}}


def _lines_in_words(panel: Panel) -> list[Json]:
    """Words and colours of lines and figures that are called as a tag whose codes have words."""
    tags = {tag for question in panel.questions for tag in first(question).by if first(question).by == (tag,)}
    return [
        {
            "matcher": {"id": "byName", "options": value},
            "properties": [
                {"id": "displayName", "value": called.text},
                *([{"id": "color", "value": {"mode": "fixed", "fixedColor": called.color}}] if called.color else []),
            ],
        }
        for tag in sorted(tags & OF_TAGS.keys())
        for value, called in OF_TAGS[tag].items()
    ]


def _columns(panel: Panel) -> tuple[Column, ...]:
    return (*EVERY_TABLE, *panel.columns) if panel.kind is Kind.TABLE else panel.columns


def _override(column: Column, name: str) -> Json:
    properties: list[Json] = [{"id": "displayName", "value": both(column.vi, column.en)}]
    if column.unit:
        properties.append({"id": "unit", "value": column.unit})
    if column.steps:
        properties.append({"id": "thresholds", "value": _thresholds(column.steps)})
    if column.words:
        properties.append({"id": "mappings", "value": _mappings(column.words)})
    called = OF_TAGS.get(name, {})
    if called:
        mappings = [_called(value, one, place) for place, (value, one) in enumerate(called.items())]
        properties.append({"id": "mappings", "value": mappings})
    if column.steps or column.words or any(one.color for one in called.values()):
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def _links(panel: Panel, board: Dashboard, database: Database) -> Json:
    """The links of lines and bars; in tables they belong to columns."""
    found = drill.lines(panel, board, database) if TYPES[panel.kind] == "timeseries" else drill.more(panel, database)
    return {"links": found} if found else {}


def _has_doubt(panel: Panel) -> bool:
    return any(is_doubt(question) for question in panel.questions)


def _options(panel: Panel) -> Json:
    if TYPES[panel.kind] == "stat" and (_has_doubt(panel) or len({panel.called(one) for one in panel.questions}) > 1):
        return _OPTIONS[panel.kind] | {"textMode": "value_and_name"}
    if panel.sort_by:
        return _OPTIONS[panel.kind] | {"sortBy": [{"displayName": panel.sort_by, "desc": not panel.sort_up}]}
    return _OPTIONS[panel.kind]


def _transformations(panel: Panel, queries: int) -> list[Json]:
    """Several queries become one table: joined by their tags, and for a scatter by their times too."""
    merged = [{"id": "merge", "options": {}}] if queries > 1 else []
    without_time = [{"id": "filterFieldsByName", "options": {"exclude": {"names": ["Time"]}}}]
    if panel.kind is Kind.SCATTER:
        return [*merged, *without_time]
    return [*without_time, *merged] if panel.kind in (Kind.TABLE, Kind.MAP) else []
