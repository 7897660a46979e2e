"""Looks of panels: their options, axes, colours, and what stands in place of values."""

from itertools import pairwise
from typing import Final

from grafana.ask import first, gap_ms
from grafana.model import CRITICAL, GOOD, GREY, INFO, MISSING, NULL, WARNING, Kind, Panel, Prom, Steps, Words
from grafana.reasons import without_data
from grafana.stores import Json
from grafana.tables.flows import DOUBT
from grafana.text import both, joined
from grafana.units import AXIS_OF_DURATIONS, COUNT, DURATION, SHARE

METRICS_GAP_MS: Final = 3_600_000
"""A line of the gateway's own metrics is broken where nothing came for so long."""
BAR_WIDTH_MAX: Final = 40
"""Pixels: a lone bar would be as wide as its panel."""
PLAIN: Final = "transparent"
"""The ground of a large number that is well."""
PALE: Final = "#d8d8d8"
"""That of one that is missing: letters on it are dark."""
BESIDE_A_LIMIT: Final = 0.05
"""The part of its size that the axis goes beyond the lowest and highest limit."""

TYPES: Final = {
    Kind.LINES: "timeseries",
    Kind.AREAS: "timeseries",
    Kind.BARS: "timeseries",
    Kind.STAT: "stat",
    Kind.PEAK: "stat",
    Kind.NEWEST: "stat",
    Kind.WORST: "stat",
    Kind.VALUES: "timeseries",
    Kind.STATES: "state-timeline",
    Kind.TABLE: "table",
    Kind.MAP: "geomap",
    Kind.SCATTER: "xychart",
}

