"""The jobs of a copy: measurement by measurement, roll-ups into both places if there are two."""

from collections.abc import Sequence
from typing import NamedTuple

from gateway.admin.copying.copier import CopyJob, FilledPlace
from gateway.admin.copying.target import CopyTarget
from gateway.admin.databases.victoria_metrics import dedup_fault
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.metricsql import MetricsqlStore
from gateway.ingest.database.metricsql_http import process_url
from gateway.ingest.database.open_store import PointStore, open_store
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.support.config.model import Influxdb
from schemas.measurements import MEASUREMENTS, ROLLED


class CopyPlan(NamedTuple):
    """The jobs of a copy, measurements that are not the gateway's, and connections to close."""

    jobs: Sequence[CopyJob]
    left_out: Sequence[str]
    clients: Sequence[InfluxdbClient]
    source: PointStore
    target: PointStore


def where(config: Influxdb) -> str:
    """A database for people."""
    return f"{config.url} {config.bucket}"


def route(before: Influxdb, after: Influxdb) -> str:
    """From where to where, as it stands in the progress."""
    places = [place for one in (before, after) for place in (one, one.of_rollups()) if place is not None]
    return " > ".join(map(where, places))


async def plan(before: Influxdb, after: Influxdb) -> CopyPlan:
    """Plan a copy; StoreFault if a database does not answer, ConfigurationFault if a secret's file cannot be used."""
    source, old_second = await open_source(before), before.of_rollups()
    filled = [await _place(one) for one in (after, after.of_rollups()) if one is not None]
    both, clients = [place for place, _ in filled], [client for _, client in filled]
    held = await source.measurements()
    jobs = [CopyJob(name, name, source, both if name in ROLLED else both[:1]) for name in MEASUREMENTS if name in held]
    if old_second is not None:
        longer = await open_source(old_second)
        found = await longer.measurements()
        jobs += [CopyJob(f"{name} of the second place", name, longer, [both[-1]]) for name in ROLLED if name in found]
    return CopyPlan(jobs, sorted(set(held) - set(MEASUREMENTS)), clients, source, both[0].source)


async def open_source(config: Influxdb) -> PointStore:
    """Open a database for a copy; StoreFault if it does not answer, or counts a point that is written again twice."""
    async with open_store(config) as database:
        if isinstance(database, MetricsqlStore):
            process = DatabaseHttp(config.model_copy(update={"read_url": process_url(config.asked_url)}))
            if fault := dedup_fault((await process.whole("/flags", ())).decode(errors="replace")):
                raise StoreFault(f"{process.url} {fault}")
        return database


async def _place(config: Influxdb) -> tuple[FilledPlace, InfluxdbClient]:
    client = InfluxdbClient(config)
    return FilledPlace(CopyTarget(client, where(config)), await open_source(config)), client
