"""Accounts of devices on the broker over HTTP: given, shown once, and taken away."""

import segno
from aiohttp import web
from markupsafe import Markup

from gateway.ingest.broker.administration import AdministrationFault
from gateway.ingest.broker.enrolling import EnrolmentRefused
from gateway.monitoring.status.status import Status
from gateway.onboarding.enrolment import NotEnrollable, device_accounts, entrance_of, topics_of_device
from gateway.support.access.accounts import AccountRole
from gateway.support.config.files import ConfigurationFault
from gateway.web.http.handlers import ChangeRoute
from gateway.web.http.pages import PageRenderer
from schemas.enrolment import Enrolment

_CONFLICT, _BAD_GATEWAY = 409, 502


class _AccountUnchanged(Exception):  # noqa: N818 - it says what happened
    """The account was not made or taken away; with the status of the answer."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


class EnrolmentPages:
    """The routes ``enroll`` and ``revoke`` under ``/api/devices/{device}`` and ``/register/{device}``."""

    def __init__(self, status: Status, pages: PageRenderer) -> None:
        self._config = status.config
        self._devices = status.devices
        self._pages = pages

    def changing(self) -> dict[str, ChangeRoute]:
        """Path → change."""
        technician, admin = AccountRole.TECHNICIAN, AccountRole.ADMIN
        return {
            "/api/devices/{device}/enroll": ChangeRoute(technician, "device enrolled", self._enrol_by_program),
            "/register/{device}/enroll": ChangeRoute(technician, "device enrolled", self._enrol_by_form),
            "/api/devices/{device}/revoke": ChangeRoute(admin, "device revoked", self._revoke_by_program),
            "/register/{device}/revoke": ChangeRoute(admin, "device revoked", self._revoke_by_form),
        }

    async def _enrol_by_program(self, request: web.Request) -> web.Response:
        try:
            one = await self._enrol(request)
        except _AccountUnchanged as why:
            return web.json_response({"error": str(why)}, status=why.status)
        account = {"device": one.username, "host": one.host, "port": one.port, "username": one.username}
        answer = account | {"password": one.password, "topic": one.topic, "enrolment": str(one)}
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def _enrol_by_form(self, request: web.Request) -> web.Response:
        try:
            one = await self._enrol(request)
        except _AccountUnchanged as why:
            return self._show(request, status=why.status, fault=str(why))
        code = segno.make(str(one), error="m").svg_inline(scale=4, border=3)
        response = self._show(request, one=one, code=Markup(code))  # noqa: S704 - drawn here, from our own text
        response.headers["Cache-Control"] = "no-store"  # its password is shown this once
        return response

    async def _revoke_by_program(self, request: web.Request) -> web.Response:
        try:
            was_there = await self._revoke(request)
        except _AccountUnchanged as why:
            return web.json_response({"error": str(why)}, status=why.status)
        return web.json_response({"device": request.match_info["device"], "had_account": was_there})

    async def _revoke_by_form(self, request: web.Request) -> web.Response:
        try:
            await self._revoke(request)
        except _AccountUnchanged as why:
            return self._show(request, status=why.status, fault=str(why))
        return self._show(request, revoked=True)

    async def _enrol(self, request: web.Request) -> Enrolment:
        name = request.match_info["device"]
        try:
            topics = topics_of_device(name, self._devices.entry(name))
            entrance = entrance_of(self._config)
            async with device_accounts(self._config) as broker:
                account = await broker.enrol(topics, is_present=name in await broker.enrolled())
        except (NotEnrollable, ConfigurationFault) as fault:
            raise _AccountUnchanged(str(fault), _CONFLICT) from fault
        except (AdministrationFault, EnrolmentRefused) as fault:
            raise _AccountUnchanged(str(fault), _BAD_GATEWAY) from fault
        return entrance.enrolment(topics, account.password)

    async def _revoke(self, request: web.Request) -> bool:
        try:
            async with device_accounts(self._config) as broker:
                return await broker.revoke(request.match_info["device"])
        except ConfigurationFault as fault:
            raise _AccountUnchanged(str(fault), _CONFLICT) from fault
        except (AdministrationFault, EnrolmentRefused) as fault:
            raise _AccountUnchanged(str(fault), _BAD_GATEWAY) from fault

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
