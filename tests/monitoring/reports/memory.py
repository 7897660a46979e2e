"""A database in memory: it answers the questions of reports from lines, as InfluxDB does, at once."""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from statistics import fmean

from gateway.ingest.database.store import (
    Counter,
    Devices,
    PlacedRows,
    PointValues,
    SampledField,
    Side,
    Spread,
    StoredSeries,
    SumPoint,
    TimeSpan,
    within,
)

_Point = tuple[int, dict[str, str], dict[str, float]]


class MemoryStore:
    """Points by measurement; one of the same time and tags takes the new values."""

    def __init__(self, lines: Iterable[str] = (), *, is_overwritten: bool = True) -> None:
        self.is_overwritten = is_overwritten
        self._points: dict[str, dict[tuple[int, tuple[tuple[str, str], ...]], _Point]] = defaultdict(dict)
        self.write(lines)

    def write(self, lines: Iterable[str]) -> None:
        """Write lines, of which only some fields may be new."""
        for line in (line for some in lines for line in some.split("\n")):
            head, fields, time_ms = re.split(r"(?<!\\) ", line)
            measurement, *tags = re.split(r"(?<!\\),", head)
            place = _pairs(tags)
            key = int(time_ms), tuple(sorted(place.items()))
            point = self._points[measurement].setdefault(key, (key[0], place, {}))
            point[2].update({name: _number(text) for name, text in _pairs(fields.split(",")).items()})

    def _by_series(
        self, measurement: str, window: TimeSpan, devices: Devices
    ) -> Iterator[tuple[StoredSeries, dict[str, str], list[_Point]]]:
        found: dict[StoredSeries, list[_Point]] = defaultdict(list)
        within_it = (point for point in self._points[measurement].values() if window.start_ms <= point[0] < window.end_ms)
        asked = (point for point in within_it if devices is None or point[1].get("device", "") in devices)
        for point in sorted(asked, key=lambda point: point[0]):
            found[StoredSeries(*(point[1].get(name, "") for name in StoredSeries._fields))].append(point)
        return ((series, points[-1][1], points) for series, points in sorted(found.items()))

    async def nearest(
        self, counter: Counter, side: Side, at_ms: int, reach_ms: int, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, SumPoint]]:
        """The nearest point with a sum."""
        for series, _, points in self._by_series(counter.measurement, within(side, at_ms, reach_ms), devices):
            found = [point for point in points if counter.sum_field in point[2]]
            if found:
                time_ms, _, fields = found[-1 if side is Side.UP_TO else 0]
                yield series, SumPoint(time_ms, fields[counter.sum_field], fields.get(counter.field))

    async def rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Collection[str] | None
    ) -> AsyncIterator[tuple[StoredSeries, list[tuple[int, PointValues]]]]:
        """The points of each series."""
        for series, _, points in self._by_series(measurement, window, devices):
            yield series, [(time_ms, tuple(values.get(name) for name in fields)) for time_ms, _, values in points]

    async def placed_rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, device: str
    ) -> AsyncIterator[PlacedRows]:
        """The points of a device, with their tags."""
        for _, tags, points in self._by_series(measurement, window, {device}):
            yield PlacedRows(tags, [(time_ms, tuple(values.get(name) for name in fields)) for time_ms, _, values in points])

    async def heard(
        self, measurement: str, side: Side, at_ms: int, reach_ms: int, devices: Devices
    ) -> AsyncIterator[tuple[str, int]]:
        """The time of the nearest point of each series."""
        for series, _, points in self._by_series(measurement, within(side, at_ms, reach_ms), devices):
            yield series.device, points[-1 if side is Side.UP_TO else 0][0]

    async def newest_reports(self, field: str, window: TimeSpan) -> AsyncIterator[tuple[str, int, float]]:
        """The newest points of gateways about themselves."""
        for _, tags, points in self._by_series("gateway", window, None):
            for time_ms, _, values in points[-1:]:
                yield tags["gateway"], time_ms, values[field]

    async def newest(
        self, measurement: str, fields: Sequence[str], window: TimeSpan
    ) -> AsyncIterator[tuple[StoredSeries, PointValues]]:
        """The newest value of each field."""
        for series, _, points in self._by_series(measurement, window, None):
            values = {name: value for point in points for name, value in point[2].items()}
            yield series, tuple(values.get(name) for name in fields)

    async def flagged(
        self, measurement: str, bit: int, window: TimeSpan, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, int]]:
        """The number of points with a bit of quality."""
        for series, _, points in self._by_series(measurement, window, devices):
            yield series, sum(1 for point in points if int(point[2].get("quality", 0)) & bit)

    async def spread(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, dict[str, Spread]]]:
        """The lowest, mean and highest value of each gauge."""
        for series, _, points in self._by_series(measurement, window, devices):
            known = {name: [point[2][name] for point in points if name in point[2]] for name in fields}
            yield series, {name: (min(some), fmean(some), max(some)) for name, some in known.items() if some}

    async def sampled(
        self, measurements: Sequence[str], window: TimeSpan, step_ms: int, device: str
    ) -> AsyncIterator[SampledField]:
        """The last value of each step."""
        for measurement in measurements:
            for series, _, points in self._by_series(measurement, window, {device}):
                for name in {name for point in points for name in point[2]}:
                    steps = {time_ms // step_ms * step_ms: values[name] for time_ms, _, values in points if name in values}
                    yield SampledField(measurement, name, series, sorted(steps.items()))


def _pairs(texts: Iterable[str]) -> dict[str, str]:
    return {name: re.sub(r"\\(.)", r"\1", value) for name, _, value in (text.partition("=") for text in texts)}


def _number(text: str) -> float:
    return float(text.lower() == "true") if text.lower() in {"true", "false"} else float(text.removesuffix("i"))
