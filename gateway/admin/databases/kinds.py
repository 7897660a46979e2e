"""The kind of a database, told by two probes."""

from enum import Enum

from gateway.admin.databases.steps import SetupFault
from gateway.support.plain_http import PlainHttp


class DatabaseKind(Enum):
    """A kind of database."""

    INFLUXDB_1 = "1"
    INFLUXDB_2 = "2"
    INFLUXDB_3 = "3"
    VICTORIA_METRICS = "VictoriaMetrics"


def kind_of(http: PlainHttp) -> tuple[DatabaseKind, str]:
    """The kind of a database, and its version; VictoriaMetrics does not tell its own.

    VictoriaMetrics answers ``/ping`` as InfluxDB does, so the first probe is a path that only VictoriaMetrics knows.

    :raises NoAnswer: nothing answers.
    :raises SetupFault: something else does.
    """
    found = http.form("/api/v1/query", {"query": "1"}).document()
    if isinstance(found, dict) and found.get("status") == "success":
        return DatabaseKind.VICTORIA_METRICS, ""
    answer = http.send("GET", "/ping")
    version = answer.headers.get("x-influxdb-version", "").removeprefix("v")
    if not version:  # InfluxDB 3 tells it in the body too
        document = answer.document()
        version = str(document.get("version", "")) if isinstance(document, dict) else ""
    try:
        return DatabaseKind(version.partition(".")[0]), version
    except ValueError as error:
        what = f"InfluxDB {version}, which is not known" if version else f"not an InfluxDB ({answer.describe()})"
        raise SetupFault(f"{http.url} is {what}") from error
