"""Counters over HTTP: their meters' exchange, sums worked out again and which are late, and steps to be confirmed."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import quote, urlencode

from aiohttp import web

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack_kept
from gateway.core.readings.sums import StepState, StepToConfirm, ToldExchange
from gateway.monitoring.reports.resum import ResumProgress
from gateway.monitoring.reports.rollup_points import written_name
from gateway.monitoring.status.known_devices import nobody
from gateway.onboarding.registration import FileChanged
from gateway.support.access.accounts import AccountRole
from gateway.support.audit.log import Details
from gateway.support.config.files import ConfigurationFault
from gateway.support.registry.changes import ChangeRefused, with_source
from gateway.web.changes.commands import CommandRefused
from gateway.web.devices.device_documents import counter_documents
from gateway.web.http.answers import some_at_a_time
from gateway.web.http.handlers import Document, account_of, note_change, note_changes, whole_number
from gateway.web.routing import RouteGroup, changes, reads

_NUMBERS: Final = ("final", "register")
_REFUSAL: Final = re.compile(
    r"(?:--(final|register|field|at|source): )?(.*?)(; if it is right, repeat with --force)?", re.DOTALL
)
"""A refusal as commands print it: the field that it is about, the sentence, and if it only seems to be a mistake."""
_UNPROCESSABLE: Final = 422
_AT_A_TIME: Final = 500


class ExchangePages(RouteGroup):
    """The exchange of a device's meter, told by a program or on its form: the one form, wherever an exchange is offered."""

    @reads("/devices/{device}/exchange")
    async def _page(self, request: web.Request) -> web.Response:
        """The form; ``field``, ``at`` (ms or local time), ``final`` and ``register`` of the address are filled in."""
        fields = dict(request.query)
        if fields.get("at", "").isdecimal():
            fields["at"] = datetime.fromtimestamp(int(fields["at"][:13]) / 1000, self._zone).strftime("%Y-%m-%dT%H:%M")
        return self._form(request, fields, {})

    def _form(self, request: web.Request, fields: dict[str, str], faults: dict[str, str], status: int = 200) -> web.Response:
        device = self._devices.find(request.match_info["device"])
        if device is None:
            raise web.HTTPNotFound(text=nobody(request.match_info["device"]))
        return self._pages.page(
            request,
            "exchange",
            status=status,
            device=device.name,
            counters=counter_documents(device.counters),
            fields=fields,
            faults=faults,
            has_fields_at_fault=bool(faults.keys() - {""}),
            may_force="may_force" in fields,
            may_save=account_of(request).role >= AccountRole.TECHNICIAN,
            done="done" in request.query,
        )

    @changes("/api/devices/{device}/exchange", AccountRole.TECHNICIAN, "meter exchanged")
    async def _by_program(self, request: web.Request) -> web.Response:
        """Note the exchange of a meter: now, or at ``at_ms``."""
        return web.json_response(await self._exchange(request, dict(request.query)))

    @changes("/devices/{device}/exchange", AccountRole.TECHNICIAN, "meter exchanged")
    async def _by_form(self, request: web.Request) -> web.Response:
        form = {key: text.strip() for key, text in (await request.post()).items() if isinstance(text, str) and text.strip()}
        told = {key: text.replace(",", ".") if key in _NUMBERS else text for key, text in form.items()}
        try:
            if at := told.pop("at", ""):
                told["at_ms"] = str(self._instant_ms(at))
            await self._exchange(request, told)
        except CommandRefused as refused:
            found = _REFUSAL.fullmatch(str(refused))
            key, what, doubt = found.groups() if found is not None else (None, str(refused), None)
            asked = form | ({"may_force": "1"} if doubt else {})
            return self._form(request, asked, {key or "": what}, _UNPROCESSABLE)
        return web.Response(status=303, headers={"Location": f"/devices/{quote(request.match_info['device'])}/exchange?done=1"})

    def _instant_ms(self, at: str) -> int:
        """A local time as a browser writes it, in ms."""
        try:
            return round(datetime.fromisoformat(at).replace(tzinfo=self._zone).timestamp() * 1000)
        except ValueError:
            raise CommandRefused(f"--at: {at[:40]!r} is no time; write 2026-10-31T14:30", 422) from None

    async def _exchange(self, request: web.Request, told: dict[str, str]) -> Document:
        """Note an exchange, and a new name of the device; CommandRefused: it cannot be, or seems to be a mistake."""
        name, source = request.match_info["device"], told.get("source")
        try:
            at_ms = int(told["at_ms"]) if "at_ms" in told else self._clock.now_ms()
            final, register = (float(told[key]) if key in told else None for key in _NUMBERS)
        except ValueError as error:
            raise CommandRefused(f"not a number: {error}", 400) from error
        exchange = ToldExchange(told.get("field"), at_ms, final, register)
        try:
            renaming = partial(with_source, name=name, source=source) if source else None
            if renaming is not None:
                await self._commands.registrar.check(renaming)  # before the exchange is noted
            device, effect = await self._commands.exchange.exchange(name, exchange, force="force" in told)
            renamed = await self._commands.registrar.change(renaming, [name], None) if renaming is not None else None
        except ChangeRefused as refused:
            raise CommandRefused(f"--source: {'; '.join(refused.faults.values())}", 409) from refused
        except (ConfigurationFault, FileChanged) as fault:
            raise CommandRefused(str(fault), 409) from fault
        answer: Document = {"device": device, "begin_anew": effect.at_once, "told_late": effect.later}
        noted: list[Details] = [{"after": answer | exchange._asdict()}]
        note_changes(request, [*noted, *(details for _, details in renamed.details)] if renamed else noted)
        return answer


