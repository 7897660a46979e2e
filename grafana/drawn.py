"""Panels drawn as HTML and SVG from their figures, about as Grafana shows them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import pairwise
from math import inf
from typing import Final

from gateway.support.charts.charts import ChartLine, StateSpan, TimeAxis, ValueAxis, bar_chart, line_chart, state_strip
from gateway.support.charts.drawing import ChartFrame, colour
from grafana.answers import DAY_MS, Figures, Labels, Page
from grafana.ask import Question, column_name, first, gap_ms
from grafana.columns import EVERY_TABLE
from grafana.drawn_points import PointAxis, PointSize, point_chart
from grafana.layout import Place
from grafana.model import GREEN, Column, Kind, Panel, Steps, Words
from grafana.reasons import without_data
from grafana.tables.flows import DOUBT, DOUBT_FROM, is_doubt
from grafana.text import both
from grafana.units import SHARE
from grafana.written import ZONE, number_text

LINES_MAX: Final = 8
LINE_PX: Final = 19
LIMIT_POINTS: Final = 24
SIGNS: Final = ("━", "╍", "┅", "┉")
ROWS_MAX: Final = 12
STRIP_PX: Final = 34
ROW_PX: Final = 26
HEAD_PX: Final = 40
COLUMN_PX: Final = 58
MONTH_MS: Final = 28 * DAY_MS

Answers = Sequence[tuple[Question, Figures]]


def panel_html(number: int, place: Place, answers: Answers, page: Page) -> str:
    """One panel, or the reason why it is empty."""
    panel = place.panel
    draw = _DRAWN[panel.kind]
    shown = draw(f"panel-{number}", panel, answers, page) if any(rows for _, rows in answers) else ""
    nothing = without_data(panel)
    body = shown or f'<p class="{"figure" if nothing == "0" else "empty"}">{escape(nothing)}</p>'
    style = f"grid-column: span {place.width}; min-height: {ROW_PX * panel.size.height}px"
    return f'<section style="{style}" title="{escape(panel.about_en)}"><h3>{escape(panel.title)}</h3>{body}</section>'


def _lines(answers: Answers) -> Iterator[ChartLine]:
    """The lines of all questions, named as in the legend, but those of doubt."""
    for question, rows in answers:
        if is_doubt(question):
            continue
        series = defaultdict[Labels, list[tuple[float, float | None]]](list)
        for (labels, time_ms), value in sorted(rows.items()):
            series[labels].append((time_ms, value))
        for labels, points in series.items():
            yield ChartLine(" ".join(filter(None, [*labels, question.name])), points)


def _axes(panel: Panel, page: Page) -> tuple[TimeAxis, ValueAxis]:
    form = "%H:%M" if page.length_ms <= 2 * DAY_MS else "%d.%m."
    time = TimeAxis(page.begin_ms, page.end_ms, ZONE, lambda ms: datetime.fromtimestamp(ms / 1000, ZONE).strftime(form))
    return time, ValueAxis(lambda value: number_text(value, panel.unit), from_zero=panel.minimum == 0.0)


def _line_chart(name: str, panel: Panel, answers: Answers, page: Page) -> str:
    lines = list(_lines(answers))
    shown = [*lines[:LINES_MAX], *_limits(panel, page)]
    drawn = line_chart(
        _frame(name, panel),
        _unnamed(shown),
        *_axes(panel, page),
        gap_ms=max(gap_ms(question) for question, rows in answers if rows),
    )
    return drawn + _legend(shown, len(lines)) + _doubt(answers)


def _bar_chart(name: str, panel: Panel, answers: Answers, page: Page) -> str:
    lines = list(_lines(answers))
    asked = next(first(question) for question, rows in answers if rows)
    length_ms = MONTH_MS if asked.measurement.startswith("monthly") else page.step_ms(asked)
    shown = [*lines[: LINES_MAX - 1], _rest(lines[LINES_MAX - 1 :])] if len(lines) > LINES_MAX else lines
    drawn = bar_chart(_frame(name, panel), _unnamed(shown), length_ms, *_axes(panel, page))
    return drawn + _legend(shown, len(shown)) + _doubt(answers)


def _rest(lines: Sequence[ChartLine]) -> ChartLine:
    """All lines beyond those that are shown by themselves, as one."""
    totals = defaultdict[float, float](float)
    for line in lines:
        for time_ms, value in line.points:
            totals[time_ms] += value or 0.0
    return ChartLine(f"+ {len(lines)} …", sorted(totals.items()))


def _unnamed(lines: Sequence[ChartLine]) -> list[ChartLine]:
    """The lines without names: long ones need the legend below."""
    return [line._replace(name="") for line in lines]


def _legend(lines: Sequence[ChartLine], number: int) -> str:
    """The names of lines with their colours; nothing for one that the title names."""
    named = [
        f'<span style="color: {line.colour or colour(place)}">{SIGNS[place % len(SIGNS)]}</span> {escape(line.name or "—")}'
        for place, line in enumerate(lines)
        if line.name or len(lines) > 1
    ]
    more = [f"+ {number - LINES_MAX} …"] if number > LINES_MAX else []
    return f'<p class="legend">{" &nbsp; ".join([*named, *more])}</p>' if named else ""


def _limits(panel: Panel, page: Page) -> Iterator[ChartLine]:
    """The values at which the colour changes, as lines."""
    times = range(page.begin_ms, page.end_ms + 1, max(1, page.length_ms // LIMIT_POINTS))
    for (_, below), (limit, above) in pairwise(panel.steps):
        if limit is not None:
            worse = below if above == GREEN else above
            yield ChartLine(number_text(limit, panel.unit), [(at_ms, limit) for at_ms in times], worse)


def _frame(name: str, panel: Panel) -> ChartFrame:
    return ChartFrame(name, panel.title, panel.about_en, ROW_PX * panel.size.height - HEAD_PX)


def _stat(name: str, panel: Panel, answers: Answers, page: Page) -> str:  # noqa: ARG001 - as the others
    values = [value for question, rows in answers if not is_doubt(question) for _, value in sorted(rows.items())]
    return _large(panel, values[-1], answers) if values else ""


def _large(panel: Panel, value: float, answers: Answers) -> str:
    figure = f'<p class="figure" style="color: {_step_colour(panel.steps, value)}">{number_text(value, panel.unit)}</p>'
    return figure + _doubt(answers)


def _doubt(answers: Answers) -> str:
    """The share in doubt, the highest of the time shown; nothing below the limit."""
    highest = max((value for question, rows in answers if is_doubt(question) for value in rows.values()), default=0.0)
    return f'<p class="legend">{DOUBT} ≤ {number_text(highest, SHARE)}</p>' if highest >= DOUBT_FROM else ""


def _peak(name: str, panel: Panel, answers: Answers, page: Page) -> str:  # noqa: ARG001 - as the others
    values = [value for question, rows in answers if not is_doubt(question) for value in rows.values()]
    return _large(panel, max(values), answers) if values else ""


def _step_colour(steps: Steps, value: float) -> str:
    reached = [colour for limit, colour in steps if limit is None or value >= limit]
    return reached[-1] if reached else "inherit"


def _states(name: str, panel: Panel, answers: Answers, page: Page) -> str:
    time, _ = _axes(panel, page)
    strips = []
    for number, line in enumerate(list(_lines(answers))[:LINES_MAX]):
        ends = [*(at_ms for at_ms, _ in line.points[1:]), page.end_ms]
        spans = [
            StateSpan(at_ms, end_ms, _word_colour(panel.words, value))
            for (at_ms, value), end_ms in zip(line.points, ends, strict=True)
        ]
        frame = ChartFrame(f"{name}-{number}", line.name, panel.about_en, STRIP_PX)
        strips.append(f"<p>{escape(line.name)}</p>{state_strip(frame, spans, time)}")
    return "".join(strips)


def _word_colour(words: Words | None, value: float | None) -> str:
    word = (words or {}).get(f"{value:g}" if value is not None else "")
    return word.color if word is not None else "#9a9a9a"


def _table(name: str, panel: Panel, answers: Answers, page: Page) -> str:  # noqa: ARG001 - as the others
    """The rows of all questions, joined by their tags; the first column that orders them is that of the panel."""
    tags, names = first(answers[0][0]).by, [column_name(question) for question, _ in answers]
    columns = {column.name: column for column in (*EVERY_TABLE, *panel.columns)}
    rows = defaultdict[Labels, dict[str, float]](dict)
    for question, figures in answers:
        for (labels, _), value in figures.items():
            rows[labels][column_name(question)] = value
    titles = [both(columns[name].vi, columns[name].en) if name in columns else name for name in (*tags, *names)]
    order = titles.index(panel.sort_by) - len(tags) if panel.sort_by in titles[len(tags) :] else 0
    missing = inf if panel.sort_up else -inf
    ordered = sorted(rows.items(), key=lambda row: row[1].get(names[order], missing), reverse=not panel.sort_up)
    shown = min(ROWS_MAX, panel.size.height * ROW_PX // LINE_PX - 3)
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(f"<tr>{_cells(labels, names, found, columns, panel)}</tr>" for labels, found in ordered[:shown])
    more = f"<p>+ {len(ordered) - shown} …</p>" if len(ordered) > shown else ""
    return f"<table><tr>{head}</tr>{body}</table>{more}"


def _cells(
    labels: Labels, names: Sequence[str], found: Mapping[str, float], columns: Mapping[str, Column], panel: Panel
) -> str:
    cells = [f"<td>{escape(label)}</td>" for label in labels]
    for name in names:
        column = columns.get(name, Column(name, name, name))
        text = number_text(found[name], column.unit or panel.unit) if name in found else ""
        word = (column.words or {}).get(f"{found.get(name, 0.0):g}")
        tint = word.color if word else _step_colour(column.steps, found[name]) if column.steps and name in found else "inherit"
        cells.append(f'<td style="color: {tint}">{escape(word.text if word else text)}</td>')
    return "".join(cells)


def _points(name: str, panel: Panel, answers: Answers, page: Page) -> str:  # noqa: ARG001 - as the others
    """Dots by the two figures of each row."""
    (_, lengths), (_, heights), *_ = answers
    places = [(lengths[key], heights[key]) for key in lengths if key in heights]
    across, up = (PointAxis(both(column.vi, column.en), _labels(column.unit or panel.unit)) for column in panel.columns)
    size = PointSize(panel.size.width * COLUMN_PX, ROW_PX * panel.size.height - HEAD_PX)
    return point_chart(panel.title, places, across, up, size) if places else ""


def _labels(unit: str) -> Callable[[float], str]:
    return lambda value: number_text(value, unit)


_DRAWN: Final[dict[Kind, Callable[[str, Panel, Answers, Page], str]]] = {
    Kind.LINES: _line_chart,
    Kind.AREAS: _line_chart,
    Kind.BARS: _bar_chart,
    Kind.STAT: _stat,
    Kind.PEAK: _peak,
    Kind.NEWEST: _stat,
    Kind.WORST: _stat,
    Kind.STATES: _states,
    Kind.TABLE: _table,
    Kind.MAP: _points,
    Kind.SCATTER: _points,
}
