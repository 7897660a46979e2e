"""Handlers of requests, the documents that they answer with, and what a request brings along: account, limit, page of a list.

An account with a limit reaches the routes that keep it, and no other. A route that is not in the table refuses it, so a new
one shows nothing by accident. A route about one device answers as if it did not exist, where it is another's. What lists
devices or figures leaves others out by itself; :func:`scope_of` says which.
"""

import csv
import json
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from io import StringIO
from math import ceil
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from gateway.monitoring.status.known_devices import KnownDevices, nobody
from gateway.support.access.accounts import AccountRole, DeviceScope, UserAccount
from gateway.support.audit.log import Details
from gateway.support.i18n.languages import LANGUAGES

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Document = dict[str, Any]
"""What becomes the JSON of an answer."""

ACCOUNT: Final = "account"
"""Key of a request under which the door leaves the account of its sender."""
_CHANGED: Final = "changed"


class Touches(Enum):
    """The reach of a change: it says who of a pair may make it, and whether the audit log has it."""

    PAIR = auto()
    """What both machines of a pair have: the live one makes it."""
    MACHINE = auto()
    """What this machine stores: a standby may make it too."""
    NOTHING = auto()
    """Nothing, and yet it is not for everybody: nobody records it."""


class ChangeRoute(NamedTuple):
    """A request for which its sender needs at least a role; ``action``: the change as the audit log names it."""

    role: AccountRole
    action: str
    handler: Handler
    touches: Touches = Touches.PAIR


def account_of(request: web.Request) -> UserAccount:
    """The account of who sent a request."""
    account: UserAccount = request[ACCOUNT]
    return account


def note_change(request: web.Request, *, before: object = None, after: object = None) -> None:
    """Note for the audit log what a change found, and what it left."""
    request[_CHANGED] = [{"before": before, "after": after}]


def note_changes(request: web.Request, changes: Sequence[Details]) -> None:
    """Note for the audit log a change of several things, or of none; each names its subject."""
    request[_CHANGED] = changes


def changes_of(request: web.Request) -> Sequence[Details]:
    """The notes of a change."""
    changed: Sequence[Details] = request.get(_CHANGED, [{}])
    return changed


_DIGITS_MAX: Final = 18


def whole_number(text: str | None) -> int | None:
    """A number of 0 or more; None where there is no text; HTTPBadRequest if the text is not one."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise web.HTTPBadRequest(text=f"{text[:40]!r} is not a number")
    return int(text)


def json_of(text: str) -> Any:  # noqa: ANN401 - whatever was sent
    """The JSON in a body; ValueError if it is none, HTTPBadRequest if a key stands twice: another reader may take the other."""
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) < len(pairs):
        key = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise web.HTTPBadRequest(text=f"the key {key[:80]} stands twice")
    return found


def file_answer(name: str, content_type: str, body: bytes, charset: str | None = None) -> web.Response:
    """A file to save under a name."""
    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=body, content_type=content_type, charset=charset, headers=named)


def csv_file(name: str, text: str) -> web.Response:
    """A file of CSV, with the mark by which spreadsheets know UTF-8."""
    return file_answer(f"{name}.csv", "text/csv", f"\ufeff{text}".encode(), "utf-8")


LANGUAGE_COOKIE: Final = "gateway_language"
_RANGE: Final = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,64})?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")
_RANGES_MAX: Final = 20


def language_of(request: web.Request, configured: str) -> str:
    """The language in ``?language=``, else the one chosen before, else the browser's, else the configured one."""
    for chosen in (request.query.get("language"), request.cookies.get(LANGUAGE_COOKIE)):
        if chosen in LANGUAGES:
            return chosen
    return _accepted(request.headers.get("Accept-Language", "")) or configured


def _accepted(header: str) -> str | None:
    """The language of ours that a browser likes best, as in ``vi-VN,vi;q=0.9``; None if it names neither (RFC 9110, 12.5.4)."""
    best, best_weight = None, 0.0
    for text in header.split(",")[:_RANGES_MAX]:
        if not (found := _RANGE.fullmatch(text)):
            continue
        language, weight = found[1].lower(), float(found[2] or 1)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best


