"""All that a database holds of one device: counted, read and deleted, whatever wrote it.

Measured: InfluxDB 1.6.7 drops the series of a device in all retention policies with one statement, at once and for good; the
bytes stay in its files until it compacts them. VictoriaMetrics hides them at once; the bytes go when it merges its parts.
InfluxDB 2 deletes by its own API. InfluxDB 3 Core cannot delete rows.
"""

import asyncio
import json
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec

from gateway.ingest.database.database_http import DatabaseHttp, quoted
from gateway.ingest.database.influxql import name as identifier
from gateway.ingest.database.influxql import text as literal
from gateway.ingest.database.metricsql_http import LabelValues, MetricsqlAnswer, ask_whole, deleting_url
from gateway.ingest.database.open_store import is_victoria_metrics
from gateway.ingest.database.store import StoreFault
from gateway.monitoring.reports.area_completeness import MEASUREMENTS as COMPLETENESS
from gateway.support.config.model import Influxdb
from schemas.quantities import DOMAINS

T = TypeVar("T")

_MEASUREMENTS: Final = (
    *DOMAINS,
    "device_health",
    "alarm",
    "event",
    "late",
    "registry",
    "completeness",
    *COMPLETENESS.values(),
    "balance",
    "hourly",
    "daily",
    "monthly",
)
"""Measurements with a device, to find the one of a metric: the longest that fits."""
_DAY_MS: Final = 86_400_000
_WINDOW_MS: Final = 31 * _DAY_MS
_AHEAD_MS: Final = 32 * _DAY_MS
"""Device times are accepted so far ahead while the gateway's clock is doubted."""
SHOWN_AFTER_S: Final = 15.0
"""VictoriaMetrics shows a new series up to 11 s after it took it: it goes on answering from what it found for the same question
before (measured on 1.79 and 1.112)."""
_LOOK_S: Final = 1.0
_CHUNK_ROWS: Final = "10000"
_BEGINNING, _END = "1970-01-01T00:00:00Z", "2262-04-11T00:00:00Z"


class DevicePoint(NamedTuple):
    """A point, whatever is in it."""

    measurement: str
    tags: Mapping[str, str]
    time_ms: int
    fields: Mapping[str, float | int | str | bool]


class DevicePoints(Protocol):
    """The points of devices in a database. Each method raises :class:`StoreFault` if it does not answer or refuses.

    :ivar limit: a sentence on what a deletion leaves for a while, or on why there is none.
    :ivar can_delete: True: the database can delete the points of one device.
    """

    limit: str
    can_delete: bool

    async def devices(self) -> set[str]:
        """Return every device that has a point; one whose points were deleted may be named for a while (measured on both)."""
        ...

    async def settled(self, names: Collection[str], now_ms: int) -> None:
        """Return once all series of a device that the database took are shown."""
        ...

    async def counted(self, names: Collection[str], now_ms: int) -> Mapping[str, int]:
        """Count the points of a device by measurement: those of its most frequent field."""
        ...

    def points(self, names: Collection[str], now_ms: int) -> AsyncIterator[DevicePoint]:
        """Yield all points of a device, by measurement or by month."""
        ...

    async def delete(self, names: Collection[str]) -> None:
        """Delete all points of a device."""
        ...


@asynccontextmanager
async def open_device_points(config: Influxdb, *, to_delete: bool = False) -> AsyncIterator[DevicePoints]:
    """Open the database.

    :param to_delete: with the right to write in place of the one to read.
    :raises StoreFault: nothing answers there.
    :raises ConfigurationFault: a file with a secret or a certificate cannot be used.
    """
    http = DatabaseHttp(config.model_copy(update={"read_token_file": None}) if to_delete else config)
    if await is_victoria_metrics(http):
        deletes_at = config.model_copy(update={"read_url": deleting_url(config.asked_url), "read_token_file": None})
        yield MetricsqlPoints(http, DatabaseHttp(deletes_at))
        return
    version = await http.version()
    yield InfluxqlPoints(http, config, version.partition(".")[0])


def places_of_points(config: Influxdb) -> list[Influxdb]:
    """The databases to ask one after the other: that of readings, and that of roll-ups if it is another one.

    A second retention policy of InfluxDB 1 is of the same database, which is asked about all of its policies.
    """
    second = config.of_rollups()
    if second is None or (config.api == "v1" and _database_of(second) == _database_of(config)):
        return [config]
    return [config, second]


def _database_of(config: Influxdb) -> tuple[str, str]:
    return config.url, config.bucket.partition("/")[0]


