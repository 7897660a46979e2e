"""The HTTP server: its pages, health, metrics and the API."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.ingest.storage.database import Damaged, DatabaseFault
from gateway.ingest.storage.photos import Photos
from gateway.runtime.pipeline.build import Parts
from gateway.runtime.pipeline.options import storage_limits
from gateway.support.audit.log import AuditFault
from gateway.support.config.files import ConfigurationFault
from gateway.web.changes.changes import ChangeGuard, Registrar
from gateway.web.changes.commands import CommandRefused, MeterExchange, PageCommands
from gateway.web.devices.amounts import AmountPages
from gateway.web.devices.counters import ExchangePages, StepPages, SumPages
from gateway.web.devices.device_day import DayPages
from gateway.web.devices.device_list import DeviceList
from gateway.web.devices.devices import DevicePages
from gateway.web.devices.import_devices import ImportPages
from gateway.web.devices.new_devices import NewDevicePages
from gateway.web.devices.on_site import EnrolmentPages, PhotoPages
from gateway.web.devices.register import RegisterPages, RegistryPages
from gateway.web.devices.series import SeriesPages
from gateway.web.devices.trials import TrialPages
from gateway.web.entrance import Entrance
from gateway.web.http.answers import EventStreams, Refusals, Turns, protect
from gateway.web.http.clients import Clients
from gateway.web.http.connections import BODY_MAX_BYTES, Connections
from gateway.web.http.handlers import Handler, LimitKeeper
from gateway.web.http.pages import PageRenderer
from gateway.web.people.door import Door
from gateway.web.routing import PageParts, RouteGroup
from gateway.web.views.alarms import AlarmPages, ShiftPages
from gateway.web.views.completeness import CompletenessPages
from gateway.web.views.consumption import BillingPages, ConsumptionPages
from gateway.web.views.held_back import QuarantinePages, RejectPages
from gateway.web.views.open_data import OpenDataPages
from gateway.web.views.status import StatusPages


class _OwnFaults(logging.Filter):
    """Drops log records about bytes that are not HTTP: their sender could fill the disk with the log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell if the record is about a fault of the gateway."""
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_log: Final = logging.getLogger("gateway.web.connections")
_log.addFilter(_OwnFaults())


async def serve_pages(parts: Parts, entrance: Entrance) -> None:
    """Serve the pages until cancelled; they get a read-only view and the commands they may call, and nothing else."""
    status = parts.watching.status
    connections = Connections(status.events, clients=Clients(status.config.http.trusted_proxies))
    application = _application(parts, entrance, connections)
    runner = web.AppRunner(application, access_log=None, logger=_log, shutdown_timeout=0.5, auto_decompress=False)
    await runner.setup()
    try:
        async with connections.serve(runner, entrance.listening, entrance.tls):
            await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _application(parts: Parts, entrance: Entrance, connections: Connections) -> web.Application:
    """The routes, and what each request passes on its way to them."""
    foundation, status = parts.foundation, parts.watching.status
    config = status.config
    pages = PageRenderer(config, status.standby)
    door, limits = Door(entrance.access, config.http, pages), LimitKeeper(status.devices)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            async with connections.answering(request):
                return await handler(request)
        except CommandRefused as refused:
            return web.json_response({"error": str(refused)}, status=refused.status)
        except ConfigurationFault as fault:
            return web.json_response({"error": str(fault)}, status=409)
        except (DatabaseFault, Damaged, AuditFault) as fault:
            return web.json_response({"error": str(fault)}, status=503)

    application = web.Application(
        middlewares=[Refusals(pages).check, door.check, limits.check, check], client_max_size=BODY_MAX_BYTES
    )
    application.on_response_prepare.append(protect)
    guard = ChangeGuard(foundation.audit, status.clock, status.standby).guard
    application.add_routes(
        [
            web.get("/login", door.log_in_page),
            web.post("/login", door.log_in),
            web.post("/logout", door.log_out),
            web.get("/api/account", door.account),
        ]
    )
    groups = _groups(
        PageParts(
            status,
            foundation.database,
            _commands(parts),
            foundation.audit,
            parts.delivery.fallback.reject_counts,
            Photos(config.journal.path, config.journal.min_free_bytes),
            EventStreams(connections, lambda request: door.admits(request) and limits.admit(request)),
            Turns(),
            pages,
        )
    )
    for group in groups:
        application.add_routes([web.get(path, handler) for path, handler in group.reading().items()])
        application.add_routes([web.post(path, guard(change)) for path, change in group.changing().items()])
    return application


_BY_THEMSELVES: Final[tuple[type[RouteGroup], ...]] = (
    *(DeviceList, PhotoPages, ImportPages, EnrolmentPages, SumPages, StepPages, AmountPages, TrialPages),
    *(StatusPages, ShiftPages, AlarmPages, CompletenessPages, ConsumptionPages, BillingPages, OpenDataPages),
    *(RejectPages, QuarantinePages),
)
"""Groups that ask no other one."""


def _groups(parts: PageParts) -> Iterator[RouteGroup]:
    series = SeriesPages(parts)
    devices = DevicePages(parts, series)
    new_devices = NewDevicePages(parts, devices.document)
    register = RegisterPages(parts, new_devices, devices.document)
    yield from (
        DayPages(parts, series),
        series,
        devices,
        new_devices,
        register,
        RegistryPages(parts, new_devices),
        ExchangePages(parts),
    )
    yield from (group(parts) for group in _BY_THEMSELVES)


def _commands(parts: Parts) -> PageCommands:
    foundation, processing, fallback = parts.foundation, parts.processing, parts.delivery.fallback
    status, events, exchanges = parts.watching.status, foundation.events, parts.watching.exchanges
    return PageCommands(
        foundation.database,
        events,
        foundation.clock,
        parts.waiting.through_core,
        storage_limits(foundation.config),
        fallback.backlog,
        fallback.journal_account,
        parts.waiting.account,
        MeterExchange(status, processing.memory, processing.device_snapshots, events, exchanges),
        parts.watching.resums,
        Registrar(foundation.config, parts.reload, status.devices),
    )
