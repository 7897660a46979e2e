"""Logging in: a session in place of the token, its end, wrong tokens, bytes that are no text."""

import json
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.rig import Gateway, gateway
from tests.system.visitor import Browser, status_of

pytestmark = pytest.mark.real

TOKEN = "correct-horse-battery-staple"  # noqa: S105 - of this test
PURGE = "/api/rejects/purge"


@pytest.fixture
def site(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Gateway:
    """A gateway with a token file; not started."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, http={"token_file": "../token"})


def test_the_cookie_holds_a_session_that_ends_with_the_logout(site: Gateway) -> None:
    with site:
        browser = Browser(site)
        answer = browser.log_in(TOKEN, to="/devices/m1?language=en")
        assert site.said("token (admin) logged in from 127.0.0.1") == 1
        assert (answer.status, answer.headers["Location"]) == (303, "/devices/m1?language=en")
        cookie = browser.session()
        assert (cookie.key, cookie["path"], cookie["samesite"]) == ("gateway_session", "/", "Strict")
        assert cookie["httponly"]
        assert not cookie["secure"], "a browser would not send it back over plain HTTP"
        first = cookie.value
        assert len(first) >= 43
        assert TOKEN not in json.dumps(answer.headers)
        assert browser.ask("POST", PURGE).status == 200
        assert 'action="/logout"' in browser.ask("GET", "/").body
        assert browser.log_in(TOKEN).status == 303
        assert browser.session().value != first, "each login is a new session"
        thief = Browser(site)
        thief.cookies.load({"gateway_session": first})
        assert thief.ask("POST", PURGE).status == 401, "and ends the one before"
        last = browser.session().value
        assert browser.ask("POST", "/logout").status == 303
        assert browser.session().value == ""
        thief.cookies.load({"gateway_session": last})
        assert thief.ask("POST", PURGE).status == 401
        assert 'action="/logout"' not in Browser(site).ask("GET", "/").body


def test_what_follows_events_ends_with_its_session(site: Gateway) -> None:
    with site:
        browser = Browser(site)
        assert browser.log_in(TOKEN).status == 303
        with closing(HTTPConnection(site.host, site.port, timeout=10)) as connection:
            cookie = f"gateway_session={browser.session().value}"
            connection.request("GET", "/api/events", headers={"Cookie": cookie, "X-Forwarded-For": "192.0.2.7"})
            events = connection.getresponse()
            assert events.readline().startswith(b"data: ")
            assert browser.ask("POST", "/logout").status == 303
            assert events.read().count(b"data: ") <= 2, "it goes on to its end at once"


def test_the_token_itself_or_an_old_cookie_with_it_is_no_session(site: Gateway) -> None:
    with site:
        for name in ("gateway_token", "gateway_session", "__Host-gateway_session"):
            browser = Browser(site)
            browser.cookies.load({name: TOKEN})
            assert browser.ask("POST", PURGE).status == 401, name


def test_who_guesses_waits_and_it_is_logged_once(site: Gateway) -> None:
    with site:
        session = Browser(site)
        assert session.log_in(TOKEN).status == 303
        guesser = Browser(site)
        assert [guesser.log_in(f"guess-{number}").status for number in range(7)] == [401] * 5 + [429] * 2
        assert 1 <= int(guesser.log_in("guess-8").headers["Retry-After"]) <= 10
        assert site.ask(PURGE, "POST", token=f"{TOKEN}x")[0] == 429, "wherever it is shown"
        assert guesser.log_in(TOKEN).status == 303, "the right one is let in at once"
        assert session.ask("POST", PURGE).status == 200, "who is logged in stays so"
        assert site.ask("/api/status")[0] == 200
        assert site.said("wrong tokens over HTTP: ") == 1
        assert site.said("guess-") == 0


def test_bytes_that_are_no_text_are_a_wrong_token_and_no_fault(site: Gateway) -> None:
    hostile = [
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: \xff \xff",
        b"Authorization: Bearer \xed\xa0\x80",
        b"Cookie: gateway_session=\xff",
        b"Cookie: \xff=\xff; gateway_session=\xed\xa0\x80",
        b"Cookie: " + b";" * 4000,
    ]
    with site:
        for line in hostile:
            request = b"POST /api/rejects/purge HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + line + b"\r\n\r\n"
            assert status_of(site, request) == 401, line
        for form in (b"token=\xff", b"token=%ff%fe", b"token=%ED%A0%80", b"\xff=&&&&"):
            head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n" % len(form)
            kind = b"Content-Type: application/x-www-form-urlencoded; charset=nonsense\r\n\r\n"
            assert status_of(site, head + kind + form) in {401, 429}, form
        for name in (b"Host: \xff", b"Host: localhost\r\nHost: localhost", b"Host: [", b"Accept: \xff\r\nHost: \xff"):
            assert status_of(site, b"GET /api/status HTTP/1.1\r\nConnection: close\r\n" + name + b"\r\n\r\n") in {400, 421}, (
                name
            )
        assert status_of(site, b"\xff\r\n\r\n") == 400
        origin = b"POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nOrigin: \xff\r\n\r\n"
        assert status_of(site, origin) == 403
        assert site.said("Traceback") == site.said("Error handling request") == 0


def test_a_form_that_is_no_login_is_not_read(site: Gateway) -> None:
    with site:
        assert Browser(site).log_in("x" * 5000).status == 413


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("", "its first line is empty", id="empty"),
        pytest.param("\nsecond-line-with-the-token\n", "its first line is empty", id="an-empty-first-line"),
        pytest.param("fifteen-letters", "its first line is a token of 15 characters", id="short"),
    ],
)
def test_a_token_that_can_be_guessed_is_refused_by_check_and_run(site: Gateway, text: str, what: str) -> None:
    file = site.folder.parent / "token"
    file.write_text(text)
    checked = site.command("check")
    told = f"{site.folder}/../token: http.token_file: {what}; a token has 16 or more"
    assert (checked.returncode, checked.stderr.count("\n")) == (2, 1)
    assert checked.stderr.startswith(told)
    site.start()
    assert site.wait_ended() == 2
    assert site.said(told) == 1
