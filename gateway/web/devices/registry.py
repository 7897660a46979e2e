"""The registry over HTTP: devices registered, edited, moved and retired."""

import json
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from aiohttp import web

from gateway.onboarding.registration import EntryPair, FileChanged
from gateway.support.access.accounts import AccountRole
from gateway.support.registry.changes import PLACE, ChangeRefused, MakeChange, add, edit_device, retire
from gateway.web.devices.new_devices import NewDevicePages
from gateway.web.devices.register import note_written
from gateway.web.http.handlers import Document
from gateway.web.routing import PageParts, RouteGroup, changes, reads
from schemas.registry import COLUMNS


class RegistryPages(RouteGroup):
    """The changes of the registry that programs send.

    A change may say in ``?seen=`` which version of the registry it was made for, and is refused if the file has another one.
    """

    def __init__(self, parts: PageParts, new_devices: NewDevicePages) -> None:
        super().__init__(parts)
        self._new_devices = new_devices
        self._registrar = parts.commands.registrar

    @reads("/api/registry")
    async def _version(self, _: web.Request) -> web.Response:
        """The version of the registry, and the devices in which the file differs from what is active."""
        version, outside = await self._registrar.version(), await self._registrar.changed_outside()
        return web.json_response({"version": version, "changed_outside": _pairs(outside)})

    @changes("/api/devices", AccountRole.TECHNICIAN, "device registered")
    async def _add(self, request: web.Request) -> web.Response:
        document = await _body(request, COLUMNS)
        return await self._answer(request, partial(add, document=document), str(document.get("id", "")), "registered")

    @changes("/api/devices/{device}/edit", AccountRole.TECHNICIAN, "device changed")
    async def _edit(self, request: web.Request) -> web.Response:
        document, name = await _body(request, COLUMNS), request.match_info["device"]
        return await self._answer(request, partial(edit_device, name=name, document=document), name, "changed")

    @changes("/api/devices/{device}/move", AccountRole.TECHNICIAN, "device moved")
    async def _move(self, request: web.Request) -> web.Response:
        document, name = await _body(request, PLACE), request.match_info["device"]
        return await self._answer(request, partial(edit_device, name=name, document=document), name, "moved")

    @changes("/api/devices/{device}/retire", AccountRole.ADMIN, "device retired")
    async def _retire(self, request: web.Request) -> web.Response:
        name = request.match_info["device"]
        return await self._answer(request, partial(retire, name=name), name, "retired")

    async def _answer(self, request: web.Request, make: MakeChange, name: str, done: str) -> web.Response:
        """Make a change of one device, and answer with it or with the reasons against it."""
        waiting = await self._new_devices.waiting(name)
        try:
            written = await self._registrar.change(make, [name], request.query.get("seen"))
        except ChangeRefused as refused:
            return web.json_response({"error": str(refused), "device": refused.device, "faults": refused.faults}, status=409)
        except FileChanged as changed:
            outside = await self._registrar.changed_outside()
            document = {"error": str(changed), "version": changed.version, "changed_outside": _pairs(outside)}
            return web.json_response(document, status=409)
        note_written(request, written)
        answer = {"device": next(iter(written.devices), name), "done": done, "changed": bool(written.devices)}
        return web.json_response({**answer, "waiting": waiting, "version": written.version})


def _pairs(found: Mapping[str, EntryPair]) -> Document:
    return {name: {"before": before, "after": after} for name, (before, after) in found.items()}


async def _body(request: web.Request, keys: Iterable[str]) -> dict[str, Any]:
    """The keys of a device in the body.

    :raises web.HTTPBadRequest: it is no JSON object, or has another key.
    """
    try:
        document = json.loads(await request.text())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("params", {}), dict):
        raise web.HTTPBadRequest(text='send the keys of the device as a JSON object, such as {"site": "xa-01", "area": "A1"}')
    if unknown := sorted(document.keys() - set(keys)):
        raise web.HTTPBadRequest(text=f"{unknown[0][:80]}: there is no such key here; the keys are {', '.join(keys)}")
    return document
