"""The photo of a device over HTTP: shown, taken anew, removed. The page makes it small before it sends it."""

from hashlib import sha256

from aiohttp import web

from gateway.ingest.storage.photos import PhotoRefused, Photos, TakenPhoto, media_type
from gateway.monitoring.status.known_devices import nobody
from gateway.monitoring.status.status import Status
from gateway.support.access.accounts import AccountRole
from gateway.web.http.handlers import ChangeRoute, Document, Handler, note_change
from schemas.registry import RegisteredDevice


class PhotoPages:
    """The routes ``/devices/{device}/photo`` and those under ``/api/devices/{device}/photo``."""

    def __init__(self, status: Status, photos: Photos) -> None:
        self._status = status
        self._photos = photos

    def reading(self) -> dict[str, Handler]:
        """Path → handler, for reading."""
        return {"/devices/{device}/photo": self._photo}

    def changing(self) -> dict[str, ChangeRoute]:
        """Path → change."""
        technician = AccountRole.TECHNICIAN
        return {
            "/api/devices/{device}/photo": ChangeRoute(technician, "photo taken", self._take),
            "/api/devices/{device}/photo/remove": ChangeRoute(technician, "photo removed", self._remove),
        }

    async def _photo(self, request: web.Request) -> web.Response:
        body = await self._photos.get(request.match_info["device"])
        kind = media_type(body or b"")
        if body is None or kind is None:
            return web.json_response({"error": "there is no photo of it"}, status=404)
        return web.Response(body=body, content_type=kind)

    async def _take(self, request: web.Request) -> web.Response:
        """Keep the photo in the body, of a registered device; it may be as large as any change."""
        name = request.match_info["device"]
        device = self._status.devices.find(name)
        if device is None:
            return web.json_response({"error": nobody(name)}, status=404)
        if not isinstance(device.registered, RegisteredDevice):
            return web.json_response({"error": f"{device.name} is not registered; register it first"}, status=409)
        body = await request.read()
        try:
            before = await self._photos.put(device.name, body, self._status.clock.now_ms())
        except PhotoRefused as refused:
            return web.json_response({"error": str(refused)}, status=415)
        after = {"bytes": len(body), "sha256": sha256(body).hexdigest()}
        note_change(request, before=_told(before), after=after)
        return web.json_response({"device": device.name, "bytes": len(body)})

    async def _remove(self, request: web.Request) -> web.Response:
        before = await self._photos.remove(request.match_info["device"])
        if before is None:
            return web.json_response({"error": "there is no photo of it"}, status=404)
        note_change(request, before=_told(before), after=None)
        return web.json_response({"removed": 1})


def _told(photo: TakenPhoto | None) -> Document | None:
    return None if photo is None else {"bytes": photo.size_bytes, "at_ms": photo.at_ms}
