"""Watching: the status that people see, and the slow jobs beside the lanes; the last works out periods when they have ended."""

from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from gateway.monitoring.status.known_devices import DeviceVerdicts, KnownDevices
from gateway.monitoring.status.status import JournalState, Status
from gateway.runtime.jobs.certificates import CertificateWatch, certificate_ends
from gateway.runtime.jobs.exchange_writer import ExchangeWriter
from gateway.runtime.jobs.exports import AuditExport, OpenExport, publish_and_wait
from gateway.runtime.jobs.late_report import LateReport
from gateway.runtime.jobs.looks import ClockWatch, DropWatch, JournalGauge, RateWatch
from gateway.runtime.jobs.other_gateways import ElsewhereWatch, PartnerHearing
from gateway.runtime.jobs.own_points import EventPoints, RegistryReport, SelfReport
from gateway.runtime.jobs.periods.feeds import AlarmFeeds
from gateway.runtime.jobs.periods.job import PeriodJob
from gateway.runtime.jobs.periods.writer import RollupWriter
from gateway.runtime.jobs.resums import Resums
from gateway.runtime.jobs.salvage import Salvage
from gateway.runtime.jobs.wait_watch import MoveLook, PairLook, WaitWatch
from gateway.runtime.pipeline.alarming import Alarming
from gateway.runtime.pipeline.delivering import Delivery
from gateway.runtime.pipeline.foundation import Foundation, Lane, Lanes, LiveOnly
from gateway.runtime.pipeline.pairing import Pairing
from gateway.runtime.pipeline.processing import Processing
from gateway.runtime.pipeline.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Watching:
    """The status, and the jobs that others have to do with."""

    status: Status
    self_report: SelfReport
    clock_watch: ClockWatch
    rate_watch: RateWatch
    exchanges: ExchangeWriter
    resums: Resums
    certificate_watch: CertificateWatch
    lanes: Lanes


def build_watching(
    foundation: Foundation,
    processing: Processing,
    delivery: Delivery,
    waiting: Waiting,
    alarming: Alarming,
    pairing: Pairing,
) -> Watching:
    """Build it; the connection of ``pairing`` takes the head of the audit log."""
    file, clock, events, fallback = foundation.database, foundation.clock, foundation.events, delivery.fallback
    destination, processor = delivery.destination, processing.processor
    status = _build_status(foundation, processing, delivery, waiting, alarming, pairing)
    self_report = SelfReport(destination.influxdb, destination.breaker, destination.self_point, status)
    rate_watch = RateWatch(file, status)
    clock_watch = ClockWatch(file, processor.trust, clock)
    salvage = Salvage(
        file, fallback.journal, waiting.quarantine_in, fallback.journal_account, events, fallback.backlog.grew, clock
    )
    certificate_watch = CertificateWatch(status)
    exchanges = ExchangeWriter(file, destination.influxdb, destination.breaker, clock)
    resums = Resums(
        foundation.config,
        processor,
        foundation.ledger,
        processing.device_snapshots,
        destination.influxdb,
        exchanges,
        clock,
    )
    lanes: dict[str, Lane] = {
        "resum": LiveOnly(resums.run),  # sums belong to the live machine
        "resum at night": LiveOnly(resums.nights),
        "exchanges": exchanges.run,
        "damage": file.watch,
        "salvage": salvage.run,
        "journal gauge": JournalGauge(file, fallback.journal, status.journal, events).run,
        "drops": DropWatch(file, processor.streams, processor.evaluator.gaps, events, clock).run,
        "report": self_report.run,
        "certificates": certificate_watch.run,
        "rates": rate_watch.run,
        "clock": clock_watch.run,
    }
    membership = processing.silence.membership
    if membership.elsewhere is not None:
        elsewhere = ElsewhereWatch(foundation.config, membership.elsewhere, status.devices, clock, status.link)
        lanes |= {"heard elsewhere": elsewhere.run}
    if foundation.config.mqtt.shares is not None:
        moves = MoveLook(foundation.config, processor.streams.tenures, clock, status.link)
        lanes |= {"waits": WaitWatch(status.waits, moves.find, clock).run}
    if pairing.watch is not None:
        pair = PairLook(pairing.watch.standby, foundation.ledger, events)
        lanes |= {"waits": WaitWatch(status.waits, pair.find, clock).run}
        reception = PartnerHearing(foundation.config, status.devices, clock, status.link)
        lanes |= {"hearing of the pair": LiveOnly(reception.run)}  # it is asked for at a take-over
    if foundation.config.open_data.nightly and membership.leads:
        days = OpenExport(foundation.config, clock)
        lanes |= {"open export": LiveOnly(partial(publish_and_wait, days))}  # one file a day is enough
    if foundation.config.audit.mqtt:
        heads = AuditExport(foundation.audit, pairing.connection, foundation.config.mqtt.machine_id)
        lanes |= {"audit": LiveOnly(partial(publish_and_wait, heads))}  # it goes by the session
    return Watching(status, self_report, clock_watch, rate_watch, exchanges, resums, certificate_watch, lanes)


