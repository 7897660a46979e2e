"""Closing: the job that works out periods when they have ended."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from gateway.runtime.jobs.late_report import LateReport
from gateway.runtime.jobs.periods.feeds import AlarmFeeds
from gateway.runtime.jobs.periods.job import PeriodJob
from gateway.runtime.jobs.periods.writer import RollupWriter
from gateway.runtime.jobs.registry_points import EventPoints, RegistryReport
from gateway.runtime.pipeline.delivering import Delivery
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes, LiveOnly
from gateway.runtime.pipeline.pairing import Pairing
from gateway.runtime.pipeline.processing import Processing
from gateway.runtime.pipeline.watching import Watching


@dataclass(frozen=True, slots=True)
class Closing:
    """The job, and the points about the registry and what happens to the gateway.

    :ivar late_report: the report of late readings to whoever closes hours; None: this gateway does, and always.
    """

    job: PeriodJob
    late_report: LateReport | None
    registry_report: RegistryReport
    lanes: Lanes


def build_closing(
    foundation: Foundation, processing: Processing, delivery: Delivery, watching: Watching, pairing: Pairing
) -> Closing:
    """Build it; a machine of ``pairing`` closes hours while it is live."""
    destination, again, watch = delivery.destination, processing.hours_again, pairing.watch
    database, zone = foundation.database, ZoneInfo(foundation.config.time.zone)
    writer = RollupWriter(destination.influxdb, destination.breaker, delivery.queue, destination.second_place)
    feeds = AlarmFeeds(processing.alarms, watching.status.devices, database, zone)
    job = PeriodJob(watching.status, again, database, destination.breaker, writer, feeds)
    event_points = EventPoints(foundation.clock, foundation.config.mqtt.machine_id)
    report = RegistryReport(watching.status, destination.influxdb, destination.breaker, event_points)
    lanes: dict[str, Lane] = {
        "usual hours": LiveOnly(feeds.restore),  # the live machine judges by them
        "registry and events": LiveOnly(report.run),  # the registry is written once
    }
    leads = processing.silence.membership.leads
    if leads:
        lanes |= {"periods": LiveOnly(job.run), "late readings": LiveOnly(job.remember)}  # one machine closes hours and days
        if watch is None:
            return Closing(job, None, report, lanes)
    closes_itself = watch.live.is_set if leads and watch is not None else _never
    late_report = LateReport(watching.status, again, destination.influxdb, destination.breaker, closes_itself)
    return Closing(job, late_report, report, lanes | {"late report": late_report.run})


def _never() -> bool:
    return False
