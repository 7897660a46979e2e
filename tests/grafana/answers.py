"""Questions as Grafana sends them to a database, and the figures that come back."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway.commands.demo.services import Service
from grafana import metricsql
from grafana.ask import Ask, Question, Step, column_name, first
from grafana.model import HALF, Dashboard, Kind, Panel, Variable
from grafana.points import PLACE
from grafana.stores import INFLUXDB, VICTORIA_METRICS
from grafana.together import for_influxdb, for_victoria_metrics, labelled
from tests.grafana.as_documented import ALL, DAY_MS, Shown, built_in, filled, posted, series

ZONE_MS: Final = 7 * 3_600_000
"""Vietnam's clock before that of UTC."""

Labels = tuple[str, ...]
Figures = dict[tuple[Labels, int], float]
"""The values of the tags of a group, and a time (0 where the answer is one figure) → the figure."""

_LABEL_VALUES: Final = re.compile(r"label_values\((.*), (\w+)\)")
_STEPS_MS: Final = {Step.HOUR: 3_600_000, Step.DAY: DAY_MS}


@dataclass(frozen=True)
class Page(Shown):
    """A page as a reader looks at it.

    :ivar choice: variable → chosen values; a variable that is not in it stands at "all".
    """

    interval_ms: int = 600_000
    choice: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shows_simulated: bool = False

    @property
    def chosen(self) -> dict[str, str | Sequence[str]]:
        """The values of the dashboard's own variables: those that choose among the values of a tag, and simulated devices."""
        values = {name: self.choice.get(name, ALL) for name in (*PLACE, "gateway")}
        return {**values, "simulated": "~" if self.shows_simulated else "sim-.*"}

    def step_ms(self, ask: Ask) -> int:
        """The time between two figures of a line."""
        return self.interval_ms if ask.step is Step.INTERVAL else _STEPS_MS.get(ask.step, 0)

    def meets(self, ask: Ask) -> bool:
        """Tell if a question is asked: of alternatives one is."""
        days, of_areas = self.length_ms / DAY_MS, not ({"site", "device"} & self.choice.keys())
        is_of_days = days > ask.above_days and (not ask.up_to_days or days <= ask.up_to_days)
        return is_of_days and ask.of_areas in (None, of_areas)

    def of(self, panel: Panel) -> "Page":
        """The time that a panel shows on the page."""
        end_ms = self.end_ms - panel.days_before * DAY_MS
        return replace(self, begin_ms=end_ms - (panel.days * DAY_MS or self.length_ms), end_ms=end_ms)


def sent(text: str, page: Page, source: str) -> str:
    """Put time, interval and choices into a query, as Grafana does for a type of data source.

    :raises LeftOver: the query holds what Grafana would leave in it.
    """
    return filled(text, {**page.chosen, **built_in(source, page, page.interval_ms)})


def within(rows: Figures, page: Page) -> Figures:
    """Leave out an interval that began before the time shown: it stands left of the panel."""
    return {key: value for key, value in rows.items() if key[1] == 0 or key[1] >= page.begin_ms}


@dataclass(frozen=True)
class AskedInfluxDb:
    """An InfluxDB 1 without users, or one that needs none for reading."""

    url: str

    def answer(self, question: Question, page: Page) -> Figures:
        """Ask a question by itself."""
        rows = self._rows(sent(INFLUXDB.query(question), page, "influxdb"))
        return _column(rows, question, column_name(question), page)

    def answers(self, panel: Panel, page: Page) -> list[tuple[Question, Figures]]:
        """Ask the queries of a panel, which shows its own time of the page."""
        shown, found = page.of(panel), []
        for asked in for_influxdb(panel):
            rows = list(self._rows(sent(asked.query, shown, "influxdb")))
            found += [(question, _column(rows, question, name, shown)) for question, name in asked.columns]
        return found

    def values(self, variable: Variable, page: Page) -> list[str]:
        """Ask for the values of a variable, in order."""
        return sorted(row["value"] for row in self._rows(sent(INFLUXDB.variable(variable)["query"], page, "influxdb")))

    def _rows(self, text: str) -> Iterator[dict[str, Any]]:
        """Yield the rows, columns and tags by name; the name of the measurement stands under an empty one."""
        for found in series(self.url, text):
            for values in found.get("values", ()):
                yield {"": found.get("name")} | found.get("tags", {}) | dict(zip(found["columns"], values, strict=True))


