"""The HTTP client against a server that says, byte for byte, what a test gives it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest

from gateway.commands.demo.services import free_port
from gateway.core.batching.pacing import LinkBudget
from gateway.ingest.delivery.http_client import HttpClient, Response

REQUEST = b"POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n."
WRITTEN = b"HTTP/1.1 204 No Content\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\n\r\n"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@asynccontextmanager
async def served(script: Script, timeout_s: float = 5.0) -> AsyncIterator[tuple[HttpClient, list[int]]]:
    """A client of a server that runs ``script`` on each connection; and how many connections there were."""
    connections = [0]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[0] += 1
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = HttpClient("127.0.0.1", server.sockets[0].getsockname()[1], None, timeout_s, LinkBudget())
    try:
        yield client, connections
    finally:
        client.close()
        server.close()


def answering(*answers: bytes) -> Script:
    """Answer the requests of a connection in turn, then close it."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readexactly(len(REQUEST))
            writer.write(answer)
            await writer.drain()

    return script


def ask(script: Script, timeout_s: float = 5.0) -> Response:
    async def run() -> Response:
        async with served(script, timeout_s) as (client, _):
            return await client.ask(REQUEST)

    return asyncio.run(run())


def test_many_writes_share_one_connection() -> None:
    async def run() -> int:
        async with served(answering(*[WRITTEN] * 3)) as (client, connections):
            for _ in range(3):
                assert (await client.ask(REQUEST)).status == 204
            return connections[0]

    assert asyncio.run(run()) == 1


def test_a_connection_the_server_closed_in_the_meantime_costs_no_write() -> None:
    """A server may close an idle connection at any time [RFC 9112, 9.5]; a write that meets this goes out again."""

    async def run() -> int:
        async with served(answering(WRITTEN)) as (client, connections):
            for _ in range(3):
                assert (await client.ask(REQUEST)).status == 204
            return connections[0]

    assert asyncio.run(run()) == 3


@pytest.mark.parametrize("size", [1, 7, 10_000], ids=["byte-by-byte", "in-pieces", "at-once"])
def test_an_answer_may_come_in_pieces(size: int) -> None:
    head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = head + b"3\r\nnot\r\n4\r\n now\r\n0\r\n\r\n"

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(REQUEST))
        for at in range(0, len(answer), size):
            writer.write(answer[at : at + size])
            await writer.drain()
            await asyncio.sleep(0)

    response = ask(script)
    assert (response.status, bytes(response.body), response.headers["retry-after"]) == (429, b"not now", "7")


def test_of_a_long_body_64_kilobytes_are_kept() -> None:
    response = ask(answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 350000\r\n\r\n" + b"x" * 350_000))
    assert (response.status, len(response.body)) == (400, 65536)


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    assert bytes(ask(answering(b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\nno room")).body) == b"no room"


def test_an_interim_answer_is_not_the_answer() -> None:
    assert ask(answering(b"HTTP/1.1 100 Continue\r\n\r\n" + WRITTEN)).status == 204


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    assert ask(answering(b"HTTP/1.1 302 Found\r\nLocation: /pay\r\nContent-Length: 0\r\n\r\n")).status == 302


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"220 mail.example ready\r\n", id="another-protocol"),
        pytest.param(b"HTTP/1.1 204 No Con", id="cut-in-the-status"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", id="cut-in-the-body"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_whole_answer_is_a_connection_error(answer: bytes) -> None:
    with pytest.raises(ConnectionError):
        ask(answering(answer))


def test_no_answer_in_time_is_a_time_out() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    with pytest.raises(TimeoutError):
        ask(silent, timeout_s=0.05)


def test_nobody_there_is_an_os_error() -> None:
    async def run() -> None:
        await HttpClient("127.0.0.1", free_port(), None, 5.0, LinkBudget()).ask(REQUEST)

    with pytest.raises(ConnectionRefusedError):
        asyncio.run(run())


def test_a_second_answer_behind_the_first_changes_nothing_and_ends_the_connection() -> None:
    """It would be taken for the answer to the next write."""
    unasked = b"HTTP/1.1 400 Bad Request\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"

    async def run() -> tuple[list[Response], int]:
        async with served(answering(WRITTEN + unasked)) as (client, connections):
            return [await client.ask(REQUEST), await client.ask(REQUEST)], connections[0]

    answers, connections = asyncio.run(run())
    assert [(answer.status, sorted(answer.headers)) for answer in answers] == [(204, ["date"])] * 2
    assert connections == 2
