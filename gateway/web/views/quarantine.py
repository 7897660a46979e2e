"""The page of messages that wait, and their removal."""

from typing import Final

from aiohttp import web

from gateway.core.message import WaitCause
from gateway.ingest.storage import quarantine
from gateway.ingest.storage.database import Database
from gateway.monitoring.status.status import Status
from gateway.support.access.accounts import AccountRole
from gateway.web.changes.commands import QuarantineCommands
from gateway.web.http.handlers import ChangeRoute, Handler, Touches, note_change
from gateway.web.http.long_answers import Turns
from gateway.web.http.pages import PageRenderer

_KEYS_SHOWN: Final = 200


class QuarantinePages:
    """The routes ``/quarantine`` and ``/api/quarantine/purge``."""

    def __init__(
        self, status: Status, database: Database, commands: QuarantineCommands, turns: Turns, pages: PageRenderer
    ) -> None:
        self._status = status
        self._database = database
        self._commands = commands
        self._turns = turns
        self._pages = pages

    def reading(self) -> dict[str, Handler]:
        """Path → handler, for reading."""
        return {"/quarantine": self._page}

    def changing(self) -> dict[str, ChangeRoute]:
        """Path → change."""
        return {
            "/api/quarantine/purge": ChangeRoute(AccountRole.ADMIN, "waiting messages purged", self._purge, Touches.MACHINE)
        }

    async def _page(self, request: web.Request) -> web.Response:
        """The keys that messages wait for, those with most first."""
        keys = await self._turns.read(self._database, quarantine.keys, _KEYS_SHOWN)
        return self._pages.page(
            request,
            "quarantine",
            keys=keys,
            stock=self._status.quarantine.stock,
            max_bytes=self._status.config.devices.quarantine_max_bytes,
            now_ms=self._status.clock.now_ms(),
        )

    async def _purge(self, request: web.Request) -> web.Response:
        """Remove what waits for one key; never all at once, by a key that was forgotten."""
        key, cause = request.query.get("key", ""), request.query.get("cause", "")
        if not key or cause not in {known.value for known in WaitCause}:
            raise web.HTTPBadRequest(text=f"say what waits: key, and cause as one of {', '.join(WaitCause)}")
        removed = await self._commands.purge(key, WaitCause(cause))
        note_change(request, before={"messages": removed}, after={"messages": 0})
        return web.json_response({"removed": removed})
