"""Wiring: from the configuration to parts that are joined. No decision is made here; :mod:`gateway.run` gives it life."""

import asyncio
import json
import ssl
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from gateway.codecs.caller import Codecs
from gateway.core.acknowledger import Acknowledger
from gateway.core.by_profile import BIRTH
from gateway.core.clock import ClockTrust, TimeRules
from gateway.core.ledger import Ledger
from gateway.core.mqtt_session import Session, SessionOptions
from gateway.core.process import Processor
from gateway.core.silence import Hearing, Silence
from gateway.core.streams import Admission, Streams
from gateway.core.waiting import WaitCause
from gateway.delivery.breaker import Breaker
from gateway.delivery.deliver import Delivery, DeliveryLimits, Hooks
from gateway.delivery.drain import Drain
from gateway.delivery.fair_shares import FairShares
from gateway.delivery.influxdb import InfluxdbClient
from gateway.delivery.keeper import RejectKeeper
from gateway.delivery.splitting import Splitter
from gateway.delivery.store import Store
from gateway.delivery.to_journal import ToJournal
from gateway.delivery.unstored import Unstored
from gateway.disk import database
from gateway.disk.database import Database
from gateway.disk.device_state import DeviceStates
from gateway.disk.quarantine import keys_of
from gateway.disk.quarantine_keeper import Hooks as QuarantineHooks
from gateway.disk.quarantine_keeper import Quarantine
from gateway.disk.replay import Limits
from gateway.errands import Errands
from gateway.events import Events
from gateway.housekeeping import DROPPED, NEWEST_TIME, SUBSCRIPTIONS, Housekeeping
from gateway.intake import BrokerAddress, Intake, Subscriptions
from gateway.known import Known, load_known, topic_filters
from gateway.settings.config import Config, Mqtt, split_url
from gateway.settings.config_file import ConfigurationFault, secret
from gateway.settings.exposed import exposed_secrets
from gateway.settings.registry import fault_lines
from gateway.state import GatewayState, JournalState
from gateway.tls import tls_context

BUILT_MS: Final = 1_790_000_000_000
"""No clock that is right stands before this program was written (September 2026)."""


def build_processor(config: Config, known: Known, *, not_before_ms: int = 0) -> Processor:
    """The pure pipeline of a configuration.

    :param not_before_ms: a clock that stands before this is wrong; 0 at a desk, where messages of any time are looked at.
    """
    admission = Admission(config.devices.unknown, config.limits.simulated, config.limits.devices)
    rules = TimeRules(
        *(
            round(value.total_seconds() * 1000)
            for value in (config.time.max_past, config.time.max_future, config.time.late_after)
        ),
    )
    trust = ClockTrust(not_before_ms=not_before_ms, max_future_ms=rules.max_future_ms)
    return Processor(Streams(known.devices, admission, known.profiles), rules, trust, config.limits.payload_bytes)


