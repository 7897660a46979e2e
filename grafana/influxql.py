"""Questions in InfluxQL, in the words that InfluxDB 1, 2 and 3 have in common.

Rules that hold in every query:

- The innermost query has a time filter. An outer one has it too where it groups by time, and only there: InfluxDB 1 loses all
  rows of an outer query with a time filter and without ``GROUP BY time`` when the range begins inside an interval.
- One pass over the points wherever that gives the same figure: a figure per series and step first costs ten times as much.
- Grafana puts in ``$timeFilter``, ``$__interval``, ``$__interval_ms``, ``${__from}``, ``${__to}`` and the reader's choices, but
  no ``$__range``: the length of the range is ``${__to} - ${__from}``.
- Bounds on the length of the range compare two numbers, those on the reader's choice two texts. Where one is false, InfluxDB
  reads nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from grafana.ask import (
    LEAST_WEIGHT,
    LOOK_BACK,
    MARK_FIELDS,
    MARKS,
    Ask,
    CannotAsk,
    Each,
    Mark,
    Over,
    Question,
    Step,
    Where,
    asks,
    column_name,
    first,
)
from grafana.points import ALL_OF_BOTH, PLACE, WHOLE

NAME: Final = "InfluxQL"
_DAYS_BEGIN: Final = "-7h"
"""Vietnam's days begin so long before those of UTC."""
_DAY_MS: Final = 86_400_000

_NOT_SIMULATED: Final = '"device" !~ /^${simulated:raw}$/'
_CHOICES: Final = {
    # ``area`` may stand on no point at all, and then InfluxDB 3 finds any comparison with it false. "All" is ``.*``, which
    # every device matches; an area's code is not the name of a device.
    "area": '("area" =~ /^${area:regex}$/ OR "device" =~ /^${area:regex}$/)',
    "site": '"site" =~ /^${site:regex}$/',
    "device": f'"device" =~ /^${{device:regex}}$/ AND {_NOT_SIMULATED}',
    "gateway": '"gateway" =~ /^${gateway:regex}$/',
}
_OF_AREA: Final = '"area" =~ /^${area:regex}$/ AND "area" !~ /^(?i)${simulated:raw}$/'
"""Areas of simulated devices begin with their letters, in capitals."""
_TIMES: Final = {Step.INTERVAL: "time($__interval)", Step.HOUR: "time(1h)", Step.DAY: f"time(1d, {_DAYS_BEGIN})"}
_SINCE_BEFORE: Final = f"time({LOOK_BACK} + ${{__to}}ms - ${{__from}}ms, ${{__from}}ms)"
"""Two buckets, the second from the beginning of the range on; ``difference()`` reads the one before it by itself."""

_EACH: Final = {**{each: each.value for each in Each}, Each.TRUE: "count"}
_ADDS_UP: Final = {
    *((Each.SUM, Over.SUM), (Each.MIN, Over.MIN), (Each.MAX, Over.MAX)),
    *((Each.COUNT, Over.SUM), (Each.TRUE, Over.SUM)),
}
"""Pairs that one pass over the points of a group answers."""


def query(question: Question, name: str = "") -> str:
    """Render a question; ``name`` is that of its column.

    :raises CannotAsk: InfluxQL has no words for it.
    """
    asked, name = first(question), name or column_name(question)
    if asked.or_none:
        found = replace(asked, each=Each.LAST, where=(), or_none=False)
        none = _from_points(found, f'count("{asked.points.always}") * 0 AS "{name}"', asked.by)
        return f'SELECT sum("{name}") AS "{name}" FROM ({_rows(question, name)}), ({none})'  # noqa: S608 - from our tables
    return _limited(asked, {name: "value"}, _rows(question, "value")) if asked.limit else _rows(question, name)


