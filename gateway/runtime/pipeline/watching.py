"""Watching: alarms and who is told of them, the status that people see, and the slow jobs beside the lanes.

The last of these work out periods when they have ended.
"""

from collections.abc import Iterator
from functools import partial
from zoneinfo import ZoneInfo

from gateway.ingest.delivery.circuit_breaker import Probe
from gateway.ingest.intake.connection import Connection
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.alarms.senders import AlarmLists, PointSender
from gateway.monitoring.alarms.shared_alarms import PairAlarms
from gateway.monitoring.status.known_devices import DeviceVerdicts, KnownDevices
from gateway.monitoring.status.status import JournalState, Status
from gateway.runtime.jobs.certificates import CertificateWatch, certificate_ends
from gateway.runtime.jobs.exports import AuditExport, OpenExport, publish_and_wait
from gateway.runtime.jobs.looks import PORT_EVERY_S, AlarmRounds, ClockWatch, DropWatch, JournalGauge, RateWatch, look_at_port
from gateway.runtime.jobs.other_gateways import (
    WAITS_EVERY_S,
    ElsewhereWatch,
    MoveLook,
    find_in_pair,
    hear_partner,
    look_at_waits,
)
from gateway.runtime.jobs.own_points import RegistryReport, SelfReport
from gateway.runtime.jobs.periods.job import PeriodJob
from gateway.runtime.jobs.periods.progress import LateReport
from gateway.runtime.jobs.periods.sinks import AlarmFeeds, RollupWriter
from gateway.runtime.jobs.resums import ExchangeWriter, Resums
from gateway.runtime.jobs.salvage import Salvage
from gateway.runtime.pipeline.delivering import Waiting, Way
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes, LiveOnly, Pairing
from gateway.runtime.pipeline.processing import Processing
from gateway.support.clock import WallClock, every
from gateway.support.config.files import secret


class Alarming:
    """The keeper of what the engine finds, the rounds that look at silent devices, and those who are told.

    The connection of ``pairing`` takes the lists of alarms, its watch brings those of the other machine.
    """

    def __init__(self, way: Way) -> None:
        foundation, processing, pairing, delivery = way
        clock, alarms, processor, watch = foundation.clock, processing.alarms, processing.processor, pairing.watch
        has_webhook, destination = foundation.config.alarms.webhook is not None, delivery.destination
        self.keeper = AlarmKeeper(alarms, foundation.database, clock, has_webhook=has_webhook, follows=watch is not None)
        rounds = AlarmRounds(alarms, processor.streams, processor.trust, foundation.events, clock)
        probe = Probe(destination.breaker, destination.influxdb, destination.self_point)
        points = PointSender(self.keeper, destination.influxdb, destination.breaker, probe, clock)
        self.lanes: Lanes = {
            "alarms": self.keeper.run,
            "rounds for alarms": LiveOnly(rounds.run),  # who hears no device cannot call it silent
            "points of alarms": points.run,
            "active alarms": LiveOnly(points.repeat),  # the live machine has its own
            **dict(_told(foundation, self.keeper, pairing.connection)),
        }
        if watch is not None:
            pair = PairAlarms(self.keeper, watch, processor.streams)
            self.lanes = {**self.lanes, "alarms of the pair": pair.run, "planned work of the pair": pair.follow_planned}


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


class Watching:
    """The status, and the jobs. The connection of ``pairing`` takes the head of the audit log."""

    def __init__(self, way: Way, waiting: Waiting, alarming: Alarming) -> None:
        foundation, processing, pairing, delivery = way
        file, clock, events, fallback = foundation.database, foundation.clock, foundation.events, delivery.fallback
        destination, processor, config = delivery.destination, processing.processor, foundation.config
        influxdb, breaker = destination.influxdb, destination.breaker
        self.status = status = Status(
            config,
            processor.evaluator,
            delivery.acknowledger,
            foundation.ledger,
            events,
            waiting.codecs,
            waiting.account,
            JournalState(file.tally, fallback.backlog.progress),
            KnownDevices(processor.streams, processing.silence, processor.rules, processing.catalog.registry.areas),
            DeviceVerdicts(
                *(processor.rules, processor.trust, processing.silence, events, delivery.queue.deliveries),
                alarms=alarming.keeper.of_device,
            ),
            alarming.keeper,
            clock,
            destination.link,
            certificate_ends(config),
            standby=None if pairing.watch is None else pairing.watch.standby,
            management=processing.catalog.management,
        )
        self.self_report = SelfReport(influxdb, breaker, destination.self_point, status)
        self.rate_watch = RateWatch(file, status)
        self.clock_watch = ClockWatch(file, processor.trust, clock)
        self.certificate_watch = CertificateWatch(status)
        self.exchanges = ExchangeWriter(file, influxdb, breaker, clock)
        snapshots, grew = processing.device_snapshots, fallback.backlog.grew
        core, save = (processor.streams, processor.evaluator), snapshots.save_counters
        self.resums = Resums(config, *core, foundation.ledger, save, influxdb, self.exchanges, clock)
        salvage = Salvage(file, fallback.journal, waiting.quarantine_in, fallback.journal_account, events, grew, clock)
        self.lanes: Lanes = {
            "resum": LiveOnly(self.resums.run),  # sums belong to the live machine
            "resum at night": LiveOnly(self.resums.nights),
            "steps": LiveOnly(self.resums.tell_steps),
            "exchanges": self.exchanges.run,
            "damage": file.watch,
            "salvage": salvage.run,
            "journal gauge": JournalGauge(file, fallback.journal, status.journal, events).run,
            "drops": DropWatch(file, processor.streams, processor.evaluator.gaps, events, clock).run,
            "report": self.self_report.run,
            "certificates": self.certificate_watch.run,
            "rates": self.rate_watch.run,
            "clock": self.clock_watch.run,
            "limit of the port": partial(every, PORT_EVERY_S, WallClock(), partial(look_at_port, events, config)),
            **dict(_of_others(foundation, processing, pairing, status)),
            **dict(_published(foundation, processing, pairing)),
        }


