"""The two addresses of a VictoriaMetrics cluster, before one real VictoriaMetrics: Debian has the single process only.

Paths are those of vminsert and vmselect, and everything else is refused as they refuse it: each address knows its own paths
alone. While a part is away vmselect answers in part, or not at all to who denies that; export always denies it.
"""

import re
import threading
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from gateway.commands.demo.services import Service, free_port

_API: Final = r"(/api/v1/(?:query|query_range|export|label/[a-zA-Z0-9_]+/values))"
_PATHS: Final = {
    "insert": (re.compile(r"/insert/0/influx(/write|/api/v2/write)"),),
    "select": (
        re.compile(rf"/select/0/prometheus{_API}"),
        re.compile(r"/delete/0/prometheus(/api/v1/admin/tsdb/delete_series)"),
        re.compile(r"(/flags)"),
    ),
}


@dataclass
class Cluster:
    """Use as a context manager.

    :ivar asked: the paths that came to vmselect; ``written``: those to vminsert.
    :ivar part_is_away: True: a vmstorage does not answer.
    :ivar denies: False: vmselect ignores ``deny_partial_response``, and says in its answer that it is partial.
    """

    behind: Service
    asked: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    part_is_away: bool = False
    denies: bool = True

    def __post_init__(self) -> None:
        self._insert, self._select = _Address(self, "insert"), _Address(self, "select")
        self.url = f"http://127.0.0.1:{self._insert.port}/insert/0/influx"
        self.read_url = f"http://127.0.0.1:{self._select.port}/select/0/prometheus"

    def __enter__(self) -> Self:
        self._insert.start()
        self._select.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._insert.stop()
        self._select.stop()

    def flush(self) -> None:
        """Show what was written, at the process behind: a cluster has no such path."""
        self.forward("POST", "/internal/force_flush", b"", {})

    def forward(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Ask the process behind."""
        with closing(HTTPConnection(self.behind.host, self.behind.port, timeout=30)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()

    def answer(self, of: str, method: str, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Answer as vminsert or vmselect."""
        parts = urlsplit(target)
        (self.written if of == "insert" else self.asked).append(parts.path)
        found = next((found for pattern in _PATHS[of] if (found := pattern.fullmatch(parts.path))), None)
        if found is None:
            return 400, f'unsupported path requested: "{target}"'.encode()
        is_question = found[1].startswith("/api/v1/") and of == "select"
        denied = "deny_partial_response" in parse_qs(body.decode(errors="replace")) and self.denies
        if self.part_is_away and is_question and (denied or found[1] == "/api/v1/export"):
            return 503, b"cannot fetch data: some of vmstorage nodes are unavailable"
        status, text = self.forward(method, f"{found[1]}?{parts.query}", body, headers)
        if self.part_is_away and is_question:
            text = text.replace(b'"status":"success"', b'"status":"success","isPartial":true', 1)
        return status, text


class _Address:
    def __init__(self, cluster: Cluster, of: str) -> None:
        self.port = free_port()
        self._server = _Server(("127.0.0.1", self.port), _handler(cluster, of))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name=f"vm{of}")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a gateway that was killed leaves its connections open

    def handle_error(self, *_: object) -> None:  # the gateway was killed, or gave up waiting
        pass


def _handler(cluster: Cluster, of: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self._answer("POST", self.rfile.read(int(self.headers["Content-Length"])))

        def do_GET(self) -> None:
            self._answer("GET", b"")

        def _answer(self, method: str, body: bytes) -> None:
            names = ("Content-Type", "Content-Encoding")
            headers = {name: self.headers[name] for name in names if name in self.headers}
            status, text = cluster.answer(of, method, self.path, body, headers)
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:  # the library would print
            pass

    return Handler
