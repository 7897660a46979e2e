"""Accounts of devices on the broker over HTTP: given, shown once, and taken away."""

from collections.abc import Iterator
from contextlib import contextmanager

import segno
from aiohttp import web
from markupsafe import Markup

from gateway.ingest.broker.administration import AdministrationFault
from gateway.ingest.broker.enrolling import EnrolmentRefused
from gateway.onboarding.enrolment import NotEnrollable, device_accounts, entrance_of, topics_of_device
from gateway.support.access.accounts import AccountRole
from gateway.support.config.files import ConfigurationFault
from gateway.web.changes.commands import CommandRefused
from gateway.web.routing import RouteGroup, changes
from schemas.enrolment import Enrolment

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
    """Say why an account was not made or taken away.

    :raises CommandRefused: with the status of the answer.
    """
    try:
        yield
    except (NotEnrollable, ConfigurationFault) as fault:
        raise CommandRefused(str(fault), _CONFLICT) from fault
    except (AdministrationFault, EnrolmentRefused) as fault:
        raise CommandRefused(str(fault), _BAD_GATEWAY) from fault