def joined(questions: Sequence[tuple[Question, str]]) -> str:
    """Questions of the same groups and times in one query, each with its column; those that share one do not hold at once."""
    asked, name = first(questions[0][0]), questions[0][1]
    if len(questions) == 1:
        return query(questions[0][0], name)
    columns = {name: f"c{place}" for place, name in enumerate(dict.fromkeys(name for _, name in questions))}
    if all(first(question).is_beside(asked) for question, _ in questions[1:]):
        beside = "".join(f', "{first(question).field}" AS "{columns[name]}"' for question, name in questions[1:])
        return _limited(asked, columns, _from_points(asked, f'{_figure_of_series(asked)} AS "c0"{beside}', asked.by))
    found = [(question, columns[name]) for question, name in questions]
    if _is_one_source(questions):
        return _limited(asked, columns, _of_one_source(found))
    sources = ", ".join(f"({_rows(question, column)})" for question, column in found)
    step = Step.HOUR if any(first(question).step is Step.HOUR for question, _ in questions) else asked.step
    times = _where([_time(asked)] if asked.is_over_time else []) + _group(_TIMES.get(step, ""), asked.by)

    def rows(names: Mapping[str, str]) -> str:
        figures = ", ".join(f'last("{column}") AS "{name}"' for name, column in names.items())
        return f"SELECT {figures} FROM {sources}{times}"  # noqa: S608 - from our tables

    return _limited(asked, columns, rows({column: column for column in columns.values()})) if asked.limit else rows(columns)


def _is_one_source(questions: Sequence[tuple[Question, str]]) -> bool:
    """Tell if all columns of the largest rows come from one pass over the same points."""
    parts = [replace(part, limit=0) for question, _ in questions for part in asks(question)]
    is_alike = all(_circumstances(part) == _circumstances(parts[0]) and _is_one_pass(part) and not part.mark for part in parts)
    return bool(first(questions[0][0]).limit) and is_alike


def _of_one_source(questions: Sequence[tuple[Question, str]]) -> str:
    figures = [
        f'{_arithmetic(question, {part: part.scaled(_figure(part)) for part in asks(question)})} AS "{column}"'
        for question, column in questions
    ]
    asked = first(questions[0][0])
    return _from_points(asked, ", ".join(figures), asked.by)


def _limited(asked: Ask, columns: Mapping[str, str], rows: str) -> str:
    """The rows in which the first column is largest or smallest. Their tags are columns, since the query has no groups.

    :raises CannotAsk: they are lines over time.
    """
    if asked.is_over_time:
        raise CannotAsk(f"{NAME} cannot limit the number of lines over time ({asked.measurement}.{asked.field}).")
    function, tags = "top" if asked.limit > 0 else "bottom", "".join(f', "{tag}"' for tag in asked.by)
    (name, column), *others = columns.items()
    beside = "".join(f', "{other}" AS "{title}"' for title, other in others)
    return f'SELECT {function}("{column}"{tags}, {abs(asked.limit)}) AS "{name}"{beside} FROM ({rows})'  # noqa: S608


def values(tag: str, measurement: str, narrower: tuple[str, ...]) -> str:
    """The values of a tag on the points that the choices of other tags leave, for a variable."""
    chosen = [_NOT_SIMULATED, *(_CHOICES[choice] for choice in narrower)] if tag in PLACE or narrower else []
    return f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{tag}"{_where(chosen)}'


def label(by: Sequence[tuple[str, ...]], name: str) -> str:
    """The name of a line, as Grafana fills it in: the tags of its group, and its name."""
    tags = "".join(" ".join(f"$tag_{tag}" for tag in tags) for tags in by)
    return f"{tags} {name}" if tags and name else tags or name


def _rows(question: Question, name: str) -> str:
    """One column of figures, all from one query: InfluxQL joins nothing."""
    if isinstance(question, Ask) and question.mark:
        return _marked(question, name)
    parts = list(asks(question))
    if any(_circumstances(part) != _circumstances(parts[0]) for part in parts):
        fields = " and ".join(f"{part.measurement}.{part.field}" for part in parts)
        raise CannotAsk(f"{NAME} cannot combine {fields}: it does not join the points of two queries.")
    if all(_is_one_pass(part) for part in parts):
        figures = {part: part.scaled(_figure(part)) for part in parts}
        return _from_points(parts[0], f'{_arithmetic(question, figures)} AS "{name}"', parts[0].by, _of_some(question))
    columns = [f'{_figure_of_series(part)} AS "value{n}"' for n, part in enumerate(parts)]
    figures = {part: part.scaled(f'{_over(part)}("value{n}")') for n, part in enumerate(parts)}
    return _from_series(parts[0], f'{_arithmetic(question, figures)} AS "{name}"', columns)


