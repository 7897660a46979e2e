"""Questions as Grafana sends them to a database, and the figures that come back."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from gateway.demo.services import Service
from grafana.ask import Question, Step, column_name, first
from grafana.model import HALF, Dashboard, Kind, Panel, Prom, Variable
from grafana.stores import INFLUXDB, VICTORIA_METRICS
from tests.grafana.known_points import DAY_MS, HOUR_MS, ZONE_MS, post
from tests.grafana.worked_out import Figures, Page, within
from tests.influx import query as influxql_rows

_CHOSEN: Final = re.compile(r"\$\{(\w+):regex\}")
_LABEL_VALUES: Final = re.compile(r"label_values\((.*), (\w+)\)")


def sent(text: str, page: Page) -> str:
    """Put time, interval and variables into a query, as Grafana does. "All" is the text ``.*`` and not escaped."""
    begin_ms, end_ms, length_ms = page.begin_ms, page.end_ms, page.length_ms
    places = {
        "$timeFilter": f"time >= {begin_ms}ms and time <= {end_ms}ms",
        "${__from}": str(begin_ms),
        "${__to}": str(end_ms),
        "${__range_ms}": str(length_ms),
        "${__range_s}": str(round(length_ms / 1000)),
        "$__range": f"{round(length_ms / 1000)}s",
        "$__interval": f"{page.interval_ms}ms",
        "${simulated:raw}": "~" if page.shows_simulated else "sim-.*",
    }
    for place, value in places.items():
        text = text.replace(place, value)
    return _CHOSEN.sub(lambda match: _regex(page.choice.get(match[1])), text)


def _regex(values: Sequence[str] | None) -> str:
    if values is None:
        return ".*"
    escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", lambda match: "\\" + match[0], value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def questions(board: Dashboard) -> Iterator[tuple[Panel, Question]]:
    """Yield what a dashboard asks the database of readings, with the panel that asks it; annotations as panels of their own."""
    for section in board.sections:
        for panel in section.panels:
            yield from ((panel, target) for target in panel.targets if not isinstance(target, Prom))
    for annotation in board.annotations:
        panel = Panel(annotation.vi, annotation.en, Kind.LINES, (annotation.question,), "", HALF, "", "")
        yield panel, annotation.question


def page_of(panel: Panel, page: Page) -> Page:
    """The time that a panel shows on a page."""
    end_ms = page.end_ms - panel.days_before * DAY_MS
    return replace(page, begin_ms=end_ms - (panel.days * DAY_MS or page.length_ms), end_ms=end_ms)


def answer(service: Service, question: Question, page: Page) -> Figures:
    """Ask a database."""
    asked = _influxdb if service.name == "influxdb" else _victoria_metrics
    return within(asked(service, question, page), page)


def values(service: Service, variable: Variable, page: Page) -> list[str]:
    """Ask a database for the values of a variable."""
    if service.name == "influxdb":
        text = str(INFLUXDB.variable(variable)["query"])
        return sorted(str(row["value"]) for row in influxql_rows(service.url, "iot", sent(text, page)))
    match = _LABEL_VALUES.fullmatch(VICTORIA_METRICS.variable(variable)["query"]["query"])
    assert match is not None
    form = {"match[]": sent(match[1], page), "start": page.begin_ms / 1000, "end": page.end_ms / 1000}
    return sorted(_data(service, f"/api/v1/label/{match[2]}/values", form))


def _influxdb(service: Service, question: Question, page: Page) -> Figures:
    asked, name = first(question), column_name(question)
    rows = influxql_rows(service.url, "iot", sent(INFLUXDB.query(question), page))
    return {
        (tuple(str(row.get(tag) or "") for tag in asked.by), int(row["time"]) if asked.is_over_time else 0): float(row[name])
        for row in rows
        if row[name] is not None
    }


def _victoria_metrics(service: Service, question: Question, page: Page) -> Figures:
    asked = first(question)
    form: dict[str, object] = {"query": sent(VICTORIA_METRICS.query(question), page), "nocache": 1}
    if not asked.is_over_time:
        result = _data(service, "/api/v1/query", form | {"time": page.end_ms / 1000})["result"]
        return {(_labels(row["metric"], asked.by), 0): float(row["value"][1]) for row in result}
    # Grafana begins at a multiple of the step on the reader's clock.
    step_ms = {Step.HOUR: HOUR_MS, Step.DAY: DAY_MS, Step.INTERVAL: page.interval_ms}[asked.step]
    begin_ms = (page.begin_ms + ZONE_MS) // step_ms * step_ms - ZONE_MS
    span = {"start": begin_ms / 1000, "end": page.end_ms / 1000, "step": step_ms / 1000}
    result = _data(service, "/api/v1/query_range", form | span)["result"]
    return {
        (_labels(row["metric"], asked.by), round(1000 * time_s)): float(value)
        for row in result
        for time_s, value in row["values"]
    }


def _labels(metric: Mapping[str, str], by: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(metric.get(tag, "") for tag in by)


def _data(service: Service, path: str, form: Mapping[str, object]) -> Any:  # noqa: ANN401 - an answer in JSON
    body = json.loads(post(service, path, urlencode(form)))
    assert body["status"] == "success", body
    return body["data"]
