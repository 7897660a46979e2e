"""A slow way to a real InfluxDB: ``python -m tests.campaigns.bench.relay PORT INFLUXDB_PORT SLOW_S READING_S``.

Each write is handed on, and its answer ``SLOW_S`` later. With ``READING_S`` all writes together get one reading through in that
time, as with a database at its limit. ``GET /written`` returns a JSON list of ``[sent_ns, written_ns]``, one for each reading
that InfluxDB took since the last time it was asked: when it was published (its ``seq``), and when InfluxDB had it, ``SLOW_S``
left out.
"""

import asyncio
import sys
import time
import zlib
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
import uvloop
from aiohttp import web

from tests.campaigns.bench.door import Arrivals

_BODY_MAX_BYTES = 1 << 26
_SLICE = 50


@dataclass
class Relay:
    """Hands on, and remembers what was written."""

    influxdb_url: str
    slow_s: float
    reading_s: float
    session: aiohttp.ClientSession
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    written: Arrivals = field(default_factory=Arrivals)

    async def write(self, request: web.Request) -> web.Response:
        """Hand a write on."""
        body = await request.read()
        try:
            async with self.session.post(self.influxdb_url + request.path_qs, data=body, headers=request.headers) as answer:
                text = await answer.read()
        except aiohttp.ClientError as error:
            return web.Response(status=HTTPStatus.BAD_GATEWAY, text=str(error))
        for _ in range(0, zlib.decompress(body, wbits=31).count(b"\n") if self.reading_s else 0, _SLICE):
            async with self.turn:
                await asyncio.sleep(_SLICE * self.reading_s)
        if answer.status in {HTTPStatus.NO_CONTENT, HTTPStatus.BAD_REQUEST}:  # of a poisoned batch the rest is written at once
            self.written.bodies.append((time.perf_counter_ns(), body))
        await asyncio.sleep(self.slow_s)
        return web.Response(status=answer.status, body=text)

    async def show(self, _: web.Request) -> web.Response:
        """All that was written since the last time."""
        return web.json_response(self.written.take())


async def _ok(_: web.Request) -> web.Response:
    return web.json_response("ok")


async def serve(port: int, influxdb_port: int, slow_s: float, reading_s: float) -> None:
    """Serve until killed."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        relay = Relay(f"http://127.0.0.1:{influxdb_port}", slow_s, reading_s, session)
        app = web.Application(client_max_size=_BODY_MAX_BYTES)
        app.add_routes([web.post("/{way:.*}", relay.write), web.get("/written", relay.show), web.get("/ok", _ok)])
        runner = web.AppRunner(app, access_log=None, auto_decompress=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
