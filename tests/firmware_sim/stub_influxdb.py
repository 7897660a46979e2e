"""An InfluxDB that answers one kind of question: SELECT * of some devices in a span of time, grouped by all tags, in chunks."""

import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from firmware_sim.query import StoredPoint

CHUNK = 3
"""Points of a series in one line of an answer: small, so that every test reads several."""
_STATEMENT = re.compile(r'SELECT \* FROM "(\w+)" WHERE time >= (\d+)ms AND time <= (\d+)ms(?: AND \((.+)\))? GROUP BY \*')


@dataclass
class StubInfluxDB:
    """A stand-in for InfluxDB: the points that it holds and the queries that it was sent.

    :ivar answer: sent with its status in place of points, where set.
    """

    points: dict[str, list[StoredPoint]] = field(default_factory=lambda: defaultdict(list))
    asked: list[dict[str, str]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    answer: tuple[int, bytes] | None = None
    url: str = ""

    def lines(self, statement: str) -> Iterator[bytes]:
        """The chunks of the answer to ``statement``."""
        match = _STATEMENT.fullmatch(statement)
        assert match is not None, statement
        measurement, first, last, names = match.groups()
        devices = set(re.findall(r"\"device\" = '([^']*)'", names or ""))
        series = defaultdict(list)
        for point in self.points[measurement]:
            if (names is None or point.tags["device"] in devices) and int(first) <= point.time_ms <= int(last):
                series[tuple(sorted(point.tags.items()))].append(point)
        columns = sorted({name for points in series.values() for point in points for name in point.fields})
        for tags, points in series.items():
            rows = [[point.time_ms, *(point.fields.get(name) for name in columns)] for point in points]
            for start in range(0, len(rows), CHUNK):
                part = {
                    "name": measurement,
                    "tags": dict(tags),
                    "columns": ["time", *columns],
                    "values": rows[start : start + CHUNK],
                }
                yield json.dumps({"results": [{"statement_id": 0, "series": [part]}]}).encode() + b"\n"
        if not series:
            yield b'{"results":[{"statement_id":0}]}\n'


@contextmanager
def stub_influxdb() -> Iterator[StubInfluxDB]:
    """A stub on a free port."""
    stub = StubInfluxDB()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            stub.asked.append({key: values[0] for key, values in form.items()})
            stub.authorizations.append(self.headers["Authorization"])
            status, body = stub.answer or (200, b"".join(stub.lines(form["q"][0])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the signature of its base
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub
        finally:
            server.shutdown()
            thread.join()
