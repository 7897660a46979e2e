"""A database of each kind, asked as Grafana asks a data source: by its documentation and the files of the dashboards alone."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.grafana.as_documented import (
    DAY_MS,
    MINUTE_MS,
    Json,
    LeftOver,
    Query,
    Shown,
    built_in,
    choices,
    filled,
    is_of_one_device,
    names,
    own_values,
    queries,
    read,
)

ZONE_MS = 7 * 3_600_000
LENGTHS_MS = {
    "a day": DAY_MS,
    "a minute less than three days": 3 * DAY_MS - MINUTE_MS,
    "a minute more than three days": 3 * DAY_MS + MINUTE_MS,
    "a month": 31 * DAY_MS,
}
"""Times shown: up to three days by hour, then by day."""


class Refused(ValueError):  # noqa: N818 - what became of the query
    """A database says that a query is wrong."""


@dataclass
class Seen:
    """A look at the dashboards of a folder.

    :ivar asked: type of a data source → the number of queries to it.
    :ivar figures: panel, marks or variable → the number of its figures or values.
    :ivar faults: queries that the database refused, or that held what is no variable of their data source.
    """

    asked: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def ask(self, source: str, place: str, figures: Callable[[], int]) -> None:
        """Ask for the figures of a place."""
        self.asked[source] += 1
        try:
            self.figures[place] += figures()
        except (LeftOver, Refused) as fault:
            self.faults.append(f"{place}: {fault}")

    @property
    def shown(self) -> set[str]:
        """The places that are not empty."""
        return {place for place, number in self.figures.items() if number}


@dataclass(frozen=True)
class Sources:
    """Databases that hold the same points."""

    influxdb: str
    victoria_metrics: str

    def look(self, folder: str, page: Shown, devices: Sequence[str]) -> Seen:
        """Ask all that the dashboards of a folder ask; about each of the devices where one is chosen."""
        seen = Seen()
        for name in names(folder):
            dashboard = read(folder, name)
            for device in devices if is_of_one_device(dashboard) else ("",):
                own = own_values(dashboard, device)
                for query in queries(dashboard):
                    seen.ask(query.source, f"{name}: {query.place}", partial(self._figures, query, page, own))
                for choice, source, text in choices(dashboard):
                    seen.ask(source, f"{name}: values of {choice}", partial(self._values, source, text, page, own))
        return seen

    def _figures(self, query: Query, page: Shown, own: Mapping[str, str]) -> int:
        """The number of figures that answer a query, without those of an interval that began before the time shown."""
        shown = page.of(query.panel)
        step_ms = query.interval_ms(shown)
        text = filled(query.text, {**own, **built_in(query.source, shown, step_ms)})
        if query.source == "influxdb":
            begin_ms = shown.begin_ms - query.later_ms if "GROUP BY time(" in text else 0
            return sum(_numbers(row[1:]) for series in self.series(text) for row in series["values"] if row[0] >= begin_ms)
        if query.target.get("instant"):
            return len(self.rows("query", {"query": text, "time": shown.end_ms / 1000}))
        begin_ms = (shown.begin_ms + ZONE_MS) // step_ms * step_ms - ZONE_MS
        rows = self.rows(
            "query_range", {"query": text, "start": begin_ms / 1000, "end": shown.end_ms / 1000, "step": step_ms / 1000}
        )
        return sum(1000 * time_s >= shown.begin_ms for row in rows for time_s, _ in row["values"])

    def _values(self, source: str, text: str, page: Shown, own: Mapping[str, str]) -> int:
        """The number of values of a variable."""
        text = filled(text, own)
        if source == "influxdb":
            return sum(len(series["values"]) for series in self.series(text))
        match = re.fullmatch(r"label_values\((.*), (\w+)\)", text)
        assert match, text
        span = {"start": page.begin_ms / 1000, "end": page.end_ms / 1000}
        return len(_answer(f"{self.victoria_metrics}/api/v1/label/{match[2]}/values", {"match[]": match[1], **span})["data"])

    def series(self, text: str) -> list[Json]:
        """Ask InfluxDB."""
        (result,) = _answer(f"{self.influxdb}/query", {"db": "iot", "epoch": "ms", "q": text})["results"]
        if "error" in result:
            raise Refused(f"{result['error']}: {text}")
        series: list[Json] = result.get("series", [])
        return series

    def rows(self, path: str, form: Mapping[str, object]) -> list[Json]:
        """Ask VictoriaMetrics."""
        rows: list[Json] = _answer(f"{self.victoria_metrics}/api/v1/{path}", {**form, "nocache": 1})["data"]["result"]
        return rows


def _numbers(row: Sequence[object]) -> int:
    """Numbers and states; the largest rows have tags among them."""
    return sum(value is not None and not isinstance(value, str) for value in row)


def _answer(url: str, form: Mapping[str, object]) -> Json:
    try:
        with urlopen(Request(url, urlencode(form).encode()), timeout=60) as response:  # noqa: S310 - loopback
            answer: Json = json.loads(response.read())
            return answer
    except HTTPError as error:
        raise Refused(f"{error.read().decode(errors='replace')}: {form}") from error


def differences(sources: Sources, page: Shown, devices: Sequence[str]) -> list[str]:
    """Faults, and what only one of the databases shows; and whether the points are too few for that to say anything."""
    influxdb, victoria_metrics = (sources.look(folder, page, devices) for folder in ("influxdb", "victoriametrics"))
    print(  # noqa: T201 - to those who ask with -s
        f"\n{influxdb.asked['influxdb']} queries to InfluxDB, {victoria_metrics.asked['prometheus']} to VictoriaMetrics;"
        f" {len(influxdb.shown)} and {len(victoria_metrics.shown)} panels, marks and choices are not empty"
    )
    return [
        *(["more than half of all places are empty"] if 2 * len(influxdb.shown) < len(influxdb.figures) else []),
        *(f"influxdb: {fault}" for fault in influxdb.faults),
        *(f"victoriametrics: {fault}" for fault in victoria_metrics.faults),
        *(f"only victoriametrics: {place}" for place in sorted(victoria_metrics.shown - influxdb.shown)),
        *(f"only influxdb: {place}" for place in sorted(influxdb.shown - victoria_metrics.shown)),
    ]
