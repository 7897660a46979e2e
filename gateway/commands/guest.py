"""A guest at the broker: a second connection with the gateway's account that leaves the gateway's session alone.

A broker may name clients after their accounts, whatever id they send (``use_username_as_clientid`` of Mosquitto). There
a guest would replace the gateway: it takes over the connection, and a session that ends with the guest loses all waiting
messages. Nothing shows this beforehand. So a guest first asks, under a name that was never used, for a session that lives as
long as the gateway's: if one is present, it can only be the gateway's, and is left as it was.

``gateway standby gone`` comes as one: the other machine of a pair is lost for good, and what its journal held with it.
"""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from secrets import token_hex
from typing import Final, NamedTuple

import mqtt5

from gateway.commands import OutOfReach
from gateway.commands.terminal import add_yes, confirmed, with_config
from gateway.core.gateways.standby import PairTopics
from gateway.core.mqtt_session import DISCONNECT, Connected, Event, ProtocolFault, Session, SessionOptions, Subscribed
from gateway.ingest.intake.connection import BrokerAddress
from gateway.runtime.pipeline.options import broker_address, pair_topics, session_options
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.tls import PLAIN_PORT_ASKED, ended, handshake_fault

_CHUNK_BYTES: Final = 65536
_COME_BACK_S: Final = 60
"""Least lifetime of a session, if it is the gateway's: it must not end with the guest, since the gateway comes back at once."""
_FORGET_US: Final = mqtt5.DisconnectPacket(session_expiry_interval=0).write()
_IS_THE_GATEWAY: Final = (
    "the broker names clients after their accounts here (use_username_as_clientid), so this command would replace the gateway; "
    "its session was left alone, and nothing else was tried. Let the gateway use the listener of the services"
)


class Opened(NamedTuple):
    """A connection for a guest; ``session_expiry_s``: the shorter lifetime that a session as the gateway's got, if it did."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    session_expiry_s: int | None


def guest(options: SessionOptions, purpose: str) -> SessionOptions:
    """Session options of a guest: a name of its own, and a session that ends with the connection."""
    return replace(options, client_id=f"{options.client_id}-{purpose}-{token_hex(4)}", session_expiry_s=0)


async def open_as_guest(address: BrokerAddress, options: SessionOptions) -> Opened:
    """Open a connection for a guest of the gateway with ``options``; ProtocolFault if he would replace it, or is refused."""
    reader, writer = await _open(address)
    async with ended(writer):
        asks = replace(guest(options, "ask"), session_expiry_s=options.session_expiry_s or _COME_BACK_S)
        session = Session(asks)
        writer.write(session.connect())
        connected = await _connected(reader, writer, session)
        writer.write(DISCONNECT if connected.session_present else _FORGET_US)
        with suppress(ConnectionError):  # the gateway may have taken its session over again
            await writer.drain()
    if connected.session_present:
        raise ProtocolFault(_IS_THE_GATEWAY)
    return Opened(*await _open(address), connected.session_expiry_s)


async def _connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: Session) -> Connected:
    while True:
        data = await read(reader, writer, session)
        try:
            events = session.receive(data)
        except ProtocolFault as fault:
            if not fault.events:
                raise
            events = fault.events  # the broker let it in before it ended it, as when the gateway takes its session over again
        for event in events:
            if isinstance(event, Connected):
                return event


async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, session: Session) -> bytes:
    """Read the next data; ProtocolFault if the broker closed the connection, as a TLS port does before any answer."""
    try:
        data = await reader.read(_CHUNK_BYTES)
    except ConnectionResetError:
        data = b""
    if data:
        return data
    if not (session.connected or writer.get_extra_info("ssl_object") is not None):
        raise ProtocolFault(f"the broker closed the connection before it answered; {PLAIN_PORT_ASKED}")
    raise ProtocolFault("the broker closed the connection")


async def _open(address: BrokerAddress) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    name = address.host if address.tls else None
    return await asyncio.open_connection(address.host, address.port, ssl=address.tls, server_hostname=name)


_PATIENCE_S: Final = 10.0


def add_standby(standby: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway standby``."""
    with_config(standby, standby_command)
    standby.add_argument("action", choices=["gone"], help="the machine and its journal are lost for good: wait for neither")
    standby.add_argument("machine", metavar="MACHINE", help="its mqtt.standby.machine")
    add_yes(standby)


def standby_command(config: Config, options: argparse.Namespace) -> None:
    """Have the broker forget a machine, so that the other one waits for its journal no longer."""
    own, address = pair_topics(config.mqtt), broker_address(config.mqtt)
    if own is None:
        raise ConfigurationFault(["gateway.yaml: mqtt.standby.machine: is not set: this gateway stands alone"])
    if options.machine == own.machine:
        raise ConfigurationFault([f"{own.machine} is this machine; give the command on the other one"])
    lost = PairTopics(own.client_id, options.machine)
    confirmed(options, f"{lost.machine} would be given up: what waits in its journal, and is in no database, is lost for good")
    try:
        asyncio.run(_forget(address, session_options(config), [lost.state, lost.journal]))
    except TimeoutError:
        raise OutOfReach(f"{address}: no answer within {_PATIENCE_S:g} s; see the rights of the account") from None
    except OSError as error:
        raise OutOfReach(f"{address}: {handshake_fault(error, tls=address.tls is not None)}") from error
    except ProtocolFault as fault:
        raise OutOfReach(f"{address}: {fault}") from fault
    print(f"{lost.machine} is forgotten; what its journal held is lost, and sums go on without it")


async def _forget(address: BrokerAddress, options: SessionOptions, topics: Sequence[str]) -> None:
    """Empty the topics; return when the broker has handed the empty messages back, which shows that it took them."""
    session, missing = Session(guest(options, "gone")), set(topics)
    async with asyncio.timeout(_PATIENCE_S):
        reader, writer, _ = await open_as_guest(address, options)
        async with ended(writer):
            writer.write(session.connect())
            while missing:
                for event in session.receive(await read(reader, writer, session)):
                    if isinstance(event, mqtt5.PublishPacket) and not event.payload:
                        missing.discard(event.topic)
                    writer.write(_next(event, session, topics))
            writer.write(DISCONNECT)
            await writer.drain()


def _next(event: Event, session: Session, topics: Sequence[str]) -> bytes:
    """The bytes to send after an event."""
    if isinstance(event, Connected):
        return session.subscribe(dict.fromkeys(topics, mqtt5.RetainHandling.SEND_NEVER))
    if isinstance(event, Subscribed):
        for topic, why in event.refused.items():
            raise ProtocolFault(f"the broker refused the subscription {topic}: {why}")
        return b"".join(session.publish(topic, b"", retain=True) for topic in topics)
    return b""
