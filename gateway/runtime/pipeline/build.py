"""The list of what a gateway is made of, from top to bottom. Each room is built from those above it.

Supervision is built last: of the lanes that must not stand still while they have work, it tells who does.
"""

import time
from dataclasses import dataclass

from gateway.core.batching.pacing import LinkBudget
from gateway.ingest.delivery.backlog import Backlog
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.events import Events
from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.certificates import CertificateRenewal
from gateway.runtime.jobs.supervision import Supervision, Worker
from gateway.runtime.pipeline.alarming import Alarming, build_alarming
from gateway.runtime.pipeline.delivering import Delivery, build_delivery
from gateway.runtime.pipeline.foundation import Foundation, Lanes, lay_foundation
from gateway.runtime.pipeline.pairing import Pairing, build_pairing
from gateway.runtime.pipeline.processing import Processing, build_processing
from gateway.runtime.pipeline.receiving import Receiving, build_receiving
from gateway.runtime.pipeline.sharing import Sharing, build_sharing
from gateway.runtime.pipeline.waiting import Waiting, build_waiting
from gateway.runtime.pipeline.watching import Closing, Watching, build_closing, build_watching
from gateway.runtime.reload import Credentials, Reload
from gateway.support.clock import WallClock
from gateway.support.config.model import Config
from gateway.support.service_manager import ServiceManager


@dataclass(frozen=True, slots=True)
class Parts:
    """The rooms of a gateway, joined.

    :ivar lanes: the coroutines that run side by side while it runs, by name.
    """

    foundation: Foundation
    processing: Processing
    pairing: Pairing
    delivery: Delivery
    waiting: Waiting
    alarming: Alarming
    watching: Watching
    closing: Closing
    receiving: Receiving
    sharing: Sharing
    reload: Reload
    lanes: Lanes


def build(config: Config, file: Database, clock: WallClock) -> Parts:
    """Build a gateway; ``file`` is open, a loop is running.

    :raises ConfigurationFault: the registry, a profile or a certificate cannot be used.
    """
    foundation = lay_foundation(config, file, clock)
    processing = build_processing(foundation)
    pairing = build_pairing(foundation)
    connection = pairing.connection
    delivery = build_delivery(foundation, processing, connection)
    waiting = build_waiting(foundation, processing, delivery, pairing)
    alarming = build_alarming(foundation, processing, delivery, pairing)
    watching = build_watching(foundation, processing, delivery, waiting, alarming, pairing)
    closing = build_closing(foundation, processing, delivery, watching, pairing)
    receiving = build_receiving(foundation, processing, delivery, waiting, watching.self_report, pairing)
    sharing = build_sharing(foundation, processing, delivery, waiting, alarming, watching, receiving)
    snapshots, moves = processing.device_snapshots, sharing.moves
    clients, watch = delivery.destination.clients, watching.certificate_watch
    renewal = CertificateRenewal(config, foundation.tls, pairing.connections, clients, watch)
    credentials = Credentials(foundation.access, renewal)
    reload = Reload(file, waiting.codecs, snapshots, moves, waiting.released, watching.status, credentials)
    rooms = (delivery, receiving, waiting, processing, alarming, watching, closing, sharing, pairing)
    lanes = pairing.gated({name: lane for room in rooms for name, lane in room.lanes.items()})
    parts = foundation, processing, pairing, delivery, waiting, alarming, watching, closing, receiving, sharing
    return Parts(*parts, reload, lanes)


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
