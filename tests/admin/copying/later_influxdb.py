"""InfluxDB 2 and 3 towards a copy, as far as the facts about them go: stubs over an InfluxDB 1, in which the points stand."""

import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from gateway.commands.demo.services import Service
from gateway.support.config.model import Influxdb

SHOWN = "the right one"
_LONGEST_MS = 72 * 3_600_000
_SPAN = re.compile(r"time >= (\d+)ms AND time < (\d+)ms")


class LaterInfluxdb(BaseHTTPRequestHandler):
    """A server that takes writes at ``/api/v2/write`` alone, with a token, and answers InfluxQL about a bucket.

    Version 2 needs the organisation; version 3 refuses a question about more than 72 hours.
    """

    version: str
    behind: Service

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a probe."""
        self._send(204 if urlsplit(self.path).path == "/ping" else 404, b"")

    def do_POST(self) -> None:
        """Answer a write or a question."""
        address = urlsplit(self.path)
        query, body = dict(parse_qsl(address.query)), self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if address.path == "/api/v2/write" and (query.get("org") or self.version.startswith("3")):
            target = "/write?" + urlencode({"db": query["bucket"], "precision": query["precision"]})
        elif address.path == "/query":
            target = "/query"
        else:
            self._send(404, b'{"code": "not found"}')
            return
        span = _SPAN.search(dict(parse_qsl(body.decode())).get("q", "")) if target == "/query" else None
        if self.headers.get("Authorization") != f"Token {SHOWN}":
            self._send(401, b'{"code": "unauthorized"}')
        elif self.version.startswith("3") and span is not None and int(span[2]) - int(span[1]) > _LONGEST_MS:
            self._send(400, b'{"error": "query would exceed file limit"}')
        else:
            self._send(*self._forward(target, body))

    def _forward(self, target: str, body: bytes) -> tuple[int, bytes]:
        names = ("Content-Type", "Content-Encoding")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        with closing(HTTPConnection(self.behind.host, self.behind.port, timeout=30)) as connection:
            connection.request("POST", target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("X-Influxdb-Version", self.version)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def later_influxdb(version: str, behind: Service, bucket: str) -> Iterator[Influxdb]:
    """Serve on loopback; the settings that lead there."""
    handler = type("Handler", (LaterInfluxdb,), {"version": version, "behind": behind})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        yield Influxdb(url=url, api="v2", org="province" if version.startswith("v2") else None, bucket=bucket, token=SHOWN)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