@dataclass(frozen=True)
class AskedVictoriaMetrics:
    """A VictoriaMetrics."""

    url: str

    def answer(self, question: Question, page: Page) -> Figures:
        """Ask a question by itself."""
        rows = self._rows(VICTORIA_METRICS.query(question), first(question), page)
        return within({_key(tags, first(question), time_ms): value for tags, time_ms, value in rows}, page)

    def answers(self, panel: Panel, page: Page) -> list[tuple[Question, Figures]]:
        """Ask the queries of a panel, which shows its own time of the page."""
        shown, found = page.of(panel), []
        for asked, target in zip(for_victoria_metrics(panel), VICTORIA_METRICS.targets(panel), strict=True):
            least = min((first(question) for question, _ in asked.columns), key=shown.step_ms)
            rows = list(self._rows(target["expr"], least, shown))
            if len(asked.columns) == 1:
                label = labelled(panel, asked.columns[0][0])
                rows = [(tags | {metricsql.COLUMN: label}, time_ms, value) for tags, time_ms, value in rows]
            found += [(question, _labelled(rows, panel, question, shown)) for question, _ in asked.columns]
        return found

    def _rows(self, text: str, asked: Ask, page: Page) -> Iterator[tuple[dict[str, str], int, float]]:
        """Yield figures with their tags and times."""
        form = {"query": sent(text, page, "prometheus"), "nocache": 1}
        if not asked.is_over_time:
            result = self._data("query", form | {"time": page.end_ms / 1000})["result"]
            yield from ((row["metric"], 0, float(row["value"][1])) for row in result)
            return
        # Grafana begins at a multiple of the step on the reader's clock.
        step_ms = page.step_ms(asked)
        begin_ms = (page.begin_ms + ZONE_MS) // step_ms * step_ms - ZONE_MS
        span = {"start": begin_ms / 1000, "end": page.end_ms / 1000, "step": step_ms / 1000}
        for row in self._data("query_range", form | span)["result"]:
            yield from ((row["metric"], round(1000 * time_s), float(value)) for time_s, value in row["values"])

    def values(self, variable: Variable, page: Page) -> list[str]:
        """Ask for the values of a variable, in order."""
        wanted = VICTORIA_METRICS.variable(variable)
        match = _LABEL_VALUES.fullmatch(wanted["query"]["query"])
        if match is None:
            raise ValueError(f"The values of {variable.name} are not those of a label.")
        form = {"match[]": sent(match[1], page, "prometheus"), "start": page.begin_ms / 1000, "end": page.end_ms / 1000}
        found, part = self._data(f"label/{match[2]}/values", form), re.compile(wanted.get("regex", "(.*)").strip("/"))
        return sorted(told[1] for told in map(part.fullmatch, found) if told)

    def _data(self, path: str, form: Mapping[str, object]) -> Any:  # noqa: ANN401 - an answer in JSON
        return posted(f"{self.url}/api/v1/{path}", form)["data"]


def _column(rows: Iterable[Mapping[str, Any]], question: Question, name: str, page: Page) -> Figures:
    """The figures of a question: those of its measurement, since its column may be that of another one too."""
    asked = first(question)
    measurement = asked.points.name or asked.measurement
    told = (row for row in rows if row[""] == measurement and row[name] is not None)
    moved_ms = asked.days_before * DAY_MS
    return within({_key(row, asked, row["time"] + moved_ms): float(row[name]) for row in told}, page)


def _labelled(rows: Iterable[tuple[Mapping[str, str], int, float]], panel: Panel, question: Question, page: Page) -> Figures:
    """The figures of a question: those of its label, since its alternatives have that too."""
    asked, label = first(question), labelled(panel, question)
    if not page.meets(asked):
        return {}
    told = ((tags, time_ms, value) for tags, time_ms, value in rows if tags.get(metricsql.COLUMN, "") == label)
    figures = {_key(tags, asked, time_ms): value for tags, time_ms, value in told}
    return within(figures, page) if panel.days or panel.days_before else figures


def _key(tags: Mapping[str, object], asked: Ask, time_ms: int) -> tuple[Labels, int]:
    return tuple(str(tags.get(tag) or "") for tag in asked.by), time_ms if asked.is_over_time else 0


def asked(service: Service) -> AskedInfluxDb | AskedVictoriaMetrics:
    """The database to ask."""
    return AskedInfluxDb(service.url) if service.name == "influxdb" else AskedVictoriaMetrics(service.url)


def panels_of(board: Dashboard, *, with_marks: bool = True) -> Iterator[Panel]:
    """Yield the panels of a dashboard that ask the database of readings; and its marks over time, as panels of their own."""
    yield from (panel for section in board.sections for panel in section.panels if panel.questions)
    for mark in board.annotations if with_marks else ():
        yield Panel(mark.vi, mark.en, Kind.LINES, (mark.question,), "", HALF, "", "")


def with_marks(board: Dashboard) -> Iterator[tuple[Panel, Question]]:
    """Yield the questions of a dashboard, those of its marks among them."""
    for panel in panels_of(board):
        yield from ((panel, question) for question in panel.questions)
