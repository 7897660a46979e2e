"""MetricsQL, to VictoriaMetrics: questions, whole points for a copy, and all of one device.

A field of a measurement is a metric there, ``water_volume_m3``, and numbers alone are kept: a point is put together again from
its metrics, and its types come from the gateway's own table. A window of MetricsQL leaves out its start and includes its end:
``(end - length, end]``. Deleted series are hidden at once; their bytes go when it merges its parts (measured).
"""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.metricsql_http import (
    NAME,
    ExportedMetric,
    MetricLabels,
    MetricsqlSample,
    ask_label,
    ask_samples,
    deleting_url,
    exported,
    is_cluster,
)
from gateway.ingest.database.store import (
    DAY_MS,
    HIDDEN,
    BySeries,
    Counter,
    DayFigures,
    Devices,
    FieldFigures,
    GaugeSpreads,
    HeardTimes,
    PlacedRows,
    PointValues,
    SampledField,
    Side,
    Spread,
    StoredSeries,
    StoredValue,
    SumPoint,
    SumPoints,
    TimedRows,
    TimeSpan,
    WholePoint,
    batches,
    figures_of,
    named_groups,
    within,
)
from gateway.support.config.model import Influxdb
from schemas.measurements import MEASUREMENTS, ROLLED, field_type

T = TypeVar("T")

_ROWS_OF: Final = 20
"""Devices whose points are held in memory at a time."""
_LONGEST_MS: Final = 8 * DAY_MS
"""VictoriaMetrics refuses questions about more than a thousand million samples."""
_QUARTER_MS: Final = 900_000
"""Periods begin with a quarter of an hour in every time zone, and their writings stand less than that behind it."""
_MONTH_MS: Final = 31 * DAY_MS
_AHEAD_MS: Final = 32 * DAY_MS
"""Device times are accepted so far ahead while the gateway's clock is doubted."""
SHOWN_AFTER_S: Final = 15.0
"""VictoriaMetrics shows a new series up to 11 s after it took it: it goes on answering from what it found for the same question
before (measured on 1.79 and 1.112)."""
_LOOK_S: Final = 1.0
_VISIBLE_S: Final = 4.0
_SOME: Final = 5000
_BEGINNING: Final = "2000-01-01T00:00:00Z"
_OF_DEVICES: Final = (*MEASUREMENTS, "late")


