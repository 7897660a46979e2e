"""The parts of a gateway, from top to bottom. Each room is built from those above it.

The last rooms are the session with the broker, from its subscriptions to the core, and the shares that come here or go away.
Supervision comes after them: of the lanes that must not stand still while they have work, it tells who does.
"""

import time
from collections.abc import Iterator
from functools import partial

import mqtt5

from gateway.core.evaluate import Evaluator
from gateway.ingest.broker.session_move import SessionMove
from gateway.ingest.catalog import Catalog, state_topics, topic_filters
from gateway.ingest.intake.intake import Intake, MessageReceiver
from gateway.ingest.intake.pair import Watch
from gateway.ingest.intake.session_cut import CutPhase, SessionCut
from gateway.ingest.intake.subscriptions import Fence, Subscriptions
from gateway.ingest.storage.database import Database
from gateway.monitoring.alarms.shared_alarms import AlarmHandover
from gateway.runtime.jobs.certificates import CertificateRenewal
from gateway.runtime.jobs.moves import Moves, with_kept
from gateway.runtime.jobs.supervision import Worker
from gateway.runtime.pipeline.delivering import Delivery, Waiting, Way
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes, Pairing
from gateway.runtime.pipeline.processing import Processing
from gateway.runtime.pipeline.watching import Alarming, Closing, Watching
from gateway.runtime.reload import Reload
from gateway.support.access.exposed_secrets import exposed_of_management
from gateway.support.clock import WallClock, every
from gateway.support.config.model import Config


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
        cut = SessionCut(fence.topic, connection.acknowledge)
        move = SessionMove(foundation.database, connection, acknowledger, cut, config.mqtt.client_id)
        if cut.phase is not CutPhase.SETTLED:
            wanted = wanted | {fence.topic: mqtt5.RetainHandling.SEND_NEVER}
        self.subscriptions = Subscriptions(foundation.database, connection.subscribe, wanted, states)
        clock, trust = foundation.clock, processor.trust
        self.intake = Intake(connection, self.subscriptions, receiver, acknowledger, events, trust, clock, cut)
        permission = None if pairing.watch is None else partial(_permitted, pairing.watch, processor.evaluator)

        async def take_in() -> None:
            await watching.self_report.first_answer()
            await self.intake.run(permission)

        self.lanes: Lanes = {"intake": take_in, "subscriptions": self.subscriptions.run}
        self.lanes |= {"session move": partial(move.run, self.subscriptions)}


async def _permitted(watch: Watch, evaluator: Evaluator) -> None:
    """Return when the session may be opened; stamps have another parity in each term: the other machine may have given some."""
    await watch.may_open.wait()
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
        from gateway.ingest.broker.rabbitmq import queues  # noqa: PLC0415 - the others need no HTTP client of the broker's

        events.exposed(exposed_of_management(mqtt.shares, catalog.management))
        api = queues.watch_api(catalog.management, mqtt)
        look = partial(queues.look_at_bindings, api, mqtt, subscriptions, events, foundation.clock)
        yield "bindings", partial(every, queues.BINDINGS_EVERY_S, foundation.clock, look, first_s=queues.BINDINGS_FIRST_S)


class Parts:
    """The rooms of a gateway, joined; ``lanes``: the coroutines that run side by side while it runs, by name."""

    def __init__(self, config: Config, file: Database, clock: WallClock) -> None:
        """Build a gateway; ``file`` is open, a loop runs. :class:`ConfigurationFault`: something it reads cannot be used."""
        self.foundation = foundation = Foundation(config, file, clock)
        self.processing = processing = Processing(foundation)
        self.pairing = pairing = Pairing(foundation)
        self.delivery = delivery = Delivery(foundation, processing, pairing)
        way = Way(foundation, processing, pairing, delivery)
        self.waiting = waiting = Waiting(way)
        self.alarming = alarming = Alarming(way)
        self.watching = watching = Watching(way, waiting, alarming)
        self.closing = closing = Closing(way, watching)
        self.receiving = receiving = Receiving(way, waiting, watching)
        sharing = Sharing(way, waiting, alarming, watching, receiving)
        clients, certificate_watch = delivery.destination.clients, watching.certificate_watch
        renewal = CertificateRenewal(config, foundation.tls, pairing.connections, clients, certificate_watch)
        codecs, snapshots, released = waiting.codecs, processing.device_snapshots, waiting.released
        self.reload = Reload(file, codecs, snapshots, sharing.moves, released, watching.status, foundation.access, renewal)
        rooms = (delivery, receiving, waiting, processing, alarming, watching, closing, sharing, pairing)
        self.lanes = pairing.gated({name: lane for room in rooms for name, lane in room.lanes.items()})


def workers(parts: Parts) -> tuple[Worker, ...]:
    """Return the lanes that are looked at, each with the test for work and the number that shows its progress."""
    delivery, events = parts.delivery, parts.foundation.events
    queue, breaker, fallback = delivery.queue, delivery.destination.breaker, delivery.fallback
    link = delivery.destination.link
    way_in, writer = parts.waiting.quarantine_in, fallback.reject_writer

    def may_be_posted() -> bool:  # InfluxDB answers, and no write is in flight
        return not breaker.is_open and queue.has_queued and queue.oldest_posted_s is None

    def may_be_drained() -> bool:  # the budget of the link lets the lane work
        return fallback.backlog.grew.is_set() and not link.backlog_wait_s(time.monotonic())

    def answers() -> int:
        return sum(sum(histogram.counts) for histogram in events.requests.values())

    return (
        Worker("live lane", may_be_posted, answers),
        Worker("spool", lambda: breaker.is_open and queue.has_queued, lambda: events.journal_written_bytes),
        Worker("drain lane", may_be_drained, lambda: fallback.backlog.progress.brought_in),
        Worker("rejects", lambda: writer.has_waiting, lambda: sum(events.rejects_kept.values())),
        Worker("quarantine in", lambda: way_in.has_waiting, lambda: sum(events.quarantine.messages.values())),
    )
