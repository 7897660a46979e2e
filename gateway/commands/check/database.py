"""The part of ``gateway check`` about the database: its addresses and, with ``--connect``, that it can be written and asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.commands.check.findings import say
from gateway.core.batching.write_result import Fate, fate_of
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.open_store import is_victoria_metrics
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.support.config.model import Config, Influxdb

_EMPTY_GZIP: Final = bytes.fromhex("1f8b08000000000000ff03000000000000000000")
_NO_QUESTIONS: Final = (
    "influxdb.read_url: neither VictoriaMetrics nor InfluxDB answers questions there; that of a cluster is "
    "http://VMSELECT:8481/select/0/prometheus"
)
_ONLY_WRITTEN: Final = (
    "influxdb.url: a cluster of VictoriaMetrics is written there and asked elsewhere, and without influxdb.read_url, as "
    "http://VMSELECT:8481/select/0/prometheus, sums are not taken over and there are no reports"
)


def database_warnings(config: Config, file: Path) -> Iterator[str]:
    """Yield what may be a mistake in the addresses."""
    if "/insert/" in config.influxdb.asked_url:
        yield f"{file}: {_ONLY_WRITTEN}"


async def try_writing(place: Influxdb) -> str:
    """Send an empty write: it checks address, rights and bucket without leaving a point."""
    async with InfluxdbClient(place) as influxdb:
        answer = await influxdb.write(_EMPTY_GZIP)
    where = f"{place.url} bucket {place.bucket}"
    if fate_of(answer) is Fate.WRITTEN:
        say(f"{where}: accepts writes")
        return ""
    return f"{where}: {answer.describe()}"


async def try_asking(place: Influxdb) -> str:
    """See that a database answers at the address for questions."""
    http = DatabaseHttp(place)
    try:
        name = "VictoriaMetrics" if await is_victoria_metrics(http) else await http.version()
    except StoreFault as fault:
        return str(fault)
    if not name:
        return f"{http.url}: {_NO_QUESTIONS}"
    say(f"{http.url}: answers questions")
    return ""
