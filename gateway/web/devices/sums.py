"""Sums over HTTP: working them out again, and which are late."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from aiohttp import web

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack_kept
from gateway.monitoring.reports.resum import ResumProgress
from gateway.monitoring.status.status import Status
from gateway.runtime.jobs.resums import Resums
from gateway.support.access.accounts import AccountRole
from gateway.web.changes.commands import CommandRefused, MeterExchange
from gateway.web.http.handlers import ChangeRoute, Document, Handler
from gateway.web.http.long_answers import Turns, some_at_a_time

_AT_A_TIME: Final = 500


class SumPages:
    """The routes ``/api/devices/{device}/resum`` and ``/api/late-sums``."""

    def __init__(self, status: Status, resums: Resums, meter_exchange: MeterExchange, turns: Turns) -> None:
        self._status = status
        self._resums = resums
        self._meter_exchange = meter_exchange
        self._turns = turns

    def reading(self) -> dict[str, Handler]:
        """Path → handler, for reading."""
        return {"/api/devices/{device}/resum": self._progress, "/api/late-sums": self._late}

    def changing(self) -> dict[str, ChangeRoute]:
        """Path → change."""
        return {"/api/devices/{device}/resum": ChangeRoute(AccountRole.TECHNICIAN, "sums worked out again", self._start)}

    async def _start(self, request: web.Request) -> web.Response:
        """Begin to work out the sums of a device since ``from_ms``."""
        try:
            from_ms = int(request.query["from_ms"])
            device = self._meter_exchange.met(request.match_info["device"])
        except (KeyError, ValueError):
            return web.json_response({"error": "from_ms: a time in ms is missing"}, status=400)
        except CommandRefused as refused:
            return web.json_response({"error": str(refused)}, status=refused.status)
        if not 0 <= from_ms < self._status.clock.now_ms():
            return web.json_response({"error": "from_ms: this time has not come yet"}, status=400)
        return web.json_response(progress_document(self._resums.start(device, from_ms)))

    async def _progress(self, request: web.Request) -> web.Response:
        """Say how far a device is."""
        try:
            found = self._resums.progress(self._meter_exchange.met(request.match_info["device"]).name)
        except CommandRefused as refused:
            return web.json_response({"error": str(refused)}, status=refused.status)
        if found is None:
            return web.json_response({"error": "nobody asked for its sums"}, status=404)
        return web.json_response(progress_document(found))

    def _wrong(self) -> Iterator[list[Device]]:
        """The devices whose sums are wrong, of some at a time."""
        for some in some_at_a_time(list(self._status.devices.streams.devices.values()), _AT_A_TIME):
            yield [one for one in some if one.counters is not None and one.counters.past.wrong_since_ms is not None]

    async def _late(self, _: web.Request) -> web.Response:
        """The devices whose sums are wrong in the database, with their counters as they are stored."""
        late = {device.name: json.loads(pack_kept(device)) async for some in self._turns.each(self._wrong()) for device in some}
        return web.json_response({"devices": late})


def progress_document(progress: ResumProgress) -> Document:
    """The progress of a device, as JSON."""
    document = asdict(progress)
    return document | {"done": document.pop("is_done"), "written": document.pop("is_written")}
