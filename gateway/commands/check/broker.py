"""The part of ``gateway check --connect`` that connects to the broker and subscribes as the gateway would."""

import asyncio
from typing import Final

from mqtt5 import RetainHandling

from gateway.commands.check.findings import say, warn
from gateway.commands.guest import guest, open_as_guest, read
from gateway.core.mqtt_session import DISCONNECT, Connected, ProtocolFault, Session, Subscribed
from gateway.ingest.catalog import Catalog, topic_filters
from gateway.ingest.intake.connection import BrokerAddress
from gateway.ingest.session_events import SessionEvents
from gateway.monitoring.status.troubles import of_session
from gateway.runtime.pipeline.options import pair_topics, session_options
from gateway.support.config.model import Config
from gateway.support.i18n.findings import sentence
from gateway.support.tls import ended, handshake_fault

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
    session: Session,
    filters: dict[str, RetainHandling],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
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
