"""The audit log over HTTP."""

import asyncio
from typing import Final

from aiohttp import web

from gateway.audit.log import AuditLog
from gateway.web.handlers import Handler
from gateway.web.parameters import whole_number

_PAGE: Final = 200


class AuditPages:
    """The route ``/api/audit``."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit

    def reading(self) -> dict[str, Handler]:
        """Path → handler, for reading."""
        return {"/api/audit": self._list}

    async def _list(self, request: web.Request) -> web.Response:
        """Entries, the newest first, a page of them; those before it with ``before``."""
        found = await asyncio.to_thread(self._audit.entries, whole_number(request.query.get("before")), _PAGE)
        return web.json_response({"audit": found, "before": found[-1]["number"] if found else None})
