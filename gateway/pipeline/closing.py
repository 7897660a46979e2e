"""Closing: the job that works out periods when they have ended."""

from dataclasses import dataclass

from gateway.jobs.periods.job import PeriodJob
from gateway.jobs.periods.writer import RollupWriter
from gateway.pipeline.delivering import Delivery
from gateway.pipeline.foundation import Foundation, Lanes
from gateway.pipeline.watching import Watching


@dataclass(frozen=True, slots=True)
class Closing:
    """The job."""

    job: PeriodJob
    lanes: Lanes


def build_closing(foundation: Foundation, delivery: Delivery, watching: Watching) -> Closing:
    """Build it."""
    destination = delivery.destination
    writer = RollupWriter(destination.influxdb, destination.breaker, delivery.queue)
    job = PeriodJob(watching.status, foundation.database, destination.breaker, writer, None)
    return Closing(job, {"periods": job.run, "late readings": job.remember})
