"""The database behind a section of settings, opened to be read by a copy."""

import re
from typing import Final

from gateway.config.model import Influxdb
from gateway.copying.influxql_source import InfluxqlSource
from gateway.copying.metricsql_source import MetricsqlSource
from gateway.copying.source import CopySource
from gateway.reports.database_http import DatabaseHttp
from gateway.reports.open_store import is_victoria_metrics
from gateway.reports.store import StoreFault

_DEDUP: Final = re.compile(r'dedup\.minScrapeInterval="([^"]*)"')
_WANTED: Final = "1ms"


async def open_source(config: Influxdb) -> CopySource:
    """Open a database.

    :raises StoreFault: nothing answers there, or it counts a point that is written again twice.
    :raises ConfigurationFault: a file with a secret or a certificate cannot be used.
    """
    http = DatabaseHttp(config)
    if await is_victoria_metrics(http):
        await _check_dedup(http)
        return MetricsqlSource(http)
    return InfluxqlSource(http, config.bucket, await http.version())


async def _check_dedup(http: DatabaseHttp) -> None:
    """:raises StoreFault: a sample that is written again would count twice, or readings near each other once."""
    found = _DEDUP.search((await http.whole("/flags", ())).decode(errors="replace"))
    is_set = found[1] if found else "0s"
    if is_set != _WANTED:
        raise StoreFault(
            f"{http.url} runs with -dedup.minScrapeInterval={is_set}: restart it with {_WANTED}, so that a point that is "
            "written again counts once, and readings near each other all count"
        )