class InfluxqlPoints:
    """InfluxDB 1, 2 or 3."""

    def __init__(self, http: DatabaseHttp, config: Influxdb, major: str) -> None:
        self._http = http
        self._config = config
        self._major = major
        self._database, _, self._policy = config.bucket.partition("/")
        self.limit = _LIMITS.get(major, _LIMITS["2"])
        self.can_delete = major != "3"

    async def devices(self) -> set[str]:
        """Return every device that has a point."""
        found = self._ask('SHOW TAG VALUES WITH KEY = "device"')
        return {str(row[-1]) async for rows in found for row in rows["values"]}

    async def settled(self, names: Collection[str], now_ms: int) -> None:
        """Return at once: InfluxDB shows what it has answered for."""

    async def counted(self, names: Collection[str], now_ms: int) -> Mapping[str, int]:  # noqa: ARG002 - as the protocol says
        """Count the points of a device by measurement, in all retention policies."""
        total = Counter[str]()
        for policy in await self._policies():
            for measurement, number in (await self._counted(policy, names)).items():
                total[measurement] += number
        return total

    async def points(self, names: Collection[str], now_ms: int) -> AsyncIterator[DevicePoint]:  # noqa: ARG002 - as the protocol says
        """Yield all points of a device, by measurement."""
        for policy in await self._policies():
            for measurement in sorted(await self._counted(policy, names)):
                source = self._source(policy, identifier(measurement))
                async for rows in self._ask(f"SELECT * FROM {source} WHERE {_is_of(names)} GROUP BY *"):  # noqa: S608 - quoted
                    tags = {tag: value for tag, value in rows["tags"].items() if value}
                    for row in rows["values"]:
                        given = dict(zip(rows["columns"], row, strict=True))
                        time_ms = int(given.pop("time"))
                        yield DevicePoint(
                            measurement, tags, time_ms, {key: one for key, one in given.items() if one is not None}
                        )

    async def delete(self, names: Collection[str]) -> None:
        """Delete all points of a device.

        :raises StoreFault: this database cannot.
        """
        if not self.can_delete:
            raise StoreFault(f"{self._http.url}: {self.limit}")
        if self._major == "1":
            form = {"db": self._database, "q": f"DROP SERIES WHERE {_is_of(names)}"}
            _refuse_errors(self._http.url, await self._http.whole("/query", form))
            return
        for one in names:
            where = {"bucket": self._config.bucket, **({"org": self._config.org} if self._config.org else {})}
            document = {"start": _BEGINNING, "stop": _END, "predicate": f"device={json.dumps(one, ensure_ascii=False)}"}
            await self._http.order("/api/v2/delete", where, document)

    async def _counted(self, policy: str | None, names: Collection[str]) -> dict[str, int]:
        statement = f"SELECT count(*) FROM {self._source(policy, '/.*/')} WHERE {_is_of(names)}"  # noqa: S608 - quoted
        found: dict[str, int] = {}
        async for rows in self._ask(statement):
            numbers = [int(number) for row in rows["values"] for number in row[1:] if number]
            if numbers:
                found[rows["name"]] = max(numbers)
        return found

    async def _policies(self) -> list[str | None]:
        """The retention policies of a database of InfluxDB 1; elsewhere there is one."""
        if self._major != "1":
            return [None]
        return [str(row[0]) async for rows in self._ask("SHOW RETENTION POLICIES") for row in rows["values"]]

    def _source(self, policy: str | None, measurement: str) -> str:
        return measurement if policy is None else f"{identifier(self._database)}.{identifier(policy)}.{measurement}"

    async def _ask(self, statement: str) -> AsyncIterator[dict[str, Any]]:
        form = {"db": self._database, "epoch": "ms", "chunked": "true", "chunk_size": _CHUNK_ROWS, "q": statement}
        form |= {"rp": self._policy} if self._policy and self._major != "1" else {}
        async for line in self._http.lines("/query", form):
            for result in _refuse_errors(self._http.url, line).get("results", []):
                for rows in result.get("series", []):
                    yield {"name": "", "tags": {}, "values": [], **rows}


