"""Clients of the gateway's HTTP: a browser that keeps cookies, and a writer of arbitrary bytes."""

import socket
import ssl
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from http.cookies import Morsel, SimpleCookie
from urllib.parse import urlencode

from tests.system.rig import Gateway
from tests.waiting import PATIENCE_S


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with what may be looked at in it."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(slots=True)
class Browser:
    """Sends what a browser sends from a page of ``origin``, and keeps what it is given.

    :ivar tls: the context to speak HTTPS with.
    :ivar port: of a proxy before the gateway.
    """

    gate: Gateway
    origin: str = ""
    tls: ssl.SSLContext | None = None
    cookies: SimpleCookie = field(default_factory=SimpleCookie)
    port: int | None = None

    def __post_init__(self) -> None:
        self.origin = self.origin or f"http://{self.gate.host}:{self.gate.port}"

    def ask(self, method: str, path: str, form: dict[str, str] | str | None = None, /, **headers: str) -> Answer:
        """Ask, with a form or with the text of a JSON document.

        A header given here replaces one that a browser sends. An underscore stands for a hyphen.
        """
        sent = {"Cookie": "; ".join(f"{name}={cookie.value}" for name, cookie in self.cookies.items())}
        if method == "POST":
            sent["Origin"] = self.origin
        if form is not None:
            sent["Content-Type"] = "application/json" if isinstance(form, str) else "application/x-www-form-urlencoded"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(self._connected()) as connection:
            body = urlencode(form) if isinstance(form, dict) else form
            connection.request(method, path, body, {name: value for name, value in sent.items() if value})
            response = connection.getresponse()
            for name, value in response.getheaders():
                if name == "Set-Cookie":
                    self.cookies.load(value)
            return Answer(response.status, dict(response.getheaders()), response.read().decode())

    def log_in(self, token: str, to: str = "/", **headers: str) -> Answer:
        """Send the form of the page that asks for the token."""
        return self.ask("POST", "/login", {"token": token, "to": to}, **headers)

    def session(self) -> Morsel[str]:
        """The only cookie that it was given."""
        (cookie,) = self.cookies.values()
        return cookie

    def _connected(self) -> HTTPConnection:
        host, port = self.gate.host, self.port or self.gate.port
        if self.tls:
            return HTTPSConnection(host, port, timeout=PATIENCE_S, context=self.tls)
        return HTTPConnection(host, port, timeout=PATIENCE_S)


def status_of(gate: Gateway, request: bytes) -> int:
    """The status of an answer to bytes; the request must ask to close."""
    with closing(socket.create_connection((gate.host, gate.port), timeout=10)) as connection:
        connection.sendall(request)
        answer = b""
        while data := connection.recv(65536):
            answer += data
    return int(answer.split(b" ", 2)[1])
