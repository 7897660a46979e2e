"""The photo of a device over HTTP: shown, taken anew, removed. The page makes it small before it sends it."""

from hashlib import sha256

from aiohttp import web

from gateway.ingest.storage.photos import PhotoRefused, TakenPhoto, media_type
from gateway.monitoring.status.known_devices import nobody
from gateway.support.access.accounts import AccountRole
from gateway.web.changes.commands import CommandRefused
from gateway.web.http.handlers import Document, note_change
from gateway.web.routing import RouteGroup, changes, reads
from schemas.registry import RegisteredDevice


class PhotoPages(RouteGroup):
    """The photo of a device."""

    @reads("/devices/{device}/photo")
    async def _photo(self, request: web.Request) -> web.Response:
        body = await self._parts.photos.get(request.match_info["device"]) or b""
        kind = media_type(body)
        if kind is None:
            raise CommandRefused("there is no photo of it", 404)
        return web.Response(body=body, content_type=kind)

    @changes("/api/devices/{device}/photo", AccountRole.TECHNICIAN, "photo taken")
    async def _take(self, request: web.Request) -> web.Response:
        """Keep the photo in the body, of a registered device; it may be as large as any change."""
        name = request.match_info["device"]
        device = self._devices.find(name)
        if device is None:
            raise CommandRefused(nobody(name), 404)
        if not isinstance(device.registered, RegisteredDevice):
            raise CommandRefused(f"{device.name} is not registered; register it first", 409)
        body = await request.read()
        try:
            before = await self._parts.photos.put(device.name, body, self._clock.now_ms())
        except PhotoRefused as refused:
            raise CommandRefused(str(refused), 415) from refused
        after = {"bytes": len(body), "sha256": sha256(body).hexdigest()}
        note_change(request, before=_told(before), after=after)
        return web.json_response({"device": device.name, "bytes": len(body)})

    @changes("/api/devices/{device}/photo/remove", AccountRole.TECHNICIAN, "photo removed")
    async def _remove(self, request: web.Request) -> web.Response:
        before = await self._parts.photos.remove(request.match_info["device"])
        if before is None:
            raise CommandRefused("there is no photo of it", 404)
        note_change(request, before=_told(before), after=None)
        return web.json_response({"removed": 1})


def _told(photo: TakenPhoto | None) -> Document | None:
    return None if photo is None else {"bytes": photo.size_bytes, "at_ms": photo.at_ms}