_LEGEND: Final = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
_NEWEST_BESIDE: Final = {"displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "min", "max"]}
_OVER_TIME: Final = {"legend": _LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}}
_FIGURE: Final = {
    "colorMode": "value",
    "graphMode": "none",
    "justifyMode": "auto",
    "textMode": "value",
    "orientation": "auto",
    "wideLayout": True,
    "showPercentChange": False,
}
_NAMED: Final = {"titleSize": 12, "valueSize": 20}
"""Sizes of figures with their names: else each panel would have others."""
# The first number of a row is its x and the second its y, in Grafana 10 (seriesMapping) and 11 (mapping).
_POINTS: Final = {
    "seriesMapping": "auto",
    "mapping": "auto",
    "series": [],
    "dims": {"frame": 0},
    "legend": _LEGEND | {"showLegend": False},
    "tooltip": {"mode": "single", "sort": "none"},
}
_NO_BASE_LAYER: Final = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""An empty picture in place of each piece of a map: nothing is loaded from elsewhere."""
_MAP: Final[Json] = {
    "view": {"id": "fit", "allLayers": True, "lat": 0, "lon": 0, "zoom": 15, "padding": 10},
    "controls": {"showZoom": True, "mouseWheelZoom": True, "showScale": True, "showAttribution": False},
    "basemap": {"type": "xyz", "name": "", "config": {"url": _NO_BASE_LAYER, "attribution": ""}},
    "tooltip": {"mode": "details"},
}
_OPTIONS: Final[dict[Kind, Json]] = {
    Kind.LINES: _OVER_TIME,
    Kind.VALUES: _OVER_TIME | {"legend": _LEGEND | _NEWEST_BESIDE},
    Kind.AREAS: _OVER_TIME,
    Kind.BARS: _OVER_TIME,
    Kind.STAT: _FIGURE | {"reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""}},
    Kind.PEAK: _FIGURE | {"reduceOptions": {"values": False, "calcs": ["max"], "fields": ""}},
    Kind.NEWEST: _FIGURE | {"reduceOptions": {"values": False, "calcs": ["last"], "fields": ""}},
    # Of a row a figure is called as the texts beside it.
    Kind.WORST: _FIGURE
    | {"textMode": "value_and_name", "text": _NAMED}
    | {"reduceOptions": {"values": True, "limit": 1, "calcs": ["lastNotNull"], "fields": ""}},
    Kind.STATES: _OVER_TIME | {"mergeValues": True, "showValue": "never", "rowHeight": 0.8, "alignValue": "left"},
    Kind.SCATTER: _POINTS,
    Kind.TABLE: {"showHeader": True, "cellHeight": "sm"},
}

_LINE: Final = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 5, "showPoints": "auto"}
_STACKED: Final = {"mode": "normal", "group": "A"}
# A bar stands over its hour, which begins at its time.
_BAR: Final = {"drawStyle": "bars", "lineWidth": 0, "barAlignment": 1, "barWidthFactor": 0.8, "barMaxWidth": BAR_WIDTH_MAX}
_DOTS: Final = {"show": "points", "pointSize": {"fixed": 5}}
_CUSTOM: Final[dict[Kind, Json]] = {
    Kind.LINES: _LINE,
    Kind.VALUES: _LINE | {"fillOpacity": 0},
    Kind.AREAS: _LINE | {"fillOpacity": 40, "stacking": _STACKED},
    Kind.BARS: _BAR | {"fillOpacity": 80, "stacking": _STACKED},
    Kind.STAT: {},
    Kind.PEAK: {},
    Kind.NEWEST: {},
    Kind.WORST: {},
    Kind.STATES: {"fillOpacity": 80, "lineWidth": 0},
    Kind.MAP: {},
    Kind.SCATTER: _DOTS,
    Kind.TABLE: {"align": "auto", "cellOptions": {"type": "auto"}},
}

_BADNESS: Final = (GOOD, INFO, WARNING, CRITICAL)
_NOT_KNOWN: Final = {
    "type": "special",
    "options": {"match": "null", "result": {"text": both("chưa rõ", "not known"), "color": GREY, "index": 0}},
}
"""In place of the mark of points that have none: those of an older gateway."""
OF_DOUBT: Final[Json] = {
    "matcher": {"id": "byRegexp", "options": joined("/", DOUBT, "$/", by="")},
    "properties": [
        {"id": "unit", "value": SHARE},
        {"id": "min", "value": 0},
        {"id": "max", "value": 1},
        {"id": "color", "value": {"mode": "fixed", "fixedColor": GREY}},
        {"id": "decimals", "value": 0},
        {"id": "mappings", "value": [_NOT_KNOWN]},
        {"id": "custom.drawStyle", "value": "line"},
        {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [4, 4]}},
        {"id": "custom.lineWidth", "value": 1},
        {"id": "custom.showPoints", "value": "never"},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.stacking", "value": {"mode": "none", "group": "A"}},
        {"id": "custom.axisPlacement", "value": "right"},
        {"id": "custom.axisLabel", "value": DOUBT},
        {"id": "custom.hideFrom", "value": {"legend": True, "tooltip": False, "viz": False}},
    ],
}
"""The share that is in doubt, in every panel that shows one: dim, dashed, on an axis of its own from 0 to 100 %."""
OF_DOUBTFUL_FIGURE: Final[Json] = {
    "matcher": OF_DOUBT["matcher"],
    "properties": [
        {"id": "unit", "value": SHARE},
        {"id": "decimals", "value": 0},
        {"id": "color", "value": {"mode": "fixed", "fixedColor": GREY}},
        {"id": "mappings", "value": [_NOT_KNOWN]},
    ],
}
"""The same under a large number."""


def options(panel: Panel, *, has_doubt: bool) -> Json:
    """The options of a panel's form."""
    if TYPES[panel.kind] == "stat" and (has_doubt or _has_several(panel)):
        return _OPTIONS[panel.kind] | {"textMode": "value_and_name", "text": _NAMED}
    if _is_filled(panel):
        return _OPTIONS[panel.kind] | {"colorMode": "background_solid"}
    if panel.kind is Kind.MAP:
        states = [column.name for column in panel.columns if column.steps]
        return _MAP | {"layers": [_layer("", GOOD), *(_layer(name, "transparent") for name in states)]}
    if panel.sort_by:
        return _OPTIONS[panel.kind] | {"sortBy": [{"displayName": panel.sort_by, "desc": not panel.sort_up}]}
    return _OPTIONS[panel.kind]


def _has_several(panel: Panel) -> bool:
    of_groups = panel.kind is Kind.STAT and any(first(one).by for one in panel.questions)
    return of_groups or len({panel.called(one) for one in panel.questions}) > 1


def _is_filled(panel: Panel) -> bool:
    """Tell if it is one large number whose whole panel is in the colour of what is not well; plain, if all is."""
    return TYPES[panel.kind] == "stat" and bool(panel.steps) and not _has_several(panel)


def _layer(name: str, color: str) -> Json:
    """Dots in the colours of a column, above the layers before it, unless all is well; without a name in one colour."""
    style = {
        "color": {"fixed": color} | ({"field": name} if name else {}),
        "opacity": 1,
        "size": {"fixed": 5, "min": 2, "max": 15},
    }
    return {
        "type": "markers",
        "name": name,
        "config": {"showLegend": False, "style": style},
        "location": {"mode": "coords", "latitude": "lat", "longitude": "lon"},
        "tooltip": not name,
    }


