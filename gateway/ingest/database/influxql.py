"""InfluxQL, the one query language of InfluxDB 1, 2 and 3: questions, whole points for a copy, and all of one device.

Measured: InfluxDB 1.6.7 drops the series of a device in all retention policies with one statement, at once and for good; the
bytes stay in its files until it compacts them. InfluxDB 2 deletes by its own API. InfluxDB 3 Core cannot delete rows.
"""

import json
from collections import Counter as Count
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from gateway.ingest.database.database_http import DatabaseHttp, quoted
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
    StoredSeries,
    StoredValue,
    StoreFault,
    SumPoint,
    SumPoints,
    TimedRows,
    TimedValues,
    TimeSpan,
    WholePoint,
    named_groups,
    within,
)
from gateway.support.config.model import Influxdb

_CHUNK_ROWS: Final = 10_000
_WHOLE_ROWS: Final = 5000
"""Rows at once of points with all their fields."""
_LONGEST_MS: Final = 8 * DAY_MS
"""A fleet's health each minute, counted for so long, takes a small machine a minute or two."""
_LONGEST_3_MS: Final = DAY_MS
"""InfluxDB 3 Core refuses questions about more than three days or so."""
_FIGURES_OF: Final = 40
"""Fields whose figures are asked for at once."""
_BEGINNING, _END = "1970-01-01T00:00:00Z", "2262-04-11T00:00:00Z"
_BY_SERIES: Final = ", ".join(f'"{tag}"' for tag in StoredSeries._fields)
_WIDER: Final = ("boolean", "integer", "float", "string")
_KEPT_FOR_EVER: Final = "InfluxDB 3 Core cannot delete the points of one device: they stay until their retention ends"


class _Rows(msgspec.Struct):
    columns: list[str]
    name: str = ""
    values: list[list[StoredValue | None]] = []
    tags: dict[str, str] = {}

    def own_tags(self) -> dict[str, str]:
        """The tags that have a value."""
        return {tag: value for tag, value in self.tags.items() if value}


class _Result(msgspec.Struct):
    series: list[_Rows] = []
    error: str = ""


class _InfluxqlAnswer(msgspec.Struct):
    results: list[_Result] = []
    error: str = ""


_ANSWERS: Final = msgspec.json.Decoder(_InfluxqlAnswer)


