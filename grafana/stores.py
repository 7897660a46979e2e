"""The two kinds of databases that dashboards ask, and the form in which Grafana wants questions to each."""

from typing import Any, Final, Protocol

from grafana import influxql, metricsql
from grafana.ask import Ask, Combined, Question, Step, column_name, first
from grafana.model import ROWS, TABLES, Panel, Variable
from grafana.together import Together, for_influxdb, for_victoria_metrics, labelled

Json = dict[str, Any]

_DAY_MS: Final = 86_400_000
_MOVED: Final = "Time of today"
_CLASSIC_QUERY: Final = 5
"""Grafana's number for a variable's query that is written as text."""


class Database(Protocol):
    """A kind of database.

    :ivar folder: the folder of its dashboards.
    :ivar prefix: beginning of the addresses of its dashboards.
    :ivar language: name of its query language.
    :ivar source: type and identifier of the data source, as ``provisioning/datasources`` gives them. Dashboards ask the one
        that their reader chooses; it is this one at first.
    """

    folder: str
    prefix: str
    language: str
    source: Json

    def query(self, question: Question) -> str:
        """Render a question; raises :class:`~grafana.ask.CannotAsk`."""

    def targets(self, panel: Panel) -> list[Json]:
        """The queries of a panel."""

    def renaming(self, panel: Panel) -> list[Json]:
        """Transformations by which lines get their names, where the queries cannot give them."""

    def variable(self, variable: Variable) -> Json:
        """The values to choose among."""

    def annotation(self, question: Ask) -> Json:
        """A question whose figures are marks over time."""

    def column(self, panel: Panel, name: str) -> str:
        """Grafana's name of a table's column."""


def _influxql_target(asked: Together, panel: Panel) -> Json:
    question, _ = asked.columns[0]
    return {
        "query": asked.query,
        "rawQuery": True,
        "resultFormat": "table" if panel.kind in TABLES else "time_series",
        "alias": influxql.label(asked.by, "$col" if asked.is_named else panel.called(question)),
    }


def _moved(query: str, asked: Ask) -> list[Json]:
    """Move the times of a line by the days before: InfluxQL gives each figure its own, and Grafana can add numbers alone."""
    if not asked.days_before or not asked.is_over_time:
        return []
    moved = {"left": "Time", "operator": "+", "right": f"{asked.days_before * _DAY_MS}"}
    steps: list[tuple[str, Json]] = [
        ("convertFieldType", {"conversions": [{"targetField": "Time", "destinationType": "number"}]}),
        ("calculateField", {"mode": "binary", "binary": moved, "alias": _MOVED, "replaceFields": False}),
        ("filterFieldsByName", {"exclude": {"names": ["Time"]}}),
        ("convertFieldType", {"conversions": [{"targetField": _MOVED, "destinationType": "time"}]}),
    ]
    return [{"id": name, "filter": {"id": "byRefId", "options": query}, "options": options} for name, options in steps]


def _metricsql_target(asked: Together, panel: Panel) -> Json:
    question, _ = asked.columns[0]
    name = f"{{{{{metricsql.COLUMN}}}}}" if len(asked.columns) > 1 else labelled(panel, question)
    step, is_over_time = asked.least_step, first(question).is_over_time
    return {
        "expr": asked.query,
        "legendFormat": metricsql.label(asked.by, name),
        "editorMode": "code",
        "format": "table" if panel.kind in TABLES and panel.kind not in ROWS else "time_series",
        "range": is_over_time,
        "instant": not is_over_time,
        "interval": step.value if step in (Step.HOUR, Step.DAY) else "",
    }