class MetricsqlPoints:
    """VictoriaMetrics. A point is put together from its metrics."""

    def __init__(self, http: DatabaseHttp, deleting: DatabaseHttp) -> None:
        self._http = http
        self._deleting = deleting
        self.limit = _LIMITS["VictoriaMetrics"]
        self.can_delete = True

    async def devices(self) -> set[str]:
        """Return every device that has a point."""
        return await _once_settled(self._shown_devices)

    async def settled(self, names: Collection[str], now_ms: int) -> None:
        """Ask again until no new series has shown itself for a while."""
        await _once_settled(lambda: self._instant("count(count_over_time({}))", names, now_ms))

    async def counted(self, names: Collection[str], now_ms: int) -> Mapping[str, int]:
        """Count the points of a device by measurement."""
        found: dict[str, int] = {}
        query = "sum by (__name__) (count_over_time({}) keep_metric_names)"
        for metric, value in await self._instant(query, names, now_ms):
            measurement, _ = _parts(metric)
            found[measurement] = max(found.get(measurement, 0), round(value))
        return found

    async def points(self, names: Collection[str], now_ms: int) -> AsyncIterator[DevicePoint]:
        """Yield all points of a device, a month at a time."""
        firsts = [value for _, value in await self._instant("min(tfirst_over_time({}))", names, now_ms)]
        start_ms = round(firsts[0] * 1000) if firsts else now_ms
        while firsts and start_ms < now_ms + _AHEAD_MS:
            for point in await self._month(names, start_ms):
                yield point
            start_ms += _WINDOW_MS

    async def delete(self, names: Collection[str]) -> None:
        """Delete all points of a device, whichever database of this server they are in."""
        await self._deleting.order("/api/v1/admin/tsdb/delete_series", {"match[]": _chosen(names)})

    async def _month(self, names: Collection[str], start_ms: int) -> Iterator[DevicePoint]:
        found: dict[tuple[str, tuple[tuple[str, str], ...], int], dict[str, float | int | str | bool]] = defaultdict(dict)
        form = {"match[]": _chosen(names), "max_rows_per_line": _CHUNK_ROWS}
        form |= {"start": f"{start_ms / 1000:.3f}", "end": f"{(start_ms + _WINDOW_MS - 1) / 1000:.3f}"}
        async for line in self._http.lines("/api/v1/export", form):
            exported = msgspec.json.decode(line)
            labels = dict(exported["metric"])
            measurement, field = _parts(labels.pop("__name__"))
            tags = tuple(sorted((tag, value) for tag, value in labels.items() if tag != "db"))
            for time_ms, value in zip(exported["timestamps"], exported["values"], strict=True):
                if value is not None:
                    found[measurement, tags, time_ms][field] = value
        return (
            DevicePoint(key[0], dict(key[1]), key[2], fields) for key, fields in sorted(found.items(), key=lambda pair: pair[0])
        )

    async def _shown_devices(self) -> set[str]:
        decoder = msgspec.json.Decoder(LabelValues)
        return set((await ask_whole(self._http, "/api/v1/label/device/values", {"start": "1"}, decoder)).data)

    async def _instant(self, query: str, names: Collection[str], now_ms: int) -> list[tuple[str, float]]:
        """The answer to a question about all that the database has of a device."""
        at_ms = now_ms + _AHEAD_MS
        since_1970 = f"{(at_ms - _DAY_MS) // 1000}s"  # of a range that begins earlier VictoriaMetrics 1.79 knows nothing
        form = {"query": query.format(f"{_chosen(names)}[{since_1970}]"), "time": f"{at_ms / 1000:.3f}"}
        answer = await ask_whole(self._http, "/api/v1/query", form, msgspec.json.Decoder(_PointCounts))
        return [(one.metric.get("__name__", ""), float(one.value[1])) for one in answer.data.result]


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


class _PointCount(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _PointCountData(msgspec.Struct):
    result: list[_PointCount] = []


class _PointCounts(MetricsqlAnswer):
    data: _PointCountData = msgspec.field(default_factory=_PointCountData)


_HIDDEN: Final = "answers without them from now on; their bytes stay until it rewrites its files, and in its own backups"
_LIMITS: Final = {
    "1": f"InfluxDB 1 {_HIDDEN}",
    "2": f"InfluxDB 2 {_HIDDEN}",
    "3": "InfluxDB 3 Core cannot delete the points of one device: they stay until their retention ends",
    "VictoriaMetrics": f"VictoriaMetrics {_HIDDEN}",
}


def _is_of(names: Collection[str]) -> str:
    return "(" + " OR ".join(f'"device" = {literal(one)}' for one in sorted(names)) + ")"


def _chosen(names: Collection[str]) -> str:
    return f"{{device=~{json.dumps('|'.join(map(re.escape, sorted(names))), ensure_ascii=False)}}}"


def _parts(metric: str) -> tuple[str, str]:
    """The measurement and the field of a metric."""
    fitting = [one for one in _MEASUREMENTS if metric.startswith(f"{one}_")]
    measurement = max(fitting, key=len) if fitting else metric.partition("_")[0]
    return measurement, metric.removeprefix(f"{measurement}_")


def _refuse_errors(url: str, body: bytes) -> dict[str, Any]:
    """The answer to a statement.

    :raises StoreFault: it tells an error, or is none.
    """
    try:
        answer: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise StoreFault(f"{url} does not speak InfluxQL, it answers: {quoted(body)}") from error
    said = [one["error"] for one in (answer, *answer.get("results", [])) if one.get("error")]
    if said:
        raise StoreFault(f"{url}: {quoted(str(said[0]))}")
    return answer
