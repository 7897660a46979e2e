"""Administration of a running broker: commands to its dynamic security, on a connection that lasts as long as they do.

Commands travel in batches: the plugin answers a batch with one message, in the order of its commands. It writes its whole file
once for each command, and the broker serves nobody meanwhile; hence batches are small, and others get their turn between them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Final, Self, TypeVar

import mqtt5

from gateway.core.mqtt_session import DISCONNECT, Connected, Event, ProtocolFault, Session, SessionOptions, Subscribed
from gateway.ingest.broker.dynamic_security import BrokerCommand
from gateway.ingest.broker.rights import ANSWERS, COMMANDS
from gateway.ingest.intake.connection import BrokerAddress
from gateway.support.tls import ended, handshake_fault

Awaited = TypeVar("Awaited", Connected, Subscribed, mqtt5.PublishPacket)

_PATIENCE_S: Final = 60.0
_CHUNK_BYTES: Final = 65_536
_REFUSED: Final = (
    "the account {} may not administer the broker; enrolment.username names the one that `gateway setup broker` made"
)


class AdministrationFault(Exception):  # noqa: N818 - it says what happened
    """The broker could not be asked, or did not answer; the text says why."""


@dataclass(slots=True)
class BrokerLink:
    """An open connection and the session on it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    session: Session

    async def events(self) -> list[Event]:
        """Receive what the broker sends next; :class:`ProtocolFault` if it closed the connection, or refused it."""
        data = await self.reader.read(_CHUNK_BYTES)
        if not data:
            raise ProtocolFault("the broker closed the connection")
        return self.session.receive(data)

    async def wait(self, kind: type[Awaited]) -> Awaited:
        """The next event of a kind."""
        while True:
            for event in await self.events():
                if isinstance(event, kind):
                    return event

    async def clear(self, topics: Iterable[str]) -> None:
        """Remove what is retained at these topics."""
        for topic in topics:
            self.writer.write(self.session.publish(topic, b"", retain=True))
        await self.writer.drain()


class Administration:
    """A connection with the account that may administer. Use as an asynchronous context manager.

    :param options: its account; the client id is the beginning of one that is never used again.
    :raises AdministrationFault: on entering, and by each method.
    """

    def __init__(self, address: BrokerAddress, options: SessionOptions) -> None:
        self._address = address
        self._options = replace(options, client_id=f"{options.client_id}-{token_hex(4)}", session_expiry_s=0)
        self._open: AsyncExitStack
        self._link: BrokerLink

    async def __aenter__(self) -> Self:
        with as_faults(self._address):
            async with AsyncExitStack() as opened:
                self._link = await opened.enter_async_context(linked(self._address, self._options))
                self._link.writer.write(self._link.session.subscribe({ANSWERS: mqtt5.RetainHandling.SEND_NEVER}))
                if (await self._link.wait(Subscribed)).refused:
                    raise AdministrationFault(f"{self._address}: {_REFUSED.format(self._options.username)}")
                self._open = opened.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def ask(self, commands: Iterable[BrokerCommand]) -> list[BrokerCommand]:
        """Send a batch of commands; return the answers in their order."""
        with as_faults(self._address):
            async with asyncio.timeout(_PATIENCE_S):
                self._link.writer.write(self._link.session.publish(COMMANDS, json.dumps({"commands": list(commands)}).encode()))
                answer = await self._link.wait(mqtt5.PublishPacket)
        answers: list[BrokerCommand] = json.loads(answer.payload)["responses"]
        return answers

    async def clear(self, topics: Iterable[str]) -> None:
        """Remove what is retained at these topics."""
        with as_faults(self._address):
            await self._link.clear(topics)

    async def end_session(self, client_id: str) -> None:
        """End the session of a client, with all that waits for it."""
        with as_faults(self._address):
            async with linked(self._address, replace(self._options, client_id=client_id)):
                pass


@asynccontextmanager
async def linked(address: BrokerAddress, options: SessionOptions) -> AsyncIterator[BrokerLink]:
    """A connection with an account, connected."""
    name = address.host if address.tls else None
    async with asyncio.timeout(_PATIENCE_S):
        reader, writer = await asyncio.open_connection(address.host, address.port, ssl=address.tls, server_hostname=name)
    async with ended(writer):
        link = BrokerLink(reader, writer, Session(options))
        writer.write(link.session.connect())
        async with asyncio.timeout(_PATIENCE_S):
            await link.wait(Connected)
        yield link
        writer.write(DISCONNECT)


@contextmanager
def as_faults(address: BrokerAddress) -> Iterator[None]:
    """Raise what goes wrong on a connection as :class:`AdministrationFault`."""
    try:
        yield
    except TimeoutError as error:
        raise AdministrationFault(f"{address}: no answer within {_PATIENCE_S:g} s") from error
    except OSError as error:
        raise AdministrationFault(f"{address}: {handshake_fault(error, tls=address.tls is not None)}") from error
    except ProtocolFault as fault:
        raise AdministrationFault(f"{address}: {fault}") from fault
