"""Questions in MetricsQL, to VictoriaMetrics. A field of a measurement is a metric there: ``water_volume_m3``.

A window of MetricsQL leaves out its start and includes its end: ``(end - length, end]``.
"""

import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from gateway.ingest.database.database_http import DatabaseHttp, quoted
from gateway.ingest.database.metricsql_http import MetricsqlAnswer, ask_whole
from gateway.ingest.database.store import (
    Counter,
    Devices,
    PlacedRows,
    PointValues,
    SampledField,
    Side,
    Spread,
    StoredSeries,
    StoreFault,
    SumPoint,
    TimeSpan,
    batches,
    named_groups,
    within,
)

_NEAREST: Final = {Side.UP_TO: "last", Side.AFTER: "first"}
_ROWS_OF: Final = 20
"""Devices whose points are held in memory at a time."""
_LINE_ROWS: Final = "10000"


class _Labels(msgspec.Struct, frozen=True):
    """The tags of a metric. A device that moved has two metrics, of one series."""

    device: str = ""
    channel: str = ""
    direction: str = ""
    lane: str = ""
    vehicle_class: str = ""
    site: str = ""
    area: str = ""
    gateway: str = ""
    db: str = ""

    @property
    def series(self) -> StoredSeries:
        return StoredSeries(self.device, self.channel, self.direction, self.lane, self.vehicle_class)


class _NamedLabels(_Labels, frozen=True):
    name: str = msgspec.field(name="__name__", default="")


_L = TypeVar("_L", bound=_Labels)


class _MetricsqlSample(msgspec.Struct, Generic[_L]):
    metric: _L
    value: tuple[float, str]


class _Data(msgspec.Struct, Generic[_L]):
    result: list[_MetricsqlSample[_L]] = []


class _Samples(MetricsqlAnswer, Generic[_L]):
    data: _Data[_L] = msgspec.field(default_factory=_Data)


class _RangeSample(msgspec.Struct):
    metric: _NamedLabels
    values: list[tuple[float, str]]


class _RangeData(msgspec.Struct):
    result: list[_RangeSample] = []


class _Ranges(MetricsqlAnswer):
    data: _RangeData = msgspec.field(default_factory=_RangeData)


class _Exported(msgspec.Struct):
    metric: _NamedLabels
    values: list[float | None]
    timestamps: list[int]


