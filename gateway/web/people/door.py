"""The check before every request, logging in and logging out.

Reading is free on loopback; from elsewhere, and for every change, a request needs a token or the cookie of a session.
Before that it must be addressed to this gateway, and a change must not come from a page of another site. What the account
may change is asked where the change is made (:mod:`gateway.web.changes.changes`).
"""

import logging
import re
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from aiohttp import web

from gateway.support.access.accounts import GUEST, Access, UserAccount
from gateway.support.config.model import HttpSection
from gateway.support.config.setting_types import is_loopback
from gateway.web.http.clients import Client, Clients, OwnNames, is_cross_site, is_from_a_page
from gateway.web.http.handlers import ACCOUNT, Handler, account_of
from gateway.web.http.pages import PageRenderer
from gateway.web.people.sessions import COOKIE, SECURE_COOKIE, Guesses, Sessions

log = logging.getLogger("gateway.web")

_ALIVE: Final = "/healthz"
_WITHOUT_TOKEN: Final = frozenset({"/login", "/logout"})
_READING: Final = frozenset({"GET", "HEAD"})
_OWN_PATH: Final = re.compile(r"/(?:[A-Za-z0-9._:%-][A-Za-z0-9._:%/?=&-]*)?")
"""Targets that a browser may be redirected to: only this gateway."""
_FORM_MAX_BYTES: Final = 4096
_MISDIRECTED: Final = 421


class _Denial(NamedTuple):
    """The reason why a request is not let in.

    :ivar why: for programs.
    :ivar word: key of the sentence for people; empty where the page says enough by asking for the token.
    :ivar wait_s: seconds for which a wrong token is refused as one of too many.
    """

    status: int
    why: str
    word: str = ""
    wait_s: int = 0


_NO_TOKEN: Final = _Denial(401, "send Authorization: Bearer TOKEN, or log in at /login")
_WRONG_TOKEN: Final = _Denial(401, "wrong token", "wrong_token")
_WAIT: Final = "too many wrong tokens from this address; try again in {} s"


