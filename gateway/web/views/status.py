"""The gateway as a whole over HTTP: the start page and the data it loads."""

import asyncio
from functools import partial
from importlib import import_module
from typing import Final

from aiohttp import web

from gateway.core.status.coverage import coverage, coverage_document
from gateway.core.status.verdict import Fleet, level_of
from gateway.ingest.storage import quarantine
from gateway.ingest.storage.database import Damaged, DatabaseFault
from gateway.support.access.accounts import OWN_NAME, AccountRole, DeviceScope
from gateway.support.i18n.findings import finding_document, sentence
from gateway.web.http.handlers import Document, Touches, account_of, note_change
from gateway.web.http.limits import scope_of
from gateway.web.http.listing import list_query
from gateway.web.http.long_answers import Fresh, event_of
from gateway.web.routing import PageParts, RouteGroup, changes, reads
from gateway.web.views.start import start_view
from schemas.registry import device_key

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
        acknowledged = await self._commands.acknowledge_missing()
        note_change(request, before={"missing": acknowledged}, after={"missing": 0})
        return web.json_response({"acknowledged": acknowledged})