class MetricsqlStore:
    """VictoriaMetrics.

    :ivar is_overwritten: False; of two points of one time it may answer with either.
    """

    def __init__(self, http: DatabaseHttp) -> None:
        self.is_overwritten = False
        self._http = http
        self._answers = msgspec.json.Decoder(_Samples[_Labels])
        self._named_answers = msgspec.json.Decoder(_Samples[_NamedLabels])
        self._lines = msgspec.json.Decoder(_Exported)
        self._ranges = msgspec.json.Decoder(_Ranges)

    async def nearest(
        self, counter: Counter, side: Side, at_ms: int, reach_ms: int, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, SumPoint]]:
        """Yield for each series the point with a sum that is nearest to an instant.

        A register without a sum, which was not believed, may be nearer; the one at the time of the sum is returned.
        """
        which, window = _NEAREST[side], within(side, at_ms, reach_ms)
        sums = await self._rolled(f"{which}_over_time", counter.measurement, counter.sum_field, window, devices)
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

    async def rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Collection[str]
    ) -> AsyncIterator[tuple[StoredSeries, list[tuple[int, PointValues]]]]:
        """Yield the points of each series in order of time."""
        for some in batches(devices, _ROWS_OF):
            found: dict[StoredSeries, dict[int, list[float | int | None]]] = defaultdict(dict)
            names = "|".join(f"{measurement}_{field}" for field in fields)
            form = [*_span(window), ("match[]", f'{{__name__=~"{names}",{_named(some)}}}'), ("max_rows_per_line", _LINE_ROWS)]
            async for line in self._http.lines("/api/v1/export", form):
                exported = self._exported(line)
                place = fields.index(exported.metric.name.removeprefix(f"{measurement}_"))
                times = found[exported.metric.series]
                for time_ms, value in zip(exported.timestamps, exported.values, strict=True):
                    times.setdefault(time_ms, [None] * len(fields))[place] = value
            for series, times in sorted(found.items()):
                yield series, [(time_ms, tuple(values)) for time_ms, values in sorted(times.items())]

    async def placed_rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, device: str
    ) -> AsyncIterator[PlacedRows]:
        """Yield the points of a device with the tags of its series: they cannot be written again here."""
        async for series, rows in self.rows(measurement, fields, window, [device]):
            yield PlacedRows({tag: value for tag, value in series._asdict().items() if value}, rows)

    async def heard(
        self, measurement: str, side: Side, at_ms: int, reach_ms: int, devices: Devices
    ) -> AsyncIterator[tuple[str, int]]:
        """Yield for each series the device and the time of the nearest point."""
        function, window = f"t{_NEAREST[side]}_over_time", within(side, at_ms, reach_ms)
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

    async def newest(
        self, measurement: str, fields: Sequence[str], window: TimeSpan
    ) -> AsyncIterator[tuple[StoredSeries, PointValues]]:
        """Yield for each series the newest value of each field."""
        found: dict[StoredSeries, list[float | int | None]] = {}
        for place, field in enumerate(fields):
            for labels, value in (await self._rolled("last_over_time", measurement, field, window, None)).items():
                found.setdefault(labels.series, [None] * len(fields))[place] = value
        for series, values in found.items():
            yield series, tuple(values)

    async def flagged(
        self, measurement: str, bit: int, window: TimeSpan, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, int]]:
        """Yield for each series the number of its points with a bit of ``quality``."""
        metric, span = f"{measurement}_quality", f"[{window.end_ms - window.start_ms}ms]"
        usual = " - ".join(f"count_eq_over_time({metric}{span}, {value})" for value in (0, 8, 128, 136) if not value & bit)
        found = await self._query(f"count_over_time({metric}{span}) - {usual} > 0", window, self._answers)
        names = {sample.metric.device for sample in found}
        asked = names if devices is None else names.intersection(devices)
        async for series, rows in self.rows(measurement, ["quality"], window, asked):
            yield series, sum(1 for _, (quality,) in rows if quality is not None and int(quality) & bit)

    async def spread(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, dict[str, Spread]]]:
        """Yield for each series the spread of each gauge."""
        names = "|".join(f"{measurement}_{field}" for field in fields)
        found: dict[StoredSeries, dict[str, Spread]] = defaultdict(dict)
        for group in named_groups(devices):
            chosen = (
                f'{{__name__=~"{names}"{"" if group is None else f",{_named(group)}"}}}[{window.end_ms - window.start_ms}ms]'
            )
            lowest = await self._by_name(f"min_over_time({chosen})", window)
            mean = await self._by_name(f"avg_over_time({chosen})", window)
            highest = await self._by_name(f"max_over_time({chosen})", window)
            for labels, value in mean.items():
                if devices is None or labels.device in devices:
                    field = labels.name.removeprefix(f"{measurement}_")
                    found[labels.series][field] = (lowest[labels], value, highest[labels])
        for series, spreads in found.items():
            yield series, spreads

    async def sampled(
        self, measurements: Sequence[str], window: TimeSpan, step_ms: int, device: str
    ) -> AsyncIterator[SampledField]:
        """Yield each field of a device, sampled. A step is known by its end here, which is the start of the next."""
        names = "|".join(f"{measurement}_.+" for measurement in measurements)
        form = {
            "query": f'last_over_time({{__name__=~"{names}",{_named([device])}}}[{step_ms}ms])',
            "start": f"{(window.start_ms + step_ms) / 1000:.3f}",
            "end": f"{window.end_ms / 1000:.3f}",
            "step": f"{step_ms}ms",
        }
        for sample in (await ask_whole(self._http, "/api/v1/query_range", form, self._ranges)).data.result:
            measurement = next(one for one in measurements if sample.metric.name.startswith(f"{one}_"))
            points = [(round(time_s * 1000) - step_ms, float(text)) for time_s, text in sample.values]
            field = sample.metric.name.removeprefix(f"{measurement}_")
            yield SampledField(measurement, field, sample.metric.series, points)

    async def _by_name(self, query: str, window: TimeSpan) -> dict[_NamedLabels, float]:
        """The value of a function of many metrics, by their labels and names."""
        samples = await self._query(f"{query} keep_metric_names", window, self._named_answers)
        return {sample.metric: float(sample.value[1]) for sample in samples}

    async def _rolled(
        self, function: str, measurement: str, field: str, window: TimeSpan, devices: Devices
    ) -> dict[_Labels, float]:
        """The value of a function over the window, by the labels of the metric."""
        found = {}
        length = f"[{window.end_ms - window.start_ms}ms]"
        asked = None if devices is None else frozenset(devices)
        for group in named_groups(devices):
            named = "" if group is None else _named(group)
            for sample in await self._query(f"{function}({measurement}_{field}{{{named}}}{length})", window, self._answers):
                if asked is None or sample.metric.device in asked:
                    found[sample.metric] = float(sample.value[1])
        return found

    async def _register_at(self, counter: Counter, series: StoredSeries, time_ms: int) -> float | None:
        window = TimeSpan(time_ms, time_ms + 1)
        async for found, rows in self.rows(counter.measurement, [counter.field], window, [series.device]):
            if found == series:
                return rows[0][1][0]
        return None

    async def _query(
        self, query: str, window: TimeSpan, answers: "msgspec.json.Decoder[_Samples[_L]]"
    ) -> list[_MetricsqlSample[_L]]:
        form = {"query": query, "time": f"{(window.end_ms - 1) / 1000:.3f}"}
        return (await ask_whole(self._http, "/api/v1/query", form, answers)).data.result

    def _exported(self, text: bytes) -> _Exported:
        try:
            return self._lines.decode(text)
        except msgspec.MsgspecError as error:
            raise StoreFault(f"{self._http.url} does not answer as VictoriaMetrics does: {quoted(text)}") from error


def _span(window: TimeSpan) -> list[tuple[str, str]]:
    return [("start", f"{window.start_ms / 1000:.3f}"), ("end", f"{(window.end_ms - 1) / 1000:.3f}")]


def _named(devices: Sequence[str]) -> str:
    return f"device=~{json.dumps('|'.join(map(re.escape, devices)), ensure_ascii=False)}"
