"""The rules of alerts that Grafana is given, judged by what its documentation says of them and by asking their queries.

A rule is evaluated by Grafana's backend, which knows no dashboard: it puts in a few variables of its own, and leaves others in
the query. Those are listed on Grafana's pages of its data sources for InfluxDB and Prometheus.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from typing import Final
from urllib.parse import urlencode, urlsplit

from tests.campaigns.grafana.boards import DATABASE, Json

FILLED_IN: Final[Mapping[str, frozenset[str]]] = {
    "influxdb": frozenset({"$timeFilter", "$interval", "$__interval", "$__interval_ms"}),
    "prometheus": frozenset({"$__interval", "$__interval_ms", "$__range", "$__range_s", "$__range_ms", "$__rate_interval"}),
}
"""Type of a data source → what Grafana's backend puts in."""
REDUCERS: Final = frozenset({"last", "mean", "max", "min", "sum", "count", "median"})
COMPARED: Final = frozenset({"gt", "lt", "eq", "ne", "gte", "lte", "within_range", "outside_range"})
NO_DATA: Final = frozenset({"Alerting", "OK", "NoData", "KeepLast"})
FAILED: Final = frozenset({"Alerting", "OK", "Error", "KeepLast"})
EXPRESSION: Final = "__expr__"
INTERVAL_S: Final = 60
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}|\$\w+|\[\[[^]]*\]\]")
_UID: Final = re.compile(r"[\w-]{1,40}")
_LENGTH: Final = re.compile(r"\d+[smh]")
_TITLE_MAX: Final = 190
_WITHIN_S: Final = 60.0


def faults(rules: Iterator[Json], sources: Mapping[str, Json], urls: Mapping[str, str], end_ms: int) -> Iterator[str]:
    """Yield what is wrong with rules; ``sources``: uid → data source, ``urls``: its type → the database that is asked."""
    seen: set[str] = set()
    for rule in rules:
        if rule["uid"] in seen:
            yield f"{rule['uid']}: two rules have this uid"
        seen.add(rule["uid"])
        yield from (f"{rule['uid']}: {text}" for text in _form(rule))
        for step in rule["data"]:
            yield from (f"{rule['uid']}, step {step['refId']}: {text}" for text in _step(step, rule, sources, urls, end_ms))


def _form(rule: Json) -> Iterator[str]:
    if not _UID.fullmatch(rule["uid"]) or not 0 < len(rule["title"]) <= _TITLE_MAX:
        yield "its uid or its title is too long for Grafana"
    if rule["noDataState"] not in NO_DATA or rule["execErrState"] not in FAILED or not _LENGTH.fullmatch(str(rule["for"])):
        yield "its states or its time of waiting are no words of Grafana"
    if [step["refId"] for step in rule["data"]].count(rule["condition"]) != 1:
        yield f"its condition {rule['condition']} is none of its steps"
    if not all(isinstance(text, str) for part in ("labels", "annotations") for text in rule[part].values()):
        yield "a label or an annotation is no text"


def _step(step: Json, rule: Json, sources: Mapping[str, Json], urls: Mapping[str, str], end_ms: int) -> Iterator[str]:
    if step["datasourceUid"] == EXPRESSION:
        yield from _expression(step["model"], {one["refId"] for one in rule["data"]} - {step["refId"]})
        return
    source = sources.get(step["datasourceUid"])
    if source is None:
        yield f"no data source is called {step['datasourceUid']}"
        return
    span = step["relativeTimeRange"]
    if span["from"] <= span["to"]:
        yield "its time ends before it begins"
        return
    begin_ms, until_ms = (end_ms - 1000 * span[word] for word in ("from", "to"))
    text = step["model"].get("query") or step["model"]["expr"]
    left = [name for name in _VARIABLE.findall(text) if not is_filled_in(name, source["type"])]
    if left:
        yield f"Grafana's backend puts nothing in for {', '.join(left)}"
        return
    yield from _asked(source["type"], urls[source["type"]], _filled(text, begin_ms, until_ms), until_ms)


def _expression(model: Json, others: set[str]) -> Iterator[str]:
    if model["expression"] not in others:
        yield f"it takes {model['expression']}, which is no step"
    if model["type"] == "reduce" and model["reducer"] not in REDUCERS:
        yield f"no reducer is called {model['reducer']}"
    if model["type"] == "threshold" and not {one["evaluator"]["type"] for one in model["conditions"]} <= COMPARED:
        yield "it compares in no way that Grafana has"
    if model["type"] not in {"reduce", "threshold", "math", "resample"}:
        yield f"no expression is called {model['type']}"


def is_filled_in(name: str, kind: str) -> bool:
    """Tell if the backend knows a variable of a query: with braces the data source of Prometheus alone does."""
    return (_plain(name) if kind == "prometheus" else name) in FILLED_IN[kind]


def _plain(name: str) -> str:
    return f"${name[2:-1]}" if name.startswith("${__") and name.endswith("}") else name


def _filled(text: str, begin_ms: int, end_ms: int) -> str:
    length_s = (end_ms - begin_ms) // 1000
    values = {
        "$timeFilter": f"time >= {begin_ms}ms and time <= {end_ms}ms",
        "$interval": f"{INTERVAL_S}s",
        "$__interval": f"{INTERVAL_S}s",
        "$__interval_ms": f"{1000 * INTERVAL_S}",
        "$__range": f"{length_s}s",
        "$__range_s": f"{length_s}",
        "$__range_ms": f"{1000 * length_s}",
        "$__rate_interval": f"{4 * INTERVAL_S}s",
    }
    return _VARIABLE.sub(lambda match: values[_plain(match[0])], text)


def _asked(kind: str, url: str, text: str, end_ms: int) -> Iterator[str]:
    """Ask a query; a rule compares numbers and nothing else."""
    if kind == "influxdb":
        answer = _answer(url, "/query", {"db": DATABASE, "epoch": "ms", "q": text})
        (result,) = answer.get("results", [answer])
        if "error" in result:
            yield f"InfluxDB says: {result['error']}"
        if any(isinstance(value, str) for one in result.get("series", ()) for row in one["values"] for value in row[1:]):
            yield "it answers with text"
        return
    answer = _answer(url, "/api/v1/query", {"query": text, "time": f"{end_ms / 1000}", "nocache": "1"})
    if answer["status"] != "success":
        yield f"VictoriaMetrics says: {answer['error']}"


def _answer(url: str, path: str, form: Mapping[str, str]) -> Json:
    address = urlsplit(url)
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=_WITHIN_S)) as connection:
        connection.request("POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
        found: Json = json.loads(connection.getresponse().read())
        return found
