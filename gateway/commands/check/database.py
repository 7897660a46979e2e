"""The part of ``gateway check`` about the database: its addresses, the budget of its link and, if asked, writing there."""

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Final

from gateway.admin.capacity.figures import read_figures
from gateway.admin.capacity.plan import LinkPlan, link_plan
from gateway.commands.printing import say
from gateway.core.batching.write_result import Fate, fate_of
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.open_store import is_victoria_metrics
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.support.config.model import Config, Influxdb
from gateway.support.i18n.formats import Formats
from schemas.registry import Registry

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


_DAY_S: Final = 86_400.0
_SLOW: Final = 1.0
"""Catching up takes as long as the outage did."""


def planned_link(config: Config, registry: Registry) -> tuple[LinkPlan, int] | None:
    """The budget as it will be divided, and the number of devices with an interval; None if either is missing."""
    intervals = [device.interval for device in registry.devices if device.interval is not None]
    limit = config.influxdb.max_bytes_per_s
    if limit is None or not intervals:
        return None
    rate = sum(1 / interval.total_seconds() for interval in intervals)
    return link_plan(rate, limit, read_figures()), len(intervals)


def link_line(link: LinkPlan, devices: int) -> str:
    """The budget in a sentence."""
    day = Formats("en", UTC).span(max(1.0, link.catch_up * _DAY_S))
    return (
        f"link: {link.max_bytes_per_s:,.0f} B/s, of which live readings of the {devices:,} devices with an interval take about "
        f"{link.live:,.0f} B/s; after a day without InfluxDB the journal is empty again in about {day}"
    )


def link_warnings(link: LinkPlan) -> Iterator[str]:
    """Say why the budget is too small."""
    if link.is_exceeded:
        yield (
            f"influxdb.max_bytes_per_s: {link.max_bytes_per_s:,.0f} B/s is less than live readings need, about "
            f"{link.live:,.0f} B/s; they are sent all the same, and what waited in the journal gets a tenth of the budget"
        )
    elif link.catch_up > _SLOW:
        yield (
            f"influxdb.max_bytes_per_s: {link.max_bytes_per_s:,.0f} B/s leaves what waited in the journal so little that "
            "catching up takes longer than the outage did"
        )
