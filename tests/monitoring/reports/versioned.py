"""A stub in the place of a version of InfluxDB that is not at hand."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway.support.config.model import Influxdb


@contextmanager
def stub(version: str, rows: str = "") -> Iterator[tuple[Influxdb, list[tuple[str, bytes]]]]:
    """A database that tells a version, takes what it is told, and answers every question with the same.

    :param rows: the answer.
    """
    taken: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.startswith("/api/v1/"):
                return self._answer(404)
            taken.append((self.path, body))
            if self.path.startswith("/api/v2/delete"):
                return self._answer(204)
            return self._answer(200, rows.encode())

        def do_GET(self) -> None:
            self._answer(204)

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("X-Influxdb-Version", version)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield Influxdb(url=f"http://127.0.0.1:{server.server_port}", org="o", bucket="iot", token="t"), taken  # noqa: S106
    finally:
        server.shutdown()
        server.server_close()
