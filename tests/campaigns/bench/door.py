"""InfluxDB's door: an HTTP server that answers every write with 204 at once and remembers when it came.

To questions it answers as an empty VictoriaMetrics would: the sums of the counters begin, as they do in an installation.

``python -m tests.campaigns.bench.door PORT``. ``GET /arrivals`` returns a JSON list of ``[sent_ns, arrived_ns]``, one for each
reading since the last time it was asked, and only then unpacks the bodies: while readings come it does nothing but note the
time. What identifies a reading is its ``seq``, the instant of its publishing.
"""

import asyncio
import json
import re
import sys
import time
import zlib
from dataclasses import dataclass, field
from typing import cast

import uvloop

_QUERY, _EXPORT = b"POST /api/v1/query ", b"POST /api/v1/export "
_EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
_SEQ = re.compile(rb'\bseq"?[=:](\d+)')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass
class Arrivals:
    """Bodies as they came, each with its time."""

    bodies: list[tuple[int, bytes]] = field(default_factory=list)

    def take(self) -> list[tuple[int, int]]:
        """Return when each reading was sent and when it first arrived here, and forget them."""
        bodies, self.bodies = self.bodies, []
        first: dict[int, int] = {}
        for arrived_ns, body in bodies:
            text = zlib.decompress(body, wbits=31) if body.startswith(_GZIP_MAGIC) else body
            for sent_ns in _SEQ.findall(text):
                first.setdefault(int(sent_ns), arrived_ns)
        return list(first.items())


class Requests:
    """The requests of one connection, one after another, their length always given."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Head and body of each request that is complete now."""
        found: list[tuple[bytes, bytes]] = []
        self._buffer += data
        while True:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            size = int(length[1]) if length else 0
            if not end or len(rest) < size:
                return found
            self._buffer = rest[size:]
            found.append((head, rest[:size]))


class DoorConnection(asyncio.Protocol):
    """One connection."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._requests = Requests()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def written(self) -> bytes:
        """The answer to a write."""
        return _NO_CONTENT

    def data_received(self, data: bytes) -> None:
        """Answer what is complete."""
        arrived_ns = time.perf_counter_ns()
        for head, body in self._requests.feed(data):
            if head.startswith(_QUERY):
                self._transport.write(shown({"status": "success", "data": {"resultType": "vector", "result": []}}))
            elif head.startswith(_EXPORT):
                self._transport.write(_EMPTY)
            elif head.startswith(b"POST "):
                self._transport.write(self.written())
                self._arrivals.bodies.append((arrived_ns, body))
            else:
                self._transport.write(shown(self._arrivals.take() if head.startswith(b"GET /arrivals ") else "ok"))


def shown(document: object) -> bytes:
    """A JSON document as an answer."""
    body = json.dumps(document).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def serve(port: int) -> None:
    """Serve until killed."""
    arrivals = Arrivals()
    server = await asyncio.get_running_loop().create_server(lambda: DoorConnection(arrivals), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
