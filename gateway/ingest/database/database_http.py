"""HTTP for reading from a database: answers as a stream of lines, faults as sentences.

httptools reads the answers, as it reads those to writes. With aiohttp's client every gateway would hold 12 MB more, and load it
in the first second after a start, when a backlog comes in (docs/decisions/0003-own-http-client.md). Questions are few and may
take minutes, so each has a connection of its own. Redirects are never followed.
"""

import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlencode

import httptools

from gateway import __version__
from gateway.core.batching.pacing import LinkBudget
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.http_client import counter_of, keep_session, link_bytes
from gateway.ingest.delivery.influxdb import authorization
from gateway.support.config.files import secret
from gateway.support.config.model import Influxdb
from gateway.support.config.setting_types import is_loopback, split_url
from gateway.support.tls import database_tls, plain_fault

_QUOTED: Final = 300
"""Most characters that are shown of an error."""
_BODY_MAX_BYTES: Final = 65536
_READ_BYTES: Final = 2**18
_SILENT_S: Final = 300.0
"""Longest wait for the next byte: a question over years may take minutes."""
_OK: Final = 200
_NOTHING: Final = 204
_NO_RIGHT: Final = frozenset({401, 403})
_INFORMATIONAL: Final = range(100, 200)
_GZIP_WBITS: Final = 31
_BROKEN: Final = (OSError, TimeoutError, httptools.HttpParserError, httptools.HttpParserUpgrade)

Form = Mapping[str, str] | Sequence[tuple[str, str]]


