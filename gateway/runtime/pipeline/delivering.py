"""Delivery: the queue of batches, the client of InfluxDB and the journal, and the lanes between them."""

from dataclasses import dataclass
from functools import partial
from typing import Self
from zoneinfo import ZoneInfo

from gateway.core.batching.acknowledgements import Acknowledger
from gateway.core.batching.fair_shares import Floods
from gateway.core.batching.pacing import LinkBudget
from gateway.core.readings.clock_trust import ClockTrust
from gateway.ingest.delivery.backlog import Backlog
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.bisect_refused import Bisector, UnspooledRefusals
from gateway.ingest.delivery.bounded_journal import BoundedJournal
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker, Probe, SelfPoint
from gateway.ingest.delivery.delivery_log import DeliveryLog
from gateway.ingest.delivery.drain_lane import DrainLane
from gateway.ingest.delivery.flood_queue import FloodWatch
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.ingest.delivery.live_lane import LiveLane
from gateway.ingest.delivery.spool import Spool, SpoolRequests
from gateway.ingest.intake.connection import Connection
from gateway.ingest.storage.reject_account import RejectAccount, RejectWriter
from gateway.ingest.storage.reject_counts import RejectCounts
from gateway.ingest.storage.settlement import JournalAccount
from gateway.runtime.pipeline.foundation import Foundation, Lanes
from gateway.runtime.pipeline.options import delivery_limits
from gateway.runtime.pipeline.processing import Processing
from gateway.support.clock import WallClock


@dataclass(frozen=True, slots=True)
class Destination:
    """InfluxDB: its client, the breaker that knows if it takes readings, and the point that it is tried with.

    :ivar second_place: client of the database that keeps roll-ups longer, if there is one.
    :ivar link: the budget of the link to both.
    """

    influxdb: InfluxdbClient
    second_place: InfluxdbClient | None
    link: LinkBudget
    breaker: CircuitBreaker
    self_point: SelfPoint

    @property
    def clients(self) -> list[InfluxdbClient]:
        """The clients of both places."""
        return [client for client in (self.influxdb, self.second_place) if client is not None]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        for client in self.clients:
            await client.__aexit__()


@dataclass(frozen=True, slots=True)
class Fallback:
    """The journal and the rejects, for what InfluxDB cannot take now, or never will."""

    journal: BoundedJournal
    backlog: Backlog
    journal_account: JournalAccount
    reject_account: RejectAccount
    reject_counts: RejectCounts
    reject_writer: RejectWriter


@dataclass(frozen=True, slots=True)
class Delivery:
    """The way of a batch, from the queue to where it is durable.

    :ivar floods: messages counted by topic.
    """

    destination: Destination
    fallback: Fallback
    acknowledger: Acknowledger
    queue: BatchQueue
    live_lane: LiveLane
    spool: Spool
    floods: Floods
    lanes: Lanes


def build_delivery(foundation: Foundation, processing: Processing, connection: Connection) -> Delivery:
    """Build it; ``connection`` takes the acknowledgements."""
    events, ledger = foundation.events, foundation.ledger
    destination = _build_destination(foundation, processing.processor.trust)
    influxdb, breaker, self_point = destination.influxdb, destination.breaker, destination.self_point
    acknowledger = Acknowledger()
    deliveries = DeliveryLog(foundation.clock)
    deliveries.restore(foundation.database)
    queue = BatchQueue(delivery_limits(foundation.config), acknowledger, ledger, connection, deliveries)
    fallback = _build_fallback(foundation, processing, queue, breaker)
    backlog, writer = fallback.backlog, fallback.reject_writer
    bisector = Bisector(influxdb, breaker, events, self_point, foundation.clock)
    unspooled = UnspooledRefusals(bisector, breaker, queue, ledger, writer)
    requests = SpoolRequests(queue)
    live_lane = LiveLane(influxdb, breaker, queue, requests, backlog, writer, events)
    spool = Spool(requests, queue, live_lane.pump, breaker, backlog, writer, unspooled)
    flood_watch = FloodWatch(queue.flood_queue, events)
    lanes: Lanes = {
        "live lane": live_lane.run,
        "probe": Probe(breaker, influxdb, self_point).run,
        "spool": spool.run,
        "rejects": writer.run,
        "counts of rejects": partial(fallback.reject_counts.run, foundation.database),
        "drain lane": DrainLane(bisector, breaker, queue, backlog, fallback.reject_account, events).run,
        "unspooled refusals": unspooled.run,
        "floods": flood_watch.run,
        "deliveries": partial(deliveries.run, foundation.database),
    }
    return Delivery(destination, fallback, acknowledger, queue, live_lane, spool, flood_watch.floods, lanes)


def _build_destination(foundation: Foundation, trust: ClockTrust) -> Destination:
    config, clock = foundation.config, foundation.clock
    link = LinkBudget(config.influxdb.max_bytes_per_s)
    influxdb = InfluxdbClient(config.influxdb, partial(_see_influxdb, trust, clock), link)
    self_point = SelfPoint(config.mqtt.machine_id, foundation.ledger, trust, clock)
    rollups = config.influxdb.of_rollups()
    second_place = None if rollups is None else InfluxdbClient(rollups, link=link)
    return Destination(influxdb, second_place, link, CircuitBreaker(foundation.events), self_point)


def _build_fallback(foundation: Foundation, processing: Processing, queue: BatchQueue, breaker: CircuitBreaker) -> Fallback:
    config, file, clock = foundation.config, foundation.database, foundation.clock
    events, ledger, max_bytes = foundation.events, foundation.ledger, config.rejects.max_bytes
    journal = BoundedJournal(file, config.journal, clock)
    backlog = Backlog(journal, queue, breaker, ledger, events, max_bytes, processing.hours_again)
    streams, counts = processing.processor.streams, RejectCounts(clock, ZoneInfo(config.time.zone))
    rejects = RejectAccount(
        ledger,
        events,
        clock,
        max_bytes=max_bytes,
        is_registered=streams.is_registered,
        not_taken=streams.note_not_taken,
        noted=counts.note,
    )
    account, writer = JournalAccount(ledger, events, rejects), RejectWriter(file, rejects, queue.release)
    return Fallback(journal, backlog, account, rejects, counts, writer)


def _see_influxdb(trust: ClockTrust, clock: WallClock, date_ms: int) -> None:
    """Take the ``Date`` of an answer as evidence, unless the clock is scaled: then it tells nothing.

    First it is seen if our clock was set, because the date is held against the clock of now.
    """
    if clock.is_real:
        now_ms, steady_ms = clock.now_and_steady_ms()
        trust.see_time(now_ms, steady_ms)
        trust.see_influxdb(date_ms - now_ms, now_ms)
