"""Wiring: from the configuration to parts that are joined. No decision is made here; :mod:`gateway.run` gives it life."""

import ssl
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.catalog import Catalog, load_catalog, topic_filters
from gateway.clock import WallClock
from gateway.codecs.async_client import AsyncCodecs
from gateway.config.exposed_secrets import exposed_secrets
from gateway.config.files import ConfigurationFault, secret
from gateway.config.model import Config, Mqtt, split_url
from gateway.config.registry import fault_lines
from gateway.core.delivery.acknowledgements import Acknowledger
from gateway.core.devices.broker_drops import BrokerDrops
from gateway.core.devices.streams import Admission, Streams
from gateway.core.edge_nodes import BIRTH
from gateway.core.ledger import Ledger
from gateway.core.message import WaitCause
from gateway.core.mqtt_session import Session, SessionOptions
from gateway.core.process import Processor
from gateway.core.readings.clock_trust import ClockTrust
from gateway.core.readings.timestamps import TimeRules
from gateway.core.status.silence import Hearing, Silence
from gateway.delivery.backlog import Backlog
from gateway.delivery.batch_queue import BatchQueue, DeliveryLimits
from gateway.delivery.bisect_refused import Bisector, UnspooledRefusals
from gateway.delivery.bounded_journal import BoundedJournal
from gateway.delivery.circuit_breaker import CircuitBreaker, Probe
from gateway.delivery.drain_lane import DrainLane
from gateway.delivery.flood_watch import FloodWatch
from gateway.delivery.influxdb import InfluxdbClient
from gateway.delivery.live_lane import LiveLane
from gateway.delivery.reject_writer import RejectWriter
from gateway.delivery.self_point import SelfPoint
from gateway.delivery.spool import Spool
from gateway.delivery.spool_requests import SpoolRequests
from gateway.events import Events
from gateway.intake.codec_calls import CodecCalls
from gateway.intake.connection import BrokerAddress, Connection
from gateway.intake.intake import Intake
from gateway.intake.replay_pipeline import ReplayPipeline
from gateway.intake.side_effects import SideEffectRunner
from gateway.intake.subscriptions import Subscriptions
from gateway.jobs.clock_watch import NEWEST_TIME, ClockWatch
from gateway.jobs.drop_watch import DROPPED, DropWatch
from gateway.jobs.journal_gauge import JournalGauge
from gateway.jobs.salvage import Salvage
from gateway.jobs.self_report import SelfReport
from gateway.reload import Reload
from gateway.status.status import JournalState, Status
from gateway.storage import keyvalue
from gateway.storage.births import BirthWriter
from gateway.storage.database import Database
from gateway.storage.device_memory import DeviceMemory
from gateway.storage.device_snapshots import DeviceSnapshots
from gateway.storage.journal_account import JournalAccount
from gateway.storage.quarantine import keys_of
from gateway.storage.quarantine_account import QuarantineAccount
from gateway.storage.quarantine_in import QuarantineIn, QuarantineLimits
from gateway.storage.quarantine_out import QuarantineOut
from gateway.storage.quarantine_settlement import QuarantineSettlement
from gateway.storage.reject_account import RejectAccount
from gateway.storage.released_keys import ReleasedKeys
from gateway.storage.replay import Limits
from gateway.tls import tls_context

BUILT_MS: Final = 1_790_000_000_000
"""No clock that is right stands before this program was written (September 2026)."""


def build_processor(
    config: Config, catalog: Catalog, *, not_before_ms: int = 0, memory: DeviceMemory | None = None
) -> Processor:
    """The pure pipeline of a configuration.

    :param not_before_ms: a clock that stands before this is wrong; 0 for commands, which look at messages of any time.
    :param memory: the devices of earlier runs.
    """
    admission = Admission(config.devices.unknown, config.limits.simulated, config.limits.devices)
    rules = TimeRules(
        *(
            round(value.total_seconds() * 1000)
            for value in (config.time.max_past, config.time.max_future, config.time.late_after)
        ),
    )
    trust = ClockTrust(not_before_ms=not_before_ms, max_future_ms=rules.max_future_ms)
    streams = Streams(catalog.devices, admission, catalog.profiles, memory)
    return Processor(streams, rules, trust, config.limits.payload_bytes)


def broker_address(config: Mqtt) -> BrokerAddress:
    """Return the address of the broker, with the certificates for it.

    :raises ConfigurationFault: a certificate cannot be used.
    """
    parts = split_url(config.url)
    tls = None
    if parts.scheme == "mqtts":
        try:
            tls = tls_context(config.tls.ca, config.tls.cert, config.tls.key)
        except (ssl.SSLError, OSError) as error:
            why = error.strerror or str(error)
            raise ConfigurationFault([f"{config.tls.ca or config.tls.cert}: mqtt.tls: cannot be used: {why}"]) from error
    return BrokerAddress(parts.hostname or "127.0.0.1", parts.port or (8883 if tls else 1883), tls)


