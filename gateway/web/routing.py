"""Groups of routes: each route stands above its handler, and every group is made from the same parts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from aiohttp import web

from gateway.ingest.storage.database import Database
from gateway.ingest.storage.photos import Photos
from gateway.ingest.storage.reject_account import RejectCounts
from gateway.monitoring.status.status import Status
from gateway.support.access.accounts import AccountRole
from gateway.support.audit.log import AuditLog
from gateway.web.changes.commands import PageCommands
from gateway.web.http.answers import EventStreams, Turns
from gateway.web.http.handlers import ChangeRoute, Handler, Touches
from gateway.web.http.pages import PageRenderer

_READS: Final = "reads"
_CHANGES: Final = "changes"
M = TypeVar("M", bound=Callable[[Any, web.Request], Awaitable[web.StreamResponse]])


@dataclass(frozen=True, slots=True)
class PageParts:
    """All that the routes of a gateway may use.

    :ivar database: its file, read in :attr:`turns`.
    :ivar commands: all that they may change.
    """

    status: Status
    database: Database
    commands: PageCommands
    audit: AuditLog
    reject_counts: RejectCounts
    photos: Photos
    streams: EventStreams
    turns: Turns
    pages: PageRenderer


class RouteGroup:
    """Routes that belong together."""

    def __init__(self, parts: PageParts) -> None:
        self._parts = parts
        self._status = parts.status
        self._config = parts.status.config
        self._zone = ZoneInfo(self._config.time.zone)
        self._clock = parts.status.clock
        self._devices = parts.status.devices
        self._keeper = parts.status.alarms
        self._database = parts.database
        self._commands = parts.commands
        self._turns = parts.turns
        self._pages = parts.pages

    def _local_day(self, at_ms: float) -> date:
        return datetime.fromtimestamp(at_ms / 1000, self._zone).date()

    def reading(self) -> dict[str, Handler]:
        """Path → handler, for reading."""
        methods = vars(type(self)).items()
        return {method.reads: getattr(self, name) for name, method in methods if hasattr(method, _READS)}

    def changing(self) -> dict[str, ChangeRoute]:
        """Path → change."""
        found = {}
        for name, method in vars(type(self)).items():
            if hasattr(method, _CHANGES):
                path, role, action, touches = method.changes
                found[path] = ChangeRoute(role, action, getattr(self, name), touches)
        return found


def reads(path: str) -> Callable[[M], M]:
    """Mark a method as the one that answers a path."""

    def marked(handler: M) -> M:
        handler.__dict__[_READS] = path
        return handler

    return marked


def changes(path: str, role: AccountRole, action: str, touches: Touches = Touches.PAIR) -> Callable[[M], M]:
    """Mark a method as the one that makes a change; see :class:`gateway.web.http.handlers.ChangeRoute`."""

    def marked(handler: M) -> M:
        handler.__dict__[_CHANGES] = path, role, action, touches
        return handler

    return marked
