"""Another server stood at InfluxDB's address for a while: what was connected to it must not stay with it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import pytest

from gateway.commands.demo.services import free_port
from gateway.core.batching.pacing import LinkBudget
from gateway.core.batching.write_result import Fate, fate_of
from gateway.ingest.delivery.http_client import HttpClient
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.support.config.model import Influxdb

WRITTEN = "204 No Content"
REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n."
NAME = "influxdb.province"


class Server:
    """Answers each request with one status line, over connections that are kept alive. Closes them when its context ends.

    :ivar requests: how many it answered on each connection, in order of their arrival.
    :ivar arrived: a request is there.
    :ivar may_answer: cleared, it waits.
    """

    def __init__(self, status: str) -> None:
        self.status = status
        self.requests: list[int] = []
        self.arrived = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests on one connection until it ends."""
        number = len(self.requests)
        self.requests.append(0)
        self._writers.append(writer)
        while head := await _head(reader):
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            self.arrived.set()
            await self.may_answer.wait()
            self.requests[number] += 1
            writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\n\r\n".encode())


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@asynccontextmanager
async def listening(server: Server, host: str, port: int) -> AsyncIterator[None]:
    """Listen; at the end only the listening stops, connections live on."""
    listener = await asyncio.start_server(server.serve, host, port)
    try:
        yield
    finally:
        listener.close()


@asynccontextmanager
async def served(server: Server) -> AsyncIterator[int]:
    """The port of a server that listens to the end."""
    port = free_port()
    async with server, listening(server, "127.0.0.1", port):
        yield port


def client_of(port: int, host: str = "127.0.0.1") -> InfluxdbClient:
    return InfluxdbClient(Influxdb(url=f"http://{host}:{port}"))


WRONG = ["200 OK", "302 Found", "401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone", "503 Service Unavailable"]


@pytest.mark.parametrize("status", WRONG)
def test_the_write_after_a_wrong_servers_answer_goes_to_who_stands_there_now(status: str) -> None:
    async def run() -> None:
        port = free_port()
        async with Server(status) as wrong, Server(WRITTEN) as right, client_of(port) as client:
            async with listening(wrong, "127.0.0.1", port):
                assert fate_of(await client.write(b"a")) in {Fate.FAULTY_DATABASE, Fate.RETRY}
            async with listening(right, "127.0.0.1", port):
                assert fate_of(await client.write(b"b")) is Fate.WRITTEN
            assert (wrong.requests, right.requests) == ([1], [1])

    asyncio.run(run())


def test_one_wrong_answer_closes_the_other_kept_connections_too() -> None:
    async def run() -> None:
        server = Server(WRITTEN)
        async with served(server) as port, client_of(port) as client:
            await asyncio.gather(client.write(b"a"), client.write(b"b"))
            assert server.requests == [1, 1]
            server.status = "404 Not Found"
            await client.write(b"c")
            server.status = WRITTEN
            await asyncio.gather(client.write(b"d"), client.write(b"e"))
        assert sorted(server.requests) == [1, 1, 1, 2]

    asyncio.run(run())


@pytest.mark.parametrize("status", [WRITTEN, "400 Bad Request", "413 Content Too Large", "422 Unprocessable Content"])
def test_an_answer_about_the_batch_keeps_the_connection(status: str) -> None:
    async def run() -> None:
        server = Server(status)
        async with served(server) as port, client_of(port) as client:
            for _ in range(3):
                await client.write(b"a")
        assert server.requests == [3]

    asyncio.run(run())


def test_the_name_is_resolved_again_for_the_new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    address, resolve = ["127.0.0.2"], socket.getaddrinfo

    def from_hosts(host: str, *args: Any, **kwargs: Any) -> object:  # noqa: ANN401 - as getaddrinfo has them
        return resolve(address[0] if host == NAME else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", from_hosts)

    async def run() -> None:
        right = Server(WRITTEN)
        async with (
            Server("404 Not Found") as wrong,
            served(right) as port,
            listening(wrong, "127.0.0.2", port),
            client_of(port, NAME) as client,
        ):
            assert fate_of(await client.write(b"a")) is Fate.FAULTY_DATABASE
            address[0] = "127.0.0.1"
            assert fate_of(await client.write(b"b")) is Fate.WRITTEN
        assert (wrong.requests, right.requests) == ([1], [1])

    asyncio.run(run())


def test_a_connection_is_renewed_after_five_minutes() -> None:
    async def run() -> None:
        now_s = [1000.0]
        server = Server(WRITTEN)
        async with served(server) as port:
            client = HttpClient("127.0.0.1", port, None, 5.0, LinkBudget(), lambda: now_s[0])
            for at_s in (1000.0, 1299.0, 1300.0, 1599.0, 1700.0):
                now_s[0] = at_s
                assert (await client.ask(REQUEST)).status == 204
            client.close()
        assert server.requests == [2, 2, 1]

    asyncio.run(run())


def test_a_write_in_flight_keeps_its_connection_past_five_minutes() -> None:
    async def run() -> None:
        now_s = [1000.0]
        server = Server(WRITTEN)
        async with served(server) as port:
            client = HttpClient("127.0.0.1", port, None, 5.0, LinkBudget(), lambda: now_s[0])
            server.may_answer.clear()
            write = asyncio.create_task(client.ask(REQUEST))
            await server.arrived.wait()
            now_s[0] = 2000.0
            server.may_answer.set()
            assert (await write).status == 204
            assert (await client.ask(REQUEST)).status == 204
            client.close()
        assert server.requests == [1, 1]

    asyncio.run(run())
