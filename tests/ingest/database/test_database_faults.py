"""A database that cannot be read is a sentence for people, which shows no secret."""

import asyncio
import gc
import gzip
from collections.abc import Callable
from pathlib import Path

import httptools
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import Counter, Side, StoreFault
from gateway.monitoring.reports.roster import both
from gateway.support.config.model import Influxdb

Handler = Callable[[web.Request], web.Response]


def fault(handler: Handler, **settings: object) -> str:
    """Ask a server of our own, and return the sentence."""

    async def ask() -> None:
        async def handle(request: web.Request) -> web.Response:
            if request.path in {"/api/v1/query", "/ping"}:
                return web.Response(text="<html>a page for every path</html>")
            return handler(request)

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handle)
        async with TestServer(application) as server:
            config = Influxdb.model_validate({"url": str(server.make_url("/")), **settings})
            async with open_store(config) as store:
                async for _ in store.nearest(Counter("water", "volume_m3"), Side.UP_TO, 0, 1):
                    pass

    with pytest.raises(StoreFault) as found:
        asyncio.run(ask())
    return str(found.value)


def test_a_token_that_may_not_read_is_said_with_the_key_that_helps() -> None:
    said = fault(lambda _: web.Response(status=401, text='{"code":"unauthorized"}'), token="secret-token")  # noqa: S106
    assert "refuses to be read (401" in said
    assert "influxdb.read_token_file" in said
    assert "secret-token" not in said


def test_the_token_for_reading_is_sent_and_without_it_the_one_for_writing(tmp_path: Path) -> None:
    file = tmp_path / "read"
    file.write_text("may-read\n")
    seen = []

    def handler(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=403)

    fault(handler, token="may-write", read_token_file=file)  # noqa: S106
    fault(handler, token="may-write")  # noqa: S106
    fault(handler)
    assert seen == ["Token may-read", "Token may-write", None]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(
            '{"results":[{"statement_id":0,"error":"database not found: iot"}]}', "database not found: iot", id="none"
        ),
        pytest.param('{"error":"query timeout"}', "query timeout", id="cut-off"),
        pytest.param("Please log in", "does not speak InfluxQL", id="another-server"),
        pytest.param('{"results":[{"series":[{"columns":["time"],"values":[["x",1,1]]}]}]}', "where a number", id="text"),
    ],
)
def test_an_answer_that_is_none_is_quoted(answer: str, said: str) -> None:
    assert said in fault(lambda _: web.Response(text=answer))


@pytest.mark.parametrize(("version", "is_overwritten"), [("1.6.7", True), ("v2.7.1", True), ("3.2.0", False), (None, True)])
def test_influxdb_3_is_known_by_its_version(version: str | None, is_overwritten: bool) -> None:  # noqa: FBT001
    async def ask() -> bool:
        async def handle(_: web.Request) -> web.Response:
            return web.Response(status=404, headers={} if version is None else {"X-Influxdb-Version": version})

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handle)
        async with TestServer(application) as server, open_store(Influxdb(url=str(server.make_url("/")))) as store:
            return store.is_overwritten

    assert asyncio.run(ask()) is is_overwritten


def test_a_database_that_is_not_there_is_said() -> None:
    async def ask() -> None:
        async with open_store(Influxdb(url="http://127.0.0.1:9")):
            pass

    with pytest.raises(StoreFault, match=r"http://127\.0\.0\.1:9 does not answer: "):
        asyncio.run(ask())


def test_an_answer_is_freed_without_a_search_for_cycles() -> None:
    """The gateway searches rarely: what a thousand questions left would stay in its memory."""

    async def nothing(_: web.Request) -> web.Response:
        return web.Response(status=204)

    async def ask() -> None:
        application = web.Application()
        application.router.add_get("/ping", nothing)
        async with TestServer(application) as server:
            http = DatabaseHttp(Influxdb(url=str(server.make_url("/"))))
            gc.collect()
            for _ in range(3):
                assert not await http.version()
            parsers = [each for each in gc.get_objects() if type(each) is httptools.HttpResponseParser]
            assert not parsers

    gc.disable()
    try:
        asyncio.run(ask())
    finally:
        gc.enable()


def test_of_two_questions_at_once_the_other_is_given_up_when_one_fails() -> None:
    given_up = []

    async def fails() -> None:
        raise StoreFault("gone")

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_up.append(True)
            raise

    with pytest.raises(StoreFault, match="gone"):
        asyncio.run(both(waits(), fails()))
    assert given_up == [True]


def test_an_answer_that_breaks_off_is_a_fault_after_what_came() -> None:
    chunk = '{"results":[{"series":[{"columns":["time","last","volume_m3"],"values":[[1,2,3]],"tags":{"device":"m"}}]}]}\n'
    found = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path != "/query":
            return web.Response(status=404)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(chunk.encode())
        assert request.transport is not None
        request.transport.abort()
        return response

    async def ask() -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handle)
        async with TestServer(application) as server, open_store(Influxdb(url=str(server.make_url("/")))) as store:
            async for series, point in store.nearest(Counter("water", "volume_m3"), Side.UP_TO, 9, 9):
                found.append((series.device, point.sum))

    with pytest.raises(StoreFault, match="does not answer"):
        asyncio.run(ask())
    assert found == [("m", 2)]


def raw(answer: bytes) -> bytes:
    """Ask a server that sends these bytes and closes; return the body that was read."""

    async def ask() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\nq=1")
            writer.write(answer)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await DatabaseHttp(Influxdb(url=f"http://127.0.0.1:{port}")).whole("/query", {"q": "1"})

    return asyncio.run(ask())


OK = b"HTTP/1.1 200 OK\r\n"
PACKED = gzip.compress(b"rows")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK + b"Content-Length: 4\r\n\r\nrows", id="length"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nro\r\n2\r\nws\r\n0\r\n\r\n", id="chunks"),
        pytest.param(OK + b"\r\nrows", id="ends with the connection"),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\nrows", id="after an interim one"
        ),
        pytest.param(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED, id="gzip"),
        pytest.param(OK + b"Content-Length: 4\r\n\r\nrowsHTTP/1.1 200 OK\r\n", id="more than was asked for"),
    ],
)
def test_an_answer_may_have_any_form_of_http(answer: bytes) -> None:
    assert raw(answer) == b"rows"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(OK + b"Content-Length: 5\r\n\r\nrows", "before the end of its answer", id="too short"),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nrows\r\n", "before the end of its answer", id="no last chunk"
        ),
        pytest.param(b"", "before the end of its answer", id="nothing"),
        pytest.param(b"220 mail.example.vn ESMTP\r\n", "its answer is not HTTP", id="not HTTP"),
        pytest.param(OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nrows", "its answer is not HTTP", id="not gzip"),
        pytest.param(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", "answers 302", id="redirect"
        ),
    ],
)
def test_an_answer_that_is_not_whole_is_a_fault(answer: bytes, said: str) -> None:
    with pytest.raises(StoreFault, match=said):
        raw(answer)