@dataclass
class MetricsqlStore:
    """VictoriaMetrics, with what :class:`InfluxqlStore` tells of itself. Of two points of one time it may show either."""

    _http: DatabaseHttp
    _config: Influxdb
    is_overwritten: bool = False
    name = "VictoriaMetrics"
    longest_ms = _LONGEST_MS
    limit = f"VictoriaMetrics {HIDDEN}"
    can_delete = True

    # Questions.

    async def nearest(self, counter: Counter, side: Side, at_ms: int, reach_ms: int, devices: Devices = None) -> SumPoints:
        """Yield for each series the point with a sum that is nearest to an instant.

        A register without a sum, which was not believed, may be nearer; the one at the time of the sum is returned.
        """
        which, window = side.value, within(side, at_ms, reach_ms)
        sums = await self._rolled(f"{which}_over_time", counter.measurement, counter.sum_field, window, devices)
        if not sums:  # of twelve counters of power most meters have one or two
            return
        times = await self._rolled(f"t{which}_over_time", counter.measurement, counter.sum_field, window, devices)
        registers = await self._rolled(f"{which}_over_time", counter.measurement, counter.field, window, devices)
        register_times = await self._rolled(f"t{which}_over_time", counter.measurement, counter.field, window, devices)
        nearest: dict[StoredSeries, SumPoint] = {}
        for labels, total in sums.items():
            series, time_ms = labels.series, round(times[labels] * 1000)
            register = registers.get(labels) if register_times.get(labels) == times[labels] else None
            if register is None:
                register = await self._register_at(counter, series, time_ms)
            before = nearest.get(series)
            if before is None or (time_ms > before.time_ms) == (side is Side.UP_TO):
                nearest[series] = SumPoint(time_ms, total, register)
        for series, point in nearest.items():
            yield series, point

    async def rows(self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Devices) -> TimedRows:
        """Yield the points of each series in order of time."""
        for some in [None] if devices is None else batches(devices, _ROWS_OF):
            found: dict[StoredSeries, dict[int, list[float | int | None]]] = defaultdict(dict)
            names, named = "|".join(f"{measurement}_{field}" for field in fields), "" if some is None else f",{_is_of(some)}"
            async for metric in self._export(f'{{{NAME}=~"{names}"{named}}}', window):
                place = fields.index(metric.labels[NAME].removeprefix(f"{measurement}_"))
                times = found[StoredSeries(*(metric.labels.get(tag, "") for tag in StoredSeries._fields))]
                for time_ms, value in zip(metric.timestamps, metric.values, strict=True):
                    times.setdefault(time_ms, [None] * len(fields))[place] = value
            for series, times in sorted(found.items()):
                yield series, [(time_ms, tuple(values)) for time_ms, values in sorted(times.items())]

    async def placed_rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, device: str
    ) -> AsyncIterator[PlacedRows]:
        """Yield the points of a device with the tags of its series: they cannot be written again here."""
        async for series, rows in self.rows(measurement, fields, window, [device]):
            yield PlacedRows({tag: value for tag, value in series._asdict().items() if value}, rows)

    async def heard(self, measurement: str, side: Side, at_ms: int, reach_ms: int, devices: Devices) -> HeardTimes:
        """Yield for each series the device and the time of the nearest point."""
        function, window = f"t{side.value}_over_time", within(side, at_ms, reach_ms)
        for labels, time_s in (await self._rolled(function, measurement, "quality", window, devices)).items():
            yield labels.device, round(time_s * 1000)

    async def newest_reports(self, field: str, window: TimeSpan) -> AsyncIterator[tuple[str, int, float]]:
        """Yield for each gateway its newest point about itself that has a field.

        A point that is written between the two questions gives its value, not its time.
        """
        times = await self._rolled("tlast_over_time", "gateway", field, window, None)
        values = await self._rolled("last_over_time", "gateway", field, window, None)
        for labels, time_s in times.items():
            if labels in values:
                yield labels.gateway, round(time_s * 1000), values[labels]

    async def newest(self, measurement: str, fields: Sequence[str], window: TimeSpan) -> BySeries[PointValues]:
        """Yield for each series the newest value of each field."""
        found: dict[StoredSeries, list[float | int | None]] = {}
        for place, field in enumerate(fields):
            for labels, value in (await self._rolled("last_over_time", measurement, field, window, None)).items():
                found.setdefault(labels.series, [None] * len(fields))[place] = value
        for series, values in found.items():
            yield series, tuple(values)

    async def flagged(self, measurement: str, bit: int, window: TimeSpan, devices: Devices = None) -> BySeries[int]:
        """Yield for each series the number of its points with a bit of ``quality``."""
        quality, span = f"{measurement}_quality", f"[{window.end_ms - window.start_ms}ms]"
        usual = " - ".join(f"count_eq_over_time({quality}{span}, {value})" for value in (0, 8, 128, 136) if not value & bit)
        found = await self._instant(f"count_over_time({quality}{span}) - {usual} > 0", window.end_ms - 1)
        names = {sample.metric.device for sample in found}
        asked = names if devices is None else names.intersection(devices)
        async for series, rows in self.rows(measurement, ["quality"], window, asked):
            yield series, sum(1 for _, (quality,) in rows if quality is not None and int(quality) & bit)

    async def spread(self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Devices = None) -> GaugeSpreads:
        """Yield for each series the spread of each gauge."""
        names = "|".join(f"{measurement}_{field}" for field in fields)
        found: dict[StoredSeries, dict[str, Spread]] = defaultdict(dict)
        for group in named_groups(devices):
            chosen = f'{{{NAME}=~"{names}"{"" if group is None else f",{_is_of(group)}"}}}[{window.end_ms - window.start_ms}ms]'
            lowest, mean, highest = [await self._by_name(f"{one}_over_time({chosen})", window) for one in ("min", "avg", "max")]
            for labels, value in mean.items():
                if devices is None or labels.device in devices:
                    found[labels.series][labels.name.removeprefix(f"{measurement}_")] = (lowest[labels], value, highest[labels])
        for series, spreads in found.items():
            yield series, spreads

    async def sampled(
        self, measurements: Sequence[str], window: TimeSpan, step_ms: int, device: str
    ) -> AsyncIterator[SampledField]:
        """Yield each field of a device, sampled. A step is known by its end here, which is the start of the next."""
        names = "|".join(f"{measurement}_.+" for measurement in measurements)
        query = f'last_over_time({{{NAME}=~"{names}",{_is_of([device])}}}[{step_ms}ms])'
        for sample in await self._stepped(query, TimeSpan(window.start_ms + step_ms, window.end_ms), step_ms):
            measurement = next(one for one in measurements if sample.metric.name.startswith(f"{one}_"))
            points = [(round(time_s * 1000) - step_ms, float(text)) for time_s, text in sample.values]
            yield SampledField(measurement, sample.metric.name.removeprefix(f"{measurement}_"), sample.metric.series, points)

    async def _rolled(
        self, function: str, measurement: str, field: str, window: TimeSpan, devices: Devices
    ) -> dict[MetricLabels, float]:
        """The value of a function over the window, by the labels of the metric."""
        found = {}
        length = f"[{window.end_ms - window.start_ms}ms]"
        asked = None if devices is None else frozenset(devices)
        for group in named_groups(devices):
            named = "" if group is None else _is_of(group)
            query = f"{function}({measurement}_{field}{{{named}}}{length})"
            for sample in await self._instant(query, window.end_ms - 1):
                if asked is None or sample.metric.device in asked:
                    found[sample.metric.unnamed] = sample.number
        return found

    async def _by_name(self, query: str, window: TimeSpan) -> dict[MetricLabels, float]:
        """The value of a function of many metrics, by their labels and names."""
        return {one.metric: one.number for one in await self._instant(f"{query} keep_metric_names", window.end_ms - 1)}

    async def _register_at(self, counter: Counter, series: StoredSeries, time_ms: int) -> float | None:
        window = TimeSpan(time_ms, time_ms + 1)
        async for found, rows in self.rows(counter.measurement, [counter.field], window, [series.device]):
            if found == series:
                return rows[0][1][0]
        return None

    # Whole points, for a copy.

    async def measurements(self) -> Sequence[str]:
        """Return those of its measurements that gateways write; others cannot be told from names of fields."""
        names = await ask_label(self._http, NAME, _BEGINNING)
        return [
            one
            for one in MEASUREMENTS
            if any(name.startswith(f"{one}_") and not name.startswith(tuple(_longer(one))) for name in names)
        ]

    async def points(self, measurement: str, window: TimeSpan) -> AsyncIterator[Sequence[WholePoint]]:
        """Yield the points of a window, some at a time; the window is held in memory.

        Of the writings of a period the newest one is read, and stands at its beginning again.
        """
        is_rolled = measurement in ROLLED
        fields: defaultdict[tuple[tuple[tuple[str, str], ...], int], dict[str, StoredValue]] = defaultdict(dict)
        newest: dict[tuple[tuple[tuple[str, str], ...], int, str], int] = {}
        async for metric in self._export(f"{{{_metrics_of(measurement)}}}", window):
            field, tags = metric.labels[NAME].removeprefix(f"{measurement}_"), metric.tags()
            if (kind := field_type(measurement, field)) == "string":
                continue  # VictoriaMetrics has stored 0 in its place
            for time_ms, value in zip(metric.timestamps, metric.values, strict=True):
                at_ms = time_ms // _QUARTER_MS * _QUARTER_MS if is_rolled else time_ms
                if value is not None and newest.get((tags, at_ms, field), 0) <= time_ms:
                    fields[tags, at_ms][field] = _typed(value, kind)
                    if is_rolled:
                        newest[tags, at_ms, field] = time_ms
        whole = (WholePoint(measurement, dict(tags), at_ms, values) for (tags, at_ms), values in fields.items())
        while some := list(islice(whole, _SOME)):
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
        """Return when VictoriaMetrics shows what it holds in memory, in a second or two; a cluster cannot be hurried."""
        if is_cluster(self._http.url):
            await asyncio.sleep(2 * _VISIBLE_S)
            return
        await self._http.whole("/internal/force_flush", ())
        await asyncio.sleep(_VISIBLE_S)
        await self._http.whole("/internal/force_flush", ())

    async def _daily(self, function: str, measurement: str, window: TimeSpan) -> dict[tuple[int, str], float]:
        """A function of the samples of each metric and day."""
        rolled = f"{function}_over_time({{{_metrics_of(measurement)}}}[{DAY_MS}ms])"
        ends = TimeSpan(window.start_ms + DAY_MS - 1, window.end_ms - 1)
        return {
            (round(time_s * 1000) + 1 - DAY_MS, sampled.metric.name.removeprefix(f"{measurement}_")): float(text)
            for sampled in await self._stepped(f"sum({rolled} keep_metric_names) by ({NAME})", ends, DAY_MS)
            for time_s, text in sampled.values
        }

    # All of one device.

    async def devices(self) -> set[str]:
        """Return every device that has a point; one whose points were deleted may be named for a while."""
        return set(await _once_settled(lambda: ask_label(self._http, "device", "1")))

    async def all_shown(self, names: Collection[str], now_ms: int) -> None:
        """Ask again until no new series has shown itself for a while."""
        await _once_settled(lambda: self._ever("count(count_over_time({}))", names, now_ms))

    async def counted(self, names: Collection[str], now_ms: int) -> Mapping[str, int]:
        """Count the points of a device by measurement."""
        found: dict[str, int] = {}
        for one in await self._ever("sum by (__name__) (count_over_time({}) keep_metric_names)", names, now_ms):
            measurement, _ = _parts(one.metric.name)
            found[measurement] = max(found.get(measurement, 0), round(one.number))
        return found

    async def points_of(self, names: Collection[str], now_ms: int) -> AsyncIterator[WholePoint]:
        """Yield all points of a device, a month at a time."""
        firsts = [round(one.number * 1000) for one in await self._ever("min(tfirst_over_time({}))", names, now_ms)]
        for start_ms in range(min(firsts, default=now_ms + _AHEAD_MS), now_ms + _AHEAD_MS, _MONTH_MS):
            found: defaultdict[tuple[str, tuple[tuple[str, str], ...], int], dict[str, StoredValue]] = defaultdict(dict)
            async for metric in self._export(f"{{{_is_of(sorted(names))}}}", TimeSpan(start_ms, start_ms + _MONTH_MS)):
                (measurement, field), tags = _parts(metric.labels[NAME]), metric.tags()
                for time_ms, value in zip(metric.timestamps, metric.values, strict=True):
                    if value is not None:
                        found[measurement, tags, time_ms][field] = value
            for (measurement, tags, time_ms), fields in sorted(found.items(), key=lambda pair: pair[0]):
                yield WholePoint(measurement, dict(tags), time_ms, fields)

    async def delete(self, names: Collection[str]) -> None:
        """Delete all points of a device, whichever database of this server they are in."""
        place = {"read_url": deleting_url(self._config.asked_url), "read_token_file": None}
        http = DatabaseHttp(self._config.model_copy(update=place))
        await http.order("/api/v1/admin/tsdb/delete_series", {"match[]": f"{{{_is_of(sorted(names))}}}"})

    async def _ever(self, query: str, names: Collection[str], now_ms: int) -> list[MetricsqlSample]:
        """The answer to a question about all that the database has of a device."""
        at_ms = now_ms + _AHEAD_MS
        since_1970 = f"{(at_ms - DAY_MS) // 1000}s"  # of a range that begins earlier VictoriaMetrics 1.79 knows nothing
        return await self._instant(query.format(f"{{{_is_of(sorted(names))}}}[{since_1970}]"), at_ms)

    # Questions and answers.

    async def _instant(self, query: str, at_ms: int) -> list[MetricsqlSample]:
        return await ask_samples(self._http, "/api/v1/query", {"query": query, "time": _seconds(at_ms)})

    async def _stepped(self, query: str, at: TimeSpan, step_ms: int) -> list[MetricsqlSample]:
        form = {"query": query, "start": _seconds(at.start_ms), "end": _seconds(at.end_ms), "step": f"{step_ms}ms"}
        return await ask_samples(self._http, "/api/v1/query_range", form)

    def _export(self, chosen: str, window: TimeSpan) -> AsyncIterator[ExportedMetric]:
        return exported(self._http, {"start": _seconds(window.start_ms), "end": _seconds(window.end_ms - 1), "match[]": chosen})