def _of_others(foundation: Foundation, processing: Processing, pairing: Pairing, status: Status) -> Iterator[tuple[str, Lane]]:
    """Yield the lanes that look at other gateways, and at the other machine of a pair."""
    config, clock, elsewhere = foundation.config, foundation.clock, processing.silence.membership.elsewhere
    if elsewhere is not None:
        yield "heard elsewhere", ElsewhereWatch(config, elsewhere, status.devices, clock, status.link).run
    if config.mqtt.shares is not None:
        moves = MoveLook(config, processing.processor.streams.tenures, clock, status.link)
        look = partial(look_at_waits, status.waits, moves.find, clock)
        yield "waits", partial(every, WAITS_EVERY_S, clock, look)
    if pairing.watch is not None:
        find = partial(find_in_pair, pairing.watch.standby, foundation.ledger, foundation.events)
        yield "waits", partial(every, WAITS_EVERY_S, clock, partial(look_at_waits, status.waits, find, clock))
        hear = partial(hear_partner, config, status.devices, clock, status.link)
        yield "hearing of the pair", LiveOnly(hear)  # it is asked for at a take-over


def _published(foundation: Foundation, processing: Processing, pairing: Pairing) -> Iterator[tuple[str, Lane]]:
    """Yield the lanes of what is published, as far as the configuration asks for it."""
    config = foundation.config
    if config.open_data.nightly and processing.silence.membership.leads:
        days = OpenExport(config, foundation.clock)
        yield "open export", LiveOnly(partial(publish_and_wait, days))  # one file a day is enough
    if config.audit.mqtt:
        heads = AuditExport(foundation.audit, pairing.connection, config.mqtt.machine_id)
        yield "audit", LiveOnly(partial(publish_and_wait, heads))  # it goes by the session


class Closing:
    """The job that closes periods, and the points about the registry and what happens to the gateway.

    A machine of ``pairing`` closes hours while it is live. ``late_report`` goes to whoever closes hours; None: this one.
    """

    def __init__(self, way: Way, watching: Watching) -> None:
        foundation, processing, pairing, delivery = way
        destination, again, watch, status = delivery.destination, processing.hours_again, pairing.watch, watching.status
        influxdb, breaker, database = destination.influxdb, destination.breaker, foundation.database
        writer = RollupWriter(influxdb, breaker, delivery.queue, destination.second_place)
        feeds = AlarmFeeds(processing.alarms, status.devices, database, ZoneInfo(foundation.config.time.zone))
        self.job = PeriodJob(status, again, database, breaker, writer, feeds)
        self.registry_report = RegistryReport(status, influxdb, breaker)
        self.late_report: LateReport | None = None
        self.lanes: dict[str, Lane] = {
            "usual hours": LiveOnly(feeds.restore),  # the live machine judges by them
            "registry and events": LiveOnly(self.registry_report.run),  # the registry is written once
        }
        leads = processing.silence.membership.leads
        if leads:  # one machine closes hours and days
            self.lanes |= {"periods": LiveOnly(self.job.run), "late readings": LiveOnly(self.job.remember)}
        if not leads or watch is not None:
            closes_itself = watch.live.is_set if leads and watch is not None else lambda: False
            self.late_report = LateReport(status, again, influxdb, breaker, closes_itself)
            self.lanes["late report"] = self.late_report.run
