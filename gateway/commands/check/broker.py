"""The parts of ``gateway check --connect`` about the broker: subscribing as the gateway would, and its queue at RabbitMQ."""

import asyncio
from typing import Final

from mqtt5 import RetainHandling

from gateway.commands.guest import guest, open_as_guest, read
from gateway.commands.printing import say, warn
from gateway.core.mqtt_session import DISCONNECT, Connected, ProtocolFault, Session, Subscribed
from gateway.ingest.broker.rabbitmq.accounts import queue_of
from gateway.ingest.broker.rabbitmq.management import ManagementFault
from gateway.ingest.broker.rabbitmq.queues import QueueSeen, compare, see, watch_api
from gateway.ingest.catalog import Catalog, state_topics, topic_filters
from gateway.ingest.intake.connection import BrokerAddress
from gateway.ingest.waiting_events import SessionEvents
from gateway.monitoring.status.troubles import of_session
from gateway.runtime.pipeline.options import pair_topics, session_options
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config, Mqtt
from gateway.support.i18n.findings import sentence
from gateway.support.registry.shares import ManagementSection
from gateway.support.tls import ended, handshake_fault
from schemas.printable import printable

_PATIENCE_S: Final = 5.0


async def try_broker(address: BrokerAddress, config: Config, catalog: Catalog) -> str:
    """Connect beside a running gateway, which keeps its session, and subscribe as the gateway would."""
    options = session_options(config)
    session = Session(guest(options, "check"))
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer, granted_s = await open_as_guest(address, options)
            async with ended(writer):
                refused = await _subscribe(session, topic_filters(config, catalog) | _watched(config), reader, writer)
    except TimeoutError:
        return f"{address}: no answer within {_PATIENCE_S:g} s"
    except OSError as error:
        return f"{address}: {handshake_fault(error, tls=address.tls is not None)}"
    except ProtocolFault as fault:
        return f"{address}: {fault}"
    _warn_of_expiry(address, granted_s, options.session_expiry_s)
    say(f"{address}: {'connected' if refused else 'connected and subscribed'}")
    return "; ".join(f"{address}: subscription {pattern} refused: {why}" for pattern, why in refused.items())


def _warn_of_expiry(address: BrokerAddress, granted_s: int | None, asked_s: int) -> None:
    """Say that the broker keeps the session of an absent gateway for less time than it was asked for."""
    session = SessionEvents(expiry_s=None if granted_s is None else (granted_s, asked_s))
    for finding in of_session(session, 0, shared=False):
        warn(f"{address}: {sentence(finding)}")


def _watched(config: Config) -> dict[str, RetainHandling]:
    """The filters by which two machines of a pair hear each other."""
    topics = pair_topics(config.mqtt)
    return {} if topics is None else dict.fromkeys(topics.filters, RetainHandling.SEND_NEVER)


async def _subscribe(
    session: Session, filters: dict[str, RetainHandling], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> dict[str, str]:
    """Connect, subscribe, disconnect; return the refused filters with their reasons."""
    writer.write(session.connect())
    while data := await read(reader, writer, session):
        for event in session.receive(data):
            if isinstance(event, Connected):
                writer.write(session.subscribe(filters))
            elif isinstance(event, Subscribed):
                writer.write(DISCONNECT)
                return event.refused
    raise ProtocolFault("the broker closed the connection")


def unusable(management: ManagementSection, mqtt: Mqtt) -> list[str]:
    """The faults by which a gateway could not ask RabbitMQ, and would not start."""
    try:
        watch_api(management, mqtt)
    except ConfigurationFault as fault:
        return list(fault.lines)
    return []


def check_queue(config: Config, catalog: Catalog) -> str:
    """Print the state of the queue, and warnings about it; return the reason why RabbitMQ cannot be asked, if it cannot.

    :raises ConfigurationFault: the password or the authority cannot be used.
    """
    management = catalog.management
    if management is None:
        return ""
    queue = queue_of(config.mqtt.client_id)
    try:
        api = watch_api(management, config.mqtt)
        api.refuse_older()
        seen = see(api, config.mqtt.client_id)
    except ManagementFault as fault:
        return str(fault)
    missing, strange = compare(topic_filters(config, catalog), state_topics(config, catalog), seen.keys)
    print(printable(f"{management.url}: {queue}: {f'{len(seen.keys)} bindings' if seen.keys else 'is not there yet'}"))
    if seen.keys and missing:
        warn(f"{management.url}: {queue}: nothing leads {', '.join(missing)} there; the gateway mends that while it runs")
    for finding in of_session(_as_seen(seen, strange, config.mqtt.receive_maximum), 0, shared=True):
        warn(f"{management.url}: {sentence(finding)}")
    return ""


def _as_seen(seen: QueueSeen, strange: list[str], asked: int) -> SessionEvents:
    cut = (seen.window, asked) if seen.window is not None and seen.window < asked else None
    is_kept = seen.unroutable is not None
    return SessionEvents(window=cut, strange=strange, unroutable=seen.unroutable, is_kept=is_kept, cluster=seen.cluster)
