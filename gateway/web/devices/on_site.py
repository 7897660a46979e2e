"""Things that a device is given on site: an account on the broker, shown once, and a photo. Both are taken away again.

The page makes a photo small before it sends it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import segno
from aiohttp import web
from markupsafe import Markup

from gateway.ingest.broker.enrolling import AdministrationFault, EnrolmentRefused
from gateway.ingest.storage.photos import PhotoRefused, TakenPhoto, media_type
from gateway.monitoring.status.known_devices import nobody
from gateway.onboarding.registration import NotEnrollable, device_accounts, entrance_of, topics_of_device
from gateway.support.access.accounts import AccountRole
from gateway.support.config.files import ConfigurationFault
from gateway.web.changes.commands import CommandRefused
from gateway.web.http.handlers import Document, note_change
from gateway.web.routing import RouteGroup, changes, reads
from schemas.enrolment import Enrolment
from schemas.registry import RegisteredDevice

_CONFLICT, _BAD_GATEWAY = 409, 502


class EnrolmentPages(RouteGroup):
    """The account of a device, asked for by a program or on its form."""

    @changes("/api/devices/{device}/enroll", AccountRole.TECHNICIAN, "device enrolled")
    async def _enrol_by_program(self, request: web.Request) -> web.Response:
        one = await self._enrol(request)
        account = {"device": one.username, "host": one.host, "port": one.port, "username": one.username}
        answer = account | {"password": one.password, "topic": one.topic, "enrolment": str(one)}
        return web.json_response(answer)

    @changes("/register/{device}/enroll", AccountRole.TECHNICIAN, "device enrolled")
    async def _enrol_by_form(self, request: web.Request) -> web.Response:
        try:
            one = await self._enrol(request)
        except CommandRefused as why:
            return self._show(request, status=why.status, fault=str(why))
        code = segno.make(str(one), error="m").svg_inline(scale=4, border=3)
        return self._show(request, one=one, code=Markup(code))  # noqa: S704 - drawn here, from our own text

    @changes("/api/devices/{device}/revoke", AccountRole.ADMIN, "device revoked")
    async def _revoke_by_program(self, request: web.Request) -> web.Response:
        was_there = await self._revoke(request)
        return web.json_response({"device": request.match_info["device"], "had_account": was_there})

    @changes("/register/{device}/revoke", AccountRole.ADMIN, "device revoked")
    async def _revoke_by_form(self, request: web.Request) -> web.Response:
        try:
            await self._revoke(request)
        except CommandRefused as why:
            return self._show(request, status=why.status, fault=str(why))
        return self._show(request, revoked=True)

    async def _enrol(self, request: web.Request) -> Enrolment:
        name = request.match_info["device"]
        with _refusing():
            topics = topics_of_device(name, self._devices.entry(name))
            entrance = entrance_of(self._config)
            async with device_accounts(self._config) as broker:
                account = await broker.enrol(topics, is_present=name in await broker.enrolled())
        return entrance.enrolment(topics, account.password)

    async def _revoke(self, request: web.Request) -> bool:
        with _refusing():
            async with device_accounts(self._config) as broker:
                return await broker.revoke(request.match_info["device"])

    def _show(
        self,
        request: web.Request,
        *,
        one: Enrolment | None = None,
        code: str = "",
        revoked: bool = False,
        fault: str = "",
        status: int = 200,
    ) -> web.Response:
        device = request.match_info["device"]
        given = {"device": device, "one": one, "code": code, "revoked": revoked, "fault": fault}
        return self._pages.page(request, "enrolled", status=status, **given)


@contextmanager
def _refusing() -> Iterator[None]:
    """Say by CommandRefused, with the status of the answer, why an account was not made or taken away."""
    try:
        yield
    except (NotEnrollable, ConfigurationFault) as fault:
        raise CommandRefused(str(fault), _CONFLICT) from fault
    except (AdministrationFault, EnrolmentRefused) as fault:
        raise CommandRefused(str(fault), _BAD_GATEWAY) from fault


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