def _of_some(question: Question) -> str:
    """A condition on the points of a share of counts: where nothing was expected InfluxDB would say 0, which is no share."""
    if isinstance(question, Ask) or question.operator != "/" or question.right.points.units[question.right.field] != "1":
        return ""
    return f' AND "{question.right.field}" > 0'


def _circumstances(ask: Ask) -> tuple[object, ...]:
    """The parts of a question that stand outside its columns."""
    levels = ask.each is Each.USED, ask.over is Over.DEVICES, ask.field if ask.each is Each.TRUE else ""
    return ask.measurement, ask.step, ask.by, ask.tags, ask.where, ask.beside, _time(ask), _shown(ask), ask.limit, levels


def _arithmetic(question: Question, figures: dict[Ask, str]) -> str:
    if isinstance(question, Ask):
        return figures[question]
    per = f" / {question.per}" if question.per > 1 else ""
    return f"({_arithmetic(question.left, figures)} {question.operator} {_arithmetic(question.right, figures)}{per})"


def _is_one_pass(ask: Ask) -> bool:
    if ask.where or ask.each is Each.USED or ask.over is Over.DEVICES:
        return False
    if ask.is_of_periods or (ask.each, ask.over) in _ADDS_UP:
        return True
    return ask.over is not Over.COUNT and set(ask.series) <= set(ask.by)


def _figure(ask: Ask) -> str:
    return f'{_over(ask) if ask.is_of_periods else _EACH[ask.each]}("{ask.field}")'


def _figure_of_series(ask: Ask) -> str:
    return f'difference(last("{ask.field}"))' if ask.each is Each.USED else f'{_EACH[ask.each]}("{ask.field}")'


def _over(ask: Ask) -> str:
    return "count" if ask.over is Over.DEVICES else ask.over.value


def _from_points(ask: Ask, what: str, by: tuple[str, ...], more: str = "") -> str:
    time = _SINCE_BEFORE if ask.each is Each.USED else _TIMES.get(ask.step, "")
    return f"SELECT {what} FROM {_source(ask)}{more}{_group(time, by)}"  # noqa: S608 - from our tables


def _from_series(ask: Ask, what: str, columns: list[str]) -> str:
    """One figure per series, then one per group; between them one per device where devices are counted."""
    conditions = [f'last("{where.field}") AS "where{n}"' for n, where in enumerate(ask.where)]
    met = [f'"where{n}" {where.compare.value} {_literal(where)}' for n, where in enumerate(ask.where)]
    time, time_filter = _TIMES.get(ask.step, ""), [_time(ask)] if ask.is_over_time else []
    of_device = tuple(dict.fromkeys(("device", *ask.by)))
    # A device has a figure if one of its series has; conditions are about each of these.
    series = ask.series if conditions or ask.over is not Over.DEVICES else of_device
    rows = f"({_from_points(ask, ', '.join([*columns, *conditions]), series)}){_where([*time_filter, *met])}"
    if ask.over is Over.DEVICES and conditions:
        group = _group(time, of_device)
        rows = f'(SELECT count("value0") AS "value0" FROM {rows}{group}){_where(time_filter)}'  # noqa: S608 - from our tables
    return f"SELECT {what} FROM {rows}{_group(time, ask.by)}"  # noqa: S608 - from our tables