def broker_address(config: Mqtt) -> BrokerAddress:
    """Where the broker is, with the certificates for it.

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
    """What is asked of the broker."""
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
    """The numbers delivery lives by."""
    return DeliveryLimits(
        config.batch.max_delay.total_seconds(),
        config.batch.max_readings,
        config.batch.stall.total_seconds(),
        config.mqtt.receive_maximum,
        config.limits.memory_bytes,
    )


def _see_influxdb(trust: ClockTrust, offset_ms: int) -> None:
    """The ``Date`` of an answer. Whether our clock was set comes first: the date is held against the clock of now."""
    now_ms = time.time_ns() // 1_000_000
    trust.see_time(now_ms, time.monotonic_ns() // 1_000_000)
    trust.see_influxdb(offset_ms, now_ms)


@dataclass(slots=True)
class Parts:
    """All parts of a gateway, joined."""

    config: Config
    database: Database
    influxdb: InfluxdbClient
    processor: Processor
    breaker: Breaker
    delivery: Delivery
    store: Store
    to_journal: ToJournal
    keeper: RejectKeeper
    codecs: Codecs
    quarantine: Quarantine
    errands: Errands
    drain: Drain
    unstored: Unstored
    device_states: DeviceStates
    intake: Intake
    state: GatewayState
    housekeeping: Housekeeping
    fair_shares: FairShares
    reloading: asyncio.Lock = field(default_factory=asyncio.Lock)
    reloads: set[asyncio.Task[None]] = field(default_factory=set)


def build(config: Config, file: Database) -> Parts:
    """Join the parts; ``file`` is open, a loop is running.

    :raises ConfigurationFault: the registry, a profile or a certificate cannot be used.
    """
    known = load_known(config)
    saved_ms = int(file.run_here(database.kept, NEWEST_TIME) or 0)
    processor = build_processor(config, known, not_before_ms=max(BUILT_MS, saved_ms))
    processor.trust.judge(time.time_ns() // 1_000_000)
    births = file.run_here(database.kept_under, BIRTH)
    file.run_here(database.keep_all, dict.fromkeys(processor.restore_births(births)))
    now_ms = time.time_ns() // 1_000_000
    events, acknowledger, ledger = Events(hearing=Hearing(saved_ms or now_ms)), Acknowledger(), Ledger(since_ms=now_ms)
    told = file.run_here(database.kept, DROPPED)
    events.drops.total = None if told is None else int(told)
    events.started(fault_lines(config.devices.registry, known.device_faults(config.mqtt)))
    events.exposed(exposed_secrets(config))
    influxdb = InfluxdbClient(config.influxdb, partial(_see_influxdb, processor.trust))
    breaker, store = Breaker(events), Store(file, config.journal)
    delivery = Delivery(delivery_limits(config), influxdb, breaker, ledger, events, acknowledger)
    streams = processor.streams
    device_states = DeviceStates(file, events, streams, config.limits.devices)
    streams.restore = device_states.restore
    codecs = Codecs(known.codecs)
    to_journal = ToJournal(delivery, breaker, store, ledger, events)
    keeper = RejectKeeper(
        file,
        ledger,
        events,
        max_bytes=config.rejects.max_bytes,
        let_go=delivery.let_go,
        is_registered=streams.is_registered,
    )
    errands = Errands(processor, delivery, codecs, events)
    quarantine = Quarantine(
        file,
        ledger,
        events,
        Limits(config.rejects.max_bytes, config.devices.quarantine_max_bytes),
        config.journal.min_free_bytes,
        QuarantineHooks(
            errands.process,
            delivery.let_go,
            keeper.choose,
            to_journal.backlog.set,
            has_room=lambda: store.has_room([]),
            pressed=lambda: delivery.hurried and config.journal.when_full == "drop_oldest",
        ),
    )
    areas = known.registry.areas
    stored, silence = JournalState(file.tally), Silence(dict(config.devices.silent_after.items()), events.hearing)
    state = GatewayState(config, processor, delivery, acknowledger, ledger, events, codecs, quarantine, stored, silence, areas)
    drain = Drain(
        influxdb,
        breaker,
        delivery,
        to_journal,
        store,
        keeper,
        ledger,
        events,
        state.own_point,
        config.rejects.max_bytes,
        state.progress,
    )
    splitter = Splitter(influxdb, breaker, events, state.own_point)
    unstored = Unstored(splitter, breaker, ledger, keeper, let_go=delivery.let_go)
    before: list[str] = json.loads(file.run_here(database.kept, SUBSCRIPTIONS) or "[]")
    housekeeping = Housekeeping(file, store, influxdb, breaker, state, subscribed=before)
    filters = topic_filters(config, known)
    fair_shares = FairShares(delivery, events)
    intake = Intake(
        broker_address(config.mqtt),
        Session(session_options(config)),
        Subscriptions(filters, [pattern for pattern in before if pattern not in filters]),
        processor,
        delivery,
        acknowledger,
        events,
        errands,
        fair_shares.shares,
        housekeeping.subscribed,
    )
    errands.connect(quarantine, publish=intake.publish, save=housekeeping.save_births)
    codecs.freed = quarantine.release
    codecs_missed = file.run_here(keys_of, WaitCause.CODEC)
    quarantine.release(*known.devices, *codecs_missed, *(name.removeprefix(BIRTH) for name in births))
    if config.devices.unknown == "accept":
        quarantine.release(*file.run_here(keys_of, WaitCause.UNKNOWN_DEVICE))
    delivery.hooks = Hooks(
        keep_refusals=keeper.keep,
        to_journal=to_journal.wake,
        refused=to_journal.refused,
        settled_late=drain.settled_late,
        left_in_journal=to_journal.backlog.set,
        acknowledge=intake.acknowledge,
        resume_reading=intake.resume_reading,
    )
    breaker.on_close = delivery.pump
    to_journal.give_up = drain.give_up
    to_journal.split_unstored = unstored.take
    return Parts(
        config,
        file,
        influxdb,
        processor,
        breaker,
        delivery,
        store,
        to_journal,
        keeper,
        codecs,
        quarantine,
        errands,
        drain,
        unstored,
        device_states,
        intake,
        state,
        housekeeping,
        fair_shares,
    )
