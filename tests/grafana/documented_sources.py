"""A database of each kind, asked as Grafana asks a data source: by its documentation and the files of the dashboards alone."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from tests.grafana.as_documented import (
    DAY_MS,
    MINUTE_MS,
    Json,
    LeftOver,
    Query,
    Refused,
    Shown,
    built_in,
    choices,
    filled,
    is_of_one_device,
    names,
    own_values,
    posted,
    queries,
    read,
    series,
)

Rows = dict[tuple[Sequence[str], int], float]
"""The values of tags, and a time (0: none) → a figure."""

ZONE_MS = 7 * 3_600_000
LENGTHS_MS = {
    "a day": DAY_MS,
    "a minute less than three days": 3 * DAY_MS - MINUTE_MS,
    "a minute more than three days": 3 * DAY_MS + MINUTE_MS,
    "a month": 31 * DAY_MS,
}
"""Times shown: up to three days by hour, then by day."""


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

    def answer(self, query: Query, page: Shown, own: Mapping[str, str]) -> dict[str, Rows]:
        """Column → its figures, without those of an interval that began before the time shown."""
        shown = page.in_panel(query.panel)
        step_ms = query.interval_ms(shown)
        text = filled(query.text, {**own, **built_in(query.source, shown, step_ms)})
        if query.source == "influxdb":
            found = self._of_influxdb(text, query.later_ms)
        else:
            found = self._of_victoria_metrics(text, query, shown, step_ms)
        begin_ms = shown.begin_ms
        return {name: {key: rows[key] for key in rows if not 0 < key[1] < begin_ms} for name, rows in found.items()}

    def _of_influxdb(self, text: str, later_ms: int) -> dict[str, Rows]:
        found = defaultdict[str, Rows](dict)
        for one in series(self.influxdb, text):
            for row in one["values"]:
                cells = dict(zip(one["columns"], row, strict=True))
                time_ms = cells.pop("time") + later_ms if "GROUP BY time(" in text else 0
                texts = {name: cell for name, cell in cells.items() if isinstance(cell, str)}
                key = _tags({**one.get("tags", {}), **texts}), time_ms
                for name, cell in cells.items():
                    if name != "time" and cell is not None and name not in texts:
                        found[name][key] = cell
        return found

    def _of_victoria_metrics(self, text: str, query: Query, shown: Shown, step_ms: int) -> dict[str, Rows]:
        found = defaultdict[str, Rows](dict, {name: {} for name in _columns(query)})
        if query.target.get("instant"):
            for row in self._rows("query", {"query": text, "time": shown.end_ms / 1000}):
                found[row["metric"].get("column", "")][_tags(row["metric"]), 0] = float(row["value"][1])
            return found
        begin_ms = (shown.begin_ms + ZONE_MS) // step_ms * step_ms - ZONE_MS
        span = {"start": begin_ms / 1000, "end": shown.end_ms / 1000, "step": step_ms / 1000}
        for row in self._rows("query_range", {"query": text, **span}):
            figures = {(_tags(row["metric"]), round(1000 * time_s)): float(value) for time_s, value in row["values"]}
            found[row["metric"].get("column", "")].update(figures)
        return found

    def _figures(self, query: Query, page: Shown, own: Mapping[str, str]) -> int:
        return sum(map(len, self.answer(query, page, own).values()))

    def _values(self, source: str, text: str, page: Shown, own: Mapping[str, str]) -> int:
        """The number of values of a variable."""
        text = filled(text, own)
        if source == "influxdb":
            return sum(len(one["values"]) for one in series(self.influxdb, text))
        match = re.fullmatch(r"label_values\((.*), (\w+)\)", text)
        assert match, text
        span = {"start": page.begin_ms / 1000, "end": page.end_ms / 1000}
        return len(posted(f"{self.victoria_metrics}/api/v1/label/{match[2]}/values", {"match[]": match[1], **span})["data"])

    def _rows(self, path: str, form: Mapping[str, object]) -> list[Json]:
        rows: list[Json] = posted(f"{self.victoria_metrics}/api/v1/{path}", {**form, "nocache": 1})["data"]["result"]
        return rows


def _columns(query: Query) -> list[str]:
    """The names by which the answers to one query differ, in the order of its questions: it answers in that of the names."""
    return re.findall(r'"column", "([^"]*)"\)', query.text) or [""]


def _tags(tags: Mapping[str, str]) -> Sequence[str]:
    return tuple(text for name, text in sorted(tags.items()) if name in ("area", "device", "hour", "site") and text)


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
