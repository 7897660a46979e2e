"""Receiving: the session with the broker, from its subscriptions to the core."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from gateway.core.evaluate import Evaluator
from gateway.ingest.catalog import state_topics, topic_filters
from gateway.ingest.intake.fence import Fence
from gateway.ingest.intake.intake import Intake
from gateway.ingest.intake.message_receiver import MessageReceiver
from gateway.ingest.intake.pair import Watch
from gateway.ingest.intake.subscriptions import Subscriptions
from gateway.runtime.jobs.moves import with_kept
from gateway.runtime.jobs.own_points import SelfReport
from gateway.runtime.pipeline.delivering import Delivery
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes
from gateway.runtime.pipeline.pairing import Pairing
from gateway.runtime.pipeline.processing import Processing
from gateway.runtime.pipeline.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Receiving:
    """The intake, and what it subscribes to."""

    subscriptions: Subscriptions
    fence: Fence
    intake: Intake
    lanes: Lanes


def build_receiving(
    foundation: Foundation,
    processing: Processing,
    delivery: Delivery,
    waiting: Waiting,
    self_report: SelfReport,
    pairing: Pairing,
) -> Receiving:
    """Build it; ``self_report`` asks InfluxDB for the time before a reading is judged."""
    processor, acknowledger, events = processing.processor, delivery.acknowledger, foundation.events
    connection, fence = pairing.connection, Fence(pairing.connection, acknowledger, foundation.config.mqtt.client_id)
    side_effects, floods = waiting.side_effects, delivery.floods
    receiver = MessageReceiver(processor, delivery.live_lane, acknowledger, events, side_effects, floods, fence)
    config, catalog = foundation.config, processing.catalog
    wanted, states = topic_filters(config, catalog), state_topics(config, catalog)
    if catalog.shares is not None:
        wanted = with_kept(wanted, processor.streams.tenures)
    subscriptions = Subscriptions(foundation.database, connection, wanted, states)
    intake = Intake(connection, subscriptions, receiver, acknowledger, events, processor.trust, foundation.clock)
    permission = None if pairing.watch is None else partial(_permitted, pairing.watch, processor.evaluator)
    lanes: dict[str, Lane] = {"intake": partial(_take_in, intake, self_report, permission), "subscriptions": subscriptions.run}
    return Receiving(subscriptions, fence, intake, lanes)


async def _permitted(watch: Watch, evaluator: Evaluator) -> None:
    """Return when the session may be opened; stamps have another parity in each term: the other machine may have given some."""
    await watch.until_may_open()
    evaluator.parity = watch.standby.term % 2


async def _take_in(intake: Intake, self_report: SelfReport, permission: Callable[[], Awaitable[None]] | None) -> None:
    await self_report.first_answer()
    await intake.run(permission)