async def _once_settled(look: Callable[[], Awaitable[T]]) -> T:
    """Return what is found once it has been the same for :data:`SHOWN_AFTER_S`."""
    loop = asyncio.get_running_loop()
    found, since_s = await look(), loop.time()
    while loop.time() < since_s + SHOWN_AFTER_S:
        await asyncio.sleep(min(_LOOK_S, SHOWN_AFTER_S))
        again = await look()
        if again != found:
            found, since_s = again, loop.time()
    return found


def _seconds(time_ms: int) -> str:
    return f"{time_ms / 1000:.3f}"


def _is_of(devices: Sequence[str]) -> str:
    return f"device=~{json.dumps('|'.join(map(re.escape, devices)), ensure_ascii=False)}"


def _metrics_of(measurement: str) -> str:
    """Match the metrics of a measurement, and not those of a longer name."""
    others = "".join(f",{NAME}!~{json.dumps(f'{other}.+')}" for other in _longer(measurement))
    return f"{NAME}=~{json.dumps(f'{measurement}_.+')}{others}"


def _longer(measurement: str) -> list[str]:
    """The beginnings of metrics whose measurement has a longer name: ``hourly_area_`` to ``hourly``."""
    return [f"{other}_" for other in MEASUREMENTS if other.startswith(f"{measurement}_")]


def _parts(metric: str) -> tuple[str, str]:
    """The measurement and the field of a metric: of several measurements the longest that fits."""
    fitting = [one for one in _OF_DEVICES if metric.startswith(f"{one}_")]
    measurement = max(fitting, key=len) if fitting else metric.partition("_")[0]
    return measurement, metric.removeprefix(f"{measurement}_")


def _typed(value: float, kind: str) -> StoredValue:
    if kind == "boolean":
        return value != 0
    return round(value) if kind == "integer" else float(value)
