"""Requests that no page and no program of ours sends."""

import json
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.rig import Gateway, gateway
from tests.system.visitor import Browser, status_of

pytestmark = pytest.mark.real

TOKEN = "correct-horse-battery-staple"  # noqa: S105 - of this test
CHANGES = [
    *("/api/rejects/replay", "/api/rejects/purge", "/api/journal/drop", "/api/journal/acknowledge"),
    *("/api/devices/m1/exchange", "/logout"),
]
KINDS = {
    "text/html; charset=utf-8": ["/", "/devices", "/devices/m1", "/login"],
    "application/json; charset=utf-8": [
        "/nowhere",
        "/api/rejects?id=x",
        *(f"/api/{name}" for name in ("status", "ledger", "devices", "devices/nobody", "rejects", "quarantine", "coverage")),
    ],
    "text/plain; charset=utf-8": ["/healthz", "/readyz"],
    "text/plain; version=0.0.4; charset=utf-8": ["/metrics"],
}
AMBIGUOUS = [
    b"Content-Length: 4\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 4",
    b"Content-Length: 4\r\nContent-Length: 5",
    b"Content-Length: +4",
    b"Content-Length: 4, 4",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding : chunked",
    b"Content-Length: 4\r\n Transfer-Encoding: chunked",
]


@pytest.fixture
def site(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Gateway:
    """A gateway with a token file; not started."""
    (tmp_path / "token").write_text(TOKEN)
    return gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, http={"token_file": "../token"})


def test_nothing_is_changed_by_a_method_that_only_reads(site: Gateway) -> None:
    with site:
        browser = Browser(site)
        assert browser.log_in(TOKEN).status == 303
        for path in CHANGES:
            for method in ("GET", "HEAD"):
                assert browser.ask(method, path).status in {404, 405}, (method, path)
        assert browser.ask("POST", CHANGES[1]).status == 200, "the session goes on: nobody was logged out"


def test_methods_that_nothing_answers_are_refused(site: Gateway) -> None:
    with site:
        for method in ("TRACE", "OPTIONS", "PUT", "PATCH", "DELETE"):
            for path in ("/", "/metrics", "/api/status", "/api/rejects/purge"):
                assert site.ask(path, method)[0] == 401, (method, path)
                status, body = site.ask(path, method, token=TOKEN)
                assert status == 405, (method, path)
                assert TOKEN not in body, "TRACE would send it back"


def test_a_request_whose_end_can_be_read_in_two_ways_is_refused(site: Gateway) -> None:
    with site:
        for lines in AMBIGUOUS:
            head = b"POST /api/rejects/purge HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer "
            body = b"0\r\n\r\nGET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
            assert status_of(site, head + TOKEN.encode() + b"\r\n" + lines + b"\r\n\r\n" + body) == 400, lines
        assert site.said("Traceback") == 0


def test_no_file_is_served_and_no_folder_listed(site: Gateway) -> None:
    files = ["/.git/HEAD", "/.git/config", "/gateway.yaml", "/data/journal.db", "/pages.js", "/pages.css", "/status.html"]
    ways_up = [
        "/../gateway.yaml",
        "/%2e%2e/gateway.yaml",
        "/devices/../../gateway.yaml",
        "//etc/passwd",
        "/..%2f..%2fetc/passwd",
    ]
    with site:
        for path in [*files, *ways_up, "/api", "/api/", "/static/", "/devices/"]:
            status, body = site.ask(path)
            assert status == 404, path
            assert "journal" not in body


def test_every_answer_says_what_it_is_and_in_which_letters(site: Gateway) -> None:
    with site:
        browser = Browser(site)
        for kind, paths in KINDS.items():
            for path in paths:
                answer = browser.ask("GET", path)
                assert answer.headers["Content-Type"] == kind, (path, answer.body)
                if "json" in kind:
                    json.loads(answer.body)


def test_no_page_of_another_origin_may_read(site: Gateway) -> None:
    with site:
        browser = Browser(site)
        for method in ("GET", "OPTIONS"):
            for path in ("/", "/metrics", "/api/status", "/api/rejects"):
                asks = {"Origin": "http://evil.example", "Access_Control_Request_Method": "GET"}
                answer = browser.ask(method, path, **asks)
                assert [name for name in answer.headers if name.lower().startswith("access-control-")] == []


def test_a_token_in_the_address_opens_nothing(site: Gateway) -> None:
    with site:
        browser = Browser(site)
        for name in ("token", "access_token", "gateway_session"):
            assert browser.ask("POST", f"/api/rejects/purge?{name}={TOKEN}").status == 401
            assert browser.ask("GET", f"/login?{name}={TOKEN}").status == 200
        assert not browser.cookies


def test_a_restart_ends_every_session(site: Gateway) -> None:
    with site:
        browser = Browser(site)
        assert browser.log_in(TOKEN).status == 303
        assert browser.ask("POST", "/api/rejects/purge").status == 200
        assert site.terminate() == 0
        site.start()
        site.wait_ready()
        assert browser.ask("POST", "/api/rejects/purge").status == 401
