"""Accounts with a limit: they reach the routes that keep it, and no other.

A route that is not in the table refuses them, so a new one shows nothing by accident. A route about one device answers as if it
did not exist, where it is another's. What lists devices or figures leaves others out by itself; :func:`scope_of` says which.
"""

import csv
import logging
from collections.abc import Callable
from io import StringIO
from typing import Final

from aiohttp import web

from gateway.monitoring.status.known_devices import KnownDevices, nobody
from gateway.support.access.accounts import DeviceScope
from gateway.web.http.handlers import Handler, account_of

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
    """CSV with the rows of a scope only.

    :param area: the column that holds the code of an area.
    """
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
