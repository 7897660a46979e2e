"""A server on loopback in this process: it answers as a table says, and notes what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Answering:
    """A server that answers.

    :ivar answers: method and path → a document, or a status and a text, or a list of these, one each time; else a 404.
    :ivar asked: the requests so far.
    """

    def __init__(self) -> None:
        self.url = ""
        self.port = 0
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked: list[Asked] = []

    def answer(self, request: Asked) -> tuple[int, str]:
        """The status and the body."""
        self.asked.append(request)
        found = self.answers.get((request.method, request.path), (404, '{"error": "nothing here"}'))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        return found if isinstance(found, tuple) else (200, json.dumps(found))

    @property
    def changes(self) -> list[tuple[str, dict[str, str]]]:
        """The path and the query of each request that was not to read."""
        return [(one.path, one.query) for one in self.asked if one.method != "GET"]


@contextmanager
def answering() -> Iterator[Answering]:
    """Serve until the end."""
    made = Answering()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_json = self.headers.get("Content-Type") == "application/json"
            headers = {name.lower(): value for name, value in self.headers.items()}
            document = json.loads(body) if is_json and body else body
            status, text = made.answer(Asked(self.command, address.path, dict(parse_qsl(address.query)), headers, document))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    made.port = server.server_port
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
