"""A new connection to the database goes on with the session of the last: its certificate does not cross the link again."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import uvloop

from gateway.core.batching.pacing import LinkBudget
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.delivery.http_client import HttpClient
from gateway.support.config.model import Influxdb
from gateway.support.tls import resuming_context, server_context
from tests.system.brokers import Authority

REQUEST = b"POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n."
WRITTEN = b"HTTP/1.1 204 No Content\r\n\r\n"
LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio"), pytest.param(uvloop.new_event_loop, id="uvloop")]
Loop = Callable[[], asyncio.AbstractEventLoop]


class Database:
    """A server with TLS; whether each of its connections went on with a session.

    :ivar resumed: one for each connection.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.resumed: list[bool] = []
        self.context = context

    async def start(self, port: int = 0) -> asyncio.Server:
        """Listen."""
        return await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=self.context)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.resumed.append(writer.get_extra_info("ssl_object").session_reused)
        try:
            while True:
                await reader.readexactly(len(REQUEST))
                writer.write(WRITTEN)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority."""
    return Authority(tmp_path / "authority")


def run(loop: Loop, database: Database, client_context: ssl.SSLContext, others: list[ssl.SSLContext]) -> list[int]:
    """Write over a connection, and over a new one for each further context; return the bytes that each took."""

    async def work() -> list[int]:
        link, sent = LinkBudget(), []
        server = await database.start()
        async with server:
            client = HttpClient("127.0.0.1", server.sockets[0].getsockname()[1], client_context, 10.0, link)
            for context in [client_context, *others]:
                client.tls = context
                client.renew()
                before = link.total_bytes
                for _ in range(2):
                    assert (await client.ask(REQUEST)).status == 204
                sent.append(link.total_bytes - before)
            client.close()
        return sent

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(work())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_new_connection_goes_on_with_the_session_of_the_last(
    authority: Authority, loop: Loop, version: ssl.TLSVersion
) -> None:
    context = server_context(*authority.issue("database"))
    context.maximum_version = version
    database, ours = Database(context), resuming_context(authority.certificate)
    first, second, third = run(loop, database, ours, [ours, ours])
    assert database.resumed == [False, True, True]
    assert max(second, third) < first - 300, "the certificate is not sent again"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_context_made_anew_checks_the_certificate_again(authority: Authority, loop: Loop) -> None:
    database = Database(server_context(*authority.issue("database")))
    contexts = [resuming_context(authority.certificate) for _ in range(2)]
    run(loop, database, contexts[0], [contexts[1]])
    assert database.resumed == [False, False]


def test_a_session_is_not_offered_under_another_name(authority: Authority) -> None:
    """Its certificate was never held against that name."""
    database, ours = Database(server_context(*authority.issue("database"))), resuming_context(authority.certificate)

    async def work() -> None:
        async with await database.start() as server:
            port = server.sockets[0].getsockname()[1]
            for name, fault in (("127.0.0.1", None), ("localhost", ssl.SSLCertVerificationError)):
                client = HttpClient(name, port, ours, 10.0, LinkBudget())
                with nullcontext() if fault is None else pytest.raises(fault):
                    await client.ask(REQUEST)
                client.close()

    asyncio.run(work())


def test_a_server_that_has_forgotten_the_session_is_met_anew(authority: Authority) -> None:
    files, ours = authority.issue("database"), resuming_context(authority.certificate)
    for _ in range(2):
        database = Database(server_context(*files))
        run(asyncio.new_event_loop, database, ours, [ours])
        assert database.resumed == [False, True]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_connection_with_tls_that_ends_without_an_answer_is_noticed_at_once(authority: Authority, loop: Loop) -> None:
    context, ours = server_context(*authority.issue("database")), resuming_context(authority.certificate)

    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(REQUEST))
        writer.close()

    async def work() -> None:
        async with await asyncio.start_server(end, "127.0.0.1", 0, ssl=context) as server:
            client = HttpClient("127.0.0.1", server.sockets[0].getsockname()[1], ours, 1000.0, LinkBudget())
            with pytest.raises(ConnectionResetError):
                await client.ask(REQUEST)
            client.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(work())


def test_questions_go_on_with_the_session_of_the_one_before(authority: Authority) -> None:
    database = Database(server_context(*authority.issue("database")))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        database.resumed.append(writer.get_extra_info("ssl_object").session_reused)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")
        await writer.drain()
        writer.close()

    async def work() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=database.context) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            http = DatabaseHttp(Influxdb.model_validate({"url": url, "tls": {"ca": authority.certificate}}))
            for _ in range(3):
                assert await http.whole("/query", {}) == b"1"

    asyncio.run(work())
    assert database.resumed == [False, True, True]
