"""Moving: the shares that come to this gateway, and those that go to another."""

from dataclasses import dataclass

from gateway.alarms.handover import AlarmHandover
from gateway.jobs.moves import Moves, Readings
from gateway.pipeline.alarming import Alarming
from gateway.pipeline.delivering import Delivery
from gateway.pipeline.foundation import Foundation, Lanes
from gateway.pipeline.processing import Processing
from gateway.pipeline.receiving import Receiving
from gateway.pipeline.waiting import Waiting
from gateway.pipeline.watching import Watching


@dataclass(frozen=True, slots=True)
class Moving:
    """The moves of shares."""

    moves: Moves
    lanes: Lanes


def build_moving(
    foundation: Foundation,
    processing: Processing,
    delivery: Delivery,
    waiting: Waiting,
    alarming: Alarming,
    watching: Watching,
    receiving: Receiving,
) -> Moving:
    """Build it."""
    influxdb, snapshots = delivery.destination.influxdb, processing.device_snapshots
    alarms = AlarmHandover(processing.alarms, alarming.keeper, processing.processor.streams, foundation.clock)
    moves = Moves(
        foundation.config,
        foundation.database,
        processing.processor,
        receiving.subscriptions,
        receiving.fence,
        Readings(foundation.ledger, influxdb, waiting.sums, watching.resums, snapshots, alarms),
        foundation.clock,
    )
    is_shared = foundation.config.mqtt.shares is not None
    lanes: Lanes = {"shares left": moves.leave, "shares taken over": moves.take_over, "shares told": moves.tell}
    return Moving(moves, lanes if is_shared else {})
