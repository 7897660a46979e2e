"""Panels: the queries of the dashboards, read as data, with their variables filled in as Grafana would for "All"."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from tests.campaigns.truth.calendar import DAY_S, HOUR_S, ZONE, Period, period_at
from tests.campaigns.truth.judge import Answer, Marks
from tests.campaigns.truth.parts import CHECKOUT, Store, fetched

_COMMAND: Final = "--language en --pages http://gateway.example.vn"
_NAMES: Final = ("water", "power", "province")
_STEPS: Final = {"hourly": "hour", "daily": "day", "monthly": "month"}
_SECONDS: Final = {"hour": HOUR_S, "day": DAY_S, "month": DAY_S}
_FIELD: Final = re.compile(r"\b(?:used|supplied|produced|lost)_(?:m3|kwh)\b")
_SUM: Final = re.compile(r'sum\("([a-z]+_(?:m3|kwh))"\) AS "([^"]+)"')
_COLUMN: Final = re.compile(r'last\("(c\d+)"\) AS "([^"]+)"')
_MEASUREMENT: Final = re.compile(r'FROM "(\w+)"')
_DOUBT: Final = "in doubt"
_DERIVED: Final = ("measured", "suspect", "estimated", "topk", " / ")
_DOMAINS: Final = {"m3": "water", "kwh": "power"}


class Query(NamedTuple):
    """A query of a panel that shows figures step by step, or how much of them is in doubt.

    :ivar columns: name of a column of the answer (VictoriaMetrics: none) → its figure; empty: the share in doubt.
    :ivar step: empty: the answer names the measurement.
    :ivar by_area: one series an area; else all areas are added up.
    """

    panel: str
    text: str
    columns: Mapping[str, str]
    step: str
    by_area: bool


def panel_answers(store: Store, from_s: int, to_s: int) -> Iterator[Answer]:
    """All figures of groups that panels show, over a range of some days."""
    doubts: dict[tuple[str, str, Period], float] = {}
    answers: list[tuple[Query, str, str, Period, float]] = []
    for query in queries(store):
        for figure, area, period, value in _asked(store, query, from_s, to_s):
            if figure:
                answers.append((query, figure, area, period, value))
            else:
                place = query.panel, area, period
                doubts[place] = max(value, doubts.get(place, 0.0))  # a panel of two figures has two
    for query, figure, area, period, value in answers:
        subject = f"area:{area}" if query.by_area else f"areas:{_DOMAINS[figure.rpartition('_')[2]]}"
        if from_s <= period.begin_s and period.end_s <= to_s and (area or not query.by_area):
            marks = Marks(doubts.get((query.panel, area, period), doubts.get((query.panel, "", period))))
            yield Answer(f"panels {query.step or period.step}", subject, figure, period, value, marks)


def queries(store: Store) -> Iterator[Query]:
    """The queries with figures of areas and a step, from the files that an administrator makes of a store's dashboards."""
    kind = "influxdb" if store.is_influxdb else "victoriametrics"
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gateway", "setup", "grafana", "--store", kind, *_COMMAND.split(), "--out", folder]
        subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
        boards = {name: json.loads(Path(folder, "dashboards", f"{name}.json").read_text())["panels"] for name in _NAMES}
    for name, rows in boards.items():
        for panel in _panels(rows):
            for target in panel.get("targets", ()):
                place = f"{name} {panel.get('id')}"
                if "query" in target:
                    found = _influxql(place, str(target["query"]))
                else:
                    is_doubt = _DOUBT in str(target.get("legendFormat"))
                    found = _metricsql(place, str(target.get("expr") or ""), is_doubt=is_doubt)
                if found is not None:
                    yield found


