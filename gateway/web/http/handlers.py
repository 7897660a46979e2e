"""Handlers of requests, the documents that they answer with, and what a request brings along for all of them."""

import re
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from aiohttp import web

from gateway.support.access.accounts import AccountRole, UserAccount
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
    """A request for which a role is needed.

    :ivar role: the least role of its sender.
    :ivar action: the change as the audit log names it.
    """

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
    """A number of 0 or more; None where there is no text.

    :raises web.HTTPBadRequest: the text is not one.
    """
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise web.HTTPBadRequest(text=f"{text[:40]!r} is not a number")
    return int(text)


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
    """The language of ours that a browser likes best; None if it names neither (RFC 9110, 12.5.4).

    :param header: for example ``vi-VN,vi;q=0.9,en;q=0.8``.
    """
    best, best_weight = None, 0.0
    for text in header.split(",")[:_RANGES_MAX]:
        if not (found := _RANGE.fullmatch(text)):
            continue
        language, weight = found[1].lower(), float(found[2] or 1)
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best
