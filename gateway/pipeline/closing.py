"""Closing: the job that works out periods when they have ended."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gateway.jobs.periods.feeds import AlarmFeeds
from gateway.jobs.periods.job import PeriodJob
from gateway.jobs.periods.writer import RollupWriter
from gateway.pipeline.delivering import Delivery
from gateway.pipeline.foundation import Foundation, Lanes
from gateway.pipeline.processing import Processing
from gateway.pipeline.watching import Watching


@dataclass(frozen=True, slots=True)
class Closing:
    """The job."""

    job: PeriodJob
    lanes: Lanes


def build_closing(foundation: Foundation, processing: Processing, delivery: Delivery, watching: Watching) -> Closing:
    """Build it."""
    destination = delivery.destination
    database, zone = foundation.database, ZoneInfo(foundation.config.time.zone)
    writer = RollupWriter(destination.influxdb, destination.breaker, delivery.queue)
    feeds = AlarmFeeds(processing.alarms, watching.status.devices, database, zone)
    job = PeriodJob(watching.status, database, destination.breaker, writer, feeds)
    return Closing(job, {"periods": job.run, "late readings": job.remember, "usual hours": feeds.restore})
