"""Questions of a panel that InfluxQL answers in one query, each from a sub-query: the database reads what it must, and no more.

A line's figure by hour and by day, of areas and of devices, and the share of it that is in doubt are one query; so are the
columns of a table. Of two that do not hold at once (up to three days shown, and more) InfluxDB reads one. Its answers carry
the name of the measurement that they come from, and alternatives share a column. Questions with conditions stand alone: in a
sub-query of a sub-query InfluxDB 1.6.7 finds each state false.
"""

from typing import Final, NamedTuple

from grafana import influxql
from grafana.ask import Question, Step, first
from grafana.model import TABLES, Kind, Panel

_STEPS: Final = {Step.NOW: "", Step.RANGE: "", Step.INTERVAL: "interval", Step.HOUR: "hours", Step.DAY: "hours"}
"""Steps that share a query. A day stands in the hour at which it begins."""
_PERIODS: Final = ("hourly", "daily", "monthly")


class Together(NamedTuple):
    """Questions that one query answers, each with the name of its column."""

    columns: tuple[tuple[Question, str], ...]
    query: str

    @property
    def is_named(self) -> bool:
        """It has several columns: the names of lines end with that of their column."""
        return len({name for _, name in self.columns}) > 1


def together(panel: Panel) -> list[Together]:
    """The queries of a panel, in the order of its questions.

    :raises CannotAsk: InfluxQL has no words for one of them.
    """
    groups: dict[tuple[object, ...], list[tuple[Question, str]]] = {}
    for question in panel.questions:
        groups.setdefault(_shared(question, panel.kind), []).append((question, panel.column(question)))
    return [Together(tuple(columns), influxql.joined(columns)) for columns in groups.values()]


def _shared(question: Question, kind: Kind) -> tuple[object, ...]:
    """The properties that questions of one query share."""
    asked = first(question)
    if asked.where:
        return (question,)
    measurement = asked.points.name or asked.measurement
    family = tuple(word for word in measurement.split("_") if word not in _PERIODS)
    line = () if kind in TABLES else (asked.field, asked.tags, asked.each, asked.over)
    return asked.by, _STEPS[asked.step], family, *line
