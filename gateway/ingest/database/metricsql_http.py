"""Questions to VictoriaMetrics over HTTP: answers that are whole, and the addresses of a cluster.

A cluster is written at one address (``/insert/TENANT/influx`` of vminsert) and asked at another (``/select/TENANT/prometheus``
of vmselect). While a vmstorage is away vmselect leaves out what stands there alone, and says so by ``isPartial``: a sum that
goes on from such an answer would be wrong for ever, so it is none.
"""

import re
from typing import Final, TypeVar

import msgspec

from gateway.ingest.database.database_http import DatabaseHttp, quoted
from gateway.ingest.database.store import StoreFault

_WHOLE: Final = {"nocache": "1", "deny_partial_response": "1"}
"""Without the first, points of the last seconds, and late ones, are left out; without the second, those of a vmstorage."""
_CLUSTER: Final = re.compile(r"(?P<server>https?://[^/]+)(?P<before>.*)/select/(?P<tenant>(?:[^/]+/)?)prometheus")


class MetricsqlAnswer(msgspec.Struct):
    """The head of an answer; what is in it is told by the classes that add it."""

    status: str = ""
    error: str = ""
    is_partial: bool = msgspec.field(name="isPartial", default=False)


class LabelValues(MetricsqlAnswer):
    """The values of a label."""

    data: list[str] = []


_A = TypeVar("_A", bound=MetricsqlAnswer)


async def ask_whole(http: DatabaseHttp, path: str, form: dict[str, str], answers: "msgspec.json.Decoder[_A]") -> _A:
    """Return the answer to a question, with all that the database holds.

    :raises StoreFault: there is none, or a part of the database is away.
    """
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
