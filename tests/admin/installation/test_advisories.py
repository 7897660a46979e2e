"""Known weaknesses of installed packages are asked for at a stub of OSV, which answers as its interface is published."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from gateway.admin.installation import advisories
from gateway.admin.installation.sbom import LockedPackage

PACKAGES = [LockedPackage("one", "1.0", "", (), ()), LockedPackage("two", "2.0", "", (), ())]
Answering = Callable[[Callable[[Any], bytes]], str]


@pytest.fixture
def osv() -> Iterator[Answering]:
    """Starts a stub; returns its address."""
    servers = []

    def start(answer: Callable[[Any], bytes]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer(asked))

            def log_message(self, *_: object) -> None:
                """Nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1/querybatch"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def one_is_weak(asked: Any) -> bytes:  # noqa: ANN401 - JSON
    """The answer to questions about two packages."""
    assert [query["package"]["purl"] for query in asked["queries"]] == ["pkg:pypi/one@1.0", "pkg:pypi/two@2.0"]
    return json.dumps({"results": [{}, {"vulns": [{"id": "GHSA-1"}, {"id": "GHSA-2"}]}]}).encode()


def test_each_known_weakness_is_told_with_its_package(osv: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    known = list(advisories.known_weaknesses(PACKAGES, osv(one_is_weak)))
    assert known == [(PACKAGES[1], "GHSA-1"), (PACKAGES[1], "GHSA-2")]
    assert advisories.report(known, {"GHSA-2": "not called"}, 2) == 1
    assert capsys.readouterr().out == "two 2.0: GHSA-1: see https://osv.dev/GHSA-1; `make lock` takes newer versions\n"


def test_weaknesses_that_are_accepted_or_absent_fail_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert advisories.report([(PACKAGES[1], "GHSA-2")], {"GHSA-2": "not called"}, 2) == 0
    assert advisories.report([], {}, 2) == 0
    assert capsys.readouterr().out == "advisories: none for 2 packages, 1 accepted\nadvisories: none for 2 packages\n"


def test_the_whole_lock_is_asked_about(osv: Answering, capsys: pytest.CaptureFixture[str]) -> None:
    url = osv(lambda asked: json.dumps({"results": [{} for _ in asked["queries"]]}).encode())
    assert advisories.main([url]) == 0
    assert "advisories: none for" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [b"<html>", b'{"results": []}', b'{"code": 3}', b"[]", b'{"results": [1]}'])
def test_an_answer_that_is_none_of_osv_is_said_and_fails_nothing(
    osv: Answering, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    assert advisories.main([osv(lambda _: answer)]) == 0
    assert capsys.readouterr().out.startswith("advisories: not asked about, the answer cannot be read: ")


def test_without_a_network_one_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert advisories.main(["http://127.0.0.1:1/"]) == 0
    assert capsys.readouterr().out.startswith("advisories: not asked about, nobody answers: ")