def defaults(panel: Panel) -> Json:
    """Unit, colours and axis of a panel in one language, and its text when it is empty."""
    nothing, is_over_time = without_data(panel), TYPES[panel.kind] == "timeseries"
    grey = PALE if _is_filled(panel) else MISSING
    may_miss = TYPES[panel.kind] == "stat" and nothing != "0"
    missing = [missing_value(len(panel.words or {}), color=grey)] if may_miss else []
    return (
        {
            "unit": AXIS_OF_DURATIONS if is_over_time and panel.unit in (DURATION.vi, DURATION.en) else panel.unit,
            "noValue": nothing,
            "color": {"mode": "palette-classic" if is_over_time else "thresholds"},
            "thresholds": thresholds(_limits(panel.steps) if is_over_time else _plain_if_well(panel)),
            "mappings": mappings(panel.words) + missing,
            "custom": _CUSTOM[panel.kind] | (_axis(panel) if is_over_time else {}),
        }
        | ({} if is_over_time else whole(panel.unit))
        | _ends(panel)
    )


def _plain_if_well(panel: Panel) -> Steps:
    return tuple((value, PLAIN if color in (GOOD, "text") and _is_filled(panel) else color) for value, color in panel.steps)


def _axis(panel: Panel) -> Json:
    axis: Json = {}
    if panel.kind in (Kind.LINES, Kind.AREAS, Kind.VALUES):
        axis["insertNulls"] = max(METRICS_GAP_MS if isinstance(target, Prom) else gap_ms(target) for target in panel.targets)
    if panel.below_zero:
        axis["axisSoftMin"] = 0
    if panel.steps and panel.kind is Kind.LINES:
        axis["thresholdsStyle"] = {"mode": "dashed"}
        axis |= _limits_in_view(panel)
    return axis


def _limits_in_view(panel: Panel) -> Json:
    """The least that the axis shows: every limit, with some room beyond it."""
    limits = [value for value, _ in panel.steps if value is not None]
    room = BESIDE_A_LIMIT * (max(limits) - min(limits) or abs(max(limits)))
    ends = (("axisSoftMin", min(limits) - room, panel.minimum), ("axisSoftMax", max(limits) + room, panel.maximum))
    return {name: round(end, 6) for name, end, fixed in ends if fixed is None}


def _ends(panel: Panel) -> Json:
    """The ends of the axis; what is drawn from the axis up begins at 0."""
    is_drawn_up = panel.kind in (Kind.BARS, Kind.AREAS) and not panel.below_zero
    minimum = 0.0 if is_drawn_up and panel.minimum is None else panel.minimum
    return {end: value for end, value in (("min", minimum), ("max", panel.maximum)) if value is not None}


def _limits(steps: Steps) -> Steps:
    """The lines of limits, each in the colour of its worse side."""
    colors = [color for _, color in steps]
    worse = [max(pair, key=_badness) for pair in pairwise(colors)]
    return tuple((value, color) for (value, _), color in zip(steps, [*colors[:1], *worse], strict=True))


def _badness(color: str) -> int:
    return _BADNESS.index(color) if color in _BADNESS else -1


def whole(unit: str) -> Json:
    """Counts have no decimals, even if they are means; at an axis they may."""
    return {"decimals": 0} if unit == COUNT else {}


def thresholds(steps: Steps) -> Json:
    """The colours of values."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps or ((None, "text"),)]}


def mappings(words: Words | None) -> list[Json]:
    """The words in place of values."""
    return [_mapping(value, word.text, word.color, index) for index, (value, word) in enumerate((words or {}).items())]


def missing_value(index: int, text: str = "", color: str = MISSING) -> Json:
    """Grey in place of a value that is missing, which is never in the colour of a bad one."""
    said = {"text": text} if text else {}
    return {"type": "special", "options": {"match": "null+nan", "result": said | {"color": color, "index": index}}}


def _mapping(value: str, text: str, color: str, index: int) -> Json:
    result = {"text": text, "index": index} | ({"color": color} if color else {})
    if value.endswith("+"):
        return {"type": "range", "options": {"from": float(value[:-1]), "to": None, "result": result}}
    if value == NULL:
        return {"type": "special", "options": {"match": "null+nan", "result": result}}
    return {"type": "value", "options": {value: result}}
