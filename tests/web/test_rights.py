"""Every route that is served, asked for by each kind of account, through all checks before its handler.

The rights stand here by hand, as ``deploy/README.md`` (roles) and ``docs/sharing.md`` (limits) promise them. A new route has no
line here, and fails.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from hashlib import sha256
from typing import Final

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gateway.commands.demo.services import free_port
from gateway.support.access.accounts import own_token_file
from gateway.support.audit.log import AuditLog
from gateway.web.changes.changes import ChangeGuard
from gateway.web.http.connections import Connections
from tests.site import Site
from tests.web.routes import routes_of, served_application

pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

REACHED: Final = 299
"""The status that each handler answers with here."""
FOR_ALL: Final = {"GET /healthz", "HEAD /healthz", "GET /login", "HEAD /login", "POST /login", "POST /logout"}
READING: Final = {
    *("/consumption", "/consumption.csv"),
    *(
        "/",
        "/readyz",
        "/metrics",
        "/api/account",
        "/api/audit",
        "/api/events",
        "/api/ledger",
        "/api/status",
        "/audit",
        "/shift",
    ),
    *("/alarms", "/alarms/history", "/api/alarms", "/api/alarms/history", "/api/alarms/rules", "/api/silences"),
    *("/devices", "/devices/{device}", "/devices/{device}/charts", "/devices/{device}/photo", "/devices/{device}/exchange"),
    *("/devices/{device}/day", "/devices/{device}/day.csv"),
    *("/api/devices", "/api/devices/{device}", "/api/devices/{device}/events", "/api/devices/{device}/resum", "/api/late-sums"),
    *("/api/series/{device}", "/api/registry", "/register", "/register/{device}", "/import", "/try"),
    *("/steps", "/api/steps"),
    *("/rejects", "/rejects/{reject}", "/api/rejects", "/api/rejects/counts", "/quarantine", "/api/quarantine"),
    *("/coverage", "/api/coverage", "/completeness", "/completeness.csv", "/exports", "/exports/{file}", "/api/exports"),
    *("/billing", "/billing.csv", "/billing.xlsx", "/devices/{device}/amounts", "/api/devices/{device}/amounts"),
}
TECHNICIAN: Final = {
    *("/api/devices", "/register/{device}", "/import", "/api/devices/{device}/edit", "/register/{device}/edit"),
    *("/api/devices/{device}/move", "/api/devices/{device}/enroll", "/register/{device}/enroll"),
    *("/api/devices/{device}/exchange", "/devices/{device}/exchange", "/api/devices/{device}/resum"),
    *("/api/devices/{device}/photo", "/api/devices/{device}/photo/remove", "/api/alarms/{alarm}/acknowledge"),
    *("/try", "/api/decode", "/api/devices/{device}/amounts", "/api/devices/{device}/step-used"),
}
ADMIN: Final = {
    *("/api/devices/{device}/retire", "/register/{device}/retire", "/api/devices/{device}/revoke", "/register/{device}/revoke"),
    *("/api/rejects/replay", "/api/rejects/purge", "/api/quarantine/purge", "/api/journal/drop", "/api/journal/acknowledge"),
    *("/api/silences", "/api/silences/{number}/end", "/api/rollups/again", "/api/billing/{month}/close"),
}
LIMITED: Final = {
    *("/consumption", "/consumption.csv"),
    *("/devices/{device}/day", "/devices/{device}/day.csv"),
    *("/readyz", "/api/account", "/alarms", "/alarms/history", "/api/alarms", "/api/alarms/history"),
    *("/devices", "/devices/{device}", "/devices/{device}/charts"),
    *("/api/devices", "/api/devices/{device}", "/api/devices/{device}/events", "/api/series/{device}"),
    *("/coverage", "/api/coverage", "/completeness", "/completeness.csv", "/exports", "/exports/{file}", "/api/exports"),
}
DEVICES: Final = [
    {"id": "own", "site": "s1", "domain": "water", "area": "p-01"},
    {"id": "of-another-area", "site": "s1", "domain": "water", "area": "x-02"},
    {"id": "of-another-domain", "site": "s1", "domain": "power", "area": "p-01"},
    {"id": "of-no-domain", "site": "s1", "area": "p-01"},
]
FOREIGN: Final = ["of-another-area", "of-another-domain", "of-no-domain", "never-heard"]
FORWARDED: Final = {"X-Forwarded-For": "192.0.2.7"}


def shown(name: str) -> dict[str, str]:
    """The headers of a client with the token of an account, on another machine."""
    return FORWARDED | {"Authorization": f"Bearer {name}-token-of-this-test"}


def line(name: str, *words: str) -> str:
    return " ".join([name, words[0], sha256(f"{name}-token-of-this-test".encode()).hexdigest(), *words[1:]])


def reading(paths: set[str]) -> set[str]:
    return {f"{method} {path}" for method in ("GET", "HEAD") for path in paths}


def changing(*roles: set[str]) -> set[str]:
    return {f"POST {path}" for paths in roles for path in paths}


async def reached(_: web.Request) -> web.Response:
    return web.Response(status=REACHED)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A folder with accounts and devices."""
    folder = tmp_path_factory.mktemp("gateway")
    site = Site(folder)
    site.sections["http"] = {"port": free_port(), "tokens_file": "tokens"}
    (folder / "devices.yaml").write_text(yaml.safe_dump({"areas": {"p-01": "A", "x-02": "B"}, "devices": DEVICES}))
    accounts = [("chi", "read"), ("lan", "technician"), ("binh", "admin"), ("so-nuoc", "read", "domain=water", "area=p-01")]
    (folder / "tokens").write_text("\n".join(line(*account) for account in accounts))
    return site


