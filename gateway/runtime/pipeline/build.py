"""The list of what a gateway is made of, from top to bottom. Each room is built from those above it.

Supervision comes last: of the lanes that must not stand still while they have work, it tells who does.
"""

import time

from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.certificates import CertificateRenewal
from gateway.runtime.jobs.supervision import Worker
from gateway.runtime.pipeline.delivering import Delivery, Way
from gateway.runtime.pipeline.foundation import Foundation, Pairing
from gateway.runtime.pipeline.processing import Processing
from gateway.runtime.pipeline.receiving import Receiving, Sharing
from gateway.runtime.pipeline.waiting import Waiting
from gateway.runtime.pipeline.watching import Alarming, Closing, Watching
from gateway.runtime.reload import Reload
from gateway.support.clock import WallClock
from gateway.support.config.model import Config


class Parts:
    """The rooms of a gateway, joined; ``lanes``: the coroutines that run side by side while it runs, by name."""

    def __init__(self, config: Config, file: Database, clock: WallClock) -> None:
        """Build a gateway; ``file`` is open, a loop runs. :class:`ConfigurationFault`: something it reads cannot be used."""
        self.foundation = foundation = Foundation(config, file, clock)
        self.processing = processing = Processing(foundation)
        self.pairing = pairing = Pairing(foundation)
        self.delivery = delivery = Delivery(foundation, processing, pairing)
        way = Way(foundation, processing, pairing, delivery)
        self.waiting = waiting = Waiting(way)
        self.alarming = alarming = Alarming(way)
        self.watching = watching = Watching(way, waiting, alarming)
        self.closing = closing = Closing(way, watching)
        self.receiving = receiving = Receiving(way, waiting, watching)
        sharing = Sharing(way, waiting, alarming, watching, receiving)
        clients, certificate_watch = delivery.destination.clients, watching.certificate_watch
        renewal = CertificateRenewal(config, foundation.tls, pairing.connections, clients, certificate_watch)
        codecs, snapshots, released = waiting.codecs, processing.device_snapshots, waiting.released
        self.reload = Reload(file, codecs, snapshots, sharing.moves, released, watching.status, foundation.access, renewal)
        rooms = (delivery, receiving, waiting, processing, alarming, watching, closing, sharing, pairing)
        self.lanes = pairing.gated({name: lane for room in rooms for name, lane in room.lanes.items()})


def workers(parts: Parts) -> tuple[Worker, ...]:
    """Return the lanes that are looked at, each with the test for work and the number that shows its progress."""
    delivery, events = parts.delivery, parts.foundation.events
    queue, breaker, fallback = delivery.queue, delivery.destination.breaker, delivery.fallback
    link = delivery.destination.link
    way_in, writer = parts.waiting.quarantine_in, fallback.reject_writer

    def may_be_posted() -> bool:  # InfluxDB answers, and no write is in flight
        return not breaker.is_open and queue.has_queued and queue.oldest_posted_s is None

    def may_be_drained() -> bool:  # the budget of the link lets the lane work
        return fallback.backlog.grew.is_set() and not link.backlog_wait_s(time.monotonic())

    def answers() -> int:
        return sum(sum(histogram.counts) for histogram in events.requests.values())

    return (
        Worker("live lane", may_be_posted, answers),
        Worker("spool", lambda: breaker.is_open and queue.has_queued, lambda: events.journal_written_bytes),
        Worker("drain lane", may_be_drained, lambda: fallback.backlog.progress.brought_in),
        Worker("rejects", lambda: writer.has_waiting, lambda: sum(events.rejects_kept.values())),
        Worker("quarantine in", lambda: way_in.has_waiting, lambda: sum(events.quarantine.messages.values())),
    )
