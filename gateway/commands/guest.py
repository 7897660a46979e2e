"""A guest at the broker: a second connection with the gateway's account that leaves the gateway's session alone.

A broker may name clients after their accounts, whatever id they send (``use_username_as_clientid`` of Mosquitto). There
a guest would replace the gateway: it takes over the connection, and a session that ends with the guest loses all waiting
messages. Nothing shows this beforehand. So a guest first asks, under a name that was never used, for a session that lives as
long as the gateway's: if one is present, it can only be the gateway's, and is left as it was.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from secrets import token_hex
from typing import Final, NamedTuple

import mqtt5

from gateway.core.mqtt_session import DISCONNECT, Connected, ProtocolFault, Session, SessionOptions
from gateway.ingest.intake.connection import BrokerAddress
from gateway.support.tls import PLAIN_PORT_ASKED, ended

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
