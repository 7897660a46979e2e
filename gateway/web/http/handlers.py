"""Handlers of requests, the documents that they answer with, and what a request brings along for all of them."""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from aiohttp import web

from gateway.support.access.accounts import AccountRole, UserAccount
from gateway.support.audit.chain import Details

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
