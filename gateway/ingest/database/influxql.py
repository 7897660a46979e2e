"""Questions in InfluxQL, the one query language of InfluxDB 1, 2 and 3."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Final

import msgspec

from gateway.ingest.database.database_http import DatabaseHttp, quoted
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
    named_groups,
    within,
)

_CHUNK_ROWS: Final = "10000"
_NEAREST: Final = {Side.UP_TO: "last", Side.AFTER: "first"}
_BY_SERIES: Final = ", ".join(f'"{tag}"' for tag in StoredSeries._fields)


class _Rows(msgspec.Struct):
    columns: list[str]
    name: str = ""
    values: list[list[float | int | str | bool | None]] = []
    tags: dict[str, str] = {}
    partial: bool = False


class _Result(msgspec.Struct):
    series: list[_Rows] = []
    error: str = ""


class _InfluxqlAnswer(msgspec.Struct):
    results: list[_Result] = []
    error: str = ""


class InfluxqlStore:
    """InfluxDB 1, 2 or 3.

    :ivar is_overwritten: False for InfluxDB 3, where it is not certain.
    """

    def __init__(self, http: DatabaseHttp, bucket: str, *, is_overwritten: bool) -> None:
        self.is_overwritten = is_overwritten
        self._http = http
        database, _, policy = bucket.partition("/")
        self._form = {"db": database, "epoch": "ms", "chunked": "true", "chunk_size": _CHUNK_ROWS}
        self._form |= {"rp": policy} if policy else {}
        self._decoder = msgspec.json.Decoder(_InfluxqlAnswer)

    async def nearest(
        self, counter: Counter, side: Side, at_ms: int, reach_ms: int, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, SumPoint]]:
        """Yield for each series the point with a sum that is nearest to an instant."""
        picked = f"{_NEAREST[side]}({name(counter.sum_field)}), {name(counter.field)}"
        async for series, rows in self._select(picked, counter.measurement, within(side, at_ms, reach_ms), devices):
            for time_ms, total, register in rows:
                yield series, SumPoint(int(_number(time_ms)), _number(total), None if register is None else _number(register))

    async def rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Collection[str]
    ) -> AsyncIterator[tuple[StoredSeries, list[tuple[int, PointValues]]]]:
        """Yield the points of each series in order of time."""
        picked = ", ".join(map(name, fields))
        parts: list[tuple[int, PointValues]] = []
        last: StoredSeries | None = None
        async for series, rows in self._select(picked, measurement, window, devices):
            if last is not None and series != last:
                yield last, parts
                parts = []
            last = series
            parts += [(int(_number(row[0])), tuple(map(_value, row[1:]))) for row in rows]
        if last is not None:
            yield last, parts

    async def placed_rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, device: str
    ) -> AsyncIterator[PlacedRows]:
        """Yield the points of a device with all their tags; in several pieces."""
        picked, span = ", ".join(map(name, fields)), f"time >= {window.start_ms}ms AND time < {window.end_ms}ms"
        statement = f"SELECT {picked} FROM {name(measurement)} WHERE {span}{_named([device])} GROUP BY *"  # noqa: S608 - quoted
        async for found in self._ask(statement):
            rows = [(int(_number(row[0])), tuple(map(_value, row[1:]))) for row in found.values]
            yield PlacedRows({tag: value for tag, value in found.tags.items() if value}, rows)

    async def heard(
        self, measurement: str, side: Side, at_ms: int, reach_ms: int, devices: Devices
    ) -> AsyncIterator[tuple[str, int]]:
        """Yield for each series the device and the time of the nearest point."""
        picked = f'{_NEAREST[side]}("quality")'
        async for series, rows in self._select(picked, measurement, within(side, at_ms, reach_ms), devices):
            for row in rows:
                yield series.device, int(_number(row[0]))

    async def newest_reports(self, field: str, window: TimeSpan) -> AsyncIterator[tuple[str, int, float]]:
        """Yield for each gateway its newest point about itself that has a field."""
        span = f"time >= {window.start_ms}ms AND time < {window.end_ms}ms"
        statement = f'SELECT last({name(field)}) FROM "gateway" WHERE {span} GROUP BY "gateway"'  # noqa: S608 - quoted
        async for found in self._ask(statement):
            for time_ms, value in found.values:
                yield found.tags.get("gateway", ""), int(_number(time_ms)), _number(value)

    async def newest(
        self, measurement: str, fields: Sequence[str], window: TimeSpan
    ) -> AsyncIterator[tuple[StoredSeries, PointValues]]:
        """Yield for each series the newest value of each field."""
        picked = ", ".join(f"last({name(field)})" for field in fields)
        async for series, rows in self._select(picked, measurement, window, None):
            for _, *values in rows:
                yield series, tuple(map(_value, values))

    async def flagged(
        self, measurement: str, bit: int, window: TimeSpan, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, int]]:
        """Yield for each series the number of its points with a bit of ``quality``."""
        condition = f' AND "quality" & {bit} = {bit}'
        async for series, rows in self._select('count("quality")', measurement, window, devices, condition):
            for _, count in rows:
                yield series, int(_number(count))

    async def spread(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Devices = None
    ) -> AsyncIterator[tuple[StoredSeries, dict[str, Spread]]]:
        """Yield for each series the spread of each gauge."""
        picked = ", ".join(f"min({field}), mean({field}), max({field})" for field in map(name, fields))
        async for series, rows in self._select(picked, measurement, window, devices):
            for _, *numbers in rows:
                threes = zip(fields, numbers[0::3], numbers[1::3], numbers[2::3], strict=True)
                yield series, {field: (_number(a), _number(b), _number(c)) for field, a, b, c in threes if b is not None}

    async def sampled(
        self, measurements: Sequence[str], window: TimeSpan, step_ms: int, device: str
    ) -> AsyncIterator[SampledField]:
        """Yield each field of a device, sampled."""
        sources, span = ", ".join(map(name, measurements)), f"time >= {window.start_ms}ms AND time < {window.end_ms}ms"
        grouped = f"GROUP BY time({step_ms}ms), {_BY_SERIES} fill(none)"
        async for found in self._ask(f"SELECT last(*) FROM {sources} WHERE {span}{_named([device])} {grouped}"):  # noqa: S608 - quoted
            for place, column in enumerate(found.columns[1:], start=1):
                points = [(int(_number(row[0])), float(_number(row[place]))) for row in found.values if row[place] is not None]
                yield SampledField(found.name, column.removeprefix("last_"), _series(found.tags), points)

    async def _select(
        self, picked: str, measurement: str, window: TimeSpan, devices: Devices, condition: str = ""
    ) -> AsyncIterator[tuple[StoredSeries, list[list[float | int | str | bool | None]]]]:
        """Yield the rows of a question, grouped by series; a large series comes in several pieces."""
        span = f"time >= {window.start_ms}ms AND time < {window.end_ms}ms{condition}"
        asked = frozenset(devices) if devices is not None else None
        for group in named_groups(devices):
            statement = f"SELECT {picked} FROM {name(measurement)} WHERE {span}{_named(group)} GROUP BY {_BY_SERIES}"  # noqa: S608 - quoted
            async for found in self._ask(statement):
                series = _series(found.tags)
                if asked is None or series.device in asked:
                    yield series, found.values

    async def _ask(self, statement: str) -> AsyncIterator[_Rows]:
        async for line in self._http.lines("/query", {**self._form, "q": statement}):
            try:
                answer = self._decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise StoreFault(f"{self._http.url} does not speak InfluxQL, it answers: {quoted(line)}") from error
            if said := answer.error or next((result.error for result in answer.results if result.error), ""):
                raise StoreFault(f"{self._http.url}, database {self._form['db']}: {quoted(said)}")
            for result in answer.results:
                for found in result.series:
                    yield found


def _series(tags: dict[str, str]) -> StoredSeries:
    return StoredSeries(**{tag: tags.get(tag, "") for tag in StoredSeries._fields})


def _named(devices: Sequence[str] | None) -> str:
    return "" if devices is None else " AND (" + " OR ".join(f'"device" = {text(device)}' for device in devices) + ")"


def name(identifier: str) -> str:
    """Quote an identifier for InfluxQL."""
    return '"' + _escaped(identifier).replace('"', '\\"') + '"'


def text(value: str) -> str:
    """Quote a text for InfluxQL."""
    return "'" + _escaped(value).replace("'", "\\'") + "'"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: object) -> float | int:
    if not isinstance(value, int | float):
        raise StoreFault(f"the database answers {value!r} where a number was asked for")
    return value


def _value(value: object) -> float | int | None:
    return None if value is None else _number(value)
