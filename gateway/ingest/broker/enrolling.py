"""Enrolling: devices get their accounts on the running broker, and lose them, by commands to its dynamic security.

The connection lasts as long as the commands do. They travel in batches: the plugin answers a batch with one message, in the
order of its commands. Mosquitto 2.0 writes the whole file of accounts once for each command, and serves nobody meanwhile: with
1,000 accounts that is 1.2 MB. So batches are small, devices follow each other one at a time, and others have the broker for as
long as each one took. Thousands get their accounts in the file of a broker that is stopped
(:func:`gateway.ingest.broker.rights.added`).
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from secrets import token_bytes, token_hex, token_urlsafe
from typing import Final, Self, TypeVar

import mqtt5

from gateway.core.mqtt_session import DISCONNECT, Connected, Event, ProtocolFault, Session, SessionOptions, Subscribed
from gateway.ingest.broker.kept_accounts import KeptAccounts
from gateway.ingest.broker.rights import (
    ANSWERS,
    COMMANDS,
    SALT_BYTES,
    BrokerAccount,
    BrokerCommand,
    NativeTopics,
    creation,
    faults,
    is_of_device,
    listing,
    names,
    of_device,
    removal,
    role_of,
    topics_of,
)
from gateway.ingest.intake.connection import BrokerAddress
from gateway.support.tls import ended, handshake_fault
from schemas.enrolment import Enrolment

Awaited = TypeVar("Awaited", Connected, Subscribed, mqtt5.PublishPacket, mqtt5.PubAckPacket)

_PATIENCE_S: Final = 60.0
_CHUNK_BYTES: Final = 65_536
_REFUSED: Final = (
    "the account {} may not administer the broker; enrolment.username names the one that `gateway setup broker` made"
)
_NOT_KEPT: Final = "the change cannot be kept for the broker's next start: {}"
_PASSWORD_BYTES: Final = 18
_MARK_BYTES: Final = 4


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

    The client id of the ``options`` is the beginning of one that is never used again. Entering, and each method, may raise
    :class:`AdministrationFault`.
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


@dataclass(frozen=True, slots=True)
class BrokerEntrance:
    """The way by which devices come to the broker; ``ca_sha256`` is of the authority that it trusts, None: of a known one."""

    host: str
    port: int
    ca_sha256: str | None

    def enrolment(self, place: NativeTopics, password: str) -> Enrolment:
        """All that the device needs."""
        return Enrolment(place.device, password, self.host, self.port, place.topic("readings"), self.ca_sha256)


class EnrolmentRefused(Exception):  # noqa: N818 - it says what happened
    """An account was refused, by the broker or because it is none of a device: ``why`` is told in sentences."""

    def __init__(self, why: Sequence[str]) -> None:
        super().__init__("; ".join(why))
        self.why = why


def refuse_others(name: str, topics: Iterable[str]) -> None:
    """Refuse an account that is there and, by the topics of its rights, not a device's but a gateway's or a service's."""
    if not is_of_device(name, topics):
        raise EnrolmentRefused([f"{name} is the account of a gateway or a service, not of a device; rename the device"])


def account_of(place: NativeTopics) -> BrokerAccount:
    """A new account of a device. It may use its own name as client id and no other, so it can take over nobody's session."""
    return BrokerAccount(place.device, of_device(place), token_urlsafe(_PASSWORD_BYTES), place.device, token_hex(_MARK_BYTES))


class MosquittoAccounts(Administration):
    """The accounts of devices on Mosquitto; its methods may raise :class:`EnrolmentRefused` too.

    What is done is kept on disk before they return: see :mod:`gateway.ingest.broker.kept_accounts`.
    """

    def __init__(self, address: BrokerAddress, options: SessionOptions, kept: KeptAccounts) -> None:
        super().__init__(address, options)
        self._kept = kept

    async def enrolled(self) -> set[str]:
        """The names of all accounts."""
        answers = await self.ask(listing())
        _refuse(faults(answers))
        return names(answers)

    async def enrol(self, place: NativeTopics, *, is_present: bool) -> BrokerAccount:
        """Make an account for a device; one ``is_present``: it ends, and its connection with it."""
        account = account_of(place)
        if is_present:
            refuse_others(account.name, topics_of(await self.ask(role_of(account.name))))
        replaced = removal(account.name) if is_present else []
        _refuse(faults(await self.ask([*replaced, *creation(account)])))
        try:
            await asyncio.to_thread(self._kept.made, [(account, token_bytes(SALT_BYTES))])
        except OSError as error:
            await self.ask(removal(account.name))
            raise EnrolmentRefused([f"{_NOT_KEPT.format(error)}; the account was taken away again"]) from error
        await self.ask(listing(1))  # the broker that made it still runs, so whoever starts it next finds the account on disk
        return account

    async def enrol_all(self, places: Sequence[NativeTopics]) -> AsyncIterator[BrokerAccount]:
        """Make an account for each device, one at a time; yield it once the broker has it, whatever becomes of the next."""
        present = await self.enrolled()
        for place in places:
            began_s = time.perf_counter()
            yield await self.enrol(place, is_present=place.device in present)
            await asyncio.sleep(time.perf_counter() - began_s)

    async def revoke(self, name: str) -> bool:
        """Take an account away: its connection ends at once, its session, and what it left retained; tell if there was one."""
        was_there = name in await self.enrolled()
        topics = topics_of(await self.ask(role_of(name)))
        if was_there:
            refuse_others(name, topics)
        try:
            await asyncio.to_thread(self._kept.taken_away, name)  # first: it must not come back
        except OSError as error:
            raise EnrolmentRefused([f"{_NOT_KEPT.format(error)}; nothing was taken away"]) from error
        _refuse(faults(await self.ask(removal(name))))
        await self.end_session(name)
        await self.clear(topics)
        return was_there


def _refuse(why: Sequence[str]) -> None:
    if why:
        raise EnrolmentRefused(why)
