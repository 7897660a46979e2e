"""Pages of others: what a browser sends for them changes nothing here, and shows them nothing."""

import pytest

from gateway.commands.demo.services import Service
from tests.system.fleet import client_of, publish, wait_settled
from tests.system.rig import Gateway
from tests.system.visitor import Browser

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/m1/readings"
PATHS = ["/", "/devices", "/devices/m1", "/login", "/metrics", "/healthz", "/api/status", "/api/rejects", "/nowhere"]
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture
def kept(gate: Gateway, mosquitto: Service) -> Gateway:
    """A gateway that keeps one reject."""
    with client_of(mosquitto) as client:
        publish(client, TOPIC, "?")
        wait_settled(gate, mosquitto)
    assert len(gate.rejects()) == 1
    return gate


def test_a_page_on_another_port_of_the_same_machine_purges_nothing(kept: Gateway) -> None:
    browser = Browser(kept)
    assert browser.log_in(kept.token()).status == 303
    for origin in (
        "http://127.0.0.1:3000",
        "http://localhost:3000",
        "null",
        "http://evil.example",
        f"https://127.0.0.1:{kept.port}",
    ):
        assert browser.ask("POST", "/api/rejects/purge", Origin=origin).status == 403, origin
    for site in ("same-site", "cross-site"):
        assert browser.ask("POST", "/api/rejects/purge", Sec_Fetch_Site=site).status == 403, site
    assert browser.ask("POST", "/api/rejects/purge", Origin="").status == 401, "a cookie alone does not say which page it was"
    assert len(kept.rejects()) == 1
    answer = browser.ask("POST", "/api/rejects/purge", Sec_Fetch_Site="same-origin")
    assert (answer.status, answer.body) == (200, '{"removed": 1}')


def test_a_page_of_elsewhere_logs_nobody_in_and_nobody_out(gate: Gateway) -> None:
    browser = Browser(gate)
    assert browser.log_in(gate.token(), Origin="http://127.0.0.1:3000").status == 403
    assert not browser.cookies
    assert browser.log_in(gate.token()).status == 303
    assert browser.ask("POST", "/logout", Origin="http://127.0.0.1:3000").status == 403
    assert browser.ask("POST", "/api/rejects/purge").status == 200, "still logged in"


def test_a_program_that_shows_the_token_is_no_page_and_goes_on(kept: Gateway) -> None:
    assert kept.ask("/api/rejects/purge", "POST", token=kept.token()) == (200, '{"removed": 1}')


def test_a_name_that_was_made_to_point_here_shows_nothing(gate: Gateway) -> None:
    browser = Browser(gate)
    for path in PATHS:
        answer = browser.ask("GET", path, Host=f"evil.example:{gate.port}")
        assert answer.status == (200 if path == "/healthz" else 421), path
    assert "http.hosts" in answer.body
    assert browser.ask("GET", "/api/status", Host=f"localhost:{gate.port}").status == 200
    assert browser.log_in(gate.token(), Host="evil.example", Origin="http://evil.example").status == 421


def test_every_answer_says_what_a_browser_may_do_with_it(gate: Gateway) -> None:
    browser = Browser(gate)
    answers = [browser.ask("GET", path) for path in PATHS] + [browser.ask("POST", "/api/rejects/purge")]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy)
        assert [part for part in policy if "unsafe" in part] == []
        assert "Server" not in answer.headers, "the versions of its parts are nobody's business"
        is_page = answer.headers["Content-Type"].startswith("text/html")
        assert ("sandbox" in policy) is not is_page, "data that is opened as if it were a page runs nothing"
    assert "form-action 'self'" in answers[0].headers["Content-Security-Policy"]
