"""The columns of tables: their order, their widths, and what stands in their cells.

Who comes first, then the figures, then what is only good to know; both databases give other orders of their own.
"""

from collections.abc import Iterator
from typing import Final

from grafana.ask import first
from grafana.layout import pixels, written
from grafana.looks import mappings, missing_value, thresholds, whole
from grafana.model import NULL, THIRD, Column, Kind, Panel, Word
from grafana.stores import Database, Json
from grafana.text import both
from grafana.units import AGO, DURATION
from grafana.words import ALARMS, DOMAINS, SEVERITIES

EVERY_TABLE: Final = (
    Column("device", "Thiết bị", "Device", width=120),
    Column("site", "Địa điểm", "Site", width=90),
    Column("area", "Khu vực", "Area", width=80),
    Column("alarm", "Cảnh báo", "Alarm", words=ALARMS, width=165),
    Column("severity", "Mức độ", "Severity", words=SEVERITIES, width=105),
    Column("domain", "Lĩnh vực", "Domain", words={code: Word(word.text) for code, word in DOMAINS.items()}, width=90),
    Column("gateway", "Cổng thu thập", "Gateway", width=120),
)
"""Tags in tables, with the width that their values need."""
_WHO: Final = ("alarm", "device", "site", "area", "gateway", "severity")
"""The order of tags, but that alarms of a place are told by their severity first."""
_BESIDE_TITLE, _FILTER, _ARROW, _LEAST = 20, 22, 20, 70
"""Pixels: what stands beside a title, the filter of texts, the arrow of what is sorted, any column."""
_VALUE_WIDTHS: Final = {AGO.vi: 105, AGO.en: 120, DURATION.vi: 110, DURATION.en: 150}
_LONG_NAME: Final = 100
"""Pixels more, where there is room, since names of devices are long."""
_NOTHING: Final = "-"


def tags(panel: Panel) -> tuple[str, ...]:
    """The tags that stand in a table."""
    return tuple(dict.fromkeys(tag for question in panel.questions for tag in first(question).by))


def shown(panel: Panel) -> list[Column]:
    """The columns of a table from left to right; what has no room is left out, if it is only good to know."""
    columns = {column.name: column for column in (*EVERY_TABLE, *panel.columns)}
    found, named = tags(panel), {column.name for column in panel.columns}
    who = sorted((tag for tag in found if tag not in named), key=lambda tag: _place(tag, found))
    behind = ["area"] if "area" in who and ("site" in who or "device" in who) else []
    names = [*(tag for tag in who if tag not in behind), *(column.name for column in panel.columns), *behind]
    for tag, room in (("area", _room(panel) - _LONG_NAME), ("site", _room(panel))):
        if "device" in found and tag in names and sum(_needs(panel, columns[name]) for name in names) > room:
            names.remove(tag)
    return [columns[name] for name in names]


def _place(tag: str, found: tuple[str, ...]) -> tuple[bool, int]:
    return not (tag == "severity" and "device" in found), _WHO.index(tag) if tag in _WHO else len(_WHO)


def _room(panel: Panel) -> float:
    return pixels(panel.size.width)


def _needs(panel: Panel, column: Column) -> float:
    """The pixels that a column needs, for its title and its values."""
    title = both(column.vi, column.en)
    beside = _BESIDE_TITLE + (_FILTER if _is_filtered(panel, column) else 0) + (_ARROW if title == panel.sort_by else 0)
    return max(column.width or _LEAST, max(map(written, (title.vi, title.en))) + beside, _VALUE_WIDTHS.get(column.unit, 0))


def _is_filtered(panel: Panel, column: Column) -> bool:
    """Tell if it is one of texts, in a table that is not a small one."""
    return column.name in tags(panel) and panel.size.width >= THIRD.width


def too_wide(panel: Panel) -> float:
    """The pixels by which a table is wider than its panel; 0 if it fits."""
    return max(0.0, sum(_needs(panel, column) for column in shown(panel)) - _room(panel)) if panel.kind is Kind.TABLE else 0.0


def order(panel: Panel, database: Database) -> Json:
    """The transformation that puts columns in order and hides the rest."""
    names = [database.column(panel, column.name) for column in shown(panel)]
    asked = [*tags(panel), *(database.column(panel, panel.column(question)) for question in panel.questions)]
    hidden = [name for name in asked if name not in names]
    options = {
        "indexByName": {name: place for place, name in enumerate(names)},
        "excludeByName": dict.fromkeys(hidden, True),
        "renameByName": {},
    }
    return {"id": "organize", "options": options}


def overrides(panel: Panel, database: Database) -> Iterator[Json]:
    """Titles, units, colours and widths. Devices, or else the first text, take what is left of the width."""
    columns, own = shown(panel), {column.name for column in panel.columns} - set(tags(panel))
    texts = [column.name for column in columns if column.name not in own] or [columns[0].name]
    widest = "device" if "device" in texts else texts[0]
    left = _room(panel) - sum(_needs(panel, column) for column in columns) - (_LONG_NAME if widest == "device" else 0)
    spare = max(0.0, left) / len(columns)
    for column in columns:
        width = round(_needs(panel, column))
        fixed = {"id": "custom.width", "value": round(width + spare)}
        filtered = {"id": "custom.filterable", "value": _is_filtered(panel, column)}
        yield {
            "matcher": {"id": "byName", "options": database.column(panel, column.name)},
            "properties": [
                *_looks(column, is_value=column.name in own),
                filtered,
                {"id": "custom.minWidth", "value": width} if column.name == widest else fixed,
            ],
        }


def axis_overrides(panel: Panel, database: Database) -> Iterator[Json]:
    """Titles, units and colours of what dots tell."""
    found = tags(panel)
    for column in (*(one for one in EVERY_TABLE if one.name in found), *panel.columns):
        properties = [row for row in _looks(column, is_value=False) if not row["id"].startswith("custom.")]
        if column.steps:
            properties.append({"id": "mappings", "value": [missing_value(0, _NOTHING, column.steps[0][1])]})
        yield {"matcher": {"id": "byName", "options": database.column(panel, column.name)}, "properties": properties}


def _looks(column: Column, *, is_value: bool) -> list[Json]:
    properties: list[Json] = [{"id": "displayName", "value": both(column.vi, column.en)}]
    if column.unit:
        properties += [{"id": "unit", "value": column.unit}]
        properties += [{"id": name, "value": value} for name, value in whole(column.unit).items()]
    if column.steps:
        properties.append({"id": "thresholds", "value": thresholds(column.steps)})
    said = mappings(column.words)
    if is_value:
        said += [] if NULL in (column.words or {}) else [missing_value(len(said), _NOTHING)]
    if said:
        properties.append({"id": "mappings", "value": said})
    if column.steps or any(word.color for word in (column.words or {}).values()):
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    return properties
