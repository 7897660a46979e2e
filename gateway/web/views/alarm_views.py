"""The pages about alarms: those that are active, their history, planned work."""

from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from gateway.core.alarms.alarm import AlarmState, Severity
from gateway.ingest.storage import alarms as stored
from gateway.ingest.storage.database import Database
from gateway.monitoring.alarms.documents import alarm_document, change_document
from gateway.monitoring.alarms.planned import work_document
from gateway.monitoring.status.status import Status
from gateway.support.access.accounts import OWN_NAME
from gateway.support.i18n.alarm_words import rule_document
from gateway.web.http.handlers import Handler, account_of, whole_number
from gateway.web.http.limits import scope_of, seen_by
from gateway.web.http.listing import PAGE_ROWS, Listing, ListQuery, list_query
from gateway.web.http.long_answers import Turns, some_at_a_time
from gateway.web.http.pages import PageRenderer

_AT_A_TIME: Final = 200
_FILTERS: Final = ("search", "severity", "area")
_HOURS: Final = (1, 2, 4, 8, 24, 72, 168)


class AlarmViews:
    """The routes ``/alarms`` and ``/alarms/history``."""

    def __init__(self, status: Status, database: Database, turns: Turns, pages: PageRenderer) -> None:
        self._keeper = status.alarms
        self._devices = status.devices
        self._clock = status.clock
        self._database = database
        self._turns = turns
        self._pages = pages

    def reading(self) -> dict[str, Handler]:
        """Path → handler, for reading."""
        return {"/alarms": self._active, "/alarms/history": self._history}

    async def _active(self, request: web.Request) -> web.Response:
        """Active alarms, the worst first and among equals the oldest; planned work; the rules."""
        keeper, query, now_ms = self._keeper, list_query(request, _FILTERS), self._clock.now_ms()
        is_seen, scope = seen_by(request, self._devices), scope_of(request)
        fitting = [state async for some in self._turns.each(self._fitting(query, is_seen)) for state in some]
        fitting.sort(key=lambda state: (state.severity.rank, state.since_ms))
        shown = fitting[query.start : query.start + PAGE_ROWS]
        rows = [alarm_document(state, keeper.rules, silenced=keeper.is_silenced(state)) for state in shown]
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

    async def _history(self, request: web.Request) -> web.Response:
        """Changes of alarms, the newest first, of all places or of one."""
        place, before = request.query.get("place") or None, whole_number(request.query.get("before") or None)
        rows = await self._turns.read(self._database, stored.history, place, before)
        last, is_seen = rows[-1][0] if len(rows) == stored.PAGE else None, seen_by(request, self._devices)
        return self._pages.page(
            request,
            "alarm_history",
            place=place,
            changes=[change_document(change, self._keeper.rules) for _, change in rows if is_seen(change.tags.device)],
            older=last and "?" + urlencode({key: value for key, value in (("place", place), ("before", last)) if value}),
        )
