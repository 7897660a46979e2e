"""Steps of counters that stand to be confirmed: the list, and what a person says of each."""

from collections.abc import Iterator
from urllib.parse import urlencode

from aiohttp import web

from gateway.core.devices.device import Device
from gateway.core.readings.exchanges import StepState, StepToConfirm
from gateway.support.access.accounts import AccountRole
from gateway.web.http.handlers import Document, note_change
from gateway.web.http.long_answers import some_at_a_time
from gateway.web.routing import RouteGroup, changes, reads

_AT_A_TIME = 500


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
