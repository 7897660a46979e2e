"""Alarms: the keeper of what the engine finds, the rounds that look at silent devices, and those who are told."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from gateway.ingest.intake.connection import Connection
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.alarms.senders import AlarmLists, PointSender
from gateway.monitoring.alarms.shared_alarms import PairAlarms
from gateway.runtime.jobs.exports import publish_and_wait
from gateway.runtime.jobs.looks import AlarmRounds
from gateway.runtime.pipeline.delivering import Delivery
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes, LiveOnly
from gateway.runtime.pipeline.pairing import Pairing
from gateway.runtime.pipeline.processing import Processing
from gateway.support.config.files import secret


@dataclass(frozen=True, slots=True)
class Alarming:
    """The keeper of alarms."""

    keeper: AlarmKeeper
    lanes: Lanes


def build_alarming(foundation: Foundation, processing: Processing, delivery: Delivery, pairing: Pairing) -> Alarming:
    """Build it; the connection of ``pairing`` takes the lists of alarms, its watch brings those of the other machine.

    :raises ConfigurationFault: the token of the webhook cannot be read.
    """
    clock, alarms, processor = foundation.clock, processing.alarms, processing.processor
    has_webhook, watch = foundation.config.alarms.webhook is not None, pairing.watch
    keeper = AlarmKeeper(alarms, foundation.database, clock, has_webhook=has_webhook, follows=watch is not None)
    rounds = AlarmRounds(alarms, processor.streams, processor.trust, foundation.events, clock)
    points = PointSender(keeper, delivery.destination.influxdb, delivery.destination.breaker, clock)
    lanes: dict[str, Lane] = {
        "alarms": keeper.run,
        "rounds for alarms": LiveOnly(rounds.run),  # who hears no device cannot call it silent
        "points of alarms": points.run,
        "active alarms": LiveOnly(points.repeat),  # the live machine has its own
        **dict(_told(foundation, keeper, pairing.connection)),
    }
    if watch is not None:
        pair = PairAlarms(keeper, watch, processor.streams)
        lanes |= {"alarms of the pair": pair.run, "planned work of the pair": pair.follow_planned}
    return Alarming(keeper, lanes)


def _told(foundation: Foundation, keeper: AlarmKeeper, connection: Connection) -> Iterator[tuple[str, Lane]]:
    """Yield the lanes of those who are told, as far as the configuration names them.

    Those over HTTP are imported here: aiohttp's client is a fifth of all that a start would import.
    """
    config = foundation.config
    if (url := config.alarms.alertmanager) is not None:
        from gateway.monitoring.alarms.http_senders import AlertmanagerSender  # noqa: PLC0415

        sender = AlertmanagerSender(keeper, url, foundation.clock, config.language)
        yield "alertmanager", LiveOnly(sender.run)  # the live machine tells it what is active
    if (url := config.alarms.webhook) is not None:
        from gateway.monitoring.alarms.http_senders import WebhookSender  # noqa: PLC0415

        yield "webhook", WebhookSender(keeper, url, secret(None, config.alarms.webhook_token_file)).run
    if config.alarms.mqtt:
        lists = AlarmLists(keeper, connection, foundation.database)
        yield "lists of alarms", LiveOnly(partial(publish_and_wait, lists))  # the live machine retains them
