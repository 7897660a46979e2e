"""Lines of panels: their names in words, and their colours."""

import re
from itertools import cycle
from typing import Final

from grafana.ask import first
from grafana.looks import TYPES
from grafana.model import Panel, Prom
from grafana.stores import Json
from grafana.tables.flows import WORDS, is_doubt
from grafana.text import LANGUAGES, both, chosen, joined
from grafana.words import DIRECTIONS, DOMAINS, OF_LINES

NAMELESS: Final = {"regex": "/^(Value| *)$/", "renamePattern": both("không rõ", "not known")}
"""The name of a line whose tag is empty."""
_NO_CLASS: Final = both("chưa phân loại", "not classed")
OF_NO_CLASS: Final = (
    {"regex": f"/^ *({'|'.join(DIRECTIONS)})$/", "renamePattern": joined(_NO_CLASS, "$1")},
    {"regex": NAMELESS["regex"], "renamePattern": _NO_CLASS},
)
"""The names of lines of vehicles that their device counts without a class."""
_COLORS: Final = ("#1f60c4", "#8f3bb8", "#0e9f9f", "#8a6d3b", "#d6409f", "#5c6773", "#6e9fff", "#ca95e5")
"""Of lines that have names of their own; green, amber and red say how good something is."""
_KNOWN: Final = {
    **{said: color for (word, vi), color in zip(WORDS.items(), _COLORS, strict=False) for said in (vi, word)},
    **{chosen(word.text, language): word.color for word in DOMAINS.values() for language in LANGUAGES},
}
"""What flows, and domains, have one colour on every dashboard."""

_PALE: Final = dict(zip(_COLORS, ("#8ab8ff", "#d0a3e8", "#86d1d1", "#cdb68c"), strict=False))
"""Of what was a day before."""


def in_colors(panel: Panel) -> list[Json]:
    """A colour of its own for each line that has a name of its own."""
    asked = [panel.called(one) for one in panel.questions if not first(one).by and not is_doubt(one)]
    names = dict.fromkeys([*asked, *(one.name for one in panel.targets if isinstance(one, Prom) and "{{" not in one.name)])
    others = cycle(color for color in _COLORS if color not in {_KNOWN.get(name) for name in names})
    return [_in_color(name, _KNOWN.get(name) or next(others)) for name in names]


def _in_color(name: str, color: str) -> Json:
    properties = [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}]
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


UNSEEN: Final[Json] = {
    "matcher": {"id": "byValue", "options": {"reducer": "allIsNull", "op": "gte", "value": 1}},
    "properties": [
        {"id": "custom.hideFrom", "value": {"legend": True, "tooltip": True, "viz": True}},
        {"id": "custom.axisPlacement", "value": "hidden"},
    ],
}
"""Lines without a figure, which InfluxDB answers beside those that have some: no name in the legend, no axis."""


def of_values(panel: Panel) -> list[Json]:
    """The unit of each line."""
    return [
        {
            "matcher": {"id": "byRegexp", "options": f"/(^| ){re.escape(column.name)}$/"},
            "properties": [{"id": "unit", "value": column.unit}],
        }
        for column in panel.columns
    ]


def in_words(panel: Panel) -> list[Json]:
    """Words and colours of lines and figures that are called as a tag whose codes have words."""
    tags = {first(question).by[0] for question in panel.questions if len(first(question).by) == 1}
    tags |= {target.name.strip("{}") for target in panel.targets if isinstance(target, Prom)}
    is_line = TYPES[panel.kind] == "timeseries"
    return [
        {
            "matcher": {"id": "byName", "options": value},
            "properties": [
                {"id": "displayName", "value": word.text},
                *([{"id": "color", "value": {"mode": "fixed", "fixedColor": word.color or other}}] if is_line else []),
            ],
        }
        for tag in sorted(tags & OF_LINES.keys())
        for (value, word), other in zip(OF_LINES[tag].items(), cycle(_COLORS))
    ]


def figures_of_days_before(panel: Panel) -> list[Json]:
    """A paler colour of the same figure for what was a day before."""
    figures = [question for question in panel.questions if not is_doubt(question)]
    asked = {first(one).field: panel.called(one) for one in figures if not first(one).days_before}
    earlier = {panel.called(one): asked.get(first(one).field, "") for one in figures if first(one).days_before}
    found = [_in_color(name, _PALE.get(_KNOWN.get(now, ""), _PALE[_COLORS[0]])) for name, now in earlier.items()]
    if TYPES[panel.kind] == "timeseries":
        dashes = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 6]}}
        return [one | {"properties": [*one["properties"], dashes]} for one in found]
    return found


def renamed(panel: Panel) -> list[Json]:
    """Transformations that say the codes in names of lines in words, where a name is more than a tag, or is empty."""
    asked = [first(question).by for question in panel.questions if len(first(question).by) > 1]
    told = [
        {"regex": f"/(^| ){value}( |$)/", "renamePattern": joined("$1", word.text, "$2", by="")}
        for tag in sorted({tag for by in asked for tag in by} & OF_LINES.keys())
        for value, word in OF_LINES[tag].items()
    ]
    nameless = [NAMELESS] if any(first(question).by for question in panel.questions) else []
    of_no_class = OF_NO_CLASS if any(by[0] == "vehicle_class" for by in asked) else ()
    return [{"id": "renameByRegex", "options": options} for options in (*of_no_class, *told, *nameless)]
