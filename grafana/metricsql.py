"""Questions in MetricsQL, to VictoriaMetrics. A field of a measurement is a metric there: ``water_volume_m3``.

Rules that hold in every query:

- A window leaves out its start and includes its end: ``(end - length, end]``. A line has the figure of an interval at the
  interval's start, as in InfluxQL, so the window is moved to lie behind the time that it is shown at.
- A period that was written again stands some ms behind its first point, and the newest counts: of each period the last point
  is taken first. Its window lies around the start of the period, so that a page in another zone finds the same days.
- Nothing is taken from points of more than five minutes ago unless a window says so; all do.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from grafana.ask import (
    LEAST_WEIGHT,
    LOOK_BACK,
    MARK_FIELDS,
    MARKS,
    Ask,
    Combined,
    Compare,
    Each,
    Mark,
    Over,
    Question,
    Step,
    Where,
    first,
)
from grafana.points import ALL_OF_BOTH, MEASUREMENTS, PLACE, WHOLE
from schemas.quantities import DOMAINS

NAME: Final = "MetricsQL"
OF_DOMAIN: Final = "/(.*)_quality/"
"""The part of the name of a metric that is a domain."""
_HOUR_S: Final = 3600
COLUMN: Final = "column"
"""The label by which the answers to the questions of one query differ."""
_NONE: Final = "none"
"""A label that no point has. What is grouped by it is one figure, and unlike one that is not grouped at all, VictoriaMetrics
reads nothing for it where its condition has no figure: it works a condition out first."""
_NOT_SIMULATED: Final = "device!~`${simulated:raw}`"
_NO_SIMULATED_AREA: Final = "area!~`(?i)${simulated:raw}`"
"""Areas of simulated devices begin with their letters, in capitals."""
_DAYS_BEGIN: Final = "-7h"
"""Subqueries step by the days of UTC, and the days of Vietnam begin so long before them."""

_ROLLED: Final = {
    Each.LAST: "last_over_time",
    Each.MEAN: "avg_over_time",
    Each.MIN: "min_over_time",
    Each.MAX: "max_over_time",
    Each.SUM: "sum_over_time",
    Each.COUNT: "count_over_time",
}
_OVER: Final = {Over.SUM: "sum", Over.MEAN: "avg", Over.MIN: "min", Over.MAX: "max", Over.COUNT: "count", Over.DEVICES: "count"}
_COMPARED: Final = {Compare.IS: "==", Compare.ABOVE: ">", Compare.BELOW: "<"}
_AROUND: Final = {"1h": "[1h] offset -30m", "1d": "[1d] offset -12h"}
"""Window around the start of a period."""
_AROUND_STEP: Final = "[1i] offset -0.5i"
"""Window around a step: hours and days may share a query by hour, and a day stands in the hour at which it begins."""
_BEHIND: Final = {
    Step.INTERVAL: "[$__interval] offset 1ms-$__interval",
    Step.HOUR: "[1h] offset -59m59s999ms",
    Step.DAY: "[1d] offset -23h59m59s999ms",
}
"""Window from a time on, with a point at its very start and without the one at its end: data loggers measure on the quarter."""


def query(question: Question) -> str:
    """Render a question."""
    asked, figures = first(question), _figures(question)
    bounds = [f"(${{__range_s}} {sign} {days * 86400})" for sign, days in asked.bounds]
    if asked.of_areas is not None:
        bounds.append(f'("{WHOLE}" {"==" if asked.of_areas else "!="} "{ALL_OF_BOTH}")')
    if bounds:
        figures = f"({figures}) if sum by ({_NONE}) (vector(1) if {' if '.join(bounds)})"
    times = [f"time() > ${{__to}} / 1000 - {asked.last_hours * _HOUR_S}"] if asked.last_hours else []
    times += [f"time() <= ${{__to}} / 1000 - {asked.ends_early_h * _HOUR_S}"] if asked.ends_early_h else []
    if times:
        figures = f"({figures}) if ({') if ('.join(times)})"
    if asked.limit:
        # Equal figures in one order: the other columns choose the same rows.
        tags = "".join(f', "{tag}"' for tag in asked.by)
        figures = f"{'topk' if asked.limit > 0 else 'bottomk'}({abs(asked.limit)}, sort_by_label({figures}{tags}))"
    return figures


def chosen(question: Question, chooses: Question, *, is_of_page: bool) -> str:
    """A question for the rows that another one chooses, if that has a limit; of a line on the page's time what stands in it.

    Grafana begins to ask at a whole step, which lies before the time of the page.
    """
    figures = query(question)
    if question != chooses and first(chooses).limit:
        figures = f"({figures}) and ({query(chooses)})"
    return f"({figures}) if (time() >= ${{__from}} / 1000)" if is_of_page else figures


def joined(columns: Sequence[tuple[str, str]]) -> str:
    """Figures of several questions in one query, the name of each in the label :data:`COLUMN`."""
    named = [f'label_set({figures}, "{COLUMN}", {json.dumps(name, ensure_ascii=False)})' for figures, name in columns]
    return named[0] if len(named) == 1 else f"union({', '.join(named)})"


def values(tag: str, measurement: str, narrower: tuple[str, ...]) -> str:
    """The values of a tag on the points that the choices of other tags leave, for a variable."""
    chosen = [_NOT_SIMULATED, *(f"{choice}=~`${{{choice}:regex}}`" for choice in narrower)] if tag in PLACE or narrower else []
    if tag == "domain":
        # Days lie too far back for a page of 24 hours, in which Grafana looks for values; the readings name their domain.
        return f"label_values({{__name__=~`({'|'.join(DOMAINS)})_quality`,{','.join(chosen)}}}, __name__)"
    return f"label_values({measurement}_{MEASUREMENTS[measurement].always}{{{','.join(chosen)}}}, {tag})"


def label(by: Sequence[tuple[str, ...]], name: str) -> str:
    """The name of a line, as Grafana fills it in: the tags of its group, and its name."""
    return "".join(" ".join(f"{{{{{tag}}}}}" for tag in tags) for tags in by) + name


def _figures(question: Question) -> str:
    """The figures of the groups."""
    if isinstance(question, Combined):
        left = _figures(question.left)
        per = f" / {question.per}" if question.per > 1 else ""
        return f"{left if isinstance(question.left, Ask) else f'({left})'} {question.operator} {_figures(question.right)}{per}"
    if question.mark:
        return _marked(question)
    if question.or_none:
        points = replace(question, field=question.points.always, each=Each.LAST, over=Over.COUNT, where=(), or_none=False)
        return f"({_figures(replace(question, or_none=False))}) or ({_figures(points)}) * 0"
    figures = _with_conditions(question)
    if question.over is Over.DEVICES:
        figures = f"max{_by(tuple(dict.fromkeys(('device', *question.by))))} ({figures})"
    return question.scaled(f"{_OVER[question.over]}{_by(question.by)} ({figures})")


def _marked(ask: Ask) -> str:
    """A mark: each point weighs as much as its part of the figure, and counts for nothing where it has no figure.

    Of the highest figure of a group it is the mark of that point.
    """
    weight, *others = ask.weighs or (ask.field,)
    points = {field: _newest(ask, ask.mark_field(Mark(field))) for field in MARK_FIELDS}
    mark = MARKS[ask.mark or Mark.DOUBT].format_map(points)
    if ask.over is Over.MAX:
        figures = _newest(ask, ask.field)
        highest = f"{figures} == on ({', '.join(ask.by)}) group_left () max{_by(ask.by)} ({figures} > 0)"
        return f"1 - min{_by(ask.by)} ({mark} and ({highest}))"
    whole = f"{_newest(ask, weight)} >= 0"
    for other in others:
        whole = f"({whole}) or ({_newest(ask, other)} >= 0 unless {_newest(ask, weight)})"
    whole = f"(({whole}) + {LEAST_WEIGHT})"
    part = f"{mark} * {whole}"
    part += "" if (ask.field,) == (weight, *others) else f" and {_newest(ask, ask.field)}"
    sums = (_of_range(ask, f"({figures})", Each.SUM) for figures in (part, f"{whole} and {_newest(ask, Mark.MEASURED)}"))
    share = " / ".join(f"sum{_by(ask.by)} ({figures})" for figures in sums)
    return f"1 - {share}" if ask.mark is Mark.DOUBT else share


def _by(tags: tuple[str, ...]) -> str:
    return f" by ({', '.join(tags) or _NONE})"


def _choice(tag: str) -> str:
    return f"{tag}=~`${{{tag}:regex}}`" + (f",{_NOT_SIMULATED}" if tag == "device" else "")


def _with_conditions(ask: Ask) -> str:
    figure = _figure(ask)
    for where in ask.where:
        value = f"(${{__to}} - {where.value})" if where.is_age else f"{float(where.value):g}"
        limit = f"{_COMPARED[where.compare]} {value}"
        own = ask.each is Each.LAST and where.field == ask.field
        figure = f"{figure} {limit}" if own else f"{figure} and ({_last(ask, where)} {limit})"
    return figure


def _last(ask: Ask, where: Where) -> str:
    return f"last_over_time({_metric(ask, where.field)}{_window(ask)})"


def _figure(ask: Ask) -> str:
    """The figure of each series."""
    metric = _metric(ask, ask.field)
    if ask.each is Each.USED:
        before = f"last_over_time({metric}[{LOOK_BACK}${{__range_ms}}ms] offset ${{__range_ms}}ms)"
        return f"last_over_time({metric}[${{__range_ms}}ms]) - {before}"
    if ask.each is Each.TRUE:
        return f"count_eq_over_time({metric}{_window(ask)}, 1) > 0"
    if not ask.points.period or (ask.step is Step.NOW and not ask.beside):
        return f"{_ROLLED[ask.each]}({metric}{_window(ask)})"
    return _of_range(ask, _with(ask), ask.each)


def _with(ask: Ask) -> str:
    """The newest points of the field, where that beside it stands too."""
    newest = _newest(ask, ask.field)
    return f"({newest} and {_newest(ask, ask.beside)})" if ask.beside else newest


def _newest(ask: Ask, field: str) -> str:
    """The newest point about each period."""
    window = _AROUND_STEP if ask.is_of_periods else _AROUND[ask.points.period]
    return f"last_over_time({_metric(ask, field)}{_moved(ask, window)})"


def _of_range(ask: Ask, figures: str, each: Each) -> str:
    """Figures of periods, put together where one figure of the time shown is asked for."""
    if ask.is_of_periods:
        return figures
    moved = f" offset {_DAYS_BEGIN}" if ask.points.period == "1d" else ""
    length = f"{ask.within}{_DAYS_BEGIN.lstrip('-') if moved else ''}" if ask.step is Step.NOW else "$__range"
    return f"{_ROLLED[each]}({figures}[{length}:{ask.points.period}]{moved})"


def _window(ask: Ask) -> str:
    if ask.step is Step.NOW:
        return _moved(ask, f"[{ask.within}]")
    return _moved(ask, "[$__range]" if ask.step is Step.RANGE else _BEHIND[ask.step])


def _moved(ask: Ask, window: str) -> str:
    """A window, by the days before."""
    if not ask.days_before:
        return window
    length, _, offset = window.partition(" offset ")
    return f"{length} offset {ask.days_before}d{offset}"


def _metric(ask: Ask, field: str) -> str:
    points = ask.points
    chosen = [_choice(tag) for tag in points.choices] + ([_NO_SIMULATED_AREA] if points.choices == ("area",) else [])
    fixed = [f'{tag}="{value}"' for tag, value in (*points.tags, *ask.tags)]
    return f"{points.name or ask.measurement}_{field}{{{','.join([*chosen, *fixed])}}}"
