"""The counters of a device over HTTP: the exchange of its meter, its sums worked out again, and which are late."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import quote

from aiohttp import web

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack_kept
from gateway.core.readings.exchanges import ToldExchange
from gateway.monitoring.reports.resum import ResumProgress
from gateway.monitoring.status.status import Status
from gateway.onboarding.registration import FileChanged
from gateway.runtime.jobs.resums import Resums
from gateway.support.access.accounts import AccountRole
from gateway.support.audit.chain import Details
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.registry.changes import ChangeRefused, with_source
from gateway.web.changes.commands import CommandRefused, MeterExchange
from gateway.web.changes.registrar import Registrar
from gateway.web.devices.register import RegisterPages
from gateway.web.http.handlers import ChangeRoute, Document, Handler, note_changes
from gateway.web.http.long_answers import Turns, some_at_a_time

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
