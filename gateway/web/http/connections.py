"""Connections of readers: their number, and how long one may hold its place unused.

Reading must never cost readings. A place is held by a client that waits with its request, by an answer under way, by an answer
that is not read. The first and the third end after a while. If all places are taken, a newcomer gets the least used place of
the client that holds most: so a page and the commands of this machine get in, however many connections somebody opens.

Pages that follow events have places of their own, enough for the screens of a control room behind one address. If all of those
are taken, the client that follows most gives one up to a client that follows fewer.
"""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from math import inf
from typing import Final, NamedTuple, cast

from aiohttp import web

from gateway.ingest.events import Events
from gateway.support.tls import TlsContexts
from gateway.web.http.clients import Clients, address_of, network_of
from gateway.web.http.newcomers import Handshakes, Peer, accept

BODY_MAX_BYTES: Final = 65_536
"""Largest body of a change; they are small."""
_RECEIVED_MAX_BYTES: Final = 4 * BODY_MAX_BYTES
"""Bytes that a client may send until its request is answered: head, body, and further requests."""
_LOOK_EVERY_S: Final = 1.0


class Use(StrEnum):
    """The use that a client makes of its place."""

    WAITING = "waiting"
    UNREAD = "unread"
    ANSWERED = "answered"
    FOLLOWING = "following"


PATIENCE_S: Final = {Use.WAITING: 15.0, Use.UNREAD: 30.0, Use.ANSWERED: 600.0}
"""Time after which a place is freed: no complete request, the answer is not read, or it does not end."""
_IDLE: Final = (Use.WAITING, Use.UNREAD)
"""Uses that lose their place to newcomers."""
_OVERDUE: Final = {Use.UNREAD: "does not read its answers", Use.ANSWERED: "waits for an answer that does not end"}


class ReaderPlaces(NamedTuple):
    """Numbers of connections: of those that do not follow events, and of those that do."""

    total: int = 128
    per_client: int = 64
    following: int = 128
    following_per_client: int = 64


class ClientConnection(asyncio.Protocol):
    """A layer between a transport and aiohttp's protocol that tracks the use of the connection.

    :ivar client: its address; of IPv6 the network, since every household has 2^64 addresses. Behind a trusted proxy it is known
        with the first request.
    :ivar is_proxy: the other end is a trusted proxy, which speaks for many clients.
    :ivar since_s: the last instant at which its use changed, on the monotonic clock.
    """

    __slots__ = (
        "_connections",
        "_handler",
        "_received_bytes",
        "_transport",
        "_use",
        "client",
        "is_proxy",
        "is_unread",
        "since_s",
    )

    def __init__(self, connections: "Connections") -> None:
        self._connections = connections
        self._handler: web.RequestHandler | None = None
        self._transport: asyncio.Transport | None = None  # until the client is there
        self._received_bytes = 0
        self._use = Use.WAITING
        self.is_proxy = False
        self.is_unread = False
        self.since_s = time.monotonic()
        self.client = ""

    @property
    def use(self) -> Use:
        """Its present use."""
        return Use.UNREAD if self.is_unread else self._use

    @property
    def is_following(self) -> bool:
        """A page follows events over it, and may read them or not."""
        return self._use is Use.FOLLOWING

    def turn(self, use: Use) -> None:
        """Change its use."""
        self._use, self._received_bytes, self.since_s = use, 0, time.monotonic()

    def end(self) -> None:
        """Close it at once, discard unread data, and free its place."""
        if self._transport is not None:
            self._connections.forget(self._transport)
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place, or close."""
        self._transport = cast("asyncio.Transport", transport)  # a server makes no other
        peer = transport.get_extra_info("peername")
        self.client, self.is_proxy = client_of(peer), self._connections.clients.is_proxy(peer)
        self._handler = self._connections.admit(self, transport)
        if self._handler is None:
            self._transport.abort()
        else:
            self._handler.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        if self._handler is not None and self._transport is not None:
            self._connections.forget(self._transport)
            self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on data from the client, up to the size of a request."""
        self._received_bytes += len(data)
        if self._received_bytes > _RECEIVED_MAX_BYTES:
            self._connections.end(self, "sends more than a request can hold")
        elif self._handler is not None:
            self._handler.data_received(data)

    def eof_received(self) -> None:
        """Pass it on: the client sends no more."""
        if self._handler is not None:
            self._handler.eof_received()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read."""
        self.is_unread, self.since_s = True, time.monotonic()
        if self._handler is not None:
            self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Go on: it has read."""
        self.is_unread, self.since_s = False, time.monotonic()
        if self._handler is not None:
            self._handler.resume_writing()


