"""The store behind ``influxdb.url``: two probes tell which database it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from gateway.core.batching.pacing import LinkBudget
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.support.config.model import Influxdb

if TYPE_CHECKING:
    from gateway.ingest.database.influxql import InfluxqlStore
    from gateway.ingest.database.metricsql import MetricsqlStore

PointStore: TypeAlias = "InfluxqlStore | MetricsqlStore"
"""A database that is asked, copied, and rid of one device."""


@asynccontextmanager
async def open_store(config: Influxdb, link: LinkBudget | None = None, *, to_delete: bool = False) -> AsyncIterator[PointStore]:
    """Open the database for questions.

    VictoriaMetrics answers ``/ping`` as InfluxDB does, so the first probe is a path that only VictoriaMetrics knows. InfluxDB 2
    answers every path with a page, so the content counts, not the status.

    With ``to_delete`` it is opened with the right to write in place of the one to read. :class:`StoreFault`: nothing answers
    there; :class:`ConfigurationFault`: a file with a secret or a certificate cannot be used.
    """
    http = DatabaseHttp(config.model_copy(update={"read_token_file": None}) if to_delete else config, link)
    if await is_victoria_metrics(http):
        from gateway.ingest.database.metricsql import MetricsqlStore  # noqa: PLC0415 - a gateway loads the dialect that it speaks

        yield MetricsqlStore(http, config)
    else:
        from gateway.ingest.database.influxql import InfluxqlStore  # noqa: PLC0415

        yield InfluxqlStore(http, config, await http.version())


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


class _StoreStatus(msgspec.Struct):
    status: str


async def is_victoria_metrics(http: DatabaseHttp) -> bool:
    """Tell if the database speaks MetricsQL; :class:`StoreFault` if nothing answers there."""
    answer = await http.knows("/api/v1/query", {"query": "1"})
    try:
        return answer is not None and msgspec.json.decode(answer, type=_StoreStatus).status == "success"
    except msgspec.MsgspecError:
        return False
