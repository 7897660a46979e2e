"""Receiving: the session with the broker, from its subscriptions to the core, and the shares that come here or go elsewhere."""

from collections.abc import Iterator
from functools import partial

from gateway.core.evaluate import Evaluator
from gateway.ingest.catalog import Catalog, state_topics, topic_filters
from gateway.ingest.intake.intake import Intake, MessageReceiver
from gateway.ingest.intake.pair import Watch
from gateway.ingest.intake.subscriptions import Fence, Subscriptions
from gateway.monitoring.alarms.shared_alarms import AlarmHandover
from gateway.runtime.jobs.moves import Moves, with_kept
from gateway.runtime.pipeline.delivering import Way
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes
from gateway.runtime.pipeline.waiting import Waiting
from gateway.runtime.pipeline.watching import Alarming, Watching
from gateway.support.access.exposed_secrets import exposed_of_management
from gateway.support.clock import every


class Receiving:
    """The intake, and what it subscribes to. Before a reading is judged ``watching`` asks InfluxDB for the time."""

    def __init__(self, way: Way, waiting: Waiting, watching: Watching) -> None:
        foundation, processing, pairing, delivery = way
        config, catalog, processor, events = foundation.config, processing.catalog, processing.processor, foundation.events
        connection, acknowledger, side_effects = pairing.connection, delivery.acknowledger, waiting.side_effects
        self.fence = fence = Fence(connection.publish, acknowledger, config.mqtt.client_id)
        receiver = MessageReceiver(processor, delivery.live_lane, acknowledger, events, side_effects, delivery.floods, fence)
        wanted, states = topic_filters(config, catalog), state_topics(config, catalog)
        if catalog.shares is not None:
            wanted = with_kept(wanted, processor.streams.tenures)
        self.subscriptions = Subscriptions(foundation.database, connection.subscribe, wanted, states)
        clock, trust = foundation.clock, processor.trust
        self.intake = Intake(connection, self.subscriptions, receiver, acknowledger, events, trust, clock)
        permission = None if pairing.watch is None else partial(_permitted, pairing.watch, processor.evaluator)

        async def take_in() -> None:
            await watching.self_report.first_answer()
            await self.intake.run(permission)

        self.lanes: Lanes = {"intake": take_in, "subscriptions": self.subscriptions.run}


async def _permitted(watch: Watch, evaluator: Evaluator) -> None:
    """Return when the session may be opened; stamps have another parity in each term: the other machine may have given some."""
    await watch.until_may_open()
    evaluator.parity = watch.standby.term % 2


class Sharing:
    """The moves of shares, and the watch over what leads to the gateway's queue at RabbitMQ."""

    def __init__(self, way: Way, waiting: Waiting, alarming: Alarming, watching: Watching, receiving: Receiving) -> None:
        foundation, processing, _, delivery = way
        config, streams, clock = foundation.config, processing.processor.streams, foundation.clock
        influxdb, snapshots = delivery.destination.influxdb, processing.device_snapshots
        alarms = AlarmHandover(processing.alarms, alarming.keeper, streams, clock)
        subscriptions, fence = receiving.subscriptions, receiving.fence
        come = (config, foundation.database, streams, subscriptions, fence)
        self.moves = moves = Moves(*come, foundation.ledger, influxdb, waiting.sums, watching.resums, snapshots, alarms, clock)
        self.lanes: Lanes = {}
        if config.mqtt.shares is not None:
            self.lanes = {
                "shares left": moves.leave,
                "shares taken over": moves.take_over,
                "shares told": moves.tell,
                **dict(_bindings(foundation, processing.catalog, subscriptions)),
            }


def _bindings(foundation: Foundation, catalog: Catalog, subscriptions: Subscriptions) -> Iterator[tuple[str, Lane]]:
    """Yield the lane that watches the queue, if the file of shares says where RabbitMQ is asked."""
    mqtt, events = foundation.config.mqtt, foundation.events
    if mqtt.shares is not None and catalog.management is not None:
        from gateway.ingest.broker.rabbitmq.queues import watch_api  # noqa: PLC0415
        from gateway.runtime.jobs import binding_watch  # noqa: PLC0415 - the others need no HTTP client of the broker's

        events.exposed(exposed_of_management(mqtt.shares, catalog.management))
        api = watch_api(catalog.management, mqtt)
        look = partial(binding_watch.look_at_bindings, api, mqtt, subscriptions, events, foundation.clock)
        yield "bindings", partial(every, binding_watch.LOOK_EVERY_S, foundation.clock, look, first_s=binding_watch.FIRST_LOOK_S)
