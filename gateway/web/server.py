"""The HTTP server: its pages, health, metrics and the API."""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Final, Self

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.ingest.storage.database import Damaged, Database, DatabaseFault
from gateway.ingest.storage.photos import Photos
from gateway.ingest.storage.reject_counts import RejectCounts
from gateway.monitoring.status.status import Status
from gateway.runtime.pipeline.build import Parts
from gateway.runtime.pipeline.options import replay_limits
from gateway.support.access.accounts import AccountRole
from gateway.support.audit.log import AuditFault, AuditLog
from gateway.web.changes.changes import ChangeGuard
from gateway.web.changes.commands import MeterExchange, PageCommands, QuarantineCommands, StoreCommands
from gateway.web.changes.registrar import Registrar
from gateway.web.devices.counters import ExchangePages, SumPages
from gateway.web.devices.device_list import DeviceList
from gateway.web.devices.devices import DevicePages
from gateway.web.devices.enrolment import EnrolmentPages
from gateway.web.devices.import_devices import ImportPages
from gateway.web.devices.new_devices import Introductions, NewDevicePages
from gateway.web.devices.photos import PhotoPages
from gateway.web.devices.register import RegisterPages
from gateway.web.devices.registry import RegistryPages
from gateway.web.devices.series import DeviceEvents, SeriesPages
from gateway.web.devices.trials import TrialPages
from gateway.web.entrance import Entrance
from gateway.web.http.answers import Refusals, protect
from gateway.web.http.clients import Clients
from gateway.web.http.connections import BODY_MAX_BYTES, Connections
from gateway.web.http.handlers import ChangeRoute, Handler, Touches, note_change
from gateway.web.http.limits import LimitKeeper
from gateway.web.http.long_answers import EventStreams, Turns
from gateway.web.http.pages import PageRenderer
from gateway.web.people.door import Door
from gateway.web.views.alarms import AlarmPages, AlarmViews
from gateway.web.views.completeness import CompletenessPages
from gateway.web.views.held_back import QuarantinePages, RejectPages
from gateway.web.views.open_data import OpenDataPages
from gateway.web.views.shift import AuditPages, ShiftPage
from gateway.web.views.status import StatusPages


class _OwnFaults(logging.Filter):
    """Drops log records about bytes that are not HTTP: their sender could fill the disk with the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell if the record is about a fault of the gateway."""
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_log: Final = logging.getLogger("gateway.web.connections")
_log.addFilter(_OwnFaults())


