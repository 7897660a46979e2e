"""A server that is told of alarms, and keeps what it was told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from gateway.commands.demo.services import free_port


class ToldServer:
    """Use as a context manager.

    :ivar answers: the next answers' statuses; 204 when there are none.
    :ivar bodies: every body that came, in order, also those that were refused.
    :ivar taken: those of them that were answered 204.
    :ivar tokens: what each request showed.
    """

    def __init__(self, port: int | None = None) -> None:
        self.answers: list[int] = []
        self.bodies: list[Any] = []
        self.taken: list[Any] = []
        self.tokens: list[str | None] = []
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/told"
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="told")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        told = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.tokens.append(self.headers["Authorization"])
                told.bodies.append(body)
                status = told.answers.pop(0) if told.answers else 204
                if status == 204:
                    told.taken.append(body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:  # the library would print
                pass

        return Handler