def _panels(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", []))


def _influxql(panel: str, text: str) -> Query | None:
    """Return a query that is understood: of areas by hour, day or month, with nothing else worked out of it."""
    measured = set(_MEASUREMENT.findall(text))
    sums = {column: field for field, column in _SUM.findall(text) if _FIELD.fullmatch(field)}
    named = dict(_COLUMN.findall(text)) or {column: column for column in sums}
    columns = {name: "" if _DOUBT in name else sums.get(column) for column, name in named.items()}
    known = {name: figure for name, figure in columns.items() if figure is not None}
    is_series = all(name.endswith("_area") for name in measured) and "GROUP BY time(" in text
    return Query(panel, text, known, "", ', "area"' in text) if is_series and known else None


def _metricsql(panel: str, text: str, *, is_doubt: bool) -> Query | None:
    """The same, of one figure."""
    measured = set(re.findall(r"(hourly|daily|monthly)_area", text))
    figures = set(_FIELD.findall(text.replace("_area_", "_area ")))
    is_understood = is_doubt or (len(figures) == 1 and not any(word in text for word in _DERIVED))
    is_series = text.startswith(("(sum", "(1 - sum")) and "sum_over_time" not in text
    if len(measured) != 1 or not is_series or not is_understood:
        return None
    return Query(panel, text, {"": "" if is_doubt else figures.pop()}, _STEPS[measured.pop()], "by (area)" in text)


def _filled(text: str, from_s: int, to_s: int) -> str:
    """Fill the variables in."""
    known = {
        "${area:regex}": ".*",
        "${site:regex}": ".*",
        "${device:regex}": ".*",
        "${site:raw}": ".*",
        "${device:raw}": ".*",
        "${simulated:raw}": "sim-.*",
        "$timeFilter": f"time >= {from_s}s AND time < {to_s}s",
        "${__from}": str(from_s * 1000),
        "${__to}": str(to_s * 1000),
        "${__range_s}": str(to_s - from_s),
        "$__range_s": str(to_s - from_s),
        "$__range": f"{to_s - from_s}s",
        "$__rate_interval": "1h",
        "$__interval": "1h",
    }
    for name, value in known.items():
        text = text.replace(name, value)
    if "$" in text.replace("$/", ""):
        raise ValueError(f"a variable of a panel is not known: {text}")
    return text


def _asked(store: Store, query: Query, from_s: int, to_s: int) -> Iterator[tuple[str, str, Period, float]]:
    """Yield figure, area, period and value."""
    text = _filled(query.text, from_s, to_s)
    if store.is_influxdb:
        status, answer = fetched(store.url, "/query?" + urlencode({"db": "iot", "epoch": "ms", "q": text}))
        if status != 200 or "error" in json.loads(answer)["results"][0]:
            raise ValueError(f"{query.panel}: {answer[:300]}")
        for series in json.loads(answer)["results"][0].get("series", ()):
            step, area = _STEPS[series["name"].partition("_")[0]], series.get("tags", {}).get("area", "")
            for at_ms, *values in series["values"]:
                for name, value in zip(series["columns"][1:], values, strict=True):
                    if value is not None and name in query.columns:
                        yield query.columns[name], area, _period(step, at_ms / 1000), value
        return
    step_s = _SECONDS[query.step]
    ask = {"query": text, "start": from_s // step_s * step_s, "end": to_s // step_s * step_s, "step": step_s}
    status, answer = fetched(store.url, "/api/v1/query_range?" + urlencode(ask))
    if status != 200:
        raise ValueError(f"{query.panel}: {answer[:300]}")
    for series in json.loads(answer)["data"]["result"]:
        for at_s, value in series["values"]:
            yield query.columns[""], series["metric"].get("area", ""), _period(query.step, at_s), float(value)


def _period(step: str, at_s: float) -> Period:
    """Return the period of a bar: days of VictoriaMetrics stand at midnight in UTC, which is seven in the morning."""
    at = datetime.fromtimestamp(at_s, ZONE).replace(minute=0, second=0)
    at = at if step == "hour" else at.replace(hour=0)
    at = at.replace(day=1) if step == "month" else at
    return period_at(step, round(at.timestamp()))
