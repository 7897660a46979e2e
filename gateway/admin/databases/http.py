"""Requests of an administrator to a database: rare, one at a time, answered as a whole."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from gateway.admin.databases.steps import SetupFault
from gateway.support.config.model import Influxdb
from gateway.support.config.setting_types import split_url
from gateway.support.tls import database_tls

_PATIENCE_S: Final = 30.0
_QUOTED: Final = 300


class HttpAnswer(NamedTuple):
    """An answer; the names of headers in lower case."""

    status: int
    body: bytes
    headers: dict[str, str]

    def document(self) -> Any:  # noqa: ANN401 - each caller knows what it asked for
        """The body as JSON; None if it is something else."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None

    def describe(self) -> str:
        """One line for people."""
        found = self.document()
        said = found.get("error") or found.get("message") if isinstance(found, dict) else None
        text = str(said or self.body.decode(errors="replace")).strip()
        return f"{self.status} {text.splitlines()[0][:_QUOTED] if text else ''}".strip()


class AdminHttp:
    """A database, asked with an administrator's rights.

    :ivar url: its address, as configured.
    :raises ConfigurationFault: ``influxdb.tls.ca`` cannot be used.
    """

    def __init__(self, config: Influxdb, authorization: str | None, url: str | None = None) -> None:
        """Connect to nothing yet.

        :param authorization: the header of that name; None sends none.
        :param url: another address of the same server.
        """
        self.url = (url or config.url).rstrip("/")
        self._parts = split_url(self.url)
        self._tls = database_tls(config)
        self._headers = {} if authorization is None else {"Authorization": authorization}

    def form(self, path: str, form: dict[str, str], headers: dict[str, str] | None = None) -> HttpAnswer:
        """Post a form.

        :param headers: take the place of the administrator's.
        :raises SetupFault: nothing answers.
        """
        own = self._headers if headers is None else headers
        return self._ask("POST", path, urlencode(form), own | {"Content-Type": "application/x-www-form-urlencoded"})

    def send(self, method: str, path: str, document: object) -> HttpAnswer:
        """Send a document as JSON.

        :raises SetupFault: nothing answers.
        """
        return self._ask(method, path, json.dumps(document), self._headers | {"Content-Type": "application/json"})

    def get(self, path: str) -> HttpAnswer:
        """Get something.

        :raises SetupFault: nothing answers.
        """
        return self._ask("GET", path, None, self._headers)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> HttpAnswer:
        try:
            with closing(self._connection()) as connection:
                connection.request(method, self._parts.path + path, body, headers)
                response = connection.getresponse()
                found = {name.lower(): value for name, value in response.getheaders()}
                return HttpAnswer(response.status, response.read(), found)
        except (OSError, HTTPException) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
            raise SetupFault(f"{self.url} does not answer: {why}") from error

    def _connection(self) -> HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._tls is not None:
            return HTTPSConnection(host, port, timeout=_PATIENCE_S, context=self._tls)
        return HTTPConnection(host, port, timeout=_PATIENCE_S)
