"""Queue, lanes, spool and backlog between a broker, a database and a journal of a test's own, joined as the pipeline does."""

from typing import Final

from gateway.core.batching.batch import Acknowledger
from gateway.core.ledger import Ledger
from gateway.ingest.delivery.backlog import Backlog, BoundedJournal
from gateway.ingest.delivery.batch_queue import BatchQueue, Broker, DeliveryLimits
from gateway.ingest.delivery.bisect_refused import Bisector, UnspooledRefusals
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker, Probe
from gateway.ingest.delivery.delivery_log import DeliveryLog
from gateway.ingest.delivery.drain_lane import DrainLane
from gateway.ingest.delivery.influxdb import LinkedOutput
from gateway.ingest.delivery.live_lane import LiveLane
from gateway.ingest.delivery.spool import Spool, SpoolRequests
from gateway.ingest.events import Events
from gateway.ingest.storage.hours_again import HoursAgain
from gateway.ingest.storage.reject_account import RejectAccount, RejectWriter
from gateway.support.clock import WallClock
from tests.ingest.delivery.delivering import NoHours, OwnPoint, Unspooled

USUAL: Final = DeliveryLimits(0.0, max_readings=1000, stall_s=60.0, receive_maximum=2000, memory_bytes=2**25)


class JoinedLanes:
    """The gateway's own lanes; none of them runs yet."""

    def __init__(
        self,
        influxdb: LinkedOutput,
        store: BoundedJournal,
        broker: Broker,
        limits: DeliveryLimits = USUAL,
        hours_again: HoursAgain | None = None,
        rejects_max_bytes: int = 2**20,
        unspooled: Unspooled | None = None,
    ) -> None:
        """:param unspooled: in the place of those who split from memory."""
        clock, self.store = WallClock(), store
        self.ledger, self.events, self.acknowledger = Ledger(since_ms=0), Events(), Acknowledger()
        breaker = self.breaker = CircuitBreaker(self.events)
        queue = self.queue = BatchQueue(limits, self.acknowledger, self.ledger, broker, DeliveryLog(clock))
        hours_again = hours_again or NoHours()
        self.backlog = Backlog(store, queue, breaker, self.ledger, self.events, rejects_max_bytes, hours_again)
        self.rejects = RejectAccount(self.ledger, self.events, clock, max_bytes=rejects_max_bytes)
        writer = self.reject_writer = RejectWriter(store.database, self.rejects, queue.release)
        self.probe = self.probing(influxdb)
        bisector = Bisector(influxdb, breaker, self.events, self.probe, clock)
        requests = SpoolRequests(queue)
        self.live_lane = LiveLane(influxdb, breaker, queue, requests, self.backlog, writer, self.events)
        splitters = unspooled or UnspooledRefusals(bisector, breaker, queue, self.ledger, writer)
        self.spool = Spool(requests, queue, self.live_lane.pump, breaker, self.backlog, writer, splitters)
        self.drain_lane = DrainLane(bisector, breaker, queue, self.backlog, self.rejects, self.events)

    def probing(self, influxdb: LinkedOutput) -> Probe:
        """With a point that is always the same."""
        return Probe(self.breaker, influxdb, OwnPoint())
