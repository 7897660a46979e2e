"""The HTTP server: its pages, health, metrics and the API."""

import time
from collections.abc import Awaitable, Callable
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Self

from aiohttp import web

from gateway.desk.documents import reject_document
from gateway.disk import journal, rejects
from gateway.disk.database import Damaged, DatabaseFault
from gateway.disk.replay import Limits, commit, work
from gateway.metrics import exposition
from gateway.settings.config_file import ConfigurationFault
from gateway.web.access import Access, make_token
from gateway.web.answer_headers import protect
from gateway.web.devices import DevicePages
from gateway.web.door import Door
from gateway.web.listener import configured_tls, configured_token, connection_log
from gateway.web.status import StatusPages
from schemas.rejects import RejectReason

if TYPE_CHECKING:
    from gateway.pipeline import Parts

_LIST_MAX: Final = 1000
_ROW_DIGITS: Final = 18

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebServer:
    """Serves one gateway. Use as an asynchronous context manager."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        self._state = parts.state
        self._config = parts.config
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        http = self._config.http
        try:
            tls = configured_tls(self._config)
            token = configured_token(self._config) or make_token(self._config.journal.path)
            self._door = Door(Access(token), http, self._config.language)
            application = web.Application(middlewares=[self._door.check, self._check])
            application.on_response_prepare.append(protect)
            application.add_routes(self._routes())
            self._runner = web.AppRunner(application, access_log=None, logger=connection_log, shutdown_timeout=0.5)
            await self._runner.setup()
            await web.TCPSite(self._runner, http.host, http.port, ssl_context=tls).start()
        except OSError as error:
            raise ConfigurationFault([f"gateway.yaml: http.port: {http.host} port {http.port}: {error.strerror}"]) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _routes(self) -> list[web.RouteDef]:
        devices = DevicePages(self._parts)
        reading: dict[str, Handler] = {
            "/login": self._door.log_in_page,
            "/metrics": self._metrics,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/api/ledger": self._ledger,
            "/api/rejects": self._rejects,
            **StatusPages(self._parts).routes(),
            **devices.routes(),
        }
        changing: dict[str, Handler] = {
            "/login": self._door.log_in,
            "/logout": self._door.log_out,
            "/api/rejects/replay": self._replay,
            "/api/rejects/purge": self._purge,
            "/api/journal/drop": self._drop,
            "/api/journal/acknowledge": self._acknowledge,
            "/api/devices/{id}/exchange": devices.exchange,
        }
        return [web.get(path, handler) for path, handler in reading.items()] + [
            web.post(path, handler) for path, handler in changing.items()
        ]

    @web.middleware
    async def _check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (DatabaseFault, Damaged) as fault:
            return web.json_response({"error": str(fault)}, status=503)

    # Reading.

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=exposition(self._state), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        why = self._state.not_ready()
        return web.Response(text=f"{why or 'ready'}\n", status=503 if why else 200)

    async def _ledger(self, _: web.Request) -> web.Response:
        return web.json_response(self._state.ledger.document())

    async def _rejects(self, request: web.Request) -> web.Response:
        reason, device = _selection(request)
        number, before = _number(request, "id"), _number(request, "before")
        found = await self._parts.database.run(
            rejects.select, reason=reason, device=device, number=number, before=before, most=_LIST_MAX
        )
        return web.json_response({"rejects": [reject_document(number, refusal) for number, refusal in found]})

    # Changing.

    async def _replay(self, request: web.Request) -> web.Response:
        reason, device = _selection(request)
        database = self._parts.database
        chosen = await database.run(rejects.select, reason=reason, device=device, most=1_000_000)
        result = await work(sorted(chosen, key=itemgetter(0)), self._parts.errands.process)
        first_row = database.reserve_rows(len(result.bodies))
        limits = Limits(self._config.rejects.max_bytes, self._config.devices.quarantine_max_bytes)
        done = await database.run(commit, result, rejects.remove, first_row, time.time_ns() // 1_000_000, limits)
        self._state.replayed(result, done)
        self._parts.to_journal.backlog.set()
        return web.json_response(result.document())

    async def _purge(self, request: web.Request) -> web.Response:
        reason, device = _selection(request)
        chosen = await self._parts.database.run(rejects.select, reason=reason, device=device, most=1_000_000)
        removed = await self._parts.database.run(rejects.remove, [number for number, _ in chosen])
        return web.json_response({"removed": removed})

    async def _drop(self, _: web.Request) -> web.Response:
        removed = await self._parts.database.run(journal.drop)
        return web.json_response({"dropped": self._parts.drain.give_up(removed)})

    async def _acknowledge(self, _: web.Request) -> web.Response:
        readings = await self._parts.database.in_thread(self._parts.database.tally.acknowledge)
        self._state.events.missing_acknowledged(readings)
        return web.json_response({"acknowledged": readings})


def _number(request: web.Request, key: str) -> int | None:
    text = request.query.get(key)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _ROW_DIGITS):
        raise web.HTTPBadRequest(text=f"{key}={text!r} is not the number of a reject")
    return int(text)


def _selection(request: web.Request) -> tuple[str | None, str | None]:
    reason = request.query.get("reason")
    if reason is not None and reason not in {known.value for known in RejectReason}:
        raise web.HTTPBadRequest(text=f"there is no reason {reason!r}")
    return reason, request.query.get("device")
