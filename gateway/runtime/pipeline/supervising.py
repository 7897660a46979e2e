"""Supervising: the lanes that must not stand still while they have work, and who is told that they do not."""

import time

from gateway.core.batching.pacing import LinkBudget
from gateway.ingest.delivery.backlog import Backlog
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.events import Events
from gateway.runtime.jobs.supervision import Supervision, Worker
from gateway.runtime.pipeline.build import Parts
from gateway.support.service_manager import ServiceManager


def build_supervision(parts: Parts, manager: ServiceManager) -> Supervision:
    """Build it for a gateway that is built."""
    return Supervision(manager, parts.watching.status, workers(parts))


def workers(parts: Parts) -> tuple[Worker, ...]:
    """Return the lanes that are looked at, each with the test for work and the number that shows its progress."""
    delivery, events = parts.delivery, parts.foundation.events
    queue, breaker, fallback = delivery.queue, delivery.destination.breaker, delivery.fallback
    link = delivery.destination.link
    way_in, writer = parts.waiting.quarantine_in, fallback.reject_writer
    return (
        Worker("live lane", lambda: _may_be_posted(queue, breaker), lambda: _answers(events)),
        Worker("spool", lambda: breaker.is_open and queue.has_queued, lambda: events.journal_written_bytes),
        Worker("drain lane", lambda: _may_be_drained(fallback.backlog, link), lambda: fallback.backlog.progress.brought_in),
        Worker("rejects", lambda: writer.has_waiting, lambda: sum(events.rejects_kept.values())),
        Worker("quarantine in", lambda: way_in.has_waiting, lambda: sum(events.quarantine.messages.values())),
    )


def _may_be_posted(queue: BatchQueue, breaker: CircuitBreaker) -> bool:
    """Tell if something waits for the live lane although InfluxDB answers and no write is in flight."""
    return not breaker.is_open and queue.has_queued and queue.oldest_posted_s is None


def _may_be_drained(backlog: Backlog, link: LinkBudget) -> bool:
    """Tell if the drain lane has work that the budget of the link lets it do."""
    return backlog.grew.is_set() and not link.backlog_wait_s(time.monotonic())


def _answers(events: Events) -> int:
    return sum(sum(histogram.counts) for histogram in events.requests.values())
