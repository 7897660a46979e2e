"""Closing: the job that works out periods when they have ended."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gateway.jobs.late_report import LateReport
from gateway.jobs.periods.feeds import AlarmFeeds
from gateway.jobs.periods.job import PeriodJob
from gateway.jobs.periods.writer import RollupWriter
from gateway.jobs.registry_points import EventPoints, RegistryReport
from gateway.pipeline.delivering import Delivery
from gateway.pipeline.foundation import Foundation, Lane, Lanes
from gateway.pipeline.processing import Processing
from gateway.pipeline.watching import Watching


@dataclass(frozen=True, slots=True)
class Closing:
    """The job, and the points about the registry and what happens to the gateway.

    :ivar late_report: the report of late readings to another gateway; None: this one closes hours itself.
    """

    job: PeriodJob
    late_report: LateReport | None
    registry_report: RegistryReport
    lanes: Lanes


def build_closing(foundation: Foundation, processing: Processing, delivery: Delivery, watching: Watching) -> Closing:
    """Build it."""
    destination = delivery.destination
    database, zone = foundation.database, ZoneInfo(foundation.config.time.zone)
    writer = RollupWriter(destination.influxdb, destination.breaker, delivery.queue, destination.second_place)
    feeds = AlarmFeeds(processing.alarms, watching.status.devices, database, zone)
    job = PeriodJob(watching.status, database, destination.breaker, writer, feeds)
    event_points = EventPoints(foundation.clock, foundation.config.mqtt.machine_id)
    report = RegistryReport(watching.status, destination.influxdb, destination.breaker, event_points)
    lanes: dict[str, Lane] = {"usual hours": feeds.restore, "registry and events": report.run}
    if processing.silence.membership.leads:
        lanes |= {"periods": job.run, "late readings": job.remember}
        return Closing(job, None, report, lanes)
    late_report = LateReport(watching.status, destination.influxdb, destination.breaker)
    return Closing(job, late_report, report, lanes | {"late readings": late_report.run})
