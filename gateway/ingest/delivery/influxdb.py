"""A client of InfluxDB: one POST, one answer. :mod:`gateway.core.batching.write_result` decides what the answer means."""

import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final, Protocol, Self
from urllib.parse import quote, urlencode

from gateway import __version__
from gateway.core.batching.pacing import LinkBudget
from gateway.core.batching.write_result import Answer, fate_of, retry_after_s
from gateway.ingest.delivery.http_client import HttpClient
from gateway.support.config.files import secret
from gateway.support.config.model import Influxdb
from gateway.support.config.setting_types import split_url
from gateway.support.tls import database_tls, plain_fault

_DATE_EVERY_S: Final = 10.0


class Output(Protocol):
    """A place for lines: InfluxDB, or another that takes them. Its answer has one of the fates of a batch.

    The lanes give it lines in the order in which they came, again until it has taken or refused them; only what it has written
    is out of the journal. One that wants values reads them with :func:`gateway.core.readings.line_protocol.read_values`.
    """

    async def write(self, gzip: bytes) -> Answer:
        """Take lines; never raises for faults of the network or the server."""


class LinkedOutput(Output, Protocol):
    """An output with the budget of the link to it, as the lanes see it."""

    link: LinkBudget


class InfluxdbClient:
    """A client of one database or bucket. Use as an asynchronous context manager.

    :ivar link: the budget of the link to it, and of others that share it.
    :raises ConfigurationFault: a file with a secret or a certificate cannot be used.
    """

    def __init__(
        self, config: Influxdb, tell_date: Callable[[int], None] = lambda _: None, link: LinkBudget | None = None
    ) -> None:
        parts = split_url(config.url)
        secure = parts.scheme == "https"
        tls = database_tls(config)
        self._timeout_s = config.timeout.total_seconds()
        port = parts.port or (443 if secure else 80)
        self.link = link or LinkBudget()
        self._http = HttpClient(parts.hostname or "127.0.0.1", port, tls, self._timeout_s, self.link)
        self._head = _request_head(config, parts.netloc.rpartition("@")[2])
        self._secrets = _secrets(config)
        self._tell_date = tell_date
        self._next_date_s = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._http.close()

    def renew(self, tls: ssl.SSLContext | None) -> None:
        """Use another context, for all that is written from now on."""
        self._http.tls = tls
        self._http.renew()

    async def write(self, gzip: bytes) -> Answer:
        """Post a body. Never raises for faults of the network or the server: they are answers too."""
        try:
            response = await self._http.ask(b"%b%d\r\n\r\n%b" % (self._head, len(gzip), gzip))
        except TimeoutError:
            return Answer(0, f"no answer within {self._timeout_s:g} s")
        except OSError as error:
            return Answer(0, plain_fault(error) or type(error).__name__)
        headers = response.headers
        self._see_date(headers.get("date"))
        text = response.body.decode(errors="replace")
        for given in self._secrets if text else ():  # a proxy may quote the request in its answer
            text = text.replace(given, "***")
        answer = Answer(response.status, text, retry_after_s(headers.get("retry-after")))
        if not fate_of(answer).is_of_the_batch:
            self._http.renew()
        return answer

    def _see_date(self, date: str | None) -> None:
        """Compare clocks from time to time: the header costs more to read than the rest of the answer."""
        now_s = time.monotonic()
        if date is None or now_s < self._next_date_s:
            return
        self._next_date_s = now_s + _DATE_EVERY_S
        try:
            theirs_ms = int(parsedate_to_datetime(date).timestamp() * 1000)
        except (ValueError, OverflowError):
            return
        self._tell_date(theirs_ms)


def _secrets(config: Influxdb) -> tuple[str, ...]:
    """Return the secrets in a request, which no log and no page may show."""
    given = secret(config.token, config.token_file), secret(config.password, config.password_file)
    header = authorization(config).get("Authorization", "").rpartition(" ")[2]
    return tuple(text for text in (*given, header) if text)


def _request_head(config: Influxdb, host: str) -> bytes:
    """Return the head of every write, up to the length of its body."""
    headers = {
        "Host": host,
        "User-Agent": f"province-gateway/{__version__}",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Encoding": "gzip",
        **authorization(config),
    }
    lines = [f"POST {write_target(config)} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Content-Length: "]).encode()


def write_target(config: Influxdb) -> str:
    """Return the path that points are posted to, always with ``precision=ms``: a wrong one is silent corruption."""
    if config.api == "v1":
        database, _, policy = config.bucket.partition("/")
        query = {"db": database, "rp": policy} if policy else {"db": database}
        path = "/write"
    else:
        query = {"org": config.org, "bucket": config.bucket} if config.org else {"bucket": config.bucket}
        path = "/api/v2/write"
    base = split_url(config.url).path.rstrip("/")
    return f"{base}{path}?{urlencode({**query, 'precision': 'ms'}, quote_via=quote)}"


def authorization(config: Influxdb) -> dict[str, str]:
    """Return the header with the credentials: a token for v2, user and password for v1."""
    token = secret(config.token, config.token_file)
    if token is not None:
        return {"Authorization": f"Token {token}"}
    if config.username is not None:
        password = secret(config.password, config.password_file) or ""
        return {"Authorization": "Basic " + b64encode(f"{config.username}:{password}".encode()).decode()}
    return {}
