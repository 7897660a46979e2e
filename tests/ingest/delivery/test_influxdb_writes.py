"""The requests of writes: where they go, with which credentials, and what of an answer may be shown."""

# ruff: noqa: S106 - secrets of this test

import asyncio
from collections.abc import Callable
from typing import Any, cast

from gateway import __version__
from gateway.core.batching.write_result import Answer
from gateway.ingest.delivery import influxdb as module
from gateway.ingest.delivery.http_client import HttpClient, Response
from gateway.ingest.delivery.influxdb import InfluxdbClient, authorization, write_target
from gateway.support.config.model import Influxdb
from tests.rows import each_row

OK = Response(204)


class Server(HttpClient):
    """In the place of a server: answers, and notes what is asked."""

    def __init__(self, answer: Response | Exception) -> None:
        self.answer = answer
        self.asked: list[bytes] = []
        self.renewed = 0
        self.is_closed = False

    async def ask(self, request: bytes) -> Response:
        """Answer."""
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def renew(self) -> None:
        """Connect again next time."""
        self.renewed += 1

    def close(self) -> None:
        """Close."""
        self.is_closed = True


def config(**settings: object) -> Influxdb:
    return Influxdb.model_validate({"url": "http://db:8086/base/"} | settings)


def written(
    answer: Response | Exception, tell_date: Callable[[int], None] = lambda _: None, **settings: object
) -> tuple[Answer, Server]:
    async def story() -> tuple[Answer, Server]:
        server = Server(answer)
        async with InfluxdbClient(config(**settings), tell_date) as client:
            client._http = server  # noqa: SLF001
            found = await client.write(b"gzip")
        assert server.is_closed
        return found, server

    return asyncio.run(story())


@each_row(
    ("settings", "target"),
    [
        ({"api": "v1", "bucket": "iot"}, "/base/write?db=iot&precision=ms"),
        ({"api": "v1", "bucket": "iot/a year"}, "/base/write?db=iot&rp=a%20year&precision=ms"),
        ({"api": "v2", "bucket": "iot"}, "/base/api/v2/write?bucket=iot&precision=ms"),
        ({"api": "v2", "bucket": "a/b", "org": "o&o"}, "/base/api/v2/write?org=o%26o&bucket=a%2Fb&precision=ms"),
    ],
)
def test_points_are_posted_to_the_bucket_in_milliseconds(settings: dict[str, object], target: str) -> None:
    assert write_target(config(**settings)) == target


def test_the_token_goes_before_the_password() -> None:
    assert authorization(config()) == {}
    assert authorization(config(username="an")) == {"Authorization": "Basic YW46"}
    assert authorization(config(username="an", password="pw")) == {"Authorization": "Basic YW46cHc="}
    assert authorization(config(username="an", password="pw", token="t")) == {"Authorization": "Token t"}


def test_a_write_is_one_request_with_its_length() -> None:
    answer, server = written(OK, api="v1", bucket="iot", token="t")
    assert (answer, server.renewed) == (Answer(204, ""), 0)
    [request] = server.asked
    assert request.decode().split("\r\n") == [
        "POST /base/write?db=iot&precision=ms HTTP/1.1",
        "Host: db:8086",
        f"User-Agent: province-gateway/{__version__}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Encoding: gzip",
        "Authorization: Token t",
        "Content-Length: 4",
        "",
        "gzip",
    ]


def test_no_secret_is_shown_of_an_answer_that_quotes_them() -> None:
    body = bytearray("Zg== said tok, pässword, YW46cMOkc3N3b3Jk; \udcff".encode(errors="surrogateescape"))
    answer, _ = written(Response(401, {}, body), username="an", password="pässword", token="tok")
    assert answer.text == "Zg== said ***, ***, YW46cMOkc3N3b3Jk; \ufffd"
    answer, _ = written(Response(401, {}, body), username="an", password="pässword")
    assert answer.text == "Zg== said tok, ***, ***; \ufffd"


@each_row(
    ("fault", "told"),
    [
        (TimeoutError(), "no answer within 10 s"),
        (OSError(111, "Connection refused"), "Connection refused"),
        (ConnectionResetError("the server closed"), "the server closed"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
def test_a_fault_of_the_network_is_an_answer(fault: Exception, told: str) -> None:
    assert written(fault, timeout="10s")[0] == Answer(0, told)


def test_a_server_that_is_at_fault_is_looked_up_again() -> None:
    answer, server = written(Response(503, {"retry-after": "7"}, bytearray(b"later")))
    assert (answer, server.renewed) == (Answer(503, "later", 7.0), 1)
    assert written(Response(400, {}, bytearray(b"bad line")))[1].renewed == 0


def test_the_clock_of_the_server_is_told_now_and_then() -> None:
    told: list[int] = []
    date = {"date": "Sun, 01 Nov 2026 00:00:07 GMT"}
    written(Response(204, date), told.append)
    written(Response(204, {"date": "no date"}), told.append)
    written(OK, told.append)
    assert told == [1793491207000]

    async def story() -> None:
        async with InfluxdbClient(config(), told.append) as client:
            client._http = cast("Any", server := Server(Response(204, date)))  # noqa: SLF001
            for _ in range(3):
                await client.write(b"")
            client._next_date_s = 0.0  # noqa: SLF001
            server.answer = OK
            await client.write(b"")
            server.answer = Response(204, date)
            await client.write(b"")
            context = object()
            client.renew(cast("Any", context))
            assert (server.tls, server.renewed) == (context, 1)

    told.clear()
    asyncio.run(story())
    assert len(told) == 2
    assert module._DATE_EVERY_S == 10.0  # noqa: SLF001
