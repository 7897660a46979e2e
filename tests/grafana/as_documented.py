"""The queries in the files of dashboards, what Grafana puts in for their variables, and how a database is asked.

It shares nothing with the maker of the files, which is asked for them as an administrator asks.
Grafana's pages "Global variables", "InfluxDB template variables" and "Prometheus template variables" say which variables a type
of data source knows. What it does not know it leaves in the query, and the database refuses it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from gateway.commands.cli import main

Json = dict[str, Any]

EVERYWHERE = {"__from", "__to", "__interval", "__interval_ms"}
DOCUMENTED = {
    "influxdb": EVERYWHERE | {"timeFilter"},
    "prometheus": EVERYWHERE | {"__range", "__range_s", "__range_ms", "__rate_interval"},
}
"""Type of a data source → the variables that Grafana puts in by itself."""
ALL = ".*"
"""The text that stands for "all". It is not escaped."""

MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS
SCRAPED_EVERY_MS = 15_000
"""Grafana's own, where the data source says nothing of it."""
_UNITS_MS = {"s": 1000, "m": MINUTE_MS, "h": 60 * MINUTE_MS, "d": DAY_MS}
_ESCAPED = re.compile(r"[\\^$*+?.()|\[\]{}/]")
_VARIABLE = re.compile(r"\$\{(?P<braced>\w+)(?P<form>:regex|:raw)?\}|\$(?P<plain>\w+)|\$\{[^}]*\}?|\[\[[^]]*\]?")


class LeftOver(ValueError):  # noqa: N818 - what it is
    """A query holds what its data source puts nothing in for."""


class Refused(ValueError):  # noqa: N818 - what became of the query
    """A database says that a query is wrong."""


@dataclass(frozen=True)
class Shown:
    """The time that a page or a panel shows."""

    begin_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """Its length."""
        return self.end_ms - self.begin_ms

    def in_panel(self, panel: Json) -> "Shown":
        """The time of a panel, which may have one of its own."""
        end_ms = self.end_ms - duration_ms(panel.get("timeShift", "0s"))
        return Shown(end_ms - (duration_ms(panel["timeFrom"]) if "timeFrom" in panel else self.length_ms), end_ms)