def _build_status(
    foundation: Foundation,
    processing: Processing,
    delivery: Delivery,
    waiting: Waiting,
    alarming: Alarming,
    pairing: Pairing,
) -> Status:
    config, events, processor = foundation.config, foundation.events, processing.processor
    areas = processing.catalog.registry.areas
    return Status(
        config,
        processor.evaluator,
        delivery.acknowledger,
        foundation.ledger,
        events,
        waiting.codecs,
        waiting.account,
        JournalState(foundation.database.tally, delivery.fallback.backlog.progress),
        KnownDevices(processor.streams, processing.silence, processor.rules, areas),
        DeviceVerdicts(processor.rules, processor.trust, processing.silence, events, delivery.queue.deliveries),
        alarming.keeper,
        foundation.clock,
        delivery.destination.link,
        certificate_ends(config),
        standby=None if pairing.watch is None else pairing.watch.standby,
        management=processing.catalog.management,
    )


@dataclass(frozen=True, slots=True)
class Closing:
    """The job, and the points about the registry and what happens to the gateway.

    :ivar late_report: the report of late readings to whoever closes hours; None: this gateway does, and always.
    """

    job: PeriodJob
    late_report: LateReport | None
    registry_report: RegistryReport
    lanes: Lanes


def build_closing(
    foundation: Foundation, processing: Processing, delivery: Delivery, watching: Watching, pairing: Pairing
) -> Closing:
    """Build it; a machine of ``pairing`` closes hours while it is live."""
    destination, again, watch = delivery.destination, processing.hours_again, pairing.watch
    database, zone = foundation.database, ZoneInfo(foundation.config.time.zone)
    writer = RollupWriter(destination.influxdb, destination.breaker, delivery.queue, destination.second_place)
    feeds = AlarmFeeds(processing.alarms, watching.status.devices, database, zone)
    job = PeriodJob(watching.status, again, database, destination.breaker, writer, feeds)
    event_points = EventPoints(foundation.clock, foundation.config.mqtt.machine_id)
    report = RegistryReport(watching.status, destination.influxdb, destination.breaker, event_points)
    lanes: dict[str, Lane] = {
        "usual hours": LiveOnly(feeds.restore),  # the live machine judges by them
        "registry and events": LiveOnly(report.run),  # the registry is written once
    }
    leads = processing.silence.membership.leads
    if leads:
        lanes |= {"periods": LiveOnly(job.run), "late readings": LiveOnly(job.remember)}  # one machine closes hours and days
        if watch is None:
            return Closing(job, None, report, lanes)
    closes_itself = watch.live.is_set if leads and watch is not None else _never
    late_report = LateReport(watching.status, again, destination.influxdb, destination.breaker, closes_itself)
    return Closing(job, late_report, report, lanes | {"late report": late_report.run})


def _never() -> bool:
    return False
