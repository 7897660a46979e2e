"""Waiting: messages that wait for a codec's answer, a registration or a birth, and come again through the core."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.core.edge_nodes import BIRTH
from gateway.core.message import WaitCause
from gateway.ingest.catalog import Catalog
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.intake.side_effects import CodecCalls, CommonEffects, SideEffectRunner
from gateway.ingest.replay import ReplayPipeline
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.keyvalue import KeptValueWriter
from gateway.ingest.storage.quarantine import keys_of
from gateway.ingest.storage.quarantine_in import QuarantineIn, ReleasedKeys
from gateway.ingest.storage.quarantine_out import QuarantineOut, QuarantineSettlement
from gateway.ingest.storage.settlement import QuarantineAccount
from gateway.monitoring.reports.take_over import SumsTakeOver
from gateway.runtime.pipeline.delivering import Delivery
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes, LiveOnly
from gateway.runtime.pipeline.options import quarantine_limits, replay_limits
from gateway.runtime.pipeline.pairing import Pairing
from gateway.runtime.pipeline.processing import Processing
from gateway.support.config.model import Config


@dataclass(frozen=True, slots=True)
class Waiting:
    """The codecs and the quarantine.

    :ivar replay_pipeline: the core for messages that were stored.
    """

    released: ReleasedKeys
    codecs: AsyncCodecs
    account: QuarantineAccount
    quarantine_in: QuarantineIn
    quarantine_out: QuarantineOut
    replay_pipeline: ReplayPipeline
    side_effects: SideEffectRunner
    sums: SumsTakeOver
    lanes: Lanes


def build_waiting(foundation: Foundation, processing: Processing, delivery: Delivery, pairing: Pairing) -> Waiting:
    """Build it, and release what need not wait any more; the connection of ``pairing`` takes commands to edge nodes."""
    config, file, events = foundation.config, foundation.database, foundation.events
    processor, queue, fallback = processing.processor, delivery.queue, delivery.fallback
    released = ReleasedKeys(foundation.clock)
    codecs = AsyncCodecs(processing.catalog.codecs, released)
    codec_calls = CodecCalls(processor, codecs, released, events)
    sums = SumsTakeOver(
        config,
        processor.streams,
        processor.restore_sums,
        events,
        foundation.clock,
        pairing.sums_hindrance,
        delivery.destination.link,
    )
    kept_values = KeptValueWriter(file, queue.release)
    common = CommonEffects(kept_values, released, sums.want)
    replay_pipeline = ReplayPipeline(processor, codec_calls, common)
    account = QuarantineAccount(foundation.ledger, events)
    way_in = QuarantineIn(file, account, released, queue, quarantine_limits(config))
    grew, limits = fallback.backlog.grew, replay_limits(config)
    settlement = QuarantineSettlement(file, account, fallback.reject_account, grew, limits, foundation.clock)
    way_out = QuarantineOut(file, account, released, way_in, settlement, replay_pipeline.work, fallback.journal.has_room)
    side_effects = SideEffectRunner(delivery.live_lane, codec_calls, way_in, common, pairing.connection, events)
    released.release(*_restore_births(file, processor.restore_births), *_free_at_start(config, file, processing.catalog))
    lanes: dict[str, Lane] = {
        "codecs": codecs.run,
        "quarantine in": way_in.run,
        "quarantine out": LiveOnly(way_out.run),  # its readings have sums, which the live machine knows
        "kept values": kept_values.run,
        "sums": LiveOnly(sums.run),  # they are asked for when a device is heard
    }
    return Waiting(released, codecs, account, way_in, way_out, replay_pipeline, side_effects, sums, lanes)


def _restore_births(file: Database, restore: Callable[[Mapping[str, str]], list[str]]) -> list[str]:
    """Give the core what Sparkplug nodes said at their births; return the keys of all that were saved."""
    births = file.run_here(keyvalue.get_prefix, BIRTH)
    file.run_here(keyvalue.put_all, dict.fromkeys(restore(births)))
    return [name.removeprefix(BIRTH) for name in births]


def _free_at_start(config: Config, file: Database, catalog: Catalog) -> list[str]:
    """Return the keys of messages that need not wait any more: the configuration may have changed since they came."""
    free = [*catalog.devices, *file.run_here(keys_of, WaitCause.CODEC)]
    if config.devices.unknown == "accept":
        free += file.run_here(keys_of, WaitCause.UNKNOWN_DEVICE)
    return free