PAGE_ROWS: Final = 50
_PAGES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The parameters of a list in an address: those ``given``, the page from 1, the key of the order, reversed by ``-``."""

    given: Mapping[str, str]
    page: int
    sort: str

    @property
    def start(self) -> int:
        """Number of rows before the page."""
        return (self.page - 1) * PAGE_ROWS

    def get(self, name: str) -> str:
        """A parameter; empty where it is not given."""
        return self.given.get(name, "")

    def link(self, **changed: object) -> str:
        """The address of the same list with other parameters; its first page, unless one is named."""
        return "?" + urlencode({name: value for name, value in {**self.given, **changed}.items() if value})

    def order_of(self, key: str) -> str:
        """The order by a column, as ``aria-sort`` names it."""
        return "ascending" if self.sort == key else "descending" if self.sort == f"-{key}" else "none"

    def sorted_by(self, key: str) -> str:
        """The address of the list in the order of a column; the other way round where it is so already."""
        return self.link(sort=f"-{key}" if self.sort == key else key)

    def page_of(self, rows: Sequence[Any]) -> "Listing":
        """The page of all rows of the list."""
        return Listing(self, rows[self.start : self.start + PAGE_ROWS], len(rows))


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a list; ``found``: number of rows on all its pages."""

    query: ListQuery
    rows: Sequence[Any]
    found: int

    @property
    def pages(self) -> int:
        """Number of pages, at least one."""
        return max(1, ceil(self.found / PAGE_ROWS))


def list_query(request: web.Request, names: Sequence[str], default_sort: str = "") -> ListQuery:
    """The parameters of a request for a list, with the filters that it knows; HTTPBadRequest if the page is no number."""
    given = {name: text for name in (*names, "sort") if (text := request.query.get(name, "").strip())}
    page = min(max(1, whole_number(request.query.get("page")) or 1), _PAGES_MAX)
    return ListQuery(given, page, given.get("sort", default_sort))


log = logging.getLogger("gateway.web")

KEEP_LIMITS: Final = frozenset(
    {
        *("/login", "/logout", "/healthz", "/readyz", "/api/account"),
        *("/devices", "/devices/{device}", "/devices/{device}/charts", "/devices/{device}/day", "/devices/{device}/day.csv"),
        *("/api/devices", "/api/devices/{device}", "/api/devices/{device}/events", "/api/series/{device}"),
        *("/alarms", "/alarms/history", "/api/alarms", "/api/alarms/history"),
        *("/coverage", "/api/coverage", "/completeness", "/completeness.csv", "/consumption", "/consumption.csv"),
        *("/exports", "/exports/{file}", "/api/exports"),
    }
)
"""Routes that show an account with a limit nothing beyond it."""
_START: Final = "/"
_FIRST: Final = "/devices"
"""The page that such an account sees first: the start page is about the whole gateway."""


def scope_of(request: web.Request) -> DeviceScope | None:
    """The devices that the sender of a request may see; None for all."""
    return account_of(request).scope


def seen_by(request: web.Request, devices: KnownDevices) -> Callable[[str], bool]:
    """Return a function that tells by the id of a device if the sender of a request may see it."""
    scope = scope_of(request)
    return lambda name: scope is None or scope.covers(devices.entry(name))


def rows_within(text: str, scope: DeviceScope | None, area: str) -> str:
    """CSV with the rows of a scope only; ``area``: the column that holds the code of an area."""
    if scope is None:
        return text
    rows, kept = csv.DictReader(StringIO(text)), StringIO()
    written = csv.DictWriter(kept, rows.fieldnames or [], lineterminator="\r\n" if "\r\n" in text else "\n")
    written.writeheader()
    written.writerows(row for row in rows if scope.has(row["domain"], row[area]))
    return kept.getvalue()


class LimitKeeper:
    """Refuses requests beyond the limit of their sender."""

    def __init__(self, devices: KnownDevices) -> None:
        self._devices = devices

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request go on, or refuse it."""
        scope = scope_of(request)
        if scope is None:
            return await handler(request)
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else None
        if route == _START and request.method in {"GET", "HEAD"}:
            raise web.HTTPFound(_FIRST)
        if route is not None and route not in KEEP_LIMITS:
            why = f"this shows more than the devices that the account {account_of(request).name} may see"
            log.warning("refused: %s: %s", route, why)
            raise web.HTTPForbidden(text=why)
        if not self._sees_device(request, scope):
            raise web.HTTPNotFound(text=nobody(request.match_info["device"]))
        return await handler(request)

    def admit(self, request: web.Request) -> bool:
        """Tell if a long request may go on: its device may belong to others by now."""
        scope = scope_of(request)
        return scope is None or self._sees_device(request, scope)

    def _sees_device(self, request: web.Request, scope: DeviceScope) -> bool:
        name = request.match_info.get("device")
        return name is None or scope.covers(self._devices.entry(name))
