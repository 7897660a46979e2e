"""The door: who comes in with a token or a session, from which address and page, and what those are told who do not."""

import logging
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.support.access.accounts import USER_HEADER, own_token_file
from tests.web.visiting import Answer, Visitor, visit

HTML: Final = {"Accept": "text/html"}
FAR: Final = {"X-Forwarded-For": "192.0.2.9"}
"""From another machine, without a token."""
BEHIND_PROXY: Final[dict[str, Any]] = {"trusted_proxies": ["0.0.0.0"]}  # noqa: S104 - the address of a connection that has none


def token(name: str) -> str:
    return f"{name}-token-of-this-test"


async def signed_in(visitor: Visitor, **headers: str) -> dict[str, str]:
    """The cookie of a browser after its login as a technician, as a header, and the header by which a page is known."""
    answer = await visitor.post("/login", {"token": token("lan"), "to": "/"}, "", **headers)
    ((name, morsel),) = answer.cookies.items()
    return {"Cookie": f"{name}={morsel.value}", "Sec-Fetch-Site": "same-origin"}


def test_a_browser_signs_in_goes_on_where_it_was_and_its_session_ends_when_it_signs_out(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        form = await visitor.get("/login?to=/devices", "", **HTML)
        first = await visitor.post("/login", {"token": token("lan"), "to": "/devices?page=2"}, "")
        cookie = await signed_in(visitor)
        other = {"Cookie": cookie["Cookie"]}
        paths = ("/api/alarms/x/acknowledge", "/api/journal/drop")
        changes = [await visitor.post(path, None, "", **FAR, **cookie) for path in paths]
        found = [form, first, *changes, await visitor.post(paths[0], None, "", **FAR, **other)]
        found += [await visitor.get("/api/account", "", **FAR, **cookie), await visitor.get("/devices", "", **FAR, **HTML)]
        found += [await visitor.post("/logout", {}, "", **cookie), await visitor.get("/api/account", "", **FAR, **cookie)]
        return [*found, await visitor.page("/devices", "")]

    form, first, change, too_high, no_page, account, stranger, out, after, guest = visit(tmp_path, story)
    assert form.words == "Sign in The gateway's token Sign in"
    assert 'value="/devices"' in form.text
    assert (first.status, first.headers["Location"]) == (303, "/devices?page=2")
    session = first.cookies["gateway_session"]
    assert (session["httponly"], session["samesite"], session["secure"], session["path"]) == (True, "Strict", False, "/")
    assert not session.get("max-age"), "until the browser is closed"
    assert (change.status, "no alarm 'x' is active" in change.text) == (404, True)
    assert (too_high.status, too_high.document["error"]) == (403, "this needs the role admin; lan has the role technician")
    assert no_page.status == 401, "a cookie alone may have been sent by anything"
    assert account.document == {"name": "lan", "role": "technician"}
    assert (stranger.status, stranger.words) == (401, "Sign in The gateway's token Sign in")
    assert 'value="/devices"' in stranger.text
    assert (out.status, out.headers["Location"], out.cookies["gateway_session"]["max-age"]) == (303, "/login", "0")
    assert after.status == 401
    assert guest.status == 200, "on this machine reading is free"


def test_a_login_leads_to_a_page_of_this_gateway_only_and_a_wrong_token_back_to_the_form(tmp_path: Path) -> None:
    targets = ("/devices?a=b&c=d", "//evil.example", "https://evil.example", "/\\evil", "", "/a b")

    async def story(visitor: Visitor) -> tuple[list[str], list[Answer]]:
        sent = [await visitor.post("/login", {"token": token("lan"), "to": to}, "") for to in targets]
        wrong = await visitor.post("/login", {"token": "no", "to": "/devices"}, "", **HTML)
        large = await visitor.post("/login", {"token": "x" * 4091}, "")
        full = await visitor.post("/login", {"token": "x" * 4090}, "")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        odd = await visitor.post("/login", b"token=%ff%fe&to=/", "", **form)
        return [answer.headers["Location"] for answer in sent], [wrong, large, full, odd]

    locations, (wrong, large, full, odd) = visit(tmp_path, story)
    assert locations == ["/devices?a=b&c=d", "/", "/", "/", "/", "/"]
    assert (wrong.status, wrong.words) == (401, "Sign in Wrong token. The gateway's token Sign in")
    assert 'value="/devices"' in wrong.text
    assert wrong.headers["WWW-Authenticate"] == "Bearer"
    assert [large.status, full.status, odd.status] == [413, 401, 401]


def test_who_guesses_tokens_waits_and_others_do_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        found = [await visitor.get("/api/account", f"guess-{number}", **FAR) for number in range(6)]
        found.append(await visitor.get("/devices", "guess-7", Accept="text/html", **FAR))
        found.append(await visitor.post("/login", {"token": "guess-8", "to": "/devices"}, "", **HTML, **FAR))
        found.append(await visitor.get("/login", "guess-9", **FAR))
        found.append(await visitor.post("/login", {"token": token("lan"), "to": "/devices"}, "", **HTML, **FAR))
        found.append(await visitor.get("/api/account", "lan", **FAR))
        return [*found, await visitor.get("/api/account", "guess-10", **{"X-Forwarded-For": "192.0.2.10"})]

    with caplog.at_level(logging.WARNING, "gateway.web"):
        *guesses, page, login, read, right, own, other = visit(tmp_path, story, http=BEHIND_PROXY)
    assert [answer.status for answer in guesses] == [401] * 5 + [429]
    assert guesses[0].document["error"] == "wrong token"
    assert guesses[5].document["error"] == "too many wrong tokens from this address; try again in 10 s"
    assert guesses[5].headers["Retry-After"] == "10"
    assert "WWW-Authenticate" not in guesses[5].headers
    assert (page.status, "Too many wrong tokens. Try again in 10 seconds." in page.words) == (429, True)
    assert 'value="/devices"' in login.text
    assert [login.status, read.status, other.status] == [429, 429, 401]
    assert [right.status, own.status] == [303, 200], "the right one is let in at once"
    assert "wrong tokens over HTTP: 1 from 192.0.2.9" in caplog.text


@pytest.mark.parametrize("path", ["/login", "/devices", "/api/account"])
def test_where_reading_is_free_wrong_tokens_are_counted_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    async def story(visitor: Visitor) -> list[int]:
        shown = [*(["old-token"] * 20), *(f"guess-{number}" for number in range(5)), token("lan")]
        answers = [await visitor.get(path, "", Authorization=f"Bearer {one}") for one in shown]
        return [answer.status for answer in (*answers, await visitor.get(path, ""))]

    with caplog.at_level(logging.WARNING, "gateway.web"):
        statuses = visit(tmp_path, story)
    assert statuses == [200] * 24 + [429, 200, 200]
    assert "wrong tokens over HTTP: 1 from 0.0.0.0" in caplog.text


def test_a_change_from_a_page_of_elsewhere_and_a_foreign_name_are_refused_with_what_to_do(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        asked: list[dict[str, str]] = [
            {"Origin": "http://evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Host": "evil.example"},
            {"Origin": "http://127.0.0.1"},
            {"Host": "ours.example.vn"},
        ]
        found = [await visitor.post("/api/journal/drop", **headers) for headers in asked]
        return [*found, await visitor.get("/api/account", "binh", Origin="http://evil.example")]

    origin, site, host, own, named, reading = visit(tmp_path, story, http={"hosts": ["ours.example.vn"]})
    assert [answer.status for answer in (origin, site, host, own, named, reading)] == [403, 403, 421, 200, 200, 200]
    assert origin.document["error"].startswith("a page of another address sent this, so nothing was changed; behind a proxy")
    assert host.document["error"] == (
        "this gateway is not called 'evil.example'; if people are to reach it under this name, write it into http.hosts of"
        " gateway.yaml"
    )


def test_behind_a_proxy_that_speaks_https_the_session_is_kept_from_plain_pages(tmp_path: Path) -> None:
    secure = {"X-Forwarded-Proto": "https", **FAR}

    async def story(visitor: Visitor) -> list[Answer]:
        login = await visitor.post("/login", {"token": token("lan"), "to": "/"}, "", **secure)
        ((name, morsel),) = login.cookies.items()
        cookie = {"Cookie": f"{name}={morsel.value}"}
        return [login, *[await visitor.get("/api/account", "", **headers, **cookie) for headers in (secure, FAR)]]

    login, account, plain = visit(tmp_path, story, http=BEHIND_PROXY)
    assert login.cookies["__Host-gateway_session"]["secure"] is True
    assert (account.document["name"], plain.status) == ("lan", 401)


def test_an_account_that_was_removed_or_limited_is_out_with_its_session(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[int]:
        cookie = await signed_in(visitor)
        found = [(await visitor.get("/api/account", "", **FAR, **cookie)).status]
        tokens = tmp_path / "tokens"
        tokens.write_text(tokens.read_text().replace("lan technician", "lan admin"))
        assert await visitor.parts.reload.run() == []
        found += [(await visitor.get("/api/account", who, **FAR, **(cookie if not who else {}))).status for who in ("", "lan")]
        return found

    assert visit(tmp_path, story) == [200, 401, 200]


def test_the_audit_log_names_the_account_and_of_this_machine_the_person_at_it(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[str]:
        own = own_token_file(visitor.parts.foundation.config.journal.path).read_text().strip()
        machine = {"Authorization": f"Bearer {own}"}
        for headers in ({USER_HEADER: "hoa"}, {}, {USER_HEADER: "x" * 65}, {USER_HEADER: "a\x07b"}):
            await visitor.post("/api/journal/drop", None, "", **machine, **headers)
        await visitor.post("/api/journal/drop", None, "binh", **{USER_HEADER: "hoa"})
        return [entry["name"] for entry in (await visitor.get("/api/audit")).document["audit"]][::-1]

    machine, alone, long, odd, account = visit(tmp_path, story)
    assert machine == f"{alone} (hoa)"
    assert long == f"{alone} ({'x' * 64})"
    assert (odd, account) == (alone, "binh")
