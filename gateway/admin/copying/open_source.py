"""The database behind a section of settings, opened to be read by a copy."""

from gateway.admin.copying.influxql_source import InfluxqlSource
from gateway.admin.copying.metricsql_source import MetricsqlSource
from gateway.admin.copying.source import CopySource
from gateway.admin.databases.victoria_metrics import dedup_fault
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.metricsql_http import process_url
from gateway.ingest.database.open_store import is_victoria_metrics
from gateway.ingest.database.store import StoreFault
from gateway.support.config.model import Influxdb


async def open_source(config: Influxdb) -> CopySource:
    """Open a database.

    :raises StoreFault: nothing answers there, or it counts a point that is written again twice.
    :raises ConfigurationFault: a file with a secret or a certificate cannot be used.
    """
    http = DatabaseHttp(config)
    if await is_victoria_metrics(http):
        process = DatabaseHttp(config.model_copy(update={"read_url": process_url(config.asked_url)}))
        if fault := dedup_fault((await process.whole("/flags", ())).decode(errors="replace")):
            raise StoreFault(f"{process.url} {fault}")
        return MetricsqlSource(http)
    return InfluxqlSource(http, config.bucket, await http.version())
