"""The page that hands over a shift, and the audit log as JSON and as a page."""

import asyncio
from heapq import nsmallest
from typing import Final

from aiohttp import web

from gateway.core.alarms.alarm import Transition
from gateway.ingest.storage import alarms as stored
from gateway.monitoring.alarms.documents import change_document
from gateway.monitoring.alarms.outbox import work_document
from gateway.web.http.handlers import Document, whole_number
from gateway.web.routing import RouteGroup, reads
from gateway.web.views.alarms import alarm_documents

_HOURS: Final = (8, 12, 24)
_HOURS_MAX: Final = 168
_OPEN_MAX: Final = 100
_CHANGES_MAX: Final = 400
_AUDIT_MAX: Final = 200
_PAGE: Final = 200


class ShiftPages(RouteGroup):
    """The page of a shift, and the audit log."""

    @reads("/shift")
    async def _shift_page(self, request: web.Request) -> web.Response:
        """The last ``hours``: 8 unless given."""
        keeper, now_ms, entries = self._keeper, self._clock.now_ms(), self._parts.audit.entries
        hours = min(max(1, whole_number(request.query.get("hours") or None) or _HOURS[0]), _HOURS_MAX)
        since_ms = now_ms - hours * 3_600_000
        changes, is_all = await self._changes(since_ms)
        active = keeper.active()
        worst = nsmallest(_OPEN_MAX, active, key=lambda state: (state.severity.rank, state.since_ms))
        told = (change_document(change, keeper.rules) for change in changes)
        return self._pages.page(
            request,
            "shift",
            hours=hours,
            choices=_HOURS,
            since_ms=since_ms,
            now_ms=now_ms,
            active=[document async for document in self._turns.each(alarm_documents(keeper, worst))],
            active_count=len(active),
            changes=[document async for document in self._turns.each(told)],
            is_all=is_all,
            planned=[work_document(number, work) for number, work in keeper.planned.going_on(now_ms)],
            audit=[entry for entry in await asyncio.to_thread(entries, None, _AUDIT_MAX) if entry["at_ms"] >= since_ms],
        )

    async def _changes(self, since_ms: int) -> tuple[list[Transition], bool]:
        """Changes of alarms since a time, the newest first; False: there are more."""
        found: list[Transition] = []
        before: int | None = None
        while rows := await self._turns.read(self._database, stored.history, None, before):
            found += [change for _, change in rows if change.at_ms >= since_ms]
            before = rows[-1][0]
            if rows[-1][1].at_ms < since_ms:
                break
            if len(found) >= _CHANGES_MAX:
                return found[:_CHANGES_MAX], False
        return found, True

    @reads("/audit")
    async def _audit_page(self, request: web.Request) -> web.Response:
        entries = await self._entries(request)
        older = entries[-1]["number"] if len(entries) == _PAGE else None
        return self._pages.page(request, "audit", entries=entries, older=older)

    @reads("/api/audit")
    async def _audit(self, request: web.Request) -> web.Response:
        """Entries, the newest first, a page of them; those before it with ``before``."""
        found = await self._entries(request)
        return web.json_response({"audit": found, "before": found[-1]["number"] if found else None})

    async def _entries(self, request: web.Request) -> list[Document]:
        return await asyncio.to_thread(self._parts.audit.entries, whole_number(request.query.get("before")), _PAGE)
