"""The exchange of a meter over HTTP: its last register, the first of the new one, and the name that the new one sends under."""

import re
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import quote

from aiohttp import web

from gateway.core.readings.exchanges import ToldExchange
from gateway.onboarding.registration import FileChanged
from gateway.support.access.accounts import AccountRole
from gateway.support.audit.chain import Details
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.registry.changes import ChangeRefused, with_source
from gateway.web.changes.commands import CommandRefused, MeterExchange
from gateway.web.changes.registrar import Registrar
from gateway.web.devices.register import RegisterPages
from gateway.web.http.handlers import ChangeRoute, Document, note_changes

_NUMBERS: Final = ("final", "register")
_OPTION: Final = re.compile(r"(?:--(final|register|field|at): )?(.*?)(; if it is right, repeat with --force)?", re.DOTALL)
_UNPROCESSABLE: Final = 422


class _ExchangeRefusal(NamedTuple):
    """The reason against an exchange.

    :ivar key: the field that it is about, or empty.
    :ivar may_force: it only seems to be a mistake.
    """

    key: str
    what: str
    status: int
    may_force: bool = False


class ExchangePages:
    """The routes ``/api/devices/{device}/exchange`` and ``/register/{device}/exchange``."""

    def __init__(self, meter_exchange: MeterExchange, registrar: Registrar, register: RegisterPages, clock: WallClock) -> None:
        self._meter_exchange = meter_exchange
        self._registrar = registrar
        self._register = register
        self._clock = clock

    def changing(self) -> dict[str, ChangeRoute]:
        """Path → change."""
        technician, action = AccountRole.TECHNICIAN, "meter exchanged"
        return {
            "/api/devices/{device}/exchange": ChangeRoute(technician, action, self._by_program),
            "/register/{device}/exchange": ChangeRoute(technician, action, self._by_form),
        }

    async def _by_program(self, request: web.Request) -> web.Response:
        """Note the exchange of a meter: now, or at ``at_ms``."""
        answer = await self._exchange(request, dict(request.query))
        if isinstance(answer, _ExchangeRefusal):
            why = f"--{answer.key}: {answer.what}" if answer.key else answer.what
            why += "; if it is right, repeat with --force" if answer.may_force else ""
            return web.json_response({"error": why}, status=answer.status)
        return web.json_response(answer)

    async def _by_form(self, request: web.Request) -> web.Response:
        form = {key: text.strip() for key, text in (await request.post()).items() if isinstance(text, str) and text.strip()}
        told = {key: text.replace(",", ".") if key in _NUMBERS else text for key, text in form.items()}
        answer = await self._exchange(request, told)
        if not isinstance(answer, _ExchangeRefusal):
            to = f"/register/{quote(request.match_info['device'])}?done=exchanged"
            return web.Response(status=303, headers={"Location": to})
        faults = {f"exchange_{answer.key}" if answer.key else "": answer.what}
        asked = form | ({"may_force": "1"} if answer.may_force else {})
        return await self._register.form(request, exchange=asked, faults=faults, status=_UNPROCESSABLE)

    async def _exchange(self, request: web.Request, told: dict[str, str]) -> Document | _ExchangeRefusal:
        name, source = request.match_info["device"], told.get("source")
        try:
            at_ms = int(told["at_ms"]) if "at_ms" in told else self._clock.now_ms()
            final, register = (float(told[key]) if key in told else None for key in _NUMBERS)
        except ValueError as error:
            return _ExchangeRefusal("", f"not a number: {error}", 400)
        exchange = ToldExchange(told.get("field"), at_ms, final, register)
        try:
            renaming = partial(with_source, name=name, source=source) if source else None
            if renaming is not None:
                await self._registrar.check(renaming)  # before the exchange is noted
            device, effect = await self._meter_exchange.exchange(name, exchange, force="force" in told)
            renamed = await self._registrar.change(renaming, [name], None) if renaming is not None else None
        except CommandRefused as refused:
            key, what, doubt = _parted(str(refused))
            return _ExchangeRefusal(key, what, refused.status, may_force=doubt)
        except ChangeRefused as refused:
            return _ExchangeRefusal("source", "; ".join(refused.faults.values()), 409)
        except (ConfigurationFault, FileChanged) as fault:
            return _ExchangeRefusal("", str(fault), 409)
        answer: Document = {"device": device, "begin_anew": effect.at_once, "told_late": effect.later}
        noted: list[Details] = [{"after": answer | exchange._asdict()}]
        note_changes(request, [*noted, *(details for _, details in renamed.details)] if renamed else noted)
        return answer


def _parted(text: str) -> tuple[str, str, bool]:
    found = _OPTION.fullmatch(text)
    return (found[1] or "", found[2], found[3] is not None) if found else ("", text, False)