class SumPages(RouteGroup):
    """The sums of counters: worked out again, and those that are wrong."""

    @changes("/api/devices/{device}/resum", AccountRole.TECHNICIAN, "sums worked out again")
    async def _start(self, request: web.Request) -> web.Response:
        """Begin to work out the sums of a device since ``from_ms``."""
        try:
            from_ms = int(request.query["from_ms"])
        except (KeyError, ValueError):
            raise web.HTTPBadRequest(text="from_ms: a time in ms is missing") from None
        device = self._commands.exchange.met(request.match_info["device"])
        if not 0 <= from_ms < self._clock.now_ms():
            raise web.HTTPBadRequest(text="from_ms: this time has not come yet")
        return web.json_response(progress_document(self._commands.resums.start(device, from_ms)))

    @reads("/api/devices/{device}/resum")
    async def _progress(self, request: web.Request) -> web.Response:
        found = self._commands.resums.progress(self._commands.exchange.met(request.match_info["device"]).name)
        if found is None:
            raise web.HTTPNotFound(text="nobody asked for its sums")
        return web.json_response(progress_document(found))

    @changes("/api/rollups/again", AccountRole.ADMIN, "roll-ups written again")
    async def _rollups(self, request: web.Request) -> web.Response:
        """Mark the closed hours of all devices since ``from_ms``, to be written again."""
        again, status = self._commands.backlog.hours_again, self._commands.exchange.status
        names = [written_name(device) for device in status.devices.registry_entries()]
        end_ms = status.evaluator.late.closed_ms
        hours = again.mark_all(names, whole_number(request.query.get("from_ms")) or 0, end_ms)
        await again.save()
        return web.json_response({"hours": hours})

    def _wrong(self) -> Iterator[list[Device]]:
        """The devices whose sums are wrong, of some at a time."""
        for some in some_at_a_time(list(self._devices.streams.devices.values()), _AT_A_TIME):
            yield [one for one in some if one.counters is not None and one.counters.past.wrong_since_ms is not None]

    @reads("/api/late-sums")
    async def _late(self, _: web.Request) -> web.Response:
        """The devices whose sums are wrong in the database, with their counters as they are stored."""
        late = {device.name: json.loads(pack_kept(device)) async for some in self._turns.each(self._wrong()) for device in some}
        return web.json_response({"devices": late})


def progress_document(progress: ResumProgress) -> Document:
    """The progress of a device, as JSON."""
    document = asdict(progress)
    return document | {"done": document.pop("is_done"), "written": document.pop("is_written")}


class StepPages(RouteGroup):
    """The steps of all devices."""

    @reads("/steps")
    async def _page(self, request: web.Request) -> web.Response:
        """The steps, of one ``device`` if it is named; each with its two buttons."""
        return self._pages.page(
            request,
            "steps",
            steps=await self._found(request),
            device=request.query.get("device", ""),
            exchange=_exchange_query,
        )

    @reads("/api/steps")
    async def _list(self, request: web.Request) -> web.Response:
        """The steps to confirm, and those that were said to be used; the newest first."""
        return web.json_response({"steps": await self._found(request)})

    async def _found(self, request: web.Request) -> list[Document]:
        name = request.query.get("device")
        found = [step async for some in self._turns.each(self._steps()) for step in some if name in (None, step["device"])]
        return sorted(found, key=lambda step: step["first_ms"], reverse=True)

    def _steps(self) -> Iterator[list[Document]]:
        """The steps, of some devices at a time."""
        for some in some_at_a_time(list(self._devices.streams.devices.values()), _AT_A_TIME):
            yield [document for device in some for document in step_documents(device)]

    @changes("/api/devices/{device}/step-used", AccountRole.TECHNICIAN, "step said to be used")
    async def _used(self, request: web.Request) -> web.Response:
        """Say that the step at ``first_ms`` was really used, or take that back (``undo``); ``counter`` where it has several."""
        try:
            first_ms = int(request.query["first_ms"])
        except (KeyError, ValueError):
            raise web.HTTPBadRequest(text="first_ms: a time in ms is missing") from None
        name, counter, is_used = request.match_info["device"], request.query.get("counter"), "undo" not in request.query
        before, step = await self._commands.exchange.say_used(name, first_ms, counter, self._commands.resums, is_used=is_used)
        document = step_document(name, step)
        note_change(request, before={"state": before.name.lower()}, after=document)
        return web.json_response(document)


def step_documents(device: Device) -> list[Document]:
    """The steps of a device that stand."""
    steps = device.counters.past.steps if device.counters is not None else ()
    return [step_document(device.name, step) for step in steps if step.state]


def step_document(device: str, step: StepToConfirm) -> Document:
    """A step, as JSON."""
    found: Document = {"device": device, "counter": step.name, "before": step.before, "after": step.after}
    times = {"from_ms": step.from_ms, "first_ms": step.first_ms, "held_out": step.held_out}
    return found | times | {"state": "used" if step.state is StepState.USED else "to_confirm"}


def _exchange_query(step: Document) -> str:
    """The query with which the form of an exchange is filled in."""
    at_ms = max(step["first_ms"] // 60_000 * 60_000, step["from_ms"] + 1)
    return urlencode({"field": step["counter"], "final": step["before"], "register": step["after"], "at": at_ms})