class InfluxqlStore:
    """InfluxDB 1, 2 or 3.

    :ivar name: its kind, for people.
    :ivar is_overwritten: False for InfluxDB 3, where it is not certain.
    :ivar longest_ms: the longest window of whole points that it answers for.
    :ivar limit: a sentence on what a deletion leaves for a while, or on why there is none.
    """

    def __init__(self, http: DatabaseHttp, config: Influxdb, version: str) -> None:
        self._http = http
        self._config = config
        self._major = version.partition(".")[0]
        is_3 = self._major == "3"
        self.name = f"InfluxDB {version}"
        self.is_overwritten = self.can_delete = not is_3
        self.longest_ms = _LONGEST_3_MS if is_3 else _LONGEST_MS
        self.limit = _KEPT_FOR_EVER if is_3 else f"InfluxDB {'1' if self._major == '1' else '2'} {HIDDEN}"
        self._database, _, self._policy = config.bucket.partition("/")
        self._types: dict[str, dict[str, str]] = {}

    # Questions.

    async def nearest(self, counter: Counter, side: Side, at_ms: int, reach_ms: int, devices: Devices = None) -> SumPoints:
        """Yield for each series the point with a sum that is nearest to an instant."""
        picked = f"{side.value}({name(counter.sum_field)}), {name(counter.field)}"
        async for series, rows in self._select(picked, counter.measurement, within(side, at_ms, reach_ms), devices):
            for time_ms, total, register in rows:
                yield series, SumPoint(int(_number(time_ms)), _number(total), None if register is None else _number(register))

    async def rows(self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Devices) -> TimedRows:
        """Yield the points of each series in order of time."""
        parts: list[TimedValues] = []
        last: StoredSeries | None = None
        async for series, rows in self._select(", ".join(map(name, fields)), measurement, window, devices):
            if last is not None and series != last:
                yield last, parts
                parts = []
            last = series
            parts += map(_timed, rows)
        if last is not None:
            yield last, parts

    async def placed_rows(
        self, measurement: str, fields: Sequence[str], window: TimeSpan, device: str
    ) -> AsyncIterator[PlacedRows]:
        """Yield the points of a device with all their tags; in several pieces."""
        picked, span = ", ".join(map(name, fields)), f"{_within(window)} AND {_is_of([device])}"
        async for found in self._ask(f"SELECT {picked} FROM {name(measurement)} WHERE {span} GROUP BY *"):  # noqa: S608 - quoted
            yield PlacedRows(found.own_tags(), [_timed(row) for row in found.values])

    async def heard(self, measurement: str, side: Side, at_ms: int, reach_ms: int, devices: Devices) -> HeardTimes:
        """Yield for each series the device and the time of the nearest point."""
        picked = f'{side.value}("quality")'
        async for series, rows in self._select(picked, measurement, within(side, at_ms, reach_ms), devices):
            for row in rows:
                yield series.device, int(_number(row[0]))

    async def newest_reports(self, field: str, window: TimeSpan) -> AsyncIterator[tuple[str, int, float]]:
        """Yield for each gateway its newest point about itself that has a field."""
        statement = f'SELECT last({name(field)}) FROM "gateway" WHERE {_within(window)} GROUP BY "gateway"'  # noqa: S608 - quoted
        async for found in self._ask(statement):
            for time_ms, value in found.values:
                yield found.tags.get("gateway", ""), int(_number(time_ms)), _number(value)

    async def newest(self, measurement: str, fields: Sequence[str], window: TimeSpan) -> BySeries[PointValues]:
        """Yield for each series the newest value of each field."""
        picked = ", ".join(f"last({name(field)})" for field in fields)
        async for series, rows in self._select(picked, measurement, window, None):
            for _, *values in rows:
                yield series, tuple(map(_value, values))

    async def flagged(self, measurement: str, bit: int, window: TimeSpan, devices: Devices = None) -> BySeries[int]:
        """Yield for each series the number of its points with a bit of ``quality``."""
        condition = f' AND "quality" & {bit} = {bit}'
        async for series, rows in self._select('count("quality")', measurement, window, devices, condition):
            for _, count in rows:
                yield series, int(_number(count))

    async def spread(self, measurement: str, fields: Sequence[str], window: TimeSpan, devices: Devices = None) -> GaugeSpreads:
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
        sources, span = ", ".join(map(name, measurements)), f"{_within(window)} AND {_is_of([device])}"
        grouped = f"GROUP BY time({step_ms}ms), {_BY_SERIES} fill(none)"
        async for found in self._ask(f"SELECT last(*) FROM {sources} WHERE {span} {grouped}"):  # noqa: S608 - quoted
            for place, column in enumerate(found.columns[1:], start=1):
                points = [(int(_number(row[0])), float(_number(row[place]))) for row in found.values if row[place] is not None]
                yield SampledField(found.name, column.removeprefix("last_"), _series(found.tags), points)

    # Whole points, for a copy.

    async def measurements(self) -> Sequence[str]:
        """Return the names of what it holds."""
        return [str(row[0]) async for rows in self._ask("SHOW MEASUREMENTS", _WHOLE_ROWS) for row in rows.values]

    async def points(self, measurement: str, window: TimeSpan) -> AsyncIterator[Sequence[WholePoint]]:
        """Yield the points of a window, some at a time."""
        types = await self._types_of(measurement)
        if not types:
            return
        picked = ", ".join(map(name, types))
        statement = f"SELECT {picked} FROM {name(measurement)} WHERE {_within(window)} GROUP BY *"  # noqa: S608 - quoted
        async for rows in self._ask(statement, _WHOLE_ROWS):
            tags = rows.own_tags()
            yield [WholePoint(measurement, tags, int(_number(row[0])), dict(_typed(types, row[1:]))) for row in rows.values]

    async def figures(self, measurement: str, window: TimeSpan) -> DayFigures:
        """Return the figures of each day, counted by the database."""
        types = {field: kind for field, kind in (await self._types_of(measurement)).items() if kind != "string"}
        found: dict[int, dict[str, FieldFigures]] = {}
        fields = list(types)
        for at in range(0, len(fields), _FIGURES_OF):
            some = fields[at : at + _FIGURES_OF]
            picked = [f'count({name(field)}) AS "c{number}"' for number, field in enumerate(some)]
            picked += [f'sum({name(field)}) AS "s{number}"' for number, field in enumerate(some) if types[field] != "boolean"]
            source, grouped = f"{name(measurement)} WHERE {_within(window)}", "GROUP BY time(1d) fill(none)"
            async for rows in self._ask(f"SELECT {', '.join(picked)} FROM {source} {grouped}", _WHOLE_ROWS):  # noqa: S608 - quoted
                for values in rows.values:
                    row = dict(zip(rows.columns, map(_value, values), strict=True))
                    day = found.setdefault(int(row["time"] or 0), {})
                    for number, field in enumerate(some):
                        if count := row.get(f"c{number}"):
                            day[field] = FieldFigures(int(count), float(row.get(f"s{number}") or 0.0))
        return found

    async def settle(self) -> None:
        """Return at once: what InfluxDB has answered 204 to can be asked for."""

    async def _types_of(self, measurement: str) -> Mapping[str, str]:
        """The type of each field. One that has two, in different shards, is read as the wider one."""
        if measurement not in self._types:
            found: dict[str, str] = {}
            async for rows in self._ask(f"SHOW FIELD KEYS FROM {name(measurement)}", _WHOLE_ROWS):
                for field, kind in (map(str, row) for row in rows.values):
                    found[field] = max(found.get(field, kind), kind, key=_WIDER.index)
            self._types[measurement] = found
        return self._types[measurement]

    # All of one device.

    async def devices(self) -> set[str]:
        """Return every device that has a point."""
        found = self._ask_everywhere('SHOW TAG VALUES WITH KEY = "device"')
        return {str(row[-1]) async for rows in found for row in rows.values}

    async def all_shown(self, names: Collection[str], now_ms: int) -> None:
        """Return at once: InfluxDB shows what it has answered for."""

    async def counted(self, names: Collection[str], now_ms: int) -> Mapping[str, int]:  # noqa: ARG002 - as elsewhere
        """Count the points of a device by measurement, in all retention policies."""
        total = Count[str]()
        for policy in await self._policies():
            total.update(await self._counted(policy, names))
        return total

    async def points_of(self, names: Collection[str], now_ms: int) -> AsyncIterator[WholePoint]:  # noqa: ARG002 - as elsewhere
        """Yield all points of a device, by measurement."""
        for policy in await self._policies():
            for measurement in sorted(await self._counted(policy, names)):
                source = self._source(policy, name(measurement))
                async for rows in self._ask_everywhere(f"SELECT * FROM {source} WHERE {_is_of(sorted(names))} GROUP BY *"):  # noqa: S608 - quoted
                    tags = rows.own_tags()
                    for row in rows.values:
                        given = {key: one for key, one in zip(rows.columns, row, strict=True) if one is not None}
                        yield WholePoint(measurement, tags, int(_number(given.pop("time"))), given)

    async def delete(self, names: Collection[str]) -> None:
        """Delete all points of a device; :class:`StoreFault` if this database cannot."""
        if not self.can_delete:
            raise StoreFault(f"{self._http.url}: {self.limit}")
        if self._major == "1":
            form = {"db": self._database, "q": f"DROP SERIES WHERE {_is_of(sorted(names))}"}
            list(self._found(await self._http.whole("/query", form)))
            return
        for one in names:
            where = {"bucket": self._config.bucket, **({"org": self._config.org} if self._config.org else {})}
            document = {"start": _BEGINNING, "stop": _END, "predicate": f"device={json.dumps(one, ensure_ascii=False)}"}
            await self._http.order("/api/v2/delete", where, document)

    async def _counted(self, policy: str | None, names: Collection[str]) -> dict[str, int]:
        statement = f"SELECT count(*) FROM {self._source(policy, '/.*/')} WHERE {_is_of(sorted(names))}"  # noqa: S608 - quoted
        found: dict[str, int] = {}
        async for rows in self._ask_everywhere(statement):
            if numbers := [int(_number(number)) for row in rows.values for number in row[1:] if number]:
                found[rows.name] = max(numbers)
        return found

    async def _policies(self) -> list[str | None]:
        """The retention policies of a database of InfluxDB 1; elsewhere there is one."""
        if self._major != "1":
            return [None]
        return [str(row[0]) async for rows in self._ask_everywhere("SHOW RETENTION POLICIES") for row in rows.values]

    def _source(self, policy: str | None, measurement: str) -> str:
        return measurement if policy is None else f"{name(self._database)}.{name(policy)}.{measurement}"

    # Statements and answers.

    async def _select(
        self, picked: str, measurement: str, window: TimeSpan, devices: Devices, condition: str = ""
    ) -> BySeries[list[list[StoredValue | None]]]:
        """Yield the rows of a question, grouped by series; a large series comes in several pieces."""
        asked = frozenset(devices) if devices is not None else None
        for group in named_groups(devices):
            span = f"{_within(window)}{condition}{'' if group is None else f' AND {_is_of(group)}'}"
            statement = f"SELECT {picked} FROM {name(measurement)} WHERE {span} GROUP BY {_BY_SERIES}"  # noqa: S608 - quoted
            async for found in self._ask(statement):
                series = _series(found.tags)
                if asked is None or series.device in asked:
                    yield series, found.values

    def _ask_everywhere(self, statement: str) -> AsyncIterator[_Rows]:
        """Ask InfluxDB 1 about all retention policies."""
        return self._ask(statement, policy="" if self._major == "1" else self._policy)

    async def _ask(self, statement: str, chunk_rows: int = _CHUNK_ROWS, policy: str | None = None) -> AsyncIterator[_Rows]:
        form = {"db": self._database, "epoch": "ms", "chunked": "true", "chunk_size": str(chunk_rows), "q": statement}
        if asked := self._policy if policy is None else policy:
            form["rp"] = asked
        async for line in self._http.lines("/query", form):
            for rows in self._found(line):
                yield rows

    def _found(self, body: bytes) -> Iterator[_Rows]:
        """The rows of an answer; :class:`StoreFault` if it tells an error, or is none."""
        try:
            answer = _ANSWERS.decode(body)
        except msgspec.MsgspecError as error:
            raise StoreFault(f"{self._http.url} does not speak InfluxQL, it answers: {quoted(body)}") from error
        if said := answer.error or next((result.error for result in answer.results if result.error), ""):
            raise StoreFault(f"{self._http.url}, database {self._database}: {quoted(said)}")
        return (rows for result in answer.results for rows in result.series)


def _series(tags: Mapping[str, str]) -> StoredSeries:
    return StoredSeries(**{tag: tags.get(tag, "") for tag in StoredSeries._fields})


def _within(window: TimeSpan) -> str:
    return f"time >= {window.start_ms}ms AND time < {window.end_ms}ms"


def _is_of(devices: Sequence[str]) -> str:
    return "(" + " OR ".join(f'"device" = {text(device)}' for device in devices) + ")"


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


def _timed(row: Sequence[object]) -> TimedValues:
    return int(_number(row[0])), tuple(map(_value, row[1:]))


def _typed(types: Mapping[str, str], values: Sequence[StoredValue | None]) -> Iterator[tuple[str, StoredValue]]:
    """The fields that have a value, in their types: InfluxDB writes a whole float as an integer."""
    for (field, kind), value in zip(types.items(), values, strict=True):
        if value is not None:
            yield field, float(value) if kind == "float" else value
