"""Waiting: messages that wait for a codec's answer, a registration or a birth, and come again through the core."""

from functools import partial

from gateway.core.edge_nodes import BIRTH, EdgeNodes
from gateway.core.message import WaitCause
from gateway.ingest.catalog import Catalog
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.intake.side_effects import CodecCalls, CommonEffects, SideEffectRunner
from gateway.ingest.replay import with_codecs, work
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.keyvalue import KeptValueWriter
from gateway.ingest.storage.quarantine import keys_of
from gateway.ingest.storage.quarantine_in import QuarantineIn, ReleasedKeys
from gateway.ingest.storage.quarantine_out import QuarantineOut
from gateway.ingest.storage.settlement import QuarantineAccount
from gateway.monitoring.reports.take_over import SumsTakeOver
from gateway.runtime.pipeline.delivering import Way
from gateway.runtime.pipeline.foundation import Lanes, LiveOnly
from gateway.runtime.pipeline.options import storage_limits
from gateway.support.config.model import Config


class Waiting:
    """The codecs and the quarantine. The connection of ``pairing`` takes commands to edge nodes."""

    def __init__(self, way: Way) -> None:
        """Build it, and release what need not wait any more."""
        foundation, processing, pairing, delivery = way
        config, file, clock, events = foundation.config, foundation.database, foundation.clock, foundation.events
        processor, queue, fallback = processing.processor, delivery.queue, delivery.fallback
        self.released = released = ReleasedKeys(clock)
        self.codecs = AsyncCodecs(processing.catalog.codecs, released.release)
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
