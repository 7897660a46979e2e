"""HTTP for administration: what is sent, what comes back, and what is said where nothing answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.demo.services import free_port
from gateway.support.plain_http import HttpAnswer, NoAnswer, PlainHttp
from gateway.support.tls import pinned_context, server_context, tls_context
from tests.support.test_tls import made

ASKED: list[tuple[str, str, str | None, str | None, str]] = []


class Handler(BaseHTTPRequestHandler):
    """Notes what it is asked, and answers with a document."""

    def answer(self) -> None:
        """Answer any method."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        ASKED.append((self.command, self.path, self.headers["Content-Type"], self.headers["Authorization"], body))
        self.send_response(202)
        self.send_header("X-Node", "n1")
        self.end_headers()
        self.wfile.write(b'{"error": "not\\nyet"}')

    do_GET = do_PUT = do_POST = answer  # noqa: N815 - as the library has it

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    ASKED.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_documents_and_forms_are_sent_below_the_address_with_the_headers_of_each_request(url: str) -> None:
    http = PlainHttp(f"{url}/base/", {"Authorization": "Bearer t"})
    assert http.url == f"{url}/base"
    found = http.send("GET", "/x")
    assert (found.status, found.headers["x-node"], found.document()) == (202, "n1", {"error": "not\nyet"})
    assert found.describe() == "202 not"
    http.send("PUT", "/y", {"a": [1]})
    http.form("/z", {"q": "a b"})
    http.form("/z", {"q": "c"}, {"Accept": "text/csv"})
    PlainHttp(url).send("POST", "/", [])
    form = "application/x-www-form-urlencoded"
    assert [
        ("GET", "/base/x", None, "Bearer t", ""),
        ("PUT", "/base/y", "application/json", "Bearer t", '{"a": [1]}'),
        ("POST", "/base/z", form, "Bearer t", "q=a+b"),
        ("POST", "/base/z", form, None, "q=c"),
        ("POST", "/", "application/json", None, "[]"),
    ] == ASKED


def test_who_does_not_answer_is_named_with_the_reason() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NoAnswer, match=f"^{url} does not answer: Connection refused$"):
        PlainHttp(url).send("GET", "/")


def test_a_pinned_server_is_asked_only_if_it_shows_that_certificate(tmp_path: Path) -> None:
    ASKED.clear()
    own, other = made(tmp_path, "own", "-nodes"), made(tmp_path, "other", "-nodes")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = server_context(*own).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"https://127.0.0.1:{server.server_address[1]}"
    try:
        assert PlainHttp(url, tls=pinned_context(), certificate=own.cert).send("GET", "/").status == 202
        with pytest.raises(NoAnswer) as refused:
            PlainHttp(url, tls=pinned_context(), certificate=other.cert).send("GET", "/secret")
        with pytest.raises(NoAnswer, match="certificate verify failed"):
            PlainHttp(url, tls=tls_context(other.cert)).send("GET", "/secret")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    said = "it does not show the certificate in {}; a new one is taken at a reload (systemctl reload gateway)"
    assert str(refused.value) == f"{url} does not answer: {said.format(other.cert)}"
    assert [asked[1] for asked in ASKED] == ["/"]


def test_a_server_that_does_not_show_its_certificate_gets_nothing(url: str, tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="does not answer: "):
        PlainHttp(url.replace("http:", "https:"), certificate=tmp_path / "x.crt").send("GET", "/")
    assert ASKED == []


@pytest.mark.parametrize(
    ("body", "document", "described"),
    [
        (b"", None, "404"),
        (b"  no such page\nat all", None, "404 no such page"),
        (b"\xff", None, "404 \ufffd"),
        (b'{"message": "m", "error": ""}', {"message": "m", "error": ""}, "404 m"),
        (b'{"error": "e", "message": "m"}', {"error": "e", "message": "m"}, "404 e"),
        (b'["e"]', ["e"], '404 ["e"]'),
        (b"{}", {}, "404 {}"),
        (json.dumps({"error": "x" * 400}).encode(), {"error": "x" * 400}, f"404 {'x' * 300}"),
    ],
)
def test_an_answer_is_described_in_one_line(body: bytes, document: Any, described: str) -> None:  # noqa: ANN401 - JSON
    answer = HttpAnswer(404, body)
    assert (answer.document(), answer.describe()) == (document, described)
    assert answer.text() == body.decode(errors="replace")
