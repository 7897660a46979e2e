"""HTTP for reading from a database: answers as a stream of lines, faults as sentences."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import aiohttp

from gateway import __version__
from gateway.config.files import secret
from gateway.config.model import Influxdb, is_loopback, split_url
from gateway.delivery.influxdb import authorization, database_tls
from gateway.reports.store import StoreFault

_QUOTED: Final = 300
"""Most characters that are shown of an error."""
_BODY_MAX_BYTES: Final = 65536
_SILENT_S: Final = 300.0
"""Longest wait for the first byte: a question over years may take minutes."""
_NO_RIGHT: Final = frozenset({401, 403})

Form = Mapping[str, str] | Sequence[tuple[str, str]]


class DatabaseHttp:
    """Requests to one database.

    :ivar url: its address, as configured.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = session

    async def lines(self, path: str, form: Form) -> AsyncIterator[bytes]:
        """Yield the lines of an answer without the empty ones.

        :raises StoreFault: there is no answer, or another status than 200.
        """
        rest = b""
        async for piece in self._pieces(path, form):
            *lines, rest = (rest + piece).split(b"\n") if b"\n" in piece else (rest + piece,)
            for line in lines:
                if line.strip():
                    yield line
        if rest.strip():
            yield rest

    async def whole(self, path: str, form: Form) -> bytes:
        """Return the whole answer.

        :raises StoreFault: there is none, or another status than 200.
        """
        return b"".join([piece async for piece in self._pieces(path, form)])

    async def knows(self, path: str, form: Form) -> bytes | None:
        """Return the answer to a probe; None: the server does not know the path.

        :raises StoreFault: nothing answers.
        """
        try:
            async with self._session.post(self.url + path, data=dict(form), allow_redirects=False) as response:
                body = await response.content.read(_BODY_MAX_BYTES)
                return body if response.status == HTTPStatus.OK else None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StoreFault(f"{self.url} does not answer: {_why(error)}") from error

    async def version(self) -> str:
        """Return the version of InfluxDB; empty: it does not tell.

        :raises StoreFault: nothing answers.
        """
        try:
            async with self._session.get(f"{self.url}/ping", allow_redirects=False) as response:
                return response.headers.get("X-Influxdb-Version", "").removeprefix("v")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StoreFault(f"{self.url} does not answer: {_why(error)}") from error

    async def _pieces(self, path: str, form: Form) -> AsyncIterator[bytes]:
        try:
            data = list(form.items()) if isinstance(form, Mapping) else list(form)
            async with self._session.post(self.url + path, data=data, allow_redirects=False) as response:
                if response.status != HTTPStatus.OK:
                    raise StoreFault(self._refused(response.status, await response.content.read(_BODY_MAX_BYTES)))
                async for piece in response.content.iter_any():
                    yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StoreFault(f"{self.url} does not answer: {_why(error)}") from error

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
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


@asynccontextmanager
async def database_http(config: Influxdb) -> AsyncIterator[DatabaseHttp]:
    """Open a client with the right to read; connections are made when they are needed.

    :raises ConfigurationFault: a file with a secret or a certificate cannot be used.
    """
    token = secret(None, config.read_token_file)
    headers = {"User-Agent": f"province-gateway/{__version__}"}
    headers |= {"Authorization": f"Token {token}"} if token is not None else authorization(config)
    if is_loopback(split_url(config.url).hostname or ""):
        headers["Accept-Encoding"] = "identity"  # compressing costs more than it saves here
    tls = database_tls(config)
    timeout = aiohttp.ClientTimeout(total=None, connect=config.timeout.total_seconds(), sock_read=_SILENT_S)
    connector = aiohttp.TCPConnector(ssl=tls if tls is not None else True)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session:
        yield DatabaseHttp(session, config.url)