class WebServer:
    """Serves one gateway. Use as an asynchronous context manager."""

    def __init__(
        self,
        status: Status,
        database: Database,
        commands: PageCommands,
        entrance: Entrance,
        audit: AuditLog,
        reject_counts: RejectCounts,
    ) -> None:
        self._status = status
        self._database = database
        self._commands = commands
        config = status.config
        self._entrance = entrance
        self._audit = audit
        self._reject_counts = reject_counts
        self._changes = ChangeGuard(audit, status.clock, status.standby)
        self._pages = PageRenderer(config, status.standby)
        self._door = Door(entrance.access, config.http, self._pages)
        self._limits = LimitKeeper(status.devices)
        self._connections = Connections(status.events, clients=Clients(config.http.trusted_proxies))
        self._turns = Turns()
        self._serving = AsyncExitStack()

    async def __aenter__(self) -> Self:
        application = web.Application(
            middlewares=[Refusals(self._pages).check, self._door.check, self._limits.check, self._check],
            client_max_size=BODY_MAX_BYTES,
        )
        application.on_response_prepare.append(protect)
        application.add_routes(self._routes())
        runner = web.AppRunner(application, access_log=None, logger=_log, shutdown_timeout=0.5, auto_decompress=False)
        await runner.setup()
        self._serving.push_async_callback(runner.cleanup)
        entrance = self._entrance
        await self._serving.enter_async_context(self._connections.serve(runner, entrance.listening, entrance.tls))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._serving.aclose()

    def _routes(self) -> list[web.RouteDef]:
        status, database, turns, pages = self._status, self._database, self._turns, self._pages
        commands, streams = self._commands, EventStreams(self._connections, self._admits)
        photos = Photos(status.config.journal.path, status.config.journal.min_free_bytes)
        photo_pages, series = PhotoPages(status, photos), SeriesPages(status, pages)
        devices = DevicePages(status, database, turns, pages, photos, series)
        alarms = AlarmPages(status, database, turns)
        sums = SumPages(status, commands.resums, commands.exchange, turns)
        refused = RejectPages(database, self._reject_counts, commands.store, turns, pages)
        waiting = QuarantinePages(status, database, commands.quarantine, turns, pages)
        trials = TrialPages(status, database, turns, pages)
        imports = ImportPages(status.config, commands.registrar, pages)
        introductions = Introductions(status, database, turns)
        registry = RegistryPages(commands.registrar, introductions)
        register = RegisterPages(status, introductions, commands.registrar, pages, devices.document)
        reading: dict[str, Handler] = {
            "/login": self._door.log_in_page,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/api/ledger": self._ledger,
            "/api/account": self._door.account,
            **AuditPages(self._audit, pages).reading(),
            **ShiftPage(status, database, self._audit, turns, pages).reading(),
            **AlarmViews(status, database, turns, pages).reading(),
            **CompletenessPages(status, pages).reading(),
            **OpenDataPages(status, pages).reading(),
            **refused.reading(),
            **waiting.reading(),
            **trials.reading(),
            **alarms.reading(),
            **StatusPages(status, database, streams, turns, pages).routes(),
            **DeviceList(status, database, turns, pages).reading(),
            **devices.reading(),
            **DeviceEvents(status, streams).reading(),
            **registry.reading(),
            **series.reading(),
            **photo_pages.reading(),
            **NewDevicePages(status, database, turns, pages, devices.document).reading(),
            **register.reading(),
            **imports.reading(),
            **sums.reading(),
        }
        changing: dict[str, ChangeRoute] = {
            **refused.changing(),
            **waiting.changing(),
            **alarms.changing(),
            "/api/journal/drop": ChangeRoute(AccountRole.ADMIN, "journal dropped", self._drop, Touches.MACHINE),
            "/api/journal/acknowledge": ChangeRoute(
                AccountRole.ADMIN, "lost readings acknowledged", self._acknowledge, Touches.MACHINE
            ),
            **ExchangePages(commands.exchange, commands.registrar, register, status.clock).changing(),
            **registry.changing(),
            **EnrolmentPages(status, pages).changing(),
            **register.changing(),
            **imports.changing(),
            **sums.changing(),
            **trials.changing(),
            **photo_pages.changing(),
        }
        entering: dict[str, Handler] = {"/login": self._door.log_in, "/logout": self._door.log_out}
        guarded = {path: self._changes.guard(change) for path, change in changing.items()}
        return [web.get(path, handler) for path, handler in reading.items()] + [
            web.post(path, handler) for path, handler in (entering | guarded).items()
        ]

    @web.middleware
    async def _check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            async with self._connections.answering(request):
                return await handler(request)
        except (DatabaseFault, Damaged, AuditFault) as fault:
            return web.json_response({"error": str(fault)}, status=503)

    def _admits(self, request: web.Request) -> bool:
        return self._door.admits(request) and self._limits.admit(request)

    # Reading.

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        why, standby = self._status.not_ready(), self._status.standby
        role = "" if standby is None else f", {standby.role}"
        return web.Response(text=f"{why or f'ready{role}'}\n", status=503 if why else 200)

    async def _ledger(self, _: web.Request) -> web.Response:
        return web.json_response(self._status.ledger.document())

    # Changing.

    async def _drop(self, request: web.Request) -> web.Response:
        dropped = await self._commands.store.drop_journal()
        note_change(request, before={"readings": dropped}, after={"readings": 0})
        return web.json_response({"dropped": dropped})

    async def _acknowledge(self, request: web.Request) -> web.Response:
        acknowledged = await self._commands.store.acknowledge_missing()
        note_change(request, before={"missing": acknowledged}, after={"missing": 0})
        return web.json_response({"acknowledged": acknowledged})


async def serve_pages(parts: Parts, entrance: Entrance) -> None:
    """Serve the pages until cancelled; they get a read-only view and the commands they may call, and nothing else."""
    foundation, processing, status = parts.foundation, parts.processing, parts.watching.status
    database, fallback = foundation.database, parts.delivery.fallback
    store = StoreCommands(
        database,
        parts.waiting.replay_pipeline,
        fallback.backlog,
        fallback.journal_account,
        foundation.events,
        replay_limits(foundation.config),
        foundation.clock,
    )
    waiting = QuarantineCommands(database, parts.waiting.account)
    exchange = MeterExchange(
        status, processing.memory, processing.device_snapshots, foundation.events, parts.watching.exchanges
    )
    registrar = Registrar(foundation.config, parts.reload, status.devices)
    commands = PageCommands(store, waiting, exchange, parts.watching.resums, registrar)
    async with WebServer(status, database, commands, entrance, foundation.audit, fallback.reject_counts):
        await asyncio.Event().wait()