class Query(NamedTuple):
    """A query of a panel, or of marks over time, which have no panel.

    :ivar source: type of its data source.
    """

    text: str
    source: str
    target: Json
    panel: Json

    @property
    def place(self) -> str:
        """The panel, or the name of the marks."""
        return f"{self.panel['id']} {self.panel['title']}" if self.panel else str(self.target["name"])

    @property
    def later_ms(self) -> int:
        """The time by which the panel's transformations move the figures of this query."""
        steps = [step for step in self.panel.get("transformations", ()) if step["id"] == "calculateField"]
        own = [step["options"]["binary"] for step in steps if step["filter"]["options"] == self.target["refId"]]
        return sum(int(added["right"]) for added in own if (added["left"], added["operator"]) == ("Time", "+"))

    def interval_ms(self, shown: Shown) -> int:
        """The time between two figures: what panel or query want at least, and more where there would be too many."""
        least_ms = max(duration_ms(asked.get("interval") or "1m") for asked in (self.target, self.panel))
        few_ms = shown.length_ms // int(self.panel.get("maxDataPoints", 1000))
        return max(least_ms, -(-few_ms // MINUTE_MS) * MINUTE_MS)


@cache
def made(store: str, language: str = "en") -> Mapping[str, str]:
    """The files that ``gateway setup grafana`` writes for a store, by their paths."""
    with TemporaryDirectory() as out, redirect_stdout(StringIO()):
        words = ["--store", store, "--language", language, "--pages", "https://gateway.example.vn", "--out", out]
        assert main(["setup", "grafana", *words]) == 0
        paths = sorted(path for path in Path(out).rglob("*") if path.is_file())
        return {path.relative_to(out).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def names(store: str) -> list[str]:
    """The dashboards of a store."""
    return [Path(path).stem for path in made(store) if path.startswith("dashboards/")]


def read(store: str, name: str, language: str = "en") -> Json:
    """A dashboard, from its file."""
    dashboard: Json = json.loads(made(store, language)[f"dashboards/{name}.json"])
    return dashboard


def duration_ms(text: str) -> int:
    """A length as Grafana writes it."""
    return int(text[:-1]) * _UNITS_MS[text[-1]]


def queries(dashboard: Json) -> Iterator[Query]:
    """Yield the queries of panels and of marks over time."""
    for row in dashboard["panels"]:
        for panel in (row, *row.get("panels", ())):
            yield from (_query(target, panel) for target in panel.get("targets", ()))
    yield from (_query(mark, {}) for mark in dashboard["annotations"]["list"])


def _query(target: Json, panel: Json) -> Query:
    return Query(target.get("query") or target["expr"], target["datasource"]["type"], target, panel)


def choices(dashboard: Json) -> Iterator[tuple[str, str, str]]:
    """Yield the variables whose values are asked for, in order: name, type of the data source, query."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = variable["query"]
            yield variable["name"], variable["datasource"]["type"], asked["query"] if isinstance(asked, dict) else asked


def own_values(dashboard: Json, device: str) -> dict[str, str]:
    """The dashboard's own variables: all devices, simulated ones too, or one where one must be chosen."""
    values: dict[str, str] = {}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "custom":
            values[variable["name"]] = variable["options"][-1]["value"]
        if variable["type"] == "query":
            values[variable["name"]] = variable["allValue"] if variable["includeAll"] else device
    return values


def is_of_one_device(dashboard: Json) -> bool:
    """Tell if one device must be chosen."""
    return any(variable["type"] == "query" and not variable["includeAll"] for variable in dashboard["templating"]["list"])


def used(text: str) -> set[str]:
    """The names of the variables in a text. What has another form is a name of its own, which no data source knows."""
    return {_name(match) for match in _VARIABLE.finditer(text)}


def filled(text: str, values: Mapping[str, str | Sequence[str]]) -> str:
    """Put values in, or several chosen ones.

    :raises LeftOver: something is left.
    """
    left = used(text) - values.keys()
    if left:
        raise LeftOver(f"{', '.join(sorted(left))} in {text}")
    return _VARIABLE.sub(lambda match: _written(values[_name(match)], match["form"]), text)


def _name(variable: re.Match[str]) -> str:
    return variable["braced"] or variable["plain"] or variable[0]


def _written(value: str | Sequence[str], form: str | None) -> str:
    values = [value] if isinstance(value, str) else value
    if form != ":regex" or value == ALL:
        return ",".join(values)
    escaped = [_ESCAPED.sub(r"\\\g<0>", one) for one in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def built_in(source: str, shown: Shown, interval_ms: int) -> dict[str, str]:
    """The values that Grafana puts in by itself."""
    length_s = round(shown.length_ms / 1000)
    values = {
        "timeFilter": f"time >= {shown.begin_ms}ms and time <= {shown.end_ms}ms",
        "__from": f"{shown.begin_ms}",
        "__to": f"{shown.end_ms}",
        "__interval": f"{interval_ms // 1000}s",
        "__interval_ms": f"{interval_ms}",
        "__range": f"{length_s}s",
        "__range_s": f"{length_s}",
        "__range_ms": f"{shown.length_ms}",
        "__rate_interval": f"{max(interval_ms + SCRAPED_EVERY_MS, 4 * SCRAPED_EVERY_MS) // 1000}s",
    }
    return {name: values[name] for name in DOCUMENTED[source]}


def series(url: str, text: str) -> list[Json]:
    """Ask an InfluxDB."""
    (result,) = posted(f"{url}/query", {"db": "iot", "epoch": "ms", "q": text})["results"]
    if "error" in result:
        raise Refused(f"{result['error']}: {text}")
    found: list[Json] = result.get("series", [])
    return found


def posted(url: str, form: Mapping[str, object]) -> Json:
    """Send a form and return the answer."""
    try:
        with urlopen(Request(url, urlencode(form).encode()), timeout=60) as response:  # noqa: S310 - loopback
            answer: Json = json.loads(response.read())
            return answer
    except HTTPError as error:
        raise Refused(f"{error.read().decode(errors='replace')}: {form}") from error