@pytest.fixture(scope="module")
def application(site: Site) -> Iterator[web.Application]:
    """The application as it is served, with a handler behind each route that tells that it was reached."""
    get, post, guard = web.get, web.post, ChangeGuard.guard
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(web, "get", lambda path, _: get(path, reached))
        patched.setattr(web, "post", lambda path, to: post(path, reached if path in {"/login", "/logout"} else to))
        patched.setattr(ChangeGuard, "guard", lambda self, change: guard(self, change._replace(handler=reached)))
        patched.setattr(Connections, "answering", lambda *_: nullcontext())
        found = served_application(site)
        found.freeze()
        yield found


async def _asked(application: web.Application, headers: Mapping[str, str], device: str) -> dict[str, int]:
    names = dict.fromkeys(("alarm", "number", "reject", "file", "month"), "1") | {"device": device}
    found = {}
    for method, path in routes_of(application):
        request = make_mocked_request(method, path.format_map(names), {"Host": "127.0.0.1", **headers})
        try:
            answer = await application._handle(request)  # noqa: SLF001
        except web.HTTPFound as sent_on:
            answer = sent_on
        found[f"{method} {path}"] = answer.status
    return found


def asked(application: web.Application, headers: Mapping[str, str], device: str = "own") -> tuple[set[str], dict[str, int]]:
    """The routes that a client reaches, and of the others the status that it is answered with."""
    found = asyncio.run(_asked(application, headers, device))
    beyond = {route: status for route, status in found.items() if status != REACHED}
    return found.keys() - beyond.keys(), beyond


def test_each_route_that_is_served_has_its_line_here(application: web.Application) -> None:
    assert {" ".join(route) for route in routes_of(application)} == FOR_ALL | reading(READING) | changing(TECHNICIAN, ADMIN)


@pytest.mark.parametrize(
    "headers", [FORWARDED, {"Forwarded": "for=192.0.2.7"}, shown("nobody")], ids=["proxied", "forwarded", "wrong"]
)
def test_without_a_right_token_nobody_elsewhere_gets_further_than_the_door(
    application: web.Application, headers: dict[str, str]
) -> None:
    reached, beyond = asked(application, headers)
    assert reached == FOR_ALL
    assert {*beyond.values()} <= {401, 429}


def test_on_this_machine_reading_is_free_and_a_change_needs_a_token(application: web.Application) -> None:
    reached, beyond = asked(application, {})
    assert reached == FOR_ALL | reading(READING)
    assert {*beyond.values()} == {401}


@pytest.mark.parametrize(
    ("name", "roles"), [("chi", []), ("lan", [TECHNICIAN]), ("binh", [TECHNICIAN, ADMIN])], ids=["read", "technician", "admin"]
)
def test_each_role_may_do_what_it_says_and_nothing_else(application: web.Application, name: str, roles: list[set[str]]) -> None:
    reached, beyond = asked(application, shown(name))
    assert reached == FOR_ALL | reading(READING) | changing(*roles)
    assert {*beyond.values()} <= {403}


def test_the_token_of_this_machine_is_an_administrator(application: web.Application, site: Site) -> None:
    token = own_token_file(site.config.journal.path).read_text()
    assert asked(application, {"Authorization": f"Bearer {token}"})[1] == {}


def test_an_account_with_a_limit_reaches_what_keeps_it_and_nothing_else(application: web.Application) -> None:
    reached, beyond = asked(application, shown("so-nuoc"))
    assert reached == FOR_ALL | reading(LIMITED)
    assert {route for route, status in beyond.items() if status == 302} == {"GET /", "HEAD /"}, "sent on to its devices"
    assert {*beyond.values()} == {302, 403}


@pytest.mark.parametrize("device", FOREIGN)
def test_a_device_beyond_the_limit_of_an_account_is_on_each_route_as_if_there_were_none(
    application: web.Application, device: str
) -> None:
    reached, beyond = asked(application, shown("so-nuoc"), device)
    about_one = {route for route in reading(LIMITED) if "{device}" in route}
    assert reached == FOR_ALL | reading(LIMITED) - about_one
    assert {route for route, status in beyond.items() if status == 404} == about_one


def test_every_change_stands_in_the_audit_log_under_the_name_of_who_made_it(application: web.Application, site: Site) -> None:
    log = AuditLog(site.config.journal.path)
    before = log.head().number
    asked(application, shown("lan"))
    made = changing(TECHNICIAN) - {"POST /try", "POST /api/decode"}
    entries = log.entries(None, 100)[: log.head().number - before]
    assert [(entry["name"], entry["role"]) for entry in entries] == [("lan", "technician")] * len(made)
