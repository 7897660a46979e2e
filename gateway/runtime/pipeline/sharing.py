"""Sharing: shares that come to this gateway or go to another, and the watch over what leads to its queue at RabbitMQ."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.ingest.catalog import Catalog
from gateway.ingest.intake.subscriptions import Subscriptions
from gateway.monitoring.alarms.shared_alarms import AlarmHandover
from gateway.runtime.jobs.moves import Moves, Readings
from gateway.runtime.pipeline.alarming import Alarming
from gateway.runtime.pipeline.delivering import Delivery
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes
from gateway.runtime.pipeline.processing import Processing
from gateway.runtime.pipeline.receiving import Receiving
from gateway.runtime.pipeline.waiting import Waiting
from gateway.runtime.pipeline.watching import Watching
from gateway.support.access.exposed_secrets import exposed_of_management


@dataclass(frozen=True, slots=True)
class Sharing:
    """The moves of shares, and the watch."""

    moves: Moves
    lanes: Lanes


def build_sharing(
    foundation: Foundation,
    processing: Processing,
    delivery: Delivery,
    waiting: Waiting,
    alarming: Alarming,
    watching: Watching,
    receiving: Receiving,
) -> Sharing:
    """Build it.

    :raises ConfigurationFault: the password or the authority of the management API cannot be used.
    """
    influxdb, snapshots = delivery.destination.influxdb, processing.device_snapshots
    alarms = AlarmHandover(processing.alarms, alarming.keeper, processing.processor.streams, foundation.clock)
    moves = Moves(
        foundation.config,
        foundation.database,
        processing.processor.streams,
        receiving.subscriptions,
        receiving.fence,
        Readings(foundation.ledger, influxdb, waiting.sums, watching.resums, snapshots, alarms),
        foundation.clock,
    )
    if foundation.config.mqtt.shares is None:
        return Sharing(moves, {})
    lanes: Lanes = {"shares left": moves.leave, "shares taken over": moves.take_over, "shares told": moves.tell}
    return Sharing(moves, {**lanes, **dict(_bindings(foundation, processing.catalog, receiving.subscriptions))})


def _bindings(foundation: Foundation, catalog: Catalog, subscriptions: Subscriptions) -> Iterator[tuple[str, Lane]]:
    """Yield the lane that watches the queue, if the file of shares says where RabbitMQ is asked."""
    mqtt, events = foundation.config.mqtt, foundation.events
    if mqtt.shares is not None and catalog.management is not None:
        from gateway.ingest.broker.rabbitmq.queues import watch_api  # noqa: PLC0415
        from gateway.runtime.jobs.binding_watch import BindingWatch  # noqa: PLC0415 - the others need no HTTP client of the broker's

        events.exposed(exposed_of_management(mqtt.shares, catalog.management))
        yield "bindings", BindingWatch(watch_api(catalog.management, mqtt), mqtt, subscriptions, events, foundation.clock).run
