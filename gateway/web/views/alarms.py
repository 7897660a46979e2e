"""Alarms over HTTP: their pages, what is asked and decided; the page that hands over a shift, and the audit log."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from heapq import nsmallest
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.core.alarms.alarm import AlarmState, Severity, Transition
from gateway.ingest.storage import alarms as stored
from gateway.ingest.storage.alarms import PlannedWork
from gateway.monitoring.alarms.documents import alarm_document, change_document
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.alarms.planned_work import AHEAD_MAX_MS, NAME_MAX, NOTE_MAX, WorkPlaces, heard, work_document
from gateway.support.access.accounts import OWN_NAME, AccountRole
from gateway.support.i18n.alarm_words import rule_document
from gateway.web.changes.commands import CommandRefused
from gateway.web.http.answers import send_list, some_at_a_time
from gateway.web.http.handlers import (
    PAGE_ROWS,
    Document,
    Listing,
    ListQuery,
    account_of,
    list_query,
    note_change,
    scope_of,
    seen_by,
    whole_number,
)
from gateway.web.routing import RouteGroup, changes, reads
from schemas.registry import device_key

_AT_A_TIME: Final = 200
_FILTERS: Final = ("search", "severity", "area")
_HOURS: Final = (1, 2, 4, 8, 24, 72, 168)
_HOUR_MS: Final = 3_600_000


def alarm_documents(keeper: AlarmKeeper, states: Iterable[AlarmState]) -> Iterator[Document]:
    """The documents of active alarms, each made when it is asked for."""
    return (alarm_document(state, keeper.rules, silenced=keeper.is_silenced(state)) for state in states)


class AlarmPages(RouteGroup):
    """The alarms and planned work: their pages, and the routes under ``/api``."""

    # Pages.

    @reads("/alarms")
    async def _active_page(self, request: web.Request) -> web.Response:
        """Active alarms, the worst first and among equals the oldest; planned work; the rules."""
        keeper, query, now_ms = self._keeper, list_query(request, _FILTERS), self._clock.now_ms()
        is_seen, scope = seen_by(request, self._devices), scope_of(request)
        fitting = [state async for some in self._turns.each(self._fitting(query, is_seen)) for state in some]
        fitting.sort(key=lambda state: (state.severity.rank, state.since_ms))
        shown = fitting[query.start : query.start + PAGE_ROWS]
        rows = list(alarm_documents(keeper, shown))
        return self._pages.page(
            request,
            "alarms",
            list=Listing(query, rows, len(fitting)),
            areas={code: name for code, name in self._devices.areas.items() if scope is None or scope.has(scope.domain, code)},
            severities=[severity.value for severity in Severity],
            planned=[work_document(number, work) for number, work in keeper.planned.going_on(now_ms) if is_seen(work.device)],
            rules=[rule_document(rule) for rule in keeper.rules.rules if scope is None],
            hours=_HOURS,
            is_named=account_of(request).name != OWN_NAME,
            now_ms=now_ms,
        )

    def _fitting(self, query: ListQuery, is_seen: Callable[[str], bool]) -> Iterator[list[AlarmState]]:
        """The alarms that fit, some at a time: a province that loses its network has thousands."""
        words, severity, area = query.get("search").lower().split(), query.get("severity"), query.get("area")
        for some in some_at_a_time(self._keeper.active(), _AT_A_TIME):
            yield [
                state
                for state in some
                if is_seen(state.tags.device)
                and (not severity or state.severity == severity)
                and (not area or state.tags.area == area)
                and all(word in self._about(state) for word in words)
            ]

    def _about(self, state: AlarmState) -> str:
        return " ".join((state.key.id, *state.tags, self._devices.areas.get(state.tags.area, ""))).lower()

    @reads("/alarms/history")
    async def _history_page(self, request: web.Request) -> web.Response:
        """Changes of alarms, the newest first, of all places or of one."""
        place, before = request.query.get("place") or None, whole_number(request.query.get("before") or None)
        rows = await self._turns.read(self._database, stored.history, place, before, await self._places(request))
        last, is_seen = rows[-1][0] if len(rows) == stored.PAGE else None, seen_by(request, self._devices)
        return self._pages.page(
            request,
            "alarm_history",
            place=place,
            changes=[change_document(change, self._keeper.rules) for _, change in rows if is_seen(change.tags.device)],
            older=last and "?" + urlencode({key: value for key, value in (("place", place), ("before", last)) if value}),
        )

    async def _places(self, request: web.Request) -> list[str] | None:
        """The devices of an account with a limit, None for all: numbers over all would tell it how much goes on elsewhere."""
        if (scope := scope_of(request)) is None:
            return None
        entries = some_at_a_time(self._devices.registry_entries(), _AT_A_TIME)
        ids = ([entry.id for entry in some if scope.covers(entry)] for some in entries)
        return [name async for some in self._turns.each(ids) for one in some for name in (one, device_key(one))]

    # Documents.

    @reads("/api/alarms")
    async def _list(self, request: web.Request) -> web.StreamResponse:
        """The active alarms, the newest first; with ``most`` so many of them, the worst first."""
        keeper, most = self._keeper, whole_number(request.query.get("most"))
        is_seen = seen_by(request, self._devices)
        active = [state for state in keeper.active() if is_seen(state.tags.device)]
        shown = active if most is None else nsmallest(most, active, key=lambda state: state.severity.rank)
        documents, now_ms = alarm_documents(keeper, shown), self._clock.now_ms()
        return await send_list(request, self._turns, "alarms", documents, now=now_ms, active=len(active))

    @reads("/api/alarms/rules")
    async def _rules(self, _: web.Request) -> web.Response:
        return web.json_response({"rules": [rule_document(rule) for rule in self._keeper.rules.rules]})

    @reads("/api/alarms/history")
    async def _history(self, request: web.Request) -> web.Response:
        """Changes of alarms, the newest first, a page of them; those before it with ``before``."""
        place, before = request.query.get("place"), whole_number(request.query.get("before"))
        rows = await self._turns.read(self._database, stored.history, place, before, await self._places(request))
        seen = filter(lambda row: seen_by(request, self._devices)(row[1].tags.device), rows)
        found = [{"number": number, **change_document(change, self._keeper.rules)} for number, change in seen]
        return web.json_response({"now": self._clock.now_ms(), "history": found, "before": rows[-1][0] if rows else None})

    @reads("/api/silences")
    async def _silences(self, _: web.Request) -> web.Response:
        """Planned work that goes on."""
        going_on = self._keeper.planned.going_on(self._clock.now_ms())
        return web.json_response({"silences": [work_document(number, work) for number, work in going_on]})

    # Changes.

    @changes("/api/alarms/{alarm}/acknowledge", AccountRole.TECHNICIAN, "alarm acknowledged")
    async def _acknowledge(self, request: web.Request) -> web.Response:
        name, by, note = request.match_info["alarm"], _name(request), _text(request, "note", NOTE_MAX)
        if not await self._keeper.acknowledge(name, by, note):
            raise CommandRefused(f"no alarm {name[:200]!r} is active; `gateway alarms list` shows those that are", 404)
        note_change(request, after={"by": by, "note": note})
        return web.json_response({"acknowledged": name})

    @changes("/api/silences", AccountRole.ADMIN, "work planned")
    async def _silence(self, request: web.Request) -> web.Response:
        now_ms, until_ms = self._clock.now_ms(), whole_number(request.query.get("until_ms"))
        if (for_h := whole_number(request.query.get("for_h"))) is not None:
            until_ms = now_ms + for_h * _HOUR_MS
        if until_ms is None or not now_ms < until_ms <= now_ms + AHEAD_MAX_MS:
            raise web.HTTPBadRequest(
                text="until_ms: name a time of the coming year, in milliseconds since 1970; or for_h: hours"
            )
        note = _text(request, "note", NOTE_MAX)
        if not note:
            raise web.HTTPBadRequest(text="note: say what is done, for those who wonder about the silence")
        by, site, device = _name(request), _text(request, "site", NAME_MAX), _text(request, "device", NAME_MAX)
        is_everywhere = bool(whole_number(request.query.get("everywhere")))
        places = WorkPlaces(self._devices.streams.registry, heard(self._devices.streams))
        try:
            site, device = await asyncio.to_thread(places.place, site, device, everywhere=is_everywhere)
        except ValueError as fault:
            raise web.HTTPBadRequest(text=str(fault)) from None
        work = PlannedWork(now_ms, until_ms, by, note, site, device)
        number = await self._keeper.plan(work)
        note_change(request, after=work_document(number, work))
        return web.json_response({"silence": number})

    @changes("/api/silences/{number}/end", AccountRole.ADMIN, "planned work ended")
    async def _unsilence(self, request: web.Request) -> web.Response:
        number = whole_number(request.match_info["number"])
        if number is None or not await self._keeper.end_work(number):
            raise CommandRefused(f"no planned work {number} goes on; `gateway alarms silences` shows what does", 404)
        return web.json_response({"ended": number})


def _name(request: web.Request) -> str:
    """The name of the person who decides: of the account, or the one that a command of this machine gives."""
    account = account_of(request)
    name = _text(request, "by", NAME_MAX) if account.name == OWN_NAME else account.name
    if not name:
        raise web.HTTPBadRequest(text="by: name the person who decides this")
    return name


def _text(request: web.Request, key: str, most: int) -> str:
    text = request.query.get(key, "").strip()
    if len(text) > most:
        raise web.HTTPBadRequest(text=f"{key}: at most {most} letters")
    return text


_SHIFT_HOURS: Final = (8, 12, 24)
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
        hours = min(max(1, whole_number(request.query.get("hours") or None) or _SHIFT_HOURS[0]), _HOURS_MAX)
        since_ms = now_ms - hours * 3_600_000
        changes, is_all = await self._changes(since_ms)
        active = keeper.active()
        worst = nsmallest(_OPEN_MAX, active, key=lambda state: (state.severity.rank, state.since_ms))
        told = (change_document(change, keeper.rules) for change in changes)
        return self._pages.page(
            request,
            "shift",
            hours=hours,
            choices=_SHIFT_HOURS,
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
