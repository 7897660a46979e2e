"""Moving: the shares that come to this gateway, and those that go to another."""

from dataclasses import dataclass

from gateway.jobs.moves import Moves, Readings
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
    watching: Watching,
    receiving: Receiving,
) -> Moving:
    """Build it."""
    influxdb, snapshots = delivery.destination.influxdb, processing.device_snapshots
    moves = Moves(
        foundation.config,
        foundation.database,
        processing.processor,
        receiving.subscriptions,
        receiving.fence,
        Readings(foundation.ledger, influxdb, waiting.sums, watching.resums, snapshots),
        foundation.clock,
    )
    is_shared = foundation.config.mqtt.shares is not None
    lanes: Lanes = {"shares left": moves.leave, "shares taken over": moves.take_over, "shares told": moves.tell}
    return Moving(moves, lanes if is_shared else {})