class _AnswerStream:
    """One answer, read as it is asked for. Its status is 0 before :meth:`begin`, the names of headers are in lower case."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._reader = reader
        self._parser = httptools.HttpResponseParser(self)
        self._unpack: zlib._Decompress | None = None
        self._pieces: list[bytes] = []
        self._is_complete = False

    async def begin(self) -> None:
        """Read up to the end of the headers, and what came with them."""
        while not self.status:
            await self._read()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        while True:
            found, self._pieces = self._pieces, []
            for piece in found:
                yield piece
            if self._is_complete:
                return
            await self._read()

    async def beginning(self) -> bytes:
        """Return the first 64 kB of the body."""
        while not self._is_complete and sum(map(len, self._pieces)) < _BODY_MAX_BYTES:
            await self._read()
        return b"".join(self._pieces)[:_BODY_MAX_BYTES]

    def end(self) -> None:
        """Drop the parser, which refers back to the stream: both are freed now, and not by the next search for cycles.

        That search is rare, and a gateway that meets its devices asks hundreds of questions.
        """
        del self._parser

    async def _read(self) -> None:
        async with asyncio.timeout(_SILENT_S):
            data = await self._reader.read(_READ_BYTES)
        if data:
            self._parser.feed_data(data)
        elif self.status and self.headers.keys().isdisjoint({"content-length", "transfer-encoding"}):
            self._is_complete = True  # an answer without a length ends with the connection [RFC 9112, 6.3]
        else:
            raise ConnectionResetError("the server closed the connection before the end of its answer")

    # httptools calls these.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status in _INFORMATIONAL:
            self.headers.clear()
            return
        self.status = status
        if self.headers.get("content-encoding") == "gzip":
            self._unpack = zlib.decompressobj(_GZIP_WBITS)

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body if self._unpack is None else self._unpack.decompress(body))

    def on_message_complete(self) -> None:
        self._is_complete = self.status != 0


class DatabaseHttp:
    """Questions to one database, with the right to read.

    :ivar url: the address for questions, as configured.
    :raises ConfigurationFault: a file with a secret or a certificate cannot be used.
    :raises StoreFault: from each question, if nothing answers or its status is not one of success.
    """

    def __init__(self, config: Influxdb, link: LinkBudget | None = None) -> None:
        self._link = link or LinkBudget()
        self.url = config.asked_url.rstrip("/")
        parts = split_url(self.url)
        self._host, self._base = parts.hostname or "127.0.0.1", parts.path
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = database_tls(config)
        self._connect_s = config.timeout.total_seconds()
        token = secret(None, config.read_token_file)
        self._headers = {
            "Host": parts.netloc.rpartition("@")[2],
            "User-Agent": f"province-gateway/{__version__}",
            # compressing costs more than it saves on one machine
            "Accept-Encoding": "identity" if is_loopback(self._host) else "gzip",
            "Connection": "close",
            "Content-Type": "application/x-www-form-urlencoded",
            **({"Authorization": f"Token {token}"} if token is not None else authorization(config)),
        }

    async def lines(self, path: str, form: Form) -> AsyncIterator[bytes]:
        """Yield the lines of an answer without the empty ones."""
        rest = b""
        async for piece in self._pieces(path, form):
            *lines, rest = (rest + piece).split(b"\n") if b"\n" in piece else (rest + piece,)
            for line in lines:
                if line.strip():
                    yield line
        if rest.strip():
            yield rest

    async def whole(self, path: str, form: Form) -> bytes:
        """Return the whole answer."""
        return b"".join([piece async for piece in self._pieces(path, form)])

    async def knows(self, path: str, form: Form) -> bytes | None:
        """Return the answer to a probe; None: the server does not know the path."""
        async with self._asked("POST", path, form) as answer:
            return await answer.beginning() if answer.status == _OK else None

    async def order(self, path: str, form: Form = (), document: Mapping[str, str] | None = None) -> None:
        """Give an order that is answered with nothing, as a form or as a JSON document."""
        async with self._asked("POST", path, form, document) as answer:
            if answer.status not in {_OK, _NOTHING}:
                raise StoreFault(self._refused(answer.status, await answer.beginning()))

    async def version(self) -> str:
        """Return the version of InfluxDB; empty: it does not tell."""
        async with self._asked("GET", "/ping") as answer:
            return answer.headers.get("x-influxdb-version", "").removeprefix("v")

    async def _pieces(self, path: str, form: Form) -> AsyncIterator[bytes]:
        async with self._asked("POST", path, form) as answer:
            if answer.status != _OK:
                raise StoreFault(self._refused(answer.status, await answer.beginning()))
            async for piece in answer.pieces():
                yield piece

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, form: Form = (), document: Mapping[str, str] | None = None
    ) -> AsyncIterator[_AnswerStream]:
        """Ask, and give the answer; faults while it is read are those of the database."""
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(self._connect_s):
                reader, writer = await asyncio.open_connection(
                    self._host,
                    self._port,
                    limit=_READ_BYTES,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls is not None else None,
                )
            answer, counter = _AnswerStream(reader), counter_of(writer.transport)
            try:
                writer.write(self._request(method, path, form, document))
                await answer.begin()
                keep_session(writer.transport)
                yield answer
            finally:
                self._link.sent(link_bytes(counter), began_s, time.monotonic())
                counter.close()
                writer.transport.abort()
                answer.end()
        except _BROKEN as error:
            raise StoreFault(f"{self.url} does not answer: {_why(error)}") from error

    def _request(self, method: str, path: str, form: Form, document: Mapping[str, str] | None) -> bytes:
        body = urlencode(list(form.items()) if isinstance(form, Mapping) else list(form))
        headers = self._headers
        if document is not None:
            path, body, headers = f"{path}?{body}", json.dumps(document), headers | {"Content-Type": "application/json"}
        headers = headers | {"Content-Length": str(len(body))}
        lines = [f"{method} {self._base}{path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", body]).encode()

    def _refused(self, status: int, body: bytes) -> str:
        said = quoted(body)
        if status in _NO_RIGHT:
            return (
                f"{self.url} refuses to be read ({status}: {said}): give a token that may read in influxdb.read_token_file, "
                "or for InfluxDB 1 a user with the right to read"
            )
        return f"{self.url} answers {status} to a question: {said}"


def quoted(text: bytes | str) -> str:
    """Shorten a server's text for people."""
    shown = text.decode(errors="replace") if isinstance(text, bytes) else text
    return shown[:_QUOTED].strip() or "nothing"


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, httptools.HttpParserError | httptools.HttpParserUpgrade):
        return "its answer is not HTTP"
    return (plain_fault(error) if isinstance(error, OSError) else str(error)) or type(error).__name__
