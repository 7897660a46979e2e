"""Points of InfluxDB 1, 2 or 3, read in InfluxQL."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.admin.copying.source import DAY_MS, CopiedPoint, DayFigures, FieldFigures, StoredValue
from gateway.ingest.database.database_http import DatabaseHttp, quoted
from gateway.ingest.database.influxql import name
from gateway.ingest.database.store import StoreFault, TimeSpan

_CHUNK_ROWS: Final = "5000"
_LONGEST_MS: Final = 8 * DAY_MS
"""A fleet's health each minute, counted for so long, takes a small machine a minute or two."""
_LONGEST_3_MS: Final = DAY_MS
"""InfluxDB 3 Core refuses questions about more than three days or so."""
_FIGURES_OF: Final = 40
"""Fields whose figures are asked for at once."""


class _CopiedRows(msgspec.Struct):
    columns: list[str]
    values: list[list[Any]] = []
    tags: dict[str, str] = {}


class _CopiedResult(msgspec.Struct):
    series: list[_CopiedRows] = []
    error: str = ""


class _CopiedAnswer(msgspec.Struct):
    results: list[_CopiedResult] = []
    error: str = ""


class InfluxqlSource:
    """InfluxDB 1, 2 or 3."""

    def __init__(self, http: DatabaseHttp, bucket: str, version: str) -> None:
        is_3 = version.startswith("3")
        self.name = f"InfluxDB {version}"
        self.longest_ms = _LONGEST_3_MS if is_3 else _LONGEST_MS
        self.is_overwritten = not is_3
        self._http = http
        database, _, policy = bucket.partition("/")
        self._form = {"db": database, "epoch": "ms", "chunked": "true", "chunk_size": _CHUNK_ROWS}
        self._form |= {"rp": policy} if policy else {}
        self._decoder = msgspec.json.Decoder(_CopiedAnswer)
        self._types: dict[str, dict[str, str]] = {}

    async def measurements(self) -> Sequence[str]:
        """Return the names of what it holds."""
        return [row[0] async for rows in self._ask("SHOW MEASUREMENTS") for row in rows.values]

    async def points(self, measurement: str, window: TimeSpan) -> AsyncIterator[Sequence[CopiedPoint]]:
        """Yield the points of a window, some at a time."""
        types = await self._types_of(measurement)
        if not types:
            return
        picked = ", ".join(map(name, types))
        readers = [_READERS[kind] for kind in types.values()]
        statement = f"SELECT {picked} FROM {name(measurement)} WHERE {_within(window)} GROUP BY *"  # noqa: S608 - quoted
        async for rows in self._ask(statement):
            tags = {tag: text for tag, text in rows.tags.items() if text}
            yield [
                CopiedPoint(
                    tags,
                    row[0],
                    {
                        field: read(value)
                        for field, read, value in zip(types, readers, row[1:], strict=True)
                        if value is not None
                    },
                )
                for row in rows.values
            ]

    async def figures(self, measurement: str, window: TimeSpan) -> DayFigures:
        """Return the figures of each day, counted by the database."""
        types = {field: kind for field, kind in (await self._types_of(measurement)).items() if kind != "string"}
        found: dict[int, dict[str, FieldFigures]] = {}
        fields = list(types)
        for at in range(0, len(fields), _FIGURES_OF):
            some = fields[at : at + _FIGURES_OF]
            picked = [f'count({name(field)}) AS "c{number}"' for number, field in enumerate(some)]
            picked += [f'sum({name(field)}) AS "s{number}"' for number, field in enumerate(some) if types[field] != "boolean"]
            statement = (
                f"SELECT {', '.join(picked)} FROM {name(measurement)} WHERE {_within(window)} GROUP BY time(1d) fill(none)"  # noqa: S608 - quoted
            )
            async for rows in self._ask(statement):
                for row in rows.values:
                    _note(found, some, dict(zip(rows.columns, row, strict=True)))
        return found

    async def settle(self) -> None:
        """Return at once: what InfluxDB has answered 204 to can be asked for."""

    async def _types_of(self, measurement: str) -> Mapping[str, str]:
        """The type of each field. One that has two, in different shards, is read as the wider one."""
        if measurement not in self._types:
            found: dict[str, str] = {}
            async for rows in self._ask(f"SHOW FIELD KEYS FROM {name(measurement)}"):
                for field, kind in rows.values:
                    known = found.get(field)
                    found[field] = kind if known is None else max(known, kind, key=_WIDER.index)
            self._types[measurement] = found
        return self._types[measurement]

    async def _ask(self, statement: str) -> AsyncIterator[_CopiedRows]:
        async for line in self._http.lines("/query", {**self._form, "q": statement}):
            try:
                answer = self._decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise StoreFault(f"{self._http.url} does not speak InfluxQL, it answers: {quoted(line)}") from error
            if said := answer.error or next((result.error for result in answer.results if result.error), ""):
                raise StoreFault(f"{self._http.url}, database {self._form['db']}: {quoted(said)}")
            for result in answer.results:
                for rows in result.series:
                    yield rows


_WIDER: Final = ("boolean", "integer", "float", "string")


def _read_float(value: Any) -> StoredValue:  # noqa: ANN401 - as InfluxDB tells it
    return float(value)


def _read_as_told(value: Any) -> StoredValue:  # noqa: ANN401
    return value  # type: ignore[no-any-return]


_READERS: Final = {"float": _read_float, "integer": _read_as_told, "boolean": _read_as_told, "string": _read_as_told}


def _note(found: dict[int, dict[str, FieldFigures]], fields: Sequence[str], row: Mapping[str, Any]) -> None:
    day = found.setdefault(row["time"], {})
    for number, field in enumerate(fields):
        if count := row.get(f"c{number}"):
            day[field] = FieldFigures(int(count), float(row.get(f"s{number}") or 0.0))


def _within(window: TimeSpan) -> str:
    return f"time >= {window.start_ms}ms AND time < {window.end_ms}ms"