def session_options(config: Config) -> SessionOptions:
    """Return the options of the session with the broker."""
    mqtt = config.mqtt
    password = secret(mqtt.password, mqtt.password_file)
    return SessionOptions(
        client_id=mqtt.client_id,
        username=mqtt.username,
        password=password.encode() if password is not None else None,
        session_expiry_s=min(int(mqtt.session_expiry.total_seconds()), 0xFFFFFFFF),
        receive_maximum=mqtt.receive_maximum,
        frame_max_bytes=config.limits.payload_bytes + 131072,
    )


def delivery_limits(config: Config) -> DeliveryLimits:
    """Return the limits that delivery keeps."""
    return DeliveryLimits(
        config.batch.max_delay.total_seconds(),
        config.batch.max_readings,
        config.batch.stall.total_seconds(),
        config.mqtt.receive_maximum,
        config.limits.memory_bytes,
    )


def quarantine_limits(config: Config) -> QuarantineLimits:
    """Return the limits that the quarantine keeps."""
    return QuarantineLimits(
        config.devices.quarantine_max_bytes,
        config.journal.min_free_bytes,
        may_give_up=config.journal.when_full == "drop_oldest",
    )


def replay_limits(config: Config) -> Limits:
    """Return the limits that a replay keeps."""
    return Limits(config.rejects.max_bytes, config.devices.quarantine_max_bytes)


def _see_influxdb(trust: ClockTrust, clock: WallClock, date_ms: int) -> None:
    """Take the ``Date`` of an answer as evidence, unless the clock is scaled: then it tells nothing.

    First it is seen if our clock was set, because the date is held against the clock of now.
    """
    if clock.is_real:
        now_ms, steady_ms = clock.now_and_steady_ms()
        trust.see_time(now_ms, steady_ms)
        trust.see_influxdb(date_ms - now_ms, now_ms)


@dataclass(slots=True)
class Parts:
    """All parts of a gateway, joined."""

    config: Config
    database: Database
    clock: WallClock
    influxdb: InfluxdbClient
    processor: Processor
    breaker: CircuitBreaker
    probe: Probe
    queue: BatchQueue
    bounded_journal: BoundedJournal
    backlog: Backlog
    live_lane: LiveLane
    spool: Spool
    drain_lane: DrainLane
    unspooled: UnspooledRefusals
    reject_writer: RejectWriter
    codecs: AsyncCodecs
    released: ReleasedKeys
    births: BirthWriter
    quarantine_in: QuarantineIn
    quarantine_out: QuarantineOut
    replay_pipeline: ReplayPipeline
    journal_account: JournalAccount
    device_memory: DeviceMemory
    device_snapshots: DeviceSnapshots
    connection: Connection
    subscriptions: Subscriptions
    intake: Intake
    status: Status
    self_report: SelfReport
    clock_watch: ClockWatch
    drop_watch: DropWatch
    journal_gauge: JournalGauge
    salvage: Salvage
    flood_watch: FloodWatch
    reload: Reload


def _restore_births(file: Database, processor: Processor) -> list[str]:
    """Give the core what Sparkplug nodes said at their births; return the keys of all that were saved."""
    births = file.run_here(keyvalue.get_prefix, BIRTH)
    file.run_here(keyvalue.put_all, dict.fromkeys(processor.restore_births(births)))
    return [name.removeprefix(BIRTH) for name in births]


def _free_at_start(config: Config, file: Database, catalog: Catalog) -> list[str]:
    """Return the keys of messages that need not wait any more: the configuration may have changed since they came."""
    free = [*catalog.devices, *file.run_here(keys_of, WaitCause.CODEC)]
    if config.devices.unknown == "accept":
        free += file.run_here(keys_of, WaitCause.UNKNOWN_DEVICE)
    return free


