"""One address for the page and the databases behind it, as Grafana is for a browser."""

import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

SOURCES: Final = "/db/"
_PASSED_ON: Final = ("Content-Type", "Accept")
_ANSWER_WITHIN_S: Final = 120.0
_PAGE: Final = (
    b'<!doctype html><html lang="vi"><meta charset="utf-8"><title>Judge</title><link rel="stylesheet" href="page.css">'
    b'<link rel="icon" href="data:,"><body><div id="root"></div><script src="page.js"></script></body></html>'
)
"""Around a bundle that brings no page of its own."""


@contextmanager
def serve(bundle: Path, databases: Mapping[str, str]) -> Iterator[str]:
    """Serve a bundle, and pass ``/db/UID/...`` on to the database of that data source; yield the address."""

    class Handler(_Handler):
        folder = bundle.resolve()
        urls = databases

    with listening(Handler) as address:
        yield address


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Answer on a free port of this machine; yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers one browser."""

    protocol_version = "HTTP/1.1"
    folder: Path
    urls: Mapping[str, str]

    def do_GET(self) -> None:
        """A file, or a question to a database."""
        if self.path.startswith(SOURCES):
            self._pass_on()
        else:
            self._file(urlsplit(self.path).path.lstrip("/"))

    def do_POST(self) -> None:
        """A question to a database."""
        self._pass_on()

    def _file(self, name: str) -> None:
        path = (self.folder / (name or "index.html")).resolve()
        if path.is_file() and path.is_relative_to(self.folder):
            self._say(HTTPStatus.OK, path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")
        elif not name:
            self._say(HTTPStatus.OK, _PAGE, "text/html; charset=utf-8")
        else:
            self._say(HTTPStatus.NOT_FOUND, b"", "text/plain")

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        uid, _, rest = self.path.removeprefix(SOURCES).partition("/")
        if uid not in self.urls:
            self._say(HTTPStatus.NOT_FOUND, b'{"error": "no such data source"}', "application/json")
            return
        address = urlsplit(self.urls[uid])
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        with closing(HTTPConnection(str(address.hostname), address.port, timeout=_ANSWER_WITHIN_S)) as database:
            try:
                database.request(self.command, f"{address.path}/{rest}", body or None, headers)
                answer = database.getresponse()
                said, status, kind = answer.read(), answer.status, answer.headers.get("Content-Type", "text/plain")
            except OSError as fault:
                said, status, kind = str(fault).encode(), HTTPStatus.BAD_GATEWAY, "text/plain"
        self._say(status, said, kind)

    def _say(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", f"{len(body)}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""
