"""Delivery: the queue of batches, the client of InfluxDB and the journal, and the lanes between them; and who waits before it.

Messages wait for a codec's answer, a registration or a birth, and come again through the core.
"""

from functools import partial
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from gateway.core.batching.batch import Acknowledger
from gateway.core.batching.pacing import LinkBudget
from gateway.core.edge_nodes import BIRTH, EdgeNodes
from gateway.core.message import WaitCause
from gateway.core.readings.clock_trust import ClockTrust
from gateway.ingest.catalog import Catalog
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.delivery.backlog import Backlog, BoundedJournal
from gateway.ingest.delivery.batch_queue import BatchQueue
from gateway.ingest.delivery.bisect_refused import Bisector, UnspooledRefusals
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker, Probe, SelfPoint
from gateway.ingest.delivery.delivery_log import DeliveryLog
from gateway.ingest.delivery.drain_lane import DrainLane
from gateway.ingest.delivery.flood_queue import FloodWatch
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.ingest.delivery.live_lane import LiveLane
from gateway.ingest.delivery.spool import Spool, SpoolRequests
from gateway.ingest.intake.side_effects import CodecCalls, CommonEffects, SideEffectRunner
from gateway.ingest.replay import with_codecs, work
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.keyvalue import KeptValueWriter
from gateway.ingest.storage.quarantine import keys_of
from gateway.ingest.storage.quarantine_lanes import QuarantineIn, QuarantineOut, ReleasedKeys
from gateway.ingest.storage.reject_account import RejectAccount, RejectCounts, RejectWriter
from gateway.ingest.storage.settlement import JournalAccount, QuarantineAccount
from gateway.monitoring.reports.take_over import SumsTakeOver
from gateway.runtime.pipeline.foundation import Foundation, Lanes, LiveOnly, Pairing
from gateway.runtime.pipeline.options import delivery_limits, storage_limits
from gateway.runtime.pipeline.processing import Processing
from gateway.support.clock import WallClock
from gateway.support.config.model import Config


