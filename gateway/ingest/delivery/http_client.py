"""A client that posts bodies over a kept HTTP/1.1 connection, for a hundred small writes a second on a small machine.

A kept connection leads to the server that was at the address when it was opened. Each is replaced after five minutes, and
sooner if its answers show that it is the wrong server (:meth:`HttpClient.renew`); the name is resolved again each time.

The bytes are read by httptools (the parser of Node.js); this module has only what a write needs: send a prepared head and
a body in one piece, and make the answer a value. A write costs 36 to 44 µs of CPU; with aiohttp it costs 120 to 148, as much as
ten readings (docs/decisions/0003-own-http-client.md). Redirects are never followed.
"""

import asyncio
import os
import socket
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

import httptools

from gateway.core.batching.pacing import LinkBudget
from gateway.support.tls import ResumingContext

_BODY_MAX_BYTES: Final = 65536
_INFORMATIONAL: Final = range(100, 200)
_KEPT_MAX_S: Final = 300.0
_SEGMENT_BYTES: Final = {socket.AF_INET: 52, socket.AF_INET6: 72}
"""The heads of a segment: IP, and TCP with its timestamps."""
_COUNTS: Final = struct.Struct("=QQII")
_COUNTS_AT: Final = 120
"""``tcpi_bytes_acked``, ``bytes_received``, ``segs_out`` and ``segs_in`` of ``struct tcp_info`` (linux/tcp.h)."""


@dataclass(slots=True)
class Response:
    """Status, headers (names in lower case) and the first 64 kB of the body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class _HttpConnection(asyncio.Protocol):
    """One connection, asked for at ``opened_s`` on the client's clock; carries one request at a time.

    All that it took of the link so far, as the kernel counts, is ``sent_bytes``.
    """

    def __init__(self, opened_s: float = 0.0) -> None:
        self.opened_s = opened_s
        self.sent_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._response = Response(0)
        self._waiter: asyncio.Future[Response] | None = None

    @property
    def is_open(self) -> bool:
        """True if another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes, timeout_s: float) -> Response:
        """Send a request and await its answer; :class:`OSError`: there is none in time, or it is not HTTP; this is closed."""
        if self._transport is None:
            raise ConnectionResetError("the connection is closed")
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        self._response = Response(0)
        expiry = loop.call_later(timeout_s, self._fail, TimeoutError())
        self._transport.write(request)
        try:
            response = await self._waiter
        except asyncio.CancelledError:
            self.close()
            raise
        finally:
            expiry.cancel()
            self._waiter = None
            self._count()
        return response

    def close(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._count()
            self._transport.abort()
            self._transport = None

    def _count(self) -> None:
        """Ask the kernel, while the connection is open: then it knows of what was sent again, too."""
        connection = None if self._transport is None else self._transport.get_extra_info("socket")
        if connection is not None:  # behind TLS it goes before connection_lost is called
            self.sent_bytes = max(self.sent_bytes, link_bytes(connection))

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.close()

    def _finish(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(self._response)

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            self.close()  # an unrequested answer
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionError(f"not an HTTP server: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._count()
        self._transport = None
        if self._response.status and "content-length" not in self._response.headers:
            self._finish()  # an answer without a length ends with the connection [RFC 9112, 6.3]
        self._fail(ConnectionResetError(str(exc) if exc else "the server closed the connection"))

    # httptools calls these.

    def on_message_begin(self) -> None:
        if self._waiter is None or self._waiter.done():
            self.close()  # another unrequested answer; the next request goes on a new connection

    def on_header(self, name: bytes, value: bytes) -> None:
        self._response.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._response.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._response.body += body[: _BODY_MAX_BYTES - len(self._response.body)]
        if len(self._response.body) >= _BODY_MAX_BYTES:
            self._finish()
            self.close()

    def on_message_complete(self) -> None:
        if self._response.status in _INFORMATIONAL:
            self._response = Response(0)
            return
        self._finish()
        self._response = Response(0)  # further bytes must not change the answer
        if not self._parser.should_keep_alive():
            self.close()


@dataclass(slots=True)
class HttpClient:
    """Connections to one server, opened when they are needed, with the ``tls`` of that moment, and kept."""

    _host: str
    _port: int
    tls: ssl.SSLContext | None
    _timeout_s: float
    _link: LinkBudget
    _clock: Callable[[], float] = time.monotonic
    _idle: list[_HttpConnection] = field(default_factory=list)
    _closed: bool = False

    async def ask(self, request: bytes) -> Response:
        """Send a request on a kept connection, or, if the server has closed that, on a new one; :class:`OSError` as there."""
        while self._idle:
            connection = self._idle.pop()
            if not self._may_carry(connection):
                connection.close()
                continue
            try:
                return await self._ask_on(connection, request)
            except ConnectionResetError:
                continue
        opened_s = self._clock()
        async with asyncio.timeout(self._timeout_s):
            transport, connection = await asyncio.get_running_loop().create_connection(
                lambda: _HttpConnection(opened_s),
                self._host,
                self._port,
                ssl=self.tls,
                server_hostname=self._host if self.tls else None,
            )
        response = await self._ask_on(connection, request)
        keep_session(transport)
        return response

    async def _ask_on(self, connection: _HttpConnection, request: bytes) -> Response:
        began_s, before_bytes = self._clock(), connection.sent_bytes
        try:
            response = await connection.ask(request, self._timeout_s)
        finally:
            self._link.sent(connection.sent_bytes - before_bytes, began_s, self._clock())
        if not self._closed and self._may_carry(connection):
            self._idle.append(connection)
        else:
            connection.close()
        return response

    def _may_carry(self, connection: _HttpConnection) -> bool:
        """Tell if a request may go out on it: it is open, and not so old that the name may mean another server by now."""
        return connection.is_open and self._clock() - connection.opened_s < _KEPT_MAX_S

    def close(self) -> None:
        """Close kept connections; those in use are closed after their answer."""
        self._closed = True
        self.renew()

    def renew(self) -> None:
        """Close kept connections: the next request resolves the name and connects again."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()


def keep_session(transport: asyncio.BaseTransport) -> None:
    """Let the next connection go on with the session of this one, if there is TLS."""
    secured = transport.get_extra_info("ssl_object")
    if secured is not None and isinstance(secured.context, ResumingContext):
        secured.context.remember(secured)


def link_bytes(connection: socket.socket) -> int:
    """Bytes of IP in both directions so far, with what was sent again; 0 where the kernel does not tell."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTS_AT + _COUNTS.size)
        acknowledged, received, segments_out, segments_in = _COUNTS.unpack_from(info, _COUNTS_AT)
    except (OSError, struct.error):
        return 0
    return int(acknowledged + received + _SEGMENT_BYTES.get(connection.family, 0) * (segments_out + segments_in))


def counter_of(transport: asyncio.BaseTransport) -> socket.socket:
    """A second handle of a connection, which tells its count after the transport has closed it, too. Close it."""
    return socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