class Connections:
    """All connections of one server; ``clients``: tells who is behind a trusted proxy."""

    def __init__(self, events: Events, places: ReaderPlaces | None = None, clients: Clients | None = None) -> None:
        self.clients = clients or Clients(())
        self._events = events
        self._places = places or ReaderPlaces()
        self._open: dict[asyncio.BaseTransport, ClientConnection] = {}
        self._make: Callable[[], web.RequestHandler] | None = None

    @asynccontextmanager
    async def serve(
        self, runner: web.AppRunner, listening: Iterable[socket.socket], tls: TlsContexts | None = None
    ) -> AsyncIterator[None]:
        """Accept connections, and close those that hold their place unused."""
        self._make = runner.server
        shakes = (
            Handshakes(lambda: ClientConnection(self), client_of, tls, PATIENCE_S[Use.WAITING])
            if tls is not None and tls.pages is not None
            else None
        )
        take = shakes.begin if shakes is not None else self._take
        tasks = [asyncio.create_task(self._watch(), name="connections")]
        tasks += [asyncio.create_task(accept(one, self.is_welcome, take), name="newcomers") for one in listening]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            if shakes is not None:
                shakes.end()

    async def _take(self, accepted: socket.socket, _: Peer) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: ClientConnection(self), accepted)
        except OSError:  # it has gone
            accepted.close()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self.end_overdue(time.monotonic())

    def end_overdue(self, now_s: float) -> None:
        """Close connections whose time has run out."""
        for connection in list(self._open.values()):
            if now_s - connection.since_s < PATIENCE_S.get(connection.use, inf):
                continue
            if connection.use in _OVERDUE:
                self.end(connection, _OVERDUE[connection.use])
            else:
                connection.end()  # as browsers leave them

    def end(self, connection: ClientConnection, why: str) -> None:
        """Close one, and log it."""
        self._events.reader_ended(connection.client, why)
        connection.end()

    def is_welcome(self, peer: Peer | None) -> bool:
        """Tell if a newcomer would get a place."""
        rivals = self._rivals(peer)
        if not rivals or any(one.use in _IDLE for one in rivals):
            return True
        self._events.reader_ended(client_of(peer), "finds all places taken")
        return False

    def admit(self, newcomer: ClientConnection, transport: asyncio.BaseTransport) -> web.RequestHandler | None:
        """A handler for a newcomer; None if every place is taken and in use."""
        peer = transport.get_extra_info("peername")
        if not self.is_welcome(peer):
            return None
        if rivals := self._rivals(peer):
            held = Counter(one.client for one in rivals)
            idle = (one for one in rivals if one.use in _IDLE)
            least = min(idle, key=lambda one: (-held[one.client], one.use is Use.UNREAD, one.since_s))
            self.end(least, "holds more places than it uses, and others wait")
        self._open[transport] = newcomer
        return self._make() if self._make is not None else None

    def _rivals(self, peer: Peer | None) -> list[ClientConnection]:
        """Candidates to close before a newcomer gets a place; empty if one is free."""
        everybody, client = [one for one in self._open.values() if not one.is_following], client_of(peer)
        own = [one for one in everybody if one.client == client]
        if len(own) >= self._places.per_client and not self.clients.is_proxy(peer):
            return own
        return everybody if len(everybody) >= self._places.total else []

    def forget(self, transport: asyncio.BaseTransport) -> None:
        """One is closed."""
        self._open.pop(transport, None)

    @asynccontextmanager
    async def answering(self, request: web.Request) -> AsyncIterator[None]:
        """While a request is answered its connection is in use. Until its body is here it waits, as one without a request.

        :raises web.HTTPException: the body is larger than any change, or of a type that none has.
        """
        connection = self._connection(request)
        if connection.is_proxy:
            connection.client = self.clients.of(request).network
        connection.turn(Use.WAITING)
        if request.content_type.startswith("multipart/"):
            raise web.HTTPUnsupportedMediaType
        try:
            await request.read()
        except (ConnectionError, web.RequestPayloadError) as error:
            raise web.HTTPBadRequest from error  # nobody hears it
        connection.turn(Use.ANSWERED)
        try:
            yield
        finally:
            connection.turn(Use.WAITING)

    @contextmanager
    def following(self, request: web.Request) -> Iterator[None]:
        """Mark the connection of a page that follows events; HTTPServiceUnavailable if enough pages do already."""
        connection = self._connection(request)
        followers = [one for one in self._open.values() if one.is_following]
        held = Counter(one.client for one in followers)
        if len(followers) >= self._places.following:
            longest = max(followers, key=lambda one: (held[one.client], one.is_unread, -one.since_s))
            if held[longest.client] <= held[connection.client] + 1:
                raise _enough()
            self.end(longest, "follows more pages than others, who wait")
        elif held[connection.client] >= self._places.following_per_client:
            raise _enough()
        connection.turn(Use.FOLLOWING)
        yield

    def _connection(self, request: web.Request) -> ClientConnection:
        """The connection of a request; one that is closed meanwhile counts no more."""
        found = self._open.get(request.transport) if request.transport is not None else None
        return found or ClientConnection(self)


def _enough() -> web.HTTPServiceUnavailable:
    return web.HTTPServiceUnavailable(text="as many pages as may follow the gateway do already\n")


def client_of(peer: Peer | None) -> str:
    """A client by the address of its socket, as :func:`gateway.web.http.clients.network_of` has it."""
    return network_of(address_of(peer)) if peer else ""