def build(config: Config, file: Database, clock: WallClock) -> Parts:
    """Join the parts; ``file`` is open, a loop is running.

    :raises ConfigurationFault: the registry, a profile or a certificate cannot be used.
    """
    catalog = load_catalog(config)
    saved_ms = int(file.run_here(keyvalue.get, NEWEST_TIME) or 0)
    now_ms = clock.now_ms()
    dropped = file.run_here(keyvalue.get, DROPPED)
    drops = BrokerDrops(None if dropped is None else int(dropped))
    events = Events(hearing=Hearing(saved_ms or now_ms), drops=drops)
    acknowledger, ledger = Acknowledger(), Ledger(since_ms=now_ms)
    memory = DeviceMemory(events, clock)
    processor = build_processor(config, catalog, not_before_ms=max(BUILT_MS, saved_ms), memory=memory)
    processor.trust.judge(now_ms)
    born = _restore_births(file, processor)
    events.started(fault_lines(config.devices.registry, catalog.device_faults(config.mqtt)))
    events.exposed(exposed_secrets(config))
    # Delivery: InfluxDB, the queue of batches and the journal, and the lanes between them.
    influxdb = InfluxdbClient(config.influxdb, partial(_see_influxdb, processor.trust, clock))
    breaker, bounded_journal = CircuitBreaker(events), BoundedJournal(file, config.journal, clock)
    self_point = SelfPoint(config.mqtt.client_id, ledger, processor.trust, clock)
    probe = Probe(breaker, influxdb, self_point)
    streams = processor.streams
    device_snapshots = DeviceSnapshots(file, events, streams, memory, config.limits.devices, clock)
    session = Session(session_options(config))
    connection = Connection(broker_address(config.mqtt), session)
    queue = BatchQueue(delivery_limits(config), acknowledger, ledger, connection)
    flood_watch = FloodWatch(queue.flood_queue, events)
    rejects_max_bytes = config.rejects.max_bytes
    backlog = Backlog(bounded_journal, queue, breaker, ledger, events, rejects_max_bytes)
    rejects = RejectAccount(ledger, events, clock, max_bytes=rejects_max_bytes, is_registered=streams.is_registered)
    reject_writer = RejectWriter(file, rejects, queue)
    bisector = Bisector(influxdb, breaker, events, self_point, clock)
    unspooled = UnspooledRefusals(bisector, breaker, queue, ledger, reject_writer)
    spool_requests = SpoolRequests(queue)
    live_lane = LiveLane(influxdb, breaker, queue, spool_requests, backlog, reject_writer, events)
    spool = Spool(spool_requests, queue, live_lane, breaker, backlog, reject_writer, unspooled)
    drain_lane = DrainLane(bisector, breaker, queue, backlog, rejects, events)
    # Messages that wait: for a codec, a registration or a birth.
    released = ReleasedKeys(clock)
    codecs = AsyncCodecs(catalog.codecs, released)
    journal_account, quarantine_account = JournalAccount(ledger, events, rejects), QuarantineAccount(ledger, events)
    births = BirthWriter(file, queue)
    quarantine_in = QuarantineIn(file, quarantine_account, released, queue, quarantine_limits(config))
    codec_calls = CodecCalls(processor, codecs, released, events)
    replay_pipeline = ReplayPipeline(processor, codec_calls, released, births)
    settlement = QuarantineSettlement(file, quarantine_account, rejects, backlog.grew, replay_limits(config), clock)
    quarantine_out = QuarantineOut(
        file, quarantine_account, released, quarantine_in, settlement, replay_pipeline, bounded_journal
    )
    side_effects = SideEffectRunner(live_lane, codec_calls, quarantine_in, released, births, connection, events)
    # Intake, and what people see.
    areas = catalog.registry.areas
    stored, silence = JournalState(file.tally), Silence(dict(config.devices.silent_after.items()), events.hearing)
    status = Status(
        config,
        processor,
        acknowledger,
        ledger,
        events,
        codecs,
        quarantine_account,
        stored,
        clock,
        silence,
        areas,
        backlog.progress,
    )
    subscriptions = Subscriptions(file, topic_filters(config, catalog))
    intake = Intake(
        connection, session, subscriptions, processor, live_lane, acknowledger, events, side_effects, flood_watch.floods, clock
    )
    released.release(*born, *_free_at_start(config, file, catalog))
    return Parts(
        config,
        file,
        clock,
        influxdb,
        processor,
        breaker,
        probe,
        queue,
        bounded_journal,
        backlog,
        live_lane,
        spool,
        drain_lane,
        unspooled,
        reject_writer,
        codecs,
        released,
        births,
        quarantine_in,
        quarantine_out,
        replay_pipeline,
        journal_account,
        memory,
        device_snapshots,
        connection,
        subscriptions,
        intake,
        status,
        SelfReport(influxdb, breaker, self_point, status, clock),
        ClockWatch(file, processor.trust, clock),
        DropWatch(file, processor, events, clock),
        JournalGauge(file, bounded_journal, stored, events),
        Salvage(file, bounded_journal, quarantine_in, journal_account, events, backlog.grew, clock),
        flood_watch,
        Reload(file, codecs, streams, device_snapshots, intake, released, status),
    )