class Door:
    """Admits requests."""

    def __init__(self, access: Access, http: HttpSection, pages: PageRenderer) -> None:
        self._access = access
        self._pages = pages
        self._open_for_reading = is_loopback(http.host)
        self._clients = Clients(http.trusted_proxies)
        self._names = OwnNames([http.host, *http.hosts])
        self._sessions = Sessions()
        self._guesses = Guesses()

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer with a refusal, or let the request go on, with the account of its sender."""
        admitted = GUEST if request.path == _ALIVE else self._admitted(request)
        if isinstance(admitted, web.Response):
            return admitted
        request[ACCOUNT] = admitted
        return await handler(request)

    def admits(self, request: web.Request) -> bool:
        """Tell if a long request may go on: its session may have ended."""
        admitted = self._admitted(request)
        return isinstance(admitted, UserAccount) and admitted.scope == account_of(request).scope

    def _admitted(self, request: web.Request) -> UserAccount | web.Response:
        """The account of the sender, or the refusal."""
        client, changes = self._clients.of(request), request.method not in _READING
        if not self._names.include(request, client):
            return _told(_MISDIRECTED, _FOREIGN_HOST.format(request.headers.get("Host", "")[:100]))
        if changes and is_cross_site(request, client):
            return _told(403, _CROSS_SITE)
        in_session = self._in_session(request, client)
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        shows_token = kind.lower() == "bearer"
        is_open = request.path in _WITHOUT_TOKEN or (self._open_for_reading and not changes and not client.forwarded)
        if is_open and (in_session or not shows_token):
            return in_session or GUEST
        if shows_token:
            return self._tried(request, client, token, GUEST if is_open else None)
        if in_session and (not changes or is_from_a_page(request)):
            return in_session
        return self._denied(request, _NO_TOKEN)

    def _in_session(self, request: web.Request, client: Client) -> UserAccount | None:
        """The account of the session that goes on; that of an account that was removed or changed ends."""
        name = _session_of(request, client)
        account = self._sessions.use(name)
        if account is not None and not self._access.holds(account):
            self._sessions.end(name)
            return None
        return account

    def _tried(
        self, request: web.Request, client: Client, token: str, otherwise: UserAccount | None = None, to: str | None = None
    ) -> UserAccount | web.Response:
        """Check a token; return its account, with a wrong one ``otherwise``, else the refusal, as also while the client waits.

        The right one is let in meanwhile: all people behind one address would stand outside for one of them who guesses, and
        192 random bits are not found by trying.
        """
        if account := self._access.account_of(token):
            return account
        wait_s = self._guesses.wait_s(client.network)
        self._guesses.note(client.network, token.encode(errors="surrogatepass"))
        if wait_s:
            return self._denied(request, _Denial(429, _WAIT.format(wait_s), "wait", wait_s), to)
        return otherwise or self._denied(request, _WRONG_TOKEN, to)

    def _denied(self, request: web.Request, denial: _Denial, to: str | None = None) -> web.Response:
        """The answer to a request without token: for people the page that asks for it.

        :param to: the page to go on with; by default the one that was asked for.
        """
        headers = {"Retry-After": str(denial.wait_s)} if denial.wait_s else {"WWW-Authenticate": "Bearer"}
        if "text/html" not in request.headers.get("Accept", ""):
            return _told(denial.status, denial.why, headers)
        if to is None:
            to = request.path_qs if request.method in _READING else "/"
        response = self._pages.page(request, "login", status=denial.status, to=to, denial=denial)
        response.headers.update(headers)
        return response

    # Handlers.

    async def account(self, request: web.Request) -> web.Response:
        """Tell a client who it is, its role, and its limit if it has one."""
        account = account_of(request)
        scope = account.scope
        limit = {} if scope is None else {"domain": scope.domain, "areas": sorted(scope.areas)}
        return web.json_response({"name": account.name, "role": account.role.word, **limit})

    async def log_in_page(self, request: web.Request) -> web.Response:
        """Show the page that asks for the token."""
        return self._pages.page(request, "login", to=request.query.get("to", "/"), denial=None)

    async def log_in(self, request: web.Request) -> web.Response:
        """Begin a session for a client with a token; the earlier session of the browser ends."""
        client, form = self._clients.of(request), await _form(request)
        to = form.get("to", "/")
        account = self._tried(request, client, form.get("token", ""), to=to)
        if isinstance(account, web.Response):
            return account
        self._sessions.end(_session_of(request, client))
        log.info("%s (%s) logged in from %s", account.name, account.role.word, client.address)
        return _sent_on(client, to if _OWN_PATH.fullmatch(to) else "/", self._sessions.begin(account))

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session."""
        client = self._clients.of(request)
        self._sessions.end(_session_of(request, client))
        return _sent_on(client, "/login", "", max_age=0)


def _sent_on(client: Client, to: str, session: str, max_age: int | None = None) -> web.Response:
    """Send a browser to a page, with another cookie; without ``max_age`` it keeps that until it is closed."""
    response = web.Response(status=303, headers={"Location": to})
    response.set_cookie(
        _cookie(client), session, max_age=max_age, path="/", secure=client.secure, httponly=True, samesite="Strict"
    )
    return response


_FOREIGN_HOST: Final = (
    "this gateway is not called {!r}; if people are to reach it under this name, write it into http.hosts of gateway.yaml"
)
_CROSS_SITE: Final = (
    "a page of another address sent this, so nothing was changed; behind a proxy: it must pass the Host of the browser on, and"
    " its address must stand in http.trusted_proxies of gateway.yaml"
)


def _told(status: int, why: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": why}, status=status, headers=headers)


def _cookie(client: Client) -> str:
    return SECURE_COOKIE if client.secure else COOKIE


def _session_of(request: web.Request, client: Client) -> str:
    return request.cookies.get(_cookie(client), "")


async def _form(request: web.Request) -> dict[str, str]:
    """The fields of a form; bytes that are not text become characters that no token has."""
    if (request.content_length or 0) > _FORM_MAX_BYTES:
        raise web.HTTPRequestEntityTooLarge(_FORM_MAX_BYTES, request.content_length or 0)
    body = await request.read()
    found = parse_qs(body[:_FORM_MAX_BYTES].decode(errors="surrogateescape"), errors="surrogateescape")
    return {key: values[0] for key, values in found.items()}
