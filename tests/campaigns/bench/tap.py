"""A tap on the wire to InfluxDB: bytes go through as they are, and when InfluxDB said 204 is remembered.

``python -m tests.campaigns.bench.tap PORT INFLUXDB_PORT [DELAY_MS]``. ``GET /arrivals`` as in
:mod:`tests.campaigns.bench.door`, the instant being that of the 204. With a delay every answer is held back so long: a
database far away.
"""

import asyncio
import sys
import time
from typing import cast

import uvloop

from tests.campaigns.bench.door import Arrivals, Requests, shown


class _Behind(asyncio.Protocol):
    """The connection to InfluxDB that belongs to one of the gateway's."""

    def __init__(self, front: "_Front") -> None:
        self._front = front

    def data_received(self, data: bytes) -> None:
        self._front.answered(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._front.close()


class _Front(asyncio.Protocol):
    """One connection of the gateway; a request at a time."""

    def __init__(self, arrivals: Arrivals, port: int, delay_s: float) -> None:
        self._arrivals = arrivals
        self._port = port
        self._delay_s = delay_s
        self._requests = Requests()
        self._body = b""
        self._waiting: list[bytes] = []
        self._behind: asyncio.Transport | None = None
        self._transport: asyncio.Transport
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._behind, _ = await loop.create_connection(lambda: _Behind(self), "127.0.0.1", self._port)
        except OSError:
            self.close()
            return
        self._behind.writelines(self._waiting)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /arrivals "):
            self._transport.write(shown(self._arrivals.take()))
            return
        for _, body in self._requests.feed(data):
            self._body = body
        if self._behind is not None:
            self._behind.write(data)
            return
        self._waiting.append(data)
        if self._connecting is None:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def answered(self, data: bytes) -> None:
        """InfluxDB said something."""
        if data.startswith(b"HTTP/1.1 204"):
            self._arrivals.bodies.append((time.perf_counter_ns() + round(self._delay_s * 1e9), self._body))
        if self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, self._transport.write, data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """InfluxDB is gone, or never came."""
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._behind is not None:
            self._behind.close()


async def serve(port: int, influxdb_port: int, delay_s: float) -> None:
    """Serve until killed."""
    arrivals = Arrivals()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Front(arrivals, influxdb_port, delay_s), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    port, influxdb_port, *delay_ms = map(int, sys.argv[1:])
    uvloop.run(serve(port, influxdb_port, sum(delay_ms) / 1000))
