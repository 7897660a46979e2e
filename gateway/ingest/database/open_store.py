"""The store behind ``influxdb.url``: two probes tell which database it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from gateway.core.batching.pacing import LinkBudget
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.influxql import InfluxqlStore
from gateway.ingest.database.metricsql import MetricsqlStore
from gateway.ingest.database.store import Store
from gateway.support.config.model import Influxdb


@asynccontextmanager
async def open_store(config: Influxdb, link: LinkBudget | None = None) -> AsyncIterator[Store]:
    """Open the database for questions.

    VictoriaMetrics answers ``/ping`` as InfluxDB does, so the first probe is a path that only VictoriaMetrics knows. InfluxDB 2
    answers every path with a page, so the content counts, not the status.

    :param link: the budget of the link to it; None: nothing is counted.
    :raises StoreFault: nothing answers there.
    :raises ConfigurationFault: a file with a secret or a certificate cannot be used.
    """
    http = DatabaseHttp(config, link)
    if await is_victoria_metrics(http):
        yield MetricsqlStore(http)
        return
    version = await http.version()
    yield InfluxqlStore(http, config.bucket, is_overwritten=not version.startswith("3"))


async def is_victoria_metrics(http: DatabaseHttp) -> bool:
    """Tell if the database speaks MetricsQL.

    :raises StoreFault: nothing answers there.
    """
    return _is_of_metricsql(await http.knows("/api/v1/query", {"query": "1"}))


class _StoreStatus(msgspec.Struct):
    status: str


def _is_of_metricsql(answer: bytes | None) -> bool:
    try:
        return answer is not None and msgspec.json.decode(answer, type=_StoreStatus).status == "success"
    except msgspec.MsgspecError:
        return False
