"""The link does to a connection what it says, and nothing when it is well."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.campaigns.rig.link import Link
from tests.waiting import until


class _Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            pass


class _Asked(BaseHTTPRequestHandler):
    """Answers with the number of the request."""

    protocol_version = "HTTP/1.1"
    bodies: list[bytes]

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        body = str(len(self.bodies)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:  # the library would print
        pass


class _EchoServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[tuple[str, int]]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield ("127.0.0.1", server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def echo() -> Iterator[Link]:
    """A link to a server that sends back what it gets."""
    with _serving(_EchoServer(("127.0.0.1", 0), _Echo)) as behind, Link(behind) as link:
        yield link


@pytest.fixture
def bodies() -> list[bytes]:
    """The requests that have reached the HTTP server."""
    return []


@pytest.fixture
def http(bodies: list[bytes]) -> Iterator[Link]:
    """A link to an HTTP server."""
    handler = type("Handler", (_Asked,), {"bodies": bodies})
    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as behind, Link(behind) as link:
        yield link


def _connect(link: Link) -> socket.socket:
    return socket.create_connection((link.host, link.port), timeout=3.0)


def _asked(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    return _read(connection, len(data))


def _read(connection: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = connection.recv(65536)
        assert more, f"ended after {len(got)} of {size} bytes"
        got += more
    return got


def _posted(connection: HTTPConnection, body: bytes = b"x") -> tuple[int, bytes]:
    connection.request("POST", "/write", body)
    response = connection.getresponse()
    return response.status, response.read()


def test_a_link_that_is_well_changes_nothing(echo: Link) -> None:
    data = bytes(range(256)) * 20_000  # more than a window
    with _connect(echo) as one, _connect(echo) as other:
        threading.Thread(target=one.sendall, args=(data,)).start()
        assert _asked(other, b"beside it") == b"beside it"
        assert _read(one, len(data)) == data
        one.shutdown(socket.SHUT_WR)
        assert one.recv(1) == b""
    assert echo.accepted == 2


@pytest.mark.parametrize("fault", [pytest.param("cut", id="cut"), pytest.param("reset", id="reset")])
def test_a_break_ends_what_is_open_and_refuses_what_comes(echo: Link, fault: str) -> None:
    with _connect(echo) as connection:
        assert _asked(connection, b"a") == b"a"
        getattr(echo, fault)()
        if fault == "cut":
            assert connection.recv(1) == b""
        else:
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
    with pytest.raises(ConnectionRefusedError):
        _connect(echo)
    echo.heal()
    with _connect(echo) as connection:
        assert _asked(connection, b"b") == b"b"


def test_half_open_swallows_all_and_resets_when_healed(echo: Link) -> None:
    with _connect(echo) as old:
        assert _asked(old, b"a") == b"a"
        echo.half_open()
        with _connect(echo) as new:
            for connection in (old, new):
                connection.sendall(b"lost")
                connection.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    connection.recv(1)
            echo.heal()
            for connection in (old, new):
                with pytest.raises(ConnectionResetError):
                    connection.recv(1)
    with _connect(echo) as connection:
        assert _asked(connection, b"b") == b"b"


def test_a_forgotten_connection_stays_dead_and_new_ones_work(echo: Link) -> None:
    with _connect(echo) as old, _connect(echo) as new:
        assert _asked(old, b"a") == b"a"
        assert _asked(new, b"a") == b"a"
        echo.forget()
        echo.heal()
        old.sendall(b"lost")
        old.settimeout(0.1)
        with pytest.raises(TimeoutError):
            old.recv(1)
        with _connect(echo) as newest:
            assert _asked(newest, b"b") == b"b"


def test_what_was_stalled_comes_when_it_is_healed(echo: Link) -> None:
    with _connect(echo) as connection:
        assert _asked(connection, b"a") == b"a"
        echo.stall()
        connection.sendall(b"b")
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(3.0)
        echo.heal()
        assert connection.recv(9) == b"b"
        assert connection.recv(9) == b""


def test_delay_is_kept_in_each_direction_and_in_order() -> None:
    seen: list[bytes] = []
    with (
        _serving(_EchoServer(("127.0.0.1", 0), _Echo)) as behind,
        Link(behind, lambda _number, data, _to_behind: seen.append(data)) as link,
        _connect(link) as connection,
    ):
        link.delay(0.1)
        began_s = time.monotonic()
        assert _asked(connection, b"a") == b"a"
        assert 0.2 <= time.monotonic() - began_s < 2.0, "once each way"
        connection.sendall(b"b")
        until(lambda: b"b" in seen, what="on its way")
        link.heal()
        began_s = time.monotonic()
        connection.sendall(b"c")
        assert _read(connection, 2) == b"bc"
        assert time.monotonic() - began_s >= 0.05, "what came later waited behind"


def test_a_lost_segment_comes_late_and_holds_up_what_is_behind(echo: Link) -> None:
    data = bytes(range(256)) * 60
    with _connect(echo) as connection:
        echo.lose(0.05, seed=177)
        began_s = time.monotonic()
        assert _asked(connection, data) == data
        assert 0.2 <= time.monotonic() - began_s < 2.0


def test_who_watches_sees_both_directions_of_each_connection() -> None:
    seen: list[tuple[int, bytes, bool]] = []
    with (
        _serving(_EchoServer(("127.0.0.1", 0), _Echo)) as behind,
        Link(behind, lambda *what: seen.append(what)) as link,
        _connect(link) as one,
        _connect(link) as other,
    ):
        assert _asked(one, b"a") == b"a"
        assert _asked(other, b"b") == b"b"
    assert seen == [(1, b"a", True), (1, b"a", False), (2, b"b", True), (2, b"b", False)]


def test_what_a_watcher_raises_is_raised_when_the_link_is_left() -> None:
    def watch(_connection: int, data: bytes, _to_behind: bool) -> None:  # noqa: FBT001 - as a link calls it
        assert data != b"bad", "what was looked for"

    link = Link(("127.0.0.1", 1), watch).__enter__()
    with _connect(link) as connection:
        connection.sendall(b"bad")
        assert connection.recv(1) == b""
    with pytest.raises(AssertionError, match="what was looked for"):
        link.__exit__(None, None, None)


def test_an_answer_in_place_of_the_server_on_a_connection_that_is_kept(http: Link, bodies: list[bytes]) -> None:
    with closing(HTTPConnection(http.host, http.port, timeout=3.0)) as connection:
        assert _posted(connection) == (200, b"1")
        http.answer(503, {"Retry-After": "1"}, "busy")
        assert _posted(connection) == (503, b"busy")
        http.answer(204)
        assert _posted(connection) == (204, b"")
        assert len(bodies) == 1, "nobody was asked behind"
        http.answer(500, forward=True)
        assert _posted(connection, b"y" * 100_000) == (500, b"")
        http.heal()
        assert _posted(connection) == (200, b"3")
    assert bodies == [b"x", b"y" * 100_000, b"x"]
    assert http.accepted == 1


def test_a_lost_answer_is_a_request_that_arrived(http: Link, bodies: list[bytes]) -> None:
    http.lose_answer()
    with closing(HTTPConnection(http.host, http.port, timeout=3.0)) as connection:
        with pytest.raises((ConnectionResetError, RemoteDisconnected)):
            _posted(connection)
        assert bodies == [b"x"]
        http.heal()
        assert _posted(connection) == (200, b"2")


def test_an_answer_comes_although_nothing_is_behind() -> None:
    with Link(("127.0.0.1", 1)) as link, closing(HTTPConnection(link.host, link.port, timeout=3.0)) as connection:
        link.answer(200, body="a page")
        assert _posted(connection) == (200, b"a page")


def test_thousands_of_small_messages_a_second_pass(echo: Link) -> None:
    """One after the other, each there and back: four sockets and two threads more than a message has in the campaign."""
    with _connect(echo) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began_s = time.monotonic()
        for _ in range(1000):
            assert _asked(connection, b"m" * 100) == b"m" * 100
        assert time.monotonic() - began_s < 5.0


def test_a_server_that_goes_takes_its_connections_along() -> None:
    with _serving(_EchoServer(("127.0.0.1", 0), _Echo)) as behind, Link(behind) as link, _connect(link) as connection:
        assert _asked(connection, b"a") == b"a"
    with Link(behind) as link, _connect(link) as connection:
        connection.sendall(b"a")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        until(lambda: link.accepted == 1)
