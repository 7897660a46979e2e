"""The audit log over HTTP: as JSON, and as a page."""

import asyncio
from typing import Final

from aiohttp import web

from gateway.support.audit.log import AuditLog
from gateway.web.http.handlers import Document, Handler, whole_number
from gateway.web.http.pages import PageRenderer

_PAGE: Final = 200


class AuditPages:
    """The routes ``/audit`` and ``/api/audit``."""

    def __init__(self, audit: AuditLog, pages: PageRenderer) -> None:
        self._audit = audit
        self._pages = pages

    def reading(self) -> dict[str, Handler]:
        """Path → handler, for reading."""
        return {"/audit": self._page, "/api/audit": self._list}

    async def _page(self, request: web.Request) -> web.Response:
        entries = await self._entries(request)
        older = entries[-1]["number"] if len(entries) == _PAGE else None
        return self._pages.page(request, "audit", entries=entries, older=older)

    async def _list(self, request: web.Request) -> web.Response:
        """Entries, the newest first, a page of them; those before it with ``before``."""
        found = await self._entries(request)
        return web.json_response({"audit": found, "before": found[-1]["number"] if found else None})

    async def _entries(self, request: web.Request) -> list[Document]:
        return await asyncio.to_thread(self._audit.entries, whole_number(request.query.get("before")), _PAGE)
