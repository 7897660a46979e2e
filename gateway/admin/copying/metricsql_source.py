"""Points of VictoriaMetrics, which has metrics in place of points, and numbers alone.

Fields of one series and time are put together again, and their types come from the gateway's own table.

Of the writings of a period (:mod:`gateway.monitoring.reports.rollup_points`) the newest one is read, and stands at its
beginning again.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from gateway.admin.copying.source import DAY_MS, CopiedPoint, DayFigures, FieldFigures, StoredValue, figures_of
from gateway.ingest.database.database_http import DatabaseHttp, quoted
from gateway.ingest.database.metricsql_http import LabelValues, MetricsqlAnswer, ask_whole, is_cluster
from gateway.ingest.database.store import StoreFault, TimeSpan
from schemas.measurements import MEASUREMENTS, ROLLED, field_type

_LINE_ROWS: Final = "10000"
_LONGEST_MS: Final = 8 * DAY_MS
"""VictoriaMetrics refuses questions about more than a thousand million samples."""
_QUARTER_MS: Final = 900_000
"""Periods begin with a quarter of an hour in every time zone, and writings stand less than that behind it."""
_NAME: Final = "__name__"
_BEGINNING: Final = "2000-01-01T00:00:00Z"
_OWN_LABELS: Final = frozenset({_NAME, "db"})
_SOME: Final = 5000
_VISIBLE_S: Final = 4.0

_PointPlace = tuple[tuple[tuple[str, str], ...], int]
"""A series and a time."""


class _ExportedMetric(msgspec.Struct):
    metric: dict[str, str]
    values: list[float | None]
    timestamps: list[int]


class _DailySample(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _DailyData(msgspec.Struct):
    result: list[_DailySample] = []


class _DailyAnswer(MetricsqlAnswer):
    data: _DailyData = msgspec.field(default_factory=_DailyData)


class MetricsqlSource:
    """VictoriaMetrics."""

    def __init__(self, http: DatabaseHttp) -> None:
        self.name = "VictoriaMetrics"
        self.longest_ms = _LONGEST_MS
        self.is_overwritten = False
        self._http = http
        self._lines = msgspec.json.Decoder(_ExportedMetric)
        self._answers = msgspec.json.Decoder(_DailyAnswer)
        self._names = msgspec.json.Decoder(LabelValues)

    async def measurements(self) -> Sequence[str]:
        """Return those of its measurements that gateways write; others cannot be told from names of fields."""
        names = (await ask_whole(self._http, "/api/v1/label/__name__/values", {"start": _BEGINNING}, self._names)).data
        return [
            one
            for one in MEASUREMENTS
            if any(name.startswith(f"{one}_") and not name.startswith(tuple(_longer(one))) for name in names)
        ]

    async def points(self, measurement: str, window: TimeSpan) -> AsyncIterator[Sequence[CopiedPoint]]:
        """Yield the points of a window, some at a time; the window is held in memory."""
        is_rolled = measurement in ROLLED
        fields: defaultdict[_PointPlace, dict[str, StoredValue]] = defaultdict(dict)
        newest: dict[tuple[_PointPlace, str], int] = {}
        form = [*_span(window), ("match[]", f"{{{_named(measurement)}}}"), ("max_rows_per_line", _LINE_ROWS)]
        async for line in self._http.lines("/api/v1/export", form):
            exported = self._decode(line)
            field = exported.metric[_NAME].removeprefix(f"{measurement}_")
            kind = field_type(measurement, field)
            if kind == "string":
                continue  # VictoriaMetrics has stored 0 in its place
            labels = tuple((key, text) for key, text in exported.metric.items() if key not in _OWN_LABELS)
            for time_ms, value in zip(exported.timestamps, exported.values, strict=True):
                if value is None:
                    continue
                at = (labels, time_ms // _QUARTER_MS * _QUARTER_MS if is_rolled else time_ms)
                if is_rolled:
                    if newest.get((at, field), 0) > time_ms:
                        continue
                    newest[at, field] = time_ms
                fields[at][field] = _typed(value, kind)
        some: list[CopiedPoint] = []
        for (labels, time_ms), values in fields.items():
            some.append(CopiedPoint(dict(labels), time_ms, values))
            if len(some) == _SOME:
                yield some
                some = []
        if some:
            yield some

    async def figures(self, measurement: str, window: TimeSpan) -> DayFigures:
        """Return the figures of each day: counted by the database, or of roll-ups by the newest writings."""
        if measurement in ROLLED:
            return figures_of([point async for some in self.points(measurement, window) for point in some])
        found: dict[int, dict[str, FieldFigures]] = {}
        counts, sums = await self._daily("count", measurement, window), await self._daily("sum", measurement, window)
        for (day_ms, field), count in counts.items():
            kind = field_type(measurement, field)
            if kind != "string":
                total = 0.0 if kind == "boolean" else sums[day_ms, field]
                found.setdefault(day_ms, {})[field] = FieldFigures(round(count), total)
        return found

    async def settle(self) -> None:
        """Return when VictoriaMetrics shows what it holds in memory, which takes a second or two.

        A cluster cannot be hurried from where it is asked.
        """
        if is_cluster(self._http.url):
            await asyncio.sleep(2 * _VISIBLE_S)
            return
        await self._http.whole("/internal/force_flush", ())
        await asyncio.sleep(_VISIBLE_S)
        await self._http.whole("/internal/force_flush", ())

    async def _daily(self, function: str, measurement: str, window: TimeSpan) -> dict[tuple[int, str], float]:
        """A function of the samples of each metric and day. A window of MetricsQL leaves out its start and includes its end."""
        rolled = f"{function}_over_time({{{_named(measurement)}}}[{DAY_MS}ms])"
        form = {
            "query": f"sum({rolled} keep_metric_names) by ({_NAME})",
            "start": f"{(window.start_ms + DAY_MS - 1) / 1000:.3f}",
            "end": f"{(window.end_ms - 1) / 1000:.3f}",
            "step": f"{DAY_MS}ms",
        }
        answer = await ask_whole(self._http, "/api/v1/query_range", form, self._answers)
        return {
            (round(time_s * 1000) + 1 - DAY_MS, sampled.metric[_NAME].removeprefix(f"{measurement}_")): float(text)
            for sampled in answer.data.result
            for time_s, text in sampled.values
        }

    def _decode(self, line: bytes) -> _ExportedMetric:
        try:
            return self._lines.decode(line)
        except msgspec.MsgspecError as error:
            raise StoreFault(f"{self._http.url} does not answer as VictoriaMetrics does: {quoted(line)}") from error


def _named(measurement: str) -> str:
    """Match the metrics of a measurement, and not those of a longer name."""
    others = "".join(f",{_NAME}!~{json.dumps(f'{other}.+')}" for other in _longer(measurement))
    return f"{_NAME}=~{json.dumps(f'{measurement}_.+')}{others}"


def _longer(measurement: str) -> list[str]:
    """The beginnings of metrics whose measurement has a longer name: ``hourly_area_`` to ``hourly``."""
    return [f"{other}_" for other in MEASUREMENTS if other.startswith(f"{measurement}_")]


def _typed(value: float, kind: str) -> StoredValue:
    if kind == "boolean":
        return value != 0
    return round(value) if kind == "integer" else float(value)


def _span(window: TimeSpan) -> list[tuple[str, str]]:
    return [("start", f"{window.start_ms / 1000:.3f}"), ("end", f"{(window.end_ms - 1) / 1000:.3f}")]
