"""Questions to VictoriaMetrics over HTTP: answers that are whole, and the addresses of a cluster.

A cluster is written at one address (``/insert/TENANT/influx`` of vminsert) and asked at another (``/select/TENANT/prometheus``
of vmselect). While a vmstorage is away vmselect leaves out what stands there alone, and says so by ``isPartial``: a sum that
goes on from such an answer would be wrong for ever, so it is none. Questions without an answer raise :class:`StoreFault`.
"""

import re
from collections.abc import AsyncIterator
from typing import Final, TypeVar

import msgspec

from gateway.ingest.database.database_http import DatabaseHttp, quoted
from gateway.ingest.database.store import StoredSeries, StoreFault

_WHOLE: Final = {"nocache": "1", "deny_partial_response": "1"}
"""Without the first, points of the last seconds, and late ones, are left out; without the second, those of a vmstorage."""
NAME: Final = "__name__"
_OWN_LABELS: Final = frozenset({NAME, "db"})
_LINE_ROWS: Final = "10000"
_CLUSTER: Final = re.compile(r"(?P<server>https?://[^/]+)(?P<before>.*)/select/(?P<tenant>(?:[^/]+/)?)prometheus")


class MetricLabels(msgspec.Struct, frozen=True):
    """The name of a metric where it is told, and its tags. A device that moved has two metrics, of one series."""

    device: str = ""
    channel: str = ""
    direction: str = ""
    lane: str = ""
    vehicle_class: str = ""
    site: str = ""
    area: str = ""
    gateway: str = ""
    db: str = ""
    name: str = msgspec.field(name=NAME, default="")

    @property
    def series(self) -> StoredSeries:
        """The series that it belongs to."""
        return StoredSeries(self.device, self.channel, self.direction, self.lane, self.vehicle_class)

    @property
    def unnamed(self) -> "MetricLabels":
        """The tags alone: some functions keep the name, others do not."""
        return msgspec.structs.replace(self, name="")


class MetricsqlSample(msgspec.Struct):
    """A metric with its value at an instant, or its values at several: times in seconds, and numbers as text."""

    metric: MetricLabels
    value: tuple[float, str] = (0.0, "nan")
    values: list[tuple[float, str]] = []

    @property
    def number(self) -> float:
        """The value at the instant."""
        return float(self.value[1])


class _MetricsqlData(msgspec.Struct):
    result: list[MetricsqlSample] = []


class ExportedMetric(msgspec.Struct):
    """Samples of a metric with all its labels."""

    labels: dict[str, str] = msgspec.field(name="metric")
    values: list[float | None]
    timestamps: list[int]

    def tags(self) -> tuple[tuple[str, str], ...]:
        """The tags of the points that the metric is a field of."""
        return tuple(sorted((tag, text) for tag, text in self.labels.items() if tag not in _OWN_LABELS))


class _MetricsqlAnswer(msgspec.Struct):
    status: str = ""
    error: str = ""
    is_partial: bool = msgspec.field(name="isPartial", default=False)


class _MetricsqlSamples(_MetricsqlAnswer):
    data: _MetricsqlData = msgspec.field(default_factory=_MetricsqlData)


class _LabelValues(_MetricsqlAnswer):
    data: list[str] = []


_SAMPLES: Final = msgspec.json.Decoder(_MetricsqlSamples)
_TEXTS: Final = msgspec.json.Decoder(_LabelValues)
_LINES: Final = msgspec.json.Decoder(ExportedMetric)
_A = TypeVar("_A", bound=_MetricsqlAnswer)


async def ask_samples(http: DatabaseHttp, path: str, form: dict[str, str]) -> list[MetricsqlSample]:
    """Return the answer to a question, with all that the database holds."""
    return (await _ask(http, path, form, _SAMPLES)).data.result


async def ask_label(http: DatabaseHttp, label: str, since: str) -> list[str]:
    """Return all values of a label."""
    return (await _ask(http, f"/api/v1/label/{label}/values", {"start": since}, _TEXTS)).data


async def exported(http: DatabaseHttp, form: dict[str, str]) -> AsyncIterator[ExportedMetric]:
    """Yield the samples of metrics, those of a metric in several pieces if they are many."""
    async for line in http.lines("/api/v1/export", form | {"max_rows_per_line": _LINE_ROWS}):
        try:
            yield _LINES.decode(line)
        except msgspec.MsgspecError as error:
            raise StoreFault(f"{http.url} does not answer as VictoriaMetrics does: {quoted(line)}") from error


async def _ask(http: DatabaseHttp, path: str, form: dict[str, str], answers: "msgspec.json.Decoder[_A]") -> _A:
    body = await http.whole(path, form | _WHOLE)
    try:
        answer = answers.decode(body)
    except msgspec.MsgspecError as error:
        raise StoreFault(f"{http.url} does not answer as VictoriaMetrics does: {quoted(body)}") from error
    if answer.status != "success":
        raise StoreFault(f"{http.url}: {quoted(answer.error)}")
    if answer.is_partial:
        raise StoreFault(f"{http.url} answers in part only: a vmstorage of the cluster is away")
    return answer


def is_cluster(url: str) -> bool:
    """Tell if an address for questions is that of a cluster."""
    return _CLUSTER.fullmatch(url.rstrip("/")) is not None


def deleting_url(url: str) -> str:
    """The address at which series are deleted: another one than that for questions, if it is a cluster."""
    found = _CLUSTER.fullmatch(url.rstrip("/"))
    return url if found is None else f"{found['server']}{found['before']}/delete/{found['tenant']}prometheus"


def process_url(url: str) -> str:
    """The address at which the process that answers questions tells of itself."""
    found = _CLUSTER.fullmatch(url.rstrip("/"))
    return url if found is None else f"{found['server']}{found['before']}"