def _marked(ask: Ask, name: str) -> str:
    """A mark: each point weighs as much as its part of the figure, and counts for nothing where it has no figure.

    Of the highest figure of a group it is the mark of that point.
    """
    weight, *others = ask.weighs or (ask.field,)
    mark = MARKS[ask.mark or Mark.DOUBT].format_map({one.value: f'"{ask.mark_field(one)}"' for one in Mark})
    rest = "1 - " if ask.mark is Mark.DOUBT else ""
    if ask.over is Over.MAX:
        beside = "".join(f', "{ask.mark_field(Mark(field))}"' for field in MARK_FIELDS)
        highest = _from_points(ask, f'max("{ask.field}") AS "highest"{beside}', ask.by)
        return f'SELECT {rest}{mark} AS "{name}" FROM ({highest}) WHERE "highest" > 0{_group("", ask.by)}'  # noqa: S608
    known = "" if weight == ask.field else f' * ("{ask.field}" * 0 + 1)'
    # What has both weights is in the sum of both: InfluxQL has no word for "without".
    twice = f'"{weight}" * 0 AS "twice", ' if others else ""
    sources = [
        _weighed(ask, weight, f'{mark} * {_weight(weight)}{known} AS "part", {twice}'),
        *(_weighed(ask, other, f'{_weight(other)} * ("{weight}" * 0 + 1) AS "twice", ') for other in others),
    ]
    whole = '(sum("whole") - sum("twice"))' if others else 'sum("whole")'
    times = _where([_time(ask)] if ask.is_over_time else []) + _group(_TIMES.get(ask.step, ""), ask.by)
    return f'SELECT {rest}sum("part") / {whole} AS "{name}" FROM {", ".join(sources)}{times}'  # noqa: S608 - from our tables


def _weight(field: str) -> str:
    return f'("{field}" + {LEAST_WEIGHT})'


def _weighed(ask: Ask, weight: str, what: str) -> str:
    """The points that weigh by a field."""
    points = f'{_source(replace(ask, beside=""))} AND "{weight}" >= 0 AND "measured" >= 0'
    return f'(SELECT {what}{_weight(weight)} AS "whole" FROM {points})'  # noqa: S608 - from our tables


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _source(ask: Ask) -> str:
    points = ask.points
    is_of_areas = points.choices == ("area",)
    chosen = [_OF_AREA] if is_of_areas else [_CHOICES[choice] for choice in points.choices]
    fixed = [f"\"{tag}\" = '{value}'" for tag, value in (*points.tags, *ask.tags)]
    state = [f'"{ask.field}" = true'] if ask.each is Each.TRUE else []
    state += [f'("{ask.beside}" >= 0 OR "{ask.beside}" < 0)'] if ask.beside else []
    return f'"{points.name or ask.measurement}" WHERE {" AND ".join([_time(ask), *chosen, *fixed, *state, *_shown(ask)])}'


def _shown(ask: Ask) -> list[str]:
    """Comparisons that the page must meet, without a look at any point."""
    days = [f"(${{__to}} - ${{__from}}) {sign} {days * _DAY_MS}" for sign, days in ask.bounds]
    return days if ask.of_areas is None else [*days, f"'{WHOLE}' {'=' if ask.of_areas else '!='} '{ALL_OF_BOTH}'"]


def _time(ask: Ask) -> str:
    before = f" - {ask.days_before}d" if ask.days_before else ""
    if ask.step is Step.NOW:
        return f"time > ${{__to}}ms - {ask.within}{before} AND time <= ${{__to}}ms{before}"
    if not before and not ask.last_hours:
        return "$timeFilter"
    begin = f"time > ${{__to}}ms - {ask.last_hours}h" if ask.last_hours else "time >= ${__from}ms"
    early = f" - {ask.ends_early_h}h" if ask.ends_early_h else ""
    return f"{begin}{before} AND time <= ${{__to}}ms{before}{early}"


def _group(time: str, by: tuple[str, ...]) -> str:
    keys = [*([time] if time else []), *(f'"{tag}"' for tag in by)]
    return (f" GROUP BY {', '.join(keys)}" if keys else "") + (" fill(none)" if time else "")


def _literal(where: Where) -> str:
    if where.is_age:
        return f"(${{__to}} - {where.value})"
    return str(where.value).lower() if isinstance(where.value, bool) else repr(where.value)
