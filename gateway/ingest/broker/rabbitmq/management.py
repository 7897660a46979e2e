"""RabbitMQ's management API, asked by a command: one request at a time, answered as a whole."""

import json
import ssl
from base64 import b64encode
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from gateway.support.plain_http import NoAnswer, PlainHttp

_QUOTED: Final = 300
_OLDEST: Final = 4
"""Older ones do not know all settings that `gateway setup rabbitmq` writes."""
_NO_SUCH_THING: Final = '{"error"'
"""The beginning of RabbitMQ's own answer about what is not there: another server's is a page."""
_WHY: Final = {
    401: "user or password are wrong",
    403: "the user may not do that",
    404: "is this the management API of RabbitMQ?",
}


class ManagementFault(Exception):  # noqa: N818 - it says what happened
    """The API refuses with a ``status``, or does not answer; ``is_missing``: it answers that there is no such thing."""

    def __init__(self, text: str, status: int | None = None, *, is_missing: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.is_missing = is_missing


class ManagementApi:
    """The API at an address, with an account.

    :ivar url: its address, such as ``http://127.0.0.1:15672``.
    :param tls: for an address that begins with https.
    :raises ManagementFault: by each method: it does not answer, or not with success.
    """

    def __init__(self, url: str, username: str, password: str, tls: ssl.SSLContext | None = None) -> None:
        login = b64encode(f"{username}:{password}".encode()).decode()
        self._http = PlainHttp(url, {"Authorization": f"Basic {login}", "Content-Type": "application/json"}, tls)
        self.url = self._http.url

    def ask(self, *path: str, method: str = "GET", body: object = None) -> Any:  # noqa: ANN401 - each caller knows what it asked for
        """The document at ``/api/PATH``, whose parts are quoted here; None: the answer is empty."""
        where = f"/api/{'/'.join(quote(part, safe='') for part in path)}"
        try:
            answer = self._http.send(method, where, body)
        except NoAnswer as fault:
            raise ManagementFault(str(fault)) from fault
        status, text = answer.status, answer.text()
        if status >= HTTPStatus.MULTIPLE_CHOICES:  # success ends there
            is_missing = status == HTTPStatus.NOT_FOUND and text.startswith(_NO_SUCH_THING)
            why = text[:_QUOTED] if is_missing else _WHY.get(status, text[:_QUOTED])
            raise ManagementFault(f"{self.url}: {method} {where}: {status} {why}", status, is_missing=is_missing)
        try:
            return json.loads(text) if text else None
        except ValueError as error:
            raise ManagementFault(f"{self.url}: this is not the management API of RabbitMQ") from error

    def find(self, *path: str) -> Any:  # noqa: ANN401 - the same
        """The document at ``/api/PATH``; None: there is no such thing, or the answer is empty."""
        try:
            return self.ask(*path)
        except ManagementFault as fault:
            if fault.is_missing:
                return None
            raise

    def refuse_older(self) -> None:
        """Return if its version is one that a gateway can work with; else that is a fault as well."""
        version = str(self.ask("overview").get("rabbitmq_version", ""))
        major = version.partition(".")[0]
        if major.isdecimal() and int(major) < _OLDEST:
            raise ManagementFault(f"{self.url}: needs RabbitMQ {_OLDEST}, this is {version}")
