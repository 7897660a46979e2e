"""From the tables to Grafana's dashboard JSON (Grafana 11 to 13)."""

from collections.abc import Iterator
from typing import Final

from grafana import columns, drill, layout, lines, looks
from grafana.ask import CannotAsk
from grafana.head import DEFAULT_HEAD, Head, annotations, chosen_metrics, chosen_source, links, variables
from grafana.model import ROWS, TABLES, Dashboard, Kind, Panel, Prom, Section, panel_id
from grafana.stores import Database, Json, letter
from grafana.tables.flows import is_doubt
from grafana.text import Language, both, said_in

SCHEMA_VERSION: Final = 39
POINTS_MAX: Final = 3000
"""Figures of a line: more than the hours or days that a panel shows, so that Grafana asks for each of them."""


_WITH_A_PLACE: Final = {
    "id": "filterByValue",
    "options": {
        "type": "exclude",
        "match": "any",
        "filters": [{"fieldName": name, "config": {"id": "isNull", "options": {}}} for name in ("lat", "lon")],
    },
}


def dashboard(board: Dashboard, database: Database, language: Language, head: Head = DEFAULT_HEAD) -> Json:
    """One dashboard in one language.

    :raises CannotAsk: a panel asks what the database's query language has no words for.
    """
    said: Json = said_in(_dashboard(said_in(board, language), database, head), language)
    return said


def _dashboard(board: Dashboard, database: Database, head: Head) -> Json:
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
        "refresh": board.refresh,
        "timepicker": {},
        "annotations": {"list": annotations(board, database)},
        "links": links(board, database),
        "templating": {"list": variables(board, database, head)},
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
    is_table, has_doubt = panel.kind is Kind.TABLE, _has_doubt(panel)
    if panel.kind is Kind.VALUES:
        overrides = list(lines.of_values(panel))
    else:
        overrides = list((columns.overrides if is_table else columns.axis_overrides)(panel, database))
    if has_doubt:
        overrides.append(looks.OF_DOUBTFUL_FIGURE if looks.TYPES[panel.kind] == "stat" else looks.OF_DOUBT)
    if looks.TYPES[panel.kind] == "timeseries":
        overrides += [*lines.in_colors(panel), *([lines.UNSEEN] if len(panel.questions) > 1 else [])]
    if panel.kind not in TABLES:
        overrides += [*lines.in_words(panel), *lines.figures_of_days_before(panel)]
    if panel.kind in ROWS:
        overrides += drill.columns(panel, board, database)
    times = {
        **({"maxDataPoints": POINTS_MAX} if looks.TYPES[panel.kind] == "timeseries" else {}),
        **({"timeFrom": f"{panel.days}d"} if panel.days else {}),
        **({"hideTimeOverride": True} if _hides_time(panel) else {}),
        **({"timeShift": f"{panel.days_before}d"} if panel.days_before else {}),
    }
    targets = _targets(panel, database)
    return {
        "type": looks.TYPES[panel.kind],
        "title": panel.title,
        "description": "\n\n".join(dict.fromkeys((panel.about_vi, panel.about_en))),
        "datasource": chosen_metrics() if isinstance(panel.targets[0], Prom) else chosen_source(database),
        "interval": panel.least_interval,
        "targets": targets,
        "fieldConfig": {"defaults": looks.defaults(panel) | _links(panel, board, database), "overrides": overrides},
        "options": looks.options(panel, has_doubt=has_doubt),
        "transformations": [*database.renaming(panel), *_transformations(panel, database, len(targets))],
    } | times


def _hides_time(panel: Panel) -> bool:
    """Tell if the panel's own time would stand where its title needs the room. Its explanation says it too."""
    is_cut = layout.cut_off(panel.title, panel.size.width, has_own_time=True) > 0
    return bool(panel.days) and (looks.TYPES[panel.kind] == "stat" or is_cut)


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


def _links(panel: Panel, board: Dashboard, database: Database) -> Json:
    """The links of lines and bars; in tables they belong to columns."""
    found = drill.lines(panel, board, database) if looks.TYPES[panel.kind] == "timeseries" else drill.more(panel, database)
    return {"links": found} if found else {}


def _has_doubt(panel: Panel) -> bool:
    return any(is_doubt(question) for question in panel.questions)


def _transformations(panel: Panel, database: Database, queries: int) -> list[Json]:
    """Several queries become one table: joined by their tags, and for a scatter by their times too."""
    if looks.TYPES[panel.kind] == "stat":
        return _in_order(panel)
    merged = [{"id": "merge", "options": {}}] if queries > 1 else []
    without_time = [{"id": "filterFieldsByName", "options": {"exclude": {"names": ["Time"]}}}]
    if panel.kind is Kind.SCATTER:
        return [*merged, *without_time]
    if panel.kind is Kind.TABLE:
        return [*without_time, *merged, columns.order(panel, database)]
    if panel.kind is Kind.MAP:
        return [*without_time, *merged, _WITH_A_PLACE]
    return [] if panel.kind is Kind.WORST else lines.renamed(panel)


def _in_order(panel: Panel) -> list[Json]:
    """Put several figures of a panel in the order of its questions, doubt last: VictoriaMetrics has one of its own.

    What stands beside the newest figure is of the same hour, or nothing: the hours that the first one has are left.
    """
    names = list(dict.fromkeys(map(panel.called, sorted(panel.questions, key=is_doubt))))
    if len(names) == 1:
        return []
    joined: Json = {"id": "joinByField", "options": {"mode": "outer"}}
    has_figure = {"fieldName": names[0], "config": {"id": "isNotNull", "options": {}}}
    left: Json = {"id": "filterByValue", "options": {"filters": [has_figure], "type": "include", "match": "all"}}
    order: Json = {"id": "organize", "options": {"indexByName": {name: place for place, name in enumerate(names, 1)}}}
    return [joined, left, order] if panel.kind is Kind.NEWEST else [joined, order]
