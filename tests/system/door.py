"""A server in InfluxDB's place, which hands requests on to the real one or answers as a broken network or server would."""

import gzip
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from gateway.commands.demo.services import Service, free_port

RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER


@dataclass(frozen=True)
class Reply:
    """An answer of its own."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


class Hang:
    """No answer, until the door closes."""

    def __repr__(self) -> str:
        return "hanging"


class Reset:
    """The connection breaks without an answer."""

    def __repr__(self) -> str:
        return "reset"


class Forward:
    """The real InfluxDB answers."""


Deed = Reply | Hang | Reset | Forward


class Door:
    """Use as a context manager.

    :ivar deed: what happens to a write, decided from its line protocol.
    :ivar writes: line protocol of every write that came.
    """

    def __init__(self, behind: Service) -> None:
        self.deed: Callable[[str], Deed] = lambda _: Forward()
        self.writes: list[str] = []
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._behind = behind
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", self.port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="door")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def always(self, deed: Deed) -> None:
        """From now on do this."""
        self.deed = lambda _: deed

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                lines = gzip.decompress(body).decode()
                door.writes.append(lines)
                door.act(self, door.deed(lines), body)

            def log_message(self, *_: object) -> None:  # the library would print
                pass

        return Handler

    def act(self, request: BaseHTTPRequestHandler, deed: Deed, body: bytes) -> None:
        """Do what was decided to one write."""
        if isinstance(deed, Hang):
            self._closing.wait()
            request.close_connection = True
        elif isinstance(deed, Reset):
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            request.close_connection = True
        elif isinstance(deed, Reply):
            _answer(request, deed)
        else:
            _answer(request, self._forwarded(request, body))

    def _forwarded(self, request: BaseHTTPRequestHandler, body: bytes) -> Reply:
        with closing(HTTPConnection(self._behind.host, self._behind.port, timeout=10)) as connection:
            try:
                connection.request("POST", request.path, body, {"Content-Encoding": "gzip"})
                response = connection.getresponse()
                return Reply(response.status, body=response.read().decode())
            except (OSError, HTTPException) as error:
                return Reply(502, body=str(error))


class _Server(ThreadingHTTPServer):
    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close and nothing more: a FIN first would make a reset an end in order."""
        self.close_request(request)

    def handle_error(self, *_: object) -> None:  # the gateway was killed, or gave up waiting
        pass


def _answer(request: BaseHTTPRequestHandler, reply: Reply) -> None:
    body = reply.body.encode()
    request.send_response(reply.status)
    for name, value in reply.headers.items():
        request.send_header(name, value)
    if reply.status != 204:
        request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
