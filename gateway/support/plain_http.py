"""HTTP for administration: rare requests, one at a time, answered as a whole.

What is written and asked all the time has clients of its own (docs/decisions/0003-own-http-client.md).
"""

import json
import ssl
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from gateway.support.config.setting_types import split_url
from gateway.support.tls import shows

_PATIENCE_S: Final = 30.0
_QUOTED: Final = 300


class NoAnswer(Exception):  # noqa: N818 - it says what happened
    """Nothing answers; the text says where, and why."""


class HttpAnswer(NamedTuple):
    """An answer; the names of headers in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}

    def document(self) -> Any:  # noqa: ANN401 - each caller knows what it asked for
        """The body as JSON; None if it is something else."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def text(self) -> str:
        """The body as it is, for people."""
        return self.body.decode(errors="replace")

    def describe(self) -> str:
        """One line for people."""
        found = self.document()
        said = found.get("error") or found.get("message") if isinstance(found, dict) else None
        text = str(said or self.text()).strip()
        return f"{self.status} {text.splitlines()[0][:_QUOTED] if text else ''}".strip()


class PlainHttp:
    """A server at an address; ``url``: its address, as configured."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        certificate: Path | None = None,
    ) -> None:
        """Connect to nothing yet; ``headers`` go with each request; ``certificate`` is to be shown, whatever name is in it."""
        self.url = url.rstrip("/")
        self._parts = split_url(self.url)
        self._tls = tls
        self._certificate = certificate
        self._headers = {} if headers is None else headers

    def form(self, path: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Post a form, with these headers in place of those of each request; NoAnswer if nothing answers."""
        own = self._headers if headers is None else headers
        return self._ask("POST", path, urlencode(form), {**own, "Content-Type": "application/x-www-form-urlencoded"})

    def send(self, method: str, path: str, document: object = None) -> HttpAnswer:
        """Send a document as JSON, None sends none; NoAnswer if nothing answers."""
        if document is None:
            return self._ask(method, path, None, self._headers)
        return self._ask(method, path, json.dumps(document), {**self._headers, "Content-Type": "application/json"})

    def _ask(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> HttpAnswer:
        try:
            with closing(self._connected()) as connection:
                connection.request(method, self._parts.path + path, body, headers)
                response = connection.getresponse()
                found = {name.lower(): value for name, value in response.getheaders()}
                return HttpAnswer(response.status, response.read(), found)
        except (OSError, HTTPException) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
            raise NoAnswer(f"{self.url} does not answer: {why}") from error

    def _connected(self) -> HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme != "https":
            return HTTPConnection(host, port, timeout=_PATIENCE_S)
        connection = HTTPSConnection(host, port, timeout=_PATIENCE_S, context=self._tls)
        if self._certificate is not None:
            connection.connect()
            if not shows(connection.sock.getpeercert(binary_form=True), self._certificate):
                connection.close()
                how = "a new one is taken at a reload (systemctl reload gateway)"
                raise OSError(f"it does not show the certificate in {self._certificate}; {how}")
        return connection
