"""The gateway as a whole over HTTP: the start page and the data it loads.

The page has the verdict with its reasons and links, open alarms, the last hours, and the account of all readings.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from heapq import nsmallest
from importlib import import_module
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from gateway.core.ledger import ENDS
from gateway.core.status.coverage import coverage, coverage_document
from gateway.core.status.history import History
from gateway.core.status.verdict import Finding, Fleet, level_of
from gateway.ingest.storage import quarantine
from gateway.ingest.storage.database import Damaged, DatabaseFault
from gateway.monitoring.alarms.keeper import AlarmKeeper
from gateway.monitoring.status.status import Status
from gateway.support.access.accounts import OWN_NAME, AccountRole, DeviceScope
from gateway.support.charts.charts import ChartLine, TimeAxis, ValueAxis, line_chart
from gateway.support.charts.drawing import ChartFrame
from gateway.support.i18n.findings import finding_document, sentence
from gateway.support.i18n.formats import Formats
from gateway.web.http.answers import Fresh, event_of
from gateway.web.http.handlers import Document, Touches, account_of, list_query, note_change, scope_of
from gateway.web.http.pages import PageTexts
from gateway.web.routing import PageParts, RouteGroup, changes, reads
from gateway.web.views.alarms import alarm_documents
from schemas.registry import device_key

_ALARMS_SHOWN: Final = 5
_MINUTE_MS: Final = 60_000
_GAP_MS: Final = 1.5 * _MINUTE_MS
_LEAST_SHOWN_MIN: Final = 30


def start_view(status: Status, fleet: Fleet, texts: PageTexts, formats: Formats) -> dict[str, Any]:
    """The values of the page that change from second to second."""
    findings = status.findings(fleet)
    now_ms = status.clock.now_ms()
    return {
        "now_ms": now_ms,
        "s": status.document(fleet),
        "level": level_of(findings).value,
        "reasons": [
            {"level": one.level.value, "text": texts.finding(one), "detail": one.detail, "link": finding_link(one)}
            for one in findings
        ],
        "broker_reached": status.events.broker_reached,
        "known": fleet.total.total(),
        "alarms": _alarms(status.alarms),
        "areas": status.devices.areas,
        "more_alarms": max(0, len(status.alarms.active()) - _ALARMS_SHOWN),
        "chart": rates_chart(status.history, now_ms, texts, formats),
        "outcomes": ENDS,
    }


def _alarms(keeper: AlarmKeeper) -> list[Document]:
    """The worst alarms, the oldest of a kind first; those that nobody sees to before the others."""
    shown = nsmallest(
        _ALARMS_SHOWN, keeper.active(), key=lambda state: (state.acknowledged is not None, state.severity.rank, state.since_ms)
    )
    return list(alarm_documents(keeper, shown))


def rates_chart(history: History, now_ms: int, texts: PageTexts, formats: Formats) -> str:
    """Readings received and written in each minute of the last hours, as two lines."""
    minutes = history.minutes(now_ms)
    received = [(row.minute * _MINUTE_MS, row.received) for row in minutes]
    written = [(row.minute * _MINUTE_MS, row.written) for row in minutes]
    end_ms = now_ms // _MINUTE_MS * _MINUTE_MS
    start_ms = min([end_ms - _LEAST_SHOWN_MIN * _MINUTE_MS, *(ms for ms, _ in received[:1])])
    time = TimeAxis(start_ms, end_ms, formats.zone, formats.time_of_day)
    lines = [ChartLine(texts.text("received"), received), ChartLine(texts.text("written"), written)]
    told = "; ".join(
        f"{line.name}: {texts.text('chart_says', line.points[-1][1], min(values), max(values))}"
        for line in lines
        if (values := [value for _, value in line.points if value is not None])
    )
    frame = ChartFrame("rates", texts.text("readings_a_minute"), told or texts.text("none"))
    return line_chart(frame, lines, time, ValueAxis(formats.number, from_zero=True), gap_ms=_GAP_MS)


_LINKS: Final[Mapping[str, str]] = {
    "alarms_critical": "/alarms",
    "alarms_active": "/alarms",
    "all_silent": "/devices?state=quiet",
    "clocks_off": "/devices?state=clock_off",
    "codec_suspended": "#codecs",
    "codecs_refused": "/quarantine",
    "devices_stopped": "/devices?state=stopped",
    "domain_silent": "/devices?state=quiet&domain={domain}",
    "flood": "/devices/{device}",
    "flood_heavy": "/devices/{device}",
    "imbalance": "#ledger",
    "lost": "#ledger",
    "expired": "#ledger",
    "never_heard": "/devices?state=never_heard",
    "none_heard": "/devices?state=new",
    "quarantine_crowded": "/quarantine",
    "quarantine_filling": "/quarantine",
    "rejects_lately": "/rejects?reason={reason}",
    "silent": "/devices?state=silent&sort=heard",
    "silent_since_yesterday": "/devices?state=silent&sort=heard",
    "too_many_devices": "/devices?state=unregistered",
}
"""Key of a finding → its page; a name in braces stands for a parameter. The others say all there is."""


def finding_link(finding: Finding) -> str:
    """The address; empty where the sentence says all there is."""
    params = {key: quote(str(value), safe="") for key, value in finding.params.items()}
    return _LINKS.get(finding.key, "").format_map(params)


_EVENT_EVERY_S: Final = 1.0
_COUNTED_FOR_S: Final = 5.0
_LOOKED_AT_FOR_S: Final = 5.0
_KEYS: Final = 10
_SCOPES_KEPT: Final = 32


class StatusPages(RouteGroup):
    """The start page and what it asks for, health and metrics, and the commands on the journal."""

    def __init__(self, parts: PageParts) -> None:
        super().__init__(parts)
        self._fleet = Fresh(self._look_at_fleet)
        self._now = Fresh(self._event, _EVENT_EVERY_S / 2)
        self._coverage: dict[DeviceScope | None, Fresh[Document]] = {}
        self._waiting = Fresh(self._look, _LOOKED_AT_FOR_S)

    @reads("/")
    async def _page(self, request: web.Request) -> web.Response:
        texts, formats = self._pages.language(request)
        view = start_view(self._status, await self._fleet.get(), texts, formats)
        covered = await self._covered()
        covered = covered | {"has_areas": any(group["area"] for group in covered["groups"])}
        is_named = account_of(request).name != OWN_NAME
        view |= {"coverage": covered, "quarantine": await self._quarantined(), "is_named": is_named}
        return self._pages.page(request, "start", **view)

    @reads("/coverage")
    async def _coverage_page(self, request: web.Request) -> web.Response:
        """A page of areas, each with its domains."""
        found, query = await self._covered(scope_of(request)), list_query(request, ())
        rows = [group for group in found["groups"] if group["registered"]]
        return self._pages.page(request, "coverage", at=found["at"], total=found["total"], list=query.page_of(rows))

    @reads("/healthz")
    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    @reads("/readyz")
    async def _readyz(self, _: web.Request) -> web.Response:
        why, standby = self._status.not_ready(), self._status.standby
        role = "" if standby is None else f", {standby.role}"
        return web.Response(text=f"{why or f'ready{role}'}\n", status=503 if why else 200)

    @reads("/api/ledger")
    async def _ledger(self, _: web.Request) -> web.Response:
        return web.json_response(self._status.ledger.document())

    @reads("/metrics")
    async def _metrics(self, _: web.Request) -> web.Response:
        await asyncio.to_thread(import_module, "gateway.monitoring.status.metrics")  # the first time it takes long
        from gateway.monitoring.status.metrics import exposition  # noqa: PLC0415 - 5 MB that only a gateway with a Prometheus pays for

        body = exposition(self._status, await self._fleet.get())
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    @reads("/api/status")
    async def _api_status(self, _: web.Request) -> web.Response:
        return web.json_response(await self._document())

    @reads("/api/events")
    async def _events(self, request: web.Request) -> web.StreamResponse:
        return await self._parts.streams.answer(request, self._now.get, _EVENT_EVERY_S)

    async def _event(self) -> bytes:
        return event_of(await self._document())

    async def _document(self) -> Document:
        """The state of the gateway, the verdict, and the troubles in English for programs."""
        status, fleet = self._status, await self._fleet.get()
        findings = status.findings(fleet)
        return {
            **status.document(fleet),
            "troubles": [sentence(finding) for finding in status.troubles()],
            "verdict": {"level": level_of(findings).value, "findings": [finding_document(found) for found in findings]},
        }

    async def _look_at_fleet(self) -> Fleet:
        found = Fleet()
        async for fleet in self._turns.each(self._devices.look_at_fleet(self._clock.now_ms())):
            found = fleet
        return found

    @reads("/api/coverage")
    async def _coverage_of_registry(self, request: web.Request) -> web.Response:
        """As ``gateway devices coverage --json``, at most some seconds old."""
        return web.json_response(await self._covered(scope_of(request)))

    async def _covered(self, scope: DeviceScope | None = None) -> Document:
        """The coverage of all devices, or of those of a scope."""
        if scope not in self._coverage:
            if len(self._coverage) > _SCOPES_KEPT:
                self._coverage.clear()
            self._coverage[scope] = Fresh(partial(self._count, scope), _COUNTED_FOR_S)
        return await self._coverage[scope].get(self._devices.streams.registry)

    async def _count(self, scope: DeviceScope | None) -> Document:
        devices, now_ms = self._devices, self._clock.now_ms()
        entries = [entry for entry in devices.registry_entries() if scope is None or scope.covers(entry)]
        stands = {name: stand async for name, stand in self._turns.each(devices.stands(now_ms))}
        if scope is not None:
            names = {device_key(entry.id) for entry in entries}
            stands = {name: stand for name, stand in stands.items() if device_key(name) in names}
        found = await asyncio.to_thread(coverage, entries, stands)
        return {"at": now_ms, "running": True, **coverage_document(found, devices.areas)}

    @reads("/api/quarantine")
    async def _quarantine(self, _: web.Request) -> web.Response:
        """Describe the quarantine: causes, since when, and the keys with most messages."""
        return web.json_response(await self._waiting.get())

    async def _quarantined(self) -> Document:
        """The same for people, to whom the other parts of a page are worth seeing while the disk does not answer."""
        try:
            return await self._waiting.get()
        except (DatabaseFault, Damaged):
            return {"messages": 0}

    async def _look(self) -> Document:
        keys = await self._turns.read(self._database, quarantine.keys, _KEYS)
        stock = self._status.quarantine.stock
        return {
            "messages": stock.messages,
            "bytes": stock.bytes,
            "max_bytes": self._config.devices.quarantine_max_bytes,
            "by_cause": {cause.value: messages for cause, messages in stock.by_cause.items()},
            "keys": [
                {"key": key.key, "cause": key.cause.value, "messages": key.messages, "since": key.since_ms} for key in keys
            ],
        }

    @changes("/api/journal/drop", AccountRole.ADMIN, "journal dropped", Touches.MACHINE)
    async def _drop(self, request: web.Request) -> web.Response:
        dropped = await self._commands.drop_journal()
        note_change(request, before={"readings": dropped}, after={"readings": 0})
        return web.json_response({"dropped": dropped})

    @changes("/api/journal/acknowledge", AccountRole.ADMIN, "lost readings acknowledged", Touches.MACHINE)
    async def _acknowledge(self, request: web.Request) -> web.Response:
        acknowledged, seen = await self._commands.acknowledge_missing()
        also = {"findings": seen} if seen else {}
        note_change(request, before={"missing": acknowledged, **also}, after={"missing": 0})
        return web.json_response({"acknowledged": acknowledged, **also})
