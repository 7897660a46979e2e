"""The bytes of the link: the kernel counts them, with every head, at the gateway's end as at the other."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from gateway.core.batching.pacing import LinkBudget
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.delivery.http_client import HttpClient, link_bytes
from gateway.support.config.model import Influxdb
from gateway.support.tls import server_context, tls_context
from tests.campaigns.bench.wire_door import Wire, counted
from tests.system.brokers import Authority

BODY = b"." * 3000
REQUEST = b"POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
WRITTEN = b"HTTP/1.1 204 No Content\r\n\r\n"
WRITES = 5


class _Server(asyncio.Protocol):
    """Answers each request, and keeps its socket for the kernel's count."""

    def __init__(self, kept: list[socket.socket]) -> None:
        self._kept = kept
        self._missing = len(REQUEST)
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._kept.append(transport.get_extra_info("socket").dup())

    def data_received(self, data: bytes) -> None:
        self._missing -= len(data)
        if not self._missing:
            self._missing = len(REQUEST)
            self._transport.write(WRITTEN)


async def writes(tls: ssl.SSLContext | None, trusted: ssl.SSLContext | None, *, close: bool) -> tuple[int, int]:
    """Write some times; return the bytes that the client counted, and those that the server's kernel did."""
    kept = list[socket.socket]()
    server = await asyncio.get_running_loop().create_server(lambda: _Server(kept), "127.0.0.1", 0, ssl=tls)
    async with server:
        link = LinkBudget(10**9)
        client = HttpClient("127.0.0.1", server.sockets[0].getsockname()[1], trusted, 10.0, link)
        for _ in range(WRITES):
            assert (await client.ask(REQUEST)).status == 204
            if close:
                client.renew()
        theirs = sum(map(counted, kept), Wire()).ip_bytes
        client.close()
    for connection in kept:
        connection.close()
    assert link.backlog_wait_s(0.0) == 0.0
    return link.total_bytes, theirs


@pytest.mark.parametrize("close", [False, True], ids=["kept", "renewed"])
def test_what_the_gateway_counts_is_what_the_server_s_kernel_counts(*, close: bool) -> None:
    ours, theirs = asyncio.run(writes(None, None, close=close))
    assert ours == pytest.approx(theirs, rel=0.05)
    assert ours > WRITES * (len(REQUEST) + len(WRITTEN) + 2 * 52)


def test_the_handshake_and_the_records_of_tls_are_counted(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    theirs_tls, ours_tls = server_context(*authority.issue("a")), tls_context(authority.certificate)
    ours, theirs = asyncio.run(writes(theirs_tls, ours_tls, close=False))
    plain, _ = asyncio.run(writes(None, None, close=False))
    assert ours == pytest.approx(theirs, rel=0.1)
    assert 1000 < ours - plain < 6000


def test_a_write_that_is_never_answered_is_counted_too() -> None:
    async def ask() -> int:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            link = LinkBudget()
            client = HttpClient("127.0.0.1", silent.getsockname()[1], None, 0.5, link)
            with pytest.raises(TimeoutError):
                await client.ask(REQUEST)
            return link.total_bytes

    assert asyncio.run(ask()) > len(REQUEST)


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_a_question_is_counted_with_its_connection_which_the_server_closes_behind_the_answer(
    tmp_path: Path,
    *,
    secured: bool,
) -> None:
    authority, kept, answer = Authority(tmp_path / "authority"), list[socket.socket](), b"." * 20_000

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept.append(writer.get_extra_info("socket").dup())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
        writer.close()

    async def ask() -> int:
        tls, link = server_context(*authority.issue("a")) if secured else None, LinkBudget()
        async with await asyncio.start_server(answered, "127.0.0.1", 0, ssl=tls) as server:
            url = f"http{'s' * secured}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            http = DatabaseHttp(Influxdb.model_validate({"url": url, "tls": {"ca": authority.certificate}}), link)
            assert await http.whole("/query", {"q": "SHOW DATABASES"}) == answer
        return link.total_bytes

    ours = asyncio.run(ask())
    assert ours == pytest.approx(sum(map(counted, kept), Wire()).ip_bytes, rel=0.05)
    assert ours > len(answer)
    for connection in kept:
        connection.close()


def test_a_closed_socket_counts_nothing() -> None:
    connection = socket.socket()
    connection.close()
    assert link_bytes(connection) == 0
