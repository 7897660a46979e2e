"""Questions as Grafana sends them to a database, and the figures that come back."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from grafana import metricsql
from grafana.ask import Ask, Question, Step, column_name, first
from grafana.model import Panel, Variable
from grafana.points import PLACE
from grafana.stores import INFLUXDB, VICTORIA_METRICS
from grafana.together import for_influxdb, for_victoria_metrics, labelled

DAY_MS: Final = 86_400_000
ZONE_MS: Final = 7 * 3_600_000
"""Vietnam's clock before that of UTC."""
ANSWER_WITHIN_S: Final = 60.0

Labels = tuple[str, ...]
Figures = dict[tuple[Labels, int], float]
"""The values of the tags of a group, and a time (0 where the answer is one figure) → the figure."""

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)|\$\{")
"""A variable in a query: with braces and perhaps a format, or without. What else begins with a brace is none."""
_LABEL_VALUES: Final = re.compile(r"label_values\((.*), (\w+)\)")
_STEPS_MS: Final = {Step.HOUR: 3_600_000, Step.DAY: DAY_MS}


@dataclass(frozen=True)
class Page:
    """A page as a reader looks at it.

    :ivar choice: variable → chosen values; a variable that is not in it stands at "all".
    """

    begin_ms: int
    end_ms: int
    interval_ms: int = 600_000
    choice: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shows_simulated: bool = False

    @property
    def length_ms(self) -> int:
        """The length of the time shown."""
        return self.end_ms - self.begin_ms

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


class Asked(Protocol):
    """A running database."""

    def answer(self, question: Question, page: Page) -> Figures:
        """Ask a question by itself."""

    def answers(self, panel: Panel, page: Page) -> list[tuple[Question, Figures]]:
        """Ask the queries of a panel, which shows its own time of the page."""

    def values(self, variable: Variable, page: Page) -> list[str]:
        """Ask for the values of a variable, in order."""


def _raw(values: Sequence[str] | None) -> str:
    return ".*" if values is None else ",".join(values)


def _regex(values: Sequence[str] | None) -> str:
    if values is None:
        return ".*"
    escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", lambda match: "\\" + match[0], value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


_CHOICES: Final = (*PLACE, "gateway")
"""The variables of dashboards that choose among the values of a tag."""
_SCRAPED_EVERY_MS: Final = 15_000
"""What Grafana takes for the time between two points of a metric unless its data source says otherwise."""

_OF_EACH: Final[Mapping[str, Callable[[Page], str]]] = {
    "__from": lambda page: f"{page.begin_ms}",
    "__to": lambda page: f"{page.end_ms}",
    "__interval": lambda page: f"{page.interval_ms}ms",
    "__interval_ms": lambda page: f"{page.interval_ms}",
}
_BUILT_IN: Final[Mapping[str, Mapping[str, Callable[[Page], str]]]] = {
    "influxdb": {**_OF_EACH, "timeFilter": lambda page: f"time >= {page.begin_ms}ms and time <= {page.end_ms}ms"},
    "prometheus": {
        **_OF_EACH,
        "__range": lambda page: f"{round(page.length_ms / 1000)}s",
        "__range_s": lambda page: f"{round(page.length_ms / 1000)}",
        "__range_ms": lambda page: f"{page.length_ms}",
        "__rate_interval": lambda page: f"{max(page.interval_ms + _SCRAPED_EVERY_MS, 4 * _SCRAPED_EVERY_MS)}ms",
    },
}
"""Type of a data source → variable → what Grafana's documentation says that it puts in."""
_WRITTEN: Final = {"regex": _regex, "raw": _raw}
"""Format of a choice in a query → how it is written."""


def sent(text: str, page: Page, source: str) -> str:
    """Put time, interval and choices into a query, as Grafana does for a type of data source. "All" is ``.*`` and not escaped.

    :raises ValueError: the query holds what Grafana would leave in it.
    """
    return _VARIABLE.sub(lambda match: _put_in(match, page, source), text)


def _put_in(variable: re.Match[str], page: Page, source: str) -> str:
    name, form = variable[1] or variable[3] or "", variable[2] or ""
    if name in _BUILT_IN[source] and not form:
        return _BUILT_IN[source][name](page)
    if name == "simulated" and form == "raw":
        return "~" if page.shows_simulated else "sim-.*"
    if name in _CHOICES and form in _WRITTEN:
        return _WRITTEN[form](page.choice.get(name))
    raise ValueError(f"Grafana's data source {source} puts nothing in for {variable[0]}: {variable.string}")


def within(rows: Figures, page: Page) -> Figures:
    """Leave out an interval that began before the time shown: it stands left of the panel."""
    return {key: value for key, value in rows.items() if key[1] == 0 or key[1] >= page.begin_ms}


@dataclass(frozen=True)
class AskedInfluxDb:
    """An InfluxDB 1 without users, or one that needs none for reading."""

    url: str
    bucket: str = "iot"

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
        """Yield the rows, columns and tags by name; the name of the measurement stands under an empty one.

        :raises ValueError: the database says that the query is wrong.
        """
        (result,) = _posted(f"{self.url}/query", {"db": self.bucket, "q": text, "epoch": "ms"})["results"]
        if "error" in result:
            raise ValueError(f"{self.url}: {result['error']}: {text}")
        for series in result.get("series", ()):
            for values in series.get("values", ()):
                yield {"": series.get("name")} | series.get("tags", {}) | dict(zip(series["columns"], values, strict=True))


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
        return _posted(f"{self.url}/api/v1/{path}", form)["data"]


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


def _posted(url: str, form: Mapping[str, object]) -> Any:  # noqa: ANN401 - an answer in JSON
    """Send a form and return the answer.

    :raises OSError: there is no answer, or one that refuses.
    """
    request = Request(url, urlencode(form).encode())  # noqa: S310 - the address that the caller gave
    with urlopen(request, timeout=ANSWER_WITHIN_S) as response:  # noqa: S310
        return json.loads(response.read())