class InfluxDb:
    """InfluxDB 1, 2 and 3."""

    folder = "influxdb"
    prefix = "province"
    language = influxql.NAME
    source: Json = {"type": "influxdb", "uid": "province-influxdb"}  # noqa: RUF012 - a constant

    def query(self, question: Question) -> str:
        """Render a question; raises :class:`~grafana.ask.CannotAsk`."""
        return influxql.query(question)

    def targets(self, panel: Panel) -> list[Json]:
        """The queries of a panel."""
        return [_influxql_target(asked, panel) for asked in for_influxdb(panel)]

    def renaming(self, panel: Panel) -> list[Json]:
        """A line that has tags and no name loses that of its column; one of days before moves to the time of the panel."""
        columns = [one for asked in for_influxdb(panel) if asked.is_named for one in asked.columns]
        unnamed = {name for question, name in columns if panel.kind not in TABLES and not panel.called(question)}
        days = [first(asked.columns[0][0]) for asked in for_influxdb(panel)]
        moved = [one for place, ask in enumerate(days) for one in _moved(letter(place), ask)]
        return moved + [
            {"id": "renameByRegex", "options": {"regex": f"^(.*) {name}$", "renamePattern": "$1"}} for name in sorted(unnamed)
        ]

    def variable(self, variable: Variable) -> Json:
        """The values to choose among."""
        text = influxql.values(variable.name, variable.measurement, variable.narrower)
        return {"query": text, "definition": text}

    def annotation(self, question: Ask) -> Json:
        """A question whose figures are marks over time."""
        return {"query": self.query(question), "rawQuery": True, "fromAnnotations": True, "textColumn": column_name(question)}

    def column(self, panel: Panel, name: str) -> str:  # noqa: ARG002 - the other database needs the panel
        """Grafana's name of a table's column: that of the query."""
        return name


class VictoriaMetrics:
    """VictoriaMetrics, which Grafana takes for a Prometheus."""

    folder = "victoriametrics"
    prefix = "province-vm"
    language = metricsql.NAME
    source: Json = {"type": "prometheus", "uid": "province-victoriametrics"}  # noqa: RUF012 - a constant

    def query(self, question: Question) -> str:
        """Render a question; raises :class:`~grafana.ask.CannotAsk`."""
        return metricsql.query(question)

    def targets(self, panel: Panel) -> list[Json]:
        """The queries of a panel."""
        return [_metricsql_target(asked, panel) for asked in for_victoria_metrics(panel)]

    def renaming(self, panel: Panel) -> list[Json]:
        """The columns of a table, which come as lines, each with its name in a label."""
        pivoted = [{"id": "labelsToFields", "options": {"mode": "columns", "valueLabel": metricsql.COLUMN}}]
        return [*pivoted, {"id": "merge", "options": {}}] if panel.kind in ROWS else []

    def variable(self, variable: Variable) -> Json:
        """The values to choose among."""
        text = metricsql.values(variable.name, variable.measurement, variable.narrower)
        asked = {"query": {"qryType": _CLASSIC_QUERY, "query": text, "refId": variable.name}, "definition": text}
        return asked | ({"regex": metricsql.OF_DOMAIN} if variable.name == "domain" else {})

    def annotation(self, question: Ask) -> Json:
        """A question whose figures are marks over time."""
        tags = ", ".join(f"{{{{{tag}}}}}" for tag in question.by)
        return {"expr": self.query(question), "step": "", "titleFormat": tags, "textFormat": "", "useValueForTime": False}

    def column(self, panel: Panel, name: str) -> str:
        """Grafana's name of a column: of dots figures are called ``Value``, those of several queries by the query's letter."""
        if panel.kind in ROWS:
            return name
        names = [column_name(target) for target in panel.targets if isinstance(target, Ask | Combined)]
        if name not in names:
            return name
        return "Value" if len(names) == 1 else f"Value #{letter(names.index(name))}"


INFLUXDB: Final = InfluxDb()
VICTORIA_METRICS: Final = VictoriaMetrics()
DATABASES: Final[tuple[Database, ...]] = (INFLUXDB, VICTORIA_METRICS)


def letter(place: int) -> str:
    """Grafana's name of a query by its place in the panel."""
    return chr(ord("A") + place)
