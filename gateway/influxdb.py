"""Writing to InfluxDB: one POST, one answer. What the answer means is decided in :mod:`gateway.core.write_result`."""

import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final, Self
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from gateway.config import Influxdb
from gateway.config_file import secret
from gateway.core.write_result import Answer, retry_after_s

_ERROR_MAX_BYTES: Final = 65536
_DATE_EVERY_S: Final = 10.0


class InfluxdbClient:
    """A client of one database or bucket. Use as an asynchronous context manager."""

    def __init__(self, config: Influxdb, see_clock: Callable[[int], None] = lambda _: None) -> None:
        self._timeout = aiohttp.ClientTimeout(total=config.timeout.total_seconds())
        self._url = write_url(config)
        self._ping_url = URL(config.url.rstrip("/") + ("/ping" if config.api == "v1" else "/health"), encoded=True)
        self._headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8", **authorization(config)}
        self._tls: ssl.SSLContext | bool = ssl.create_default_context(cafile=config.tls.ca) if config.tls.ca else True
        self._see_clock = see_clock
        self._next_date_s = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._tls, keepalive_timeout=60)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def write(self, gzip: bytes) -> Answer:
        """Post a body. Never raises for what a network or a server does: that is an answer too."""
        if self._session is None:
            raise RuntimeError("the client is not open")
        try:
            request = self._session.post(
                self._url,
                data=gzip,
                headers=self._headers,
                timeout=self._timeout,
                allow_redirects=False,
            )
            async with request as response:
                self._see_date(response.headers.get("Date"))
                if response.status == 204:  # noqa: PLR2004 - the one status without a body
                    return Answer(204)
                text = (await response.content.read(_ERROR_MAX_BYTES)).decode(errors="replace")
                if response.content.at_eof() is False:
                    response.close()
                return Answer(response.status, text, retry_after_s(response.headers.get("Retry-After")))
        except TimeoutError:
            return Answer(0, f"no answer within {self._timeout.total} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(0, str(error) or type(error).__name__)

    async def reachable(self) -> Answer:
        """Ask for its health; status 0 when nobody answers."""
        if self._session is None:
            raise RuntimeError("the client is not open")
        try:
            async with self._session.get(self._ping_url, timeout=self._timeout, allow_redirects=False) as response:
                self._see_date(response.headers.get("Date"))
                return Answer(response.status)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(0, str(error) or type(error).__name__)

    def _see_date(self, date: str | None) -> None:
        """Compare clocks now and then: the header costs more to read than the rest of the answer."""
        now_s = time.monotonic()
        if date is None or now_s < self._next_date_s:
            return
        self._next_date_s = now_s + _DATE_EVERY_S
        try:
            theirs_ms = int(parsedate_to_datetime(date).timestamp() * 1000)
        except (ValueError, OverflowError):
            return
        self._see_clock(theirs_ms - time.time_ns() // 1_000_000)


def write_url(config: Influxdb) -> URL:
    """Where points are posted; ``precision=ms`` always said, for a wrong one is silent corruption."""
    if config.api == "v1":
        database, _, policy = config.bucket.partition("/")
        query = {"db": database, "rp": policy} if policy else {"db": database}
        path = "/write"
    else:
        query = {"org": config.org, "bucket": config.bucket} if config.org else {"bucket": config.bucket}
        path = "/api/v2/write"
    text = urlencode({**query, "precision": "ms"}, quote_via=quote)
    return URL(f"{config.url.rstrip('/')}{path}?{text}", encoded=True)


def authorization(config: Influxdb) -> dict[str, str]:
    """The header that carries our rights: a token for v2, user and password for v1."""
    token = secret(config.token, config.token_file)
    if token is not None:
        return {"Authorization": f"Token {token}"}
    if config.username is not None:
        password = secret(config.password, config.password_file) or ""
        return {"Authorization": "Basic " + b64encode(f"{config.username}:{password}".encode()).decode()}
    return {}