class Destination:
    """InfluxDB: client, breaker, the point that it is tried with, and a ``second_place`` that keeps roll-ups longer."""

    def __init__(self, foundation: Foundation, trust: ClockTrust) -> None:
        config, clock = foundation.config, foundation.clock
        self.link = LinkBudget(config.influxdb.max_bytes_per_s)
        self.influxdb = InfluxdbClient(config.influxdb, partial(_see_influxdb, trust, clock), self.link)
        rollups = config.influxdb.of_rollups()
        self.second_place = None if rollups is None else InfluxdbClient(rollups, link=self.link)
        self.clients = [client for client in (self.influxdb, self.second_place) if client is not None]
        self.breaker = CircuitBreaker(foundation.events)
        self.self_point = SelfPoint(config.mqtt.machine_id, foundation.ledger, trust, clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self.clients:
            await client.__aexit__()


class Fallback:
    """The journal and the rejects, for what InfluxDB cannot take now, or never will."""

    def __init__(self, foundation: Foundation, processing: Processing, queue: BatchQueue, breaker: CircuitBreaker) -> None:
        config, file, clock = foundation.config, foundation.database, foundation.clock
        events, ledger, max_bytes = foundation.events, foundation.ledger, config.rejects.max_bytes
        streams = processing.processor.streams
        self.journal = BoundedJournal(file, config.journal, clock)
        self.backlog = Backlog(self.journal, queue, breaker, ledger, events, max_bytes, processing.hours_again)
        self.reject_counts = RejectCounts(clock, ZoneInfo(config.time.zone))
        self.reject_account = RejectAccount(
            ledger,
            events,
            clock,
            max_bytes=max_bytes,
            is_registered=streams.is_registered,
            not_taken=streams.note_not_taken,
            noted=self.reject_counts.note,
        )
        self.reject_writer = RejectWriter(file, self.reject_account, queue.release)
        self.journal_account = JournalAccount(ledger, events, self.reject_account)


class Delivery:
    """The way of a batch, from the queue to where it is durable. The connection of ``pairing`` takes the acknowledgements."""

    def __init__(self, foundation: Foundation, processing: Processing, pairing: Pairing) -> None:
        events, ledger, file = foundation.events, foundation.ledger, foundation.database
        self.destination = Destination(foundation, processing.processor.trust)
        influxdb, breaker, self_point = self.destination.influxdb, self.destination.breaker, self.destination.self_point
        self.acknowledger = Acknowledger()
        deliveries = DeliveryLog(foundation.clock)
        deliveries.restore(file)
        limits = delivery_limits(foundation.config)
        self.queue = queue = BatchQueue(limits, self.acknowledger, ledger, pairing.connection, deliveries)
        self.fallback = fallback = Fallback(foundation, processing, queue, breaker)
        backlog, writer = fallback.backlog, fallback.reject_writer
        probe = Probe(breaker, influxdb, self_point)
        bisector = Bisector(influxdb, breaker, events, probe, foundation.clock)
        unspooled = UnspooledRefusals(bisector, breaker, queue, ledger, writer)
        requests = SpoolRequests(queue)
        self.live_lane = LiveLane(influxdb, breaker, queue, requests, backlog, writer, events)
        self.spool = Spool(requests, queue, self.live_lane.pump, breaker, backlog, writer, unspooled)
        flood_watch = FloodWatch(queue.flood_queue, events)
        self.floods = flood_watch.floods
        self.lanes: Lanes = {
            "live lane": self.live_lane.run,
            "probe": probe.run,
            "spool": self.spool.run,
            "rejects": writer.run,
            "counts of rejects": partial(fallback.reject_counts.run, file),
            "drain lane": DrainLane(bisector, breaker, queue, backlog, fallback.reject_account, events).run,
            "unspooled refusals": unspooled.run,
            "floods": flood_watch.run,
            "deliveries": partial(deliveries.run, file),
        }


class Way(NamedTuple):
    """The rooms that a reading passes, which all that follow are made from."""

    foundation: Foundation
    processing: Processing
    pairing: Pairing
    delivery: Delivery


def _see_influxdb(trust: ClockTrust, clock: WallClock, date_ms: int) -> None:
    """Take the ``Date`` of an answer as evidence, unless the clock is scaled: then it tells nothing.

    First it is seen if our clock was set, because the date is held against the clock of now.
    """
    if clock.is_real:
        now_ms, steady_ms = clock.now_and_steady_ms()
        trust.see_time(now_ms, steady_ms)
        trust.see_influxdb(date_ms - now_ms, now_ms)


class Waiting:
    """The codecs and the quarantine. The connection of ``pairing`` takes commands to edge nodes."""

    def __init__(self, way: Way) -> None:
        """Build it, and release what need not wait any more."""
        foundation, processing, pairing, delivery = way
        config, file, clock, events = foundation.config, foundation.database, foundation.clock, foundation.events
        processor, queue, fallback = processing.processor, delivery.queue, delivery.fallback
        self.released = released = ReleasedKeys(clock)
        self.codecs = AsyncCodecs(processing.catalog.codecs, released.release, unconfined=config.runs_unconfined_codecs)
        codec_calls = CodecCalls(processor, self.codecs.ask, released, events)
        link, hindrance = delivery.destination.link, pairing.sums_hindrance
        self.sums = SumsTakeOver(config, processor.streams, processor.restore_sums, events, clock, hindrance, link)
        kept_values = KeptValueWriter(file, queue.release)
        common = CommonEffects(kept_values, released, self.sums.want)
        self.through_core = with_codecs(processor, codec_calls, common)
        self.account = account = QuarantineAccount(foundation.ledger, events)
        grew, limits = fallback.backlog.grew, storage_limits(config)
        self.quarantine_in = way_in = QuarantineIn(file, account, released, queue.release, lambda: queue.under_pressure, limits)
        replay, has_room = partial(work, process=self.through_core), fallback.backlog.has_room
        self.quarantine_out = QuarantineOut(
            file, account, released, way_in, fallback.reject_account, grew, limits, clock, replay, has_room
        )
        self.side_effects = SideEffectRunner(delivery.live_lane, codec_calls, way_in, common, pairing.connection, events)
        released.release(*_restore_births(file, processor.edge_nodes), *_free_at_start(config, file, processing.catalog))
        self.lanes: Lanes = {
            "codecs": self.codecs.run,
            "quarantine in": way_in.run,
            "quarantine out": LiveOnly(self.quarantine_out.run),  # its readings have sums, which the live machine knows
            "kept values": kept_values.run,
            "sums": LiveOnly(self.sums.run),  # they are asked for when a device is heard
        }


def _restore_births(file: Database, edge_nodes: EdgeNodes) -> list[str]:
    """Give the core what Sparkplug nodes said at their births; return the keys of all that were saved."""
    births = file.run_here(keyvalue.get_prefix, BIRTH)
    file.run_here(keyvalue.put_all, dict.fromkeys(edge_nodes.restore_births(births)))
    return [name.removeprefix(BIRTH) for name in births]


def _free_at_start(config: Config, file: Database, catalog: Catalog) -> list[str]:
    """Return the keys of messages that need not wait any more: the configuration may have changed since they came."""
    free = [*catalog.devices, *file.run_here(keys_of, WaitCause.CODEC)]
    if config.devices.unknown == "accept":
        free += file.run_here(keys_of, WaitCause.UNKNOWN_DEVICE)
    return free
