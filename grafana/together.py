"""Questions of a panel that a database answers in one query.

A line's figure by hour and by day, of areas and of devices, and the share of it that is in doubt are one query; so are the
columns of a table. Of two that do not hold at once (up to three days shown, and more) the database reads one.

VictoriaMetrics takes all questions of a panel together, whose answers differ by a label. In InfluxDB each is a sub-query: its
answers carry the name of the measurement that they come from, and alternatives share a column. All have the same groups, since
it groups the sub-queries by the tags of the query too. Questions with conditions, and
states, stand alone there: in a sub-query of a sub-query InfluxDB 1.6.7 finds each state false.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from grafana import influxql, metricsql
from grafana.ask import Each, Question, Step, first
from grafana.model import ROWS, TABLES, Kind, Panel

_STEPS: Final = {Step.NOW: "", Step.RANGE: "", Step.INTERVAL: "interval", Step.HOUR: "hours", Step.DAY: "hours"}
"""Steps that share a query. A day stands in the hour at which it begins."""
_PERIODS: Final = ("hourly", "daily", "monthly")

_Columns = Sequence[tuple[Question, str]]


class Together(NamedTuple):
    """Questions that one query answers, each with the name of its column."""

    columns: tuple[tuple[Question, str], ...]
    query: str

    @property
    def is_named(self) -> bool:
        """It has several columns: the names of lines end with that of their column."""
        return len({name for _, name in self.columns}) > 1

    @property
    def by(self) -> tuple[tuple[str, ...], ...]:
        """The tags of its groups: each line or row has those of one."""
        return tuple(dict.fromkeys(first(question).by for question, _ in self.columns))

    @property
    def least_step(self) -> Step:
        """The shortest step of its figures."""
        return min((first(question).step for question, _ in self.columns), key=list(Step).index)


def for_influxdb(panel: Panel) -> list[Together]:
    """The queries of a panel in InfluxQL, in the order of its questions.

    :raises CannotAsk: InfluxQL has no words for one of them.
    """
    return _together(panel, _sub_queries, influxql.joined)


def for_victoria_metrics(panel: Panel) -> list[Together]:
    """The queries of a panel in MetricsQL, in the order of its questions."""

    def joined(columns: _Columns) -> str:
        is_of_page = first(columns[0][0]).is_over_time and not (panel.days or panel.days_before)
        figures = [metricsql.chosen(question, panel.questions[0], is_of_page=is_of_page) for question, _ in columns]
        if len(columns) == 1 and panel.kind not in ROWS:
            return figures[0]
        names = (labelled(panel, question) for question, _ in columns)
        return metricsql.joined(list(zip(figures, names, strict=True)))

    return _together(panel, _of_one_step, joined)


def labelled(panel: Panel, question: Question) -> str:
    """The label by which the answer to a question differs: the name of a column, or the end of that of a line."""
    if panel.kind in TABLES:
        return panel.column(question)
    name = panel.called(question)
    return f" {name}" if name and first(question).by else name


def _together(
    panel: Panel, shared: Callable[[Question, Kind], tuple[object, ...]], joined: Callable[[_Columns], str]
) -> list[Together]:
    groups: dict[tuple[object, ...], list[tuple[Question, str]]] = {}
    for question in panel.questions:
        groups.setdefault(shared(question, panel.kind), []).append((question, panel.column(question)))
    return [Together(tuple(columns), joined(columns)) for columns in groups.values()]


def _of_one_step(question: Question, kind: Kind) -> tuple[object, ...]:
    """One query of all; a scatter takes tables, each with one figure of many rows."""
    return (question,) if kind is Kind.SCATTER else (_STEPS[first(question).step],)


def _sub_queries(question: Question, kind: Kind) -> tuple[object, ...]:
    """The properties that questions of one query share."""
    asked = first(question)
    if (
        asked.where
        or asked.or_none
        or kind is Kind.STATES
        or (asked.each in (Each.TRUE, Each.LAST) and kind in TABLES and not asked.points.units[asked.field])
    ):
        return (question,)
    measurement = asked.points.name or asked.measurement
    family = tuple(word for word in measurement.split("_") if word not in _PERIODS)
    are_alternatives = asked.of_areas is not None and kind not in TABLES
    times = _STEPS[asked.step], asked.days_before, asked.last_hours, asked.ends_early_h
    return asked.by, times, () if are_alternatives else family
