"""The page of new devices: those that send and are not registered, as they appear, decoded; found by what is on the label."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import Final

from aiohttp import web

from gateway.core.devices.device import Device
from gateway.core.message import WaitCause
from gateway.ingest.storage import quarantine, rejects
from gateway.ingest.storage.database import Damaged, Database, DatabaseFault
from gateway.ingest.storage.rejects import RejectFilter
from gateway.monitoring.status.status import Status
from gateway.web.devices.device_form import is_registered_as
from gateway.web.http.handlers import Document, Handler, language_of
from gateway.web.http.long_answers import Fresh, Turns, some_at_a_time
from gateway.web.http.pages import PageRenderer
from schemas.glossary import quantities
from schemas.registry import RegisteredDevice, device_key
from schemas.rejects import RejectReason
from schemas.topics import is_id

ExplainDevice = Callable[[str], Awaitable[Document | None]]
"""Gives the document of a device as ``/api/devices/{device}`` has it; None if nothing is known of it."""

_SHOWN: Final = 20
_DECODED: Final = 8
_FOUND: Final = 10
_REFUSED: Final = 200
"""Last rejects of unknown devices that are looked through for their senders."""
_AT_A_TIME: Final = 200
"""Devices looked at in one turn."""
_FRESH_FOR_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Newcomer:
    """A device that was heard and is not registered.

    :ivar messages: the number of those that wait for its registration.
    :ivar at_ms: the time at which it began to wait, or was heard last.
    :ivar explained: its document; None: it is one of many.
    """

    id: str
    messages: int
    at_ms: int
    explained: Document | None = None


class NewDevicePages:
    """The route ``/register``."""

    def __init__(self, status: Status, database: Database, turns: Turns, pages: PageRenderer, explain: ExplainDevice) -> None:
        self._clock = status.clock
        self._language = status.config.language
        self._devices = status.devices
        self._database = database
        self._turns = turns
        self._pages = pages
        self._explain = explain
        self._newcomers = Fresh(self._look, _FRESH_FOR_S)

    def reading(self) -> dict[str, Handler]:
        """Path → handler, for reading."""
        return {"/register": self._page}

    async def _page(self, request: web.Request) -> web.Response:
        search = request.query.get("search", "").strip()
        key = device_key(search).lower()
        newcomers = [device for device in await self._newcomers.get() if key in device.id.lower() or search in device.id]
        known = await self._registered(search.lower(), key) if search else []
        return self._pages.page(
            request,
            "register",
            now_ms=self._clock.now_ms(),
            search=search,
            newcomers=newcomers[:_SHOWN],
            left_out=max(0, len(newcomers) - _SHOWN),
            known=known,
            unheard=key if is_id(key) and search and not newcomers and not known else "",
            is_no_id=bool(search) and not is_id(key),
            retired=request.query.get("retired", ""),
            quantities=quantities(language_of(request, self._language)),
        )

    async def _registered(self, search: str, key: str) -> list[RegisteredDevice]:
        found: list[RegisteredDevice] = []
        parts = some_at_a_time(self._devices.registry_entries(), _AT_A_TIME)
        fitting = ([one for one in some if is_registered_as(one, search, key)] for some in parts)
        async for some in self._turns.each(fitting):
            found += some
        return sorted(found, key=lambda device: device.id)[:_FOUND]

    async def _look(self) -> list[_Newcomer]:
        """The newcomers, those that appeared last first; what the first few sent is decoded."""
        unknown = RejectFilter(reason=RejectReason.UNKNOWN_DEVICE)
        try:
            waiting = await self._turns.read(self._database, quarantine.keys)
            rows = await self._turns.read(self._database, rejects.page, unknown, most=_REFUSED)
        except (DatabaseFault, Damaged):  # said on the start page
            waiting, rows = [], []
        refused = [refusal for _, refusal, _ in rows]
        found = {
            key.key: _Newcomer(key.key, key.messages, key.since_ms) for key in waiting if key.cause is WaitCause.UNKNOWN_DEVICE
        }
        strangers: list[Device] = []
        async for some in self._turns.each(self._strangers()):
            strangers = nlargest(4 * _SHOWN, strangers + some, key=lambda device: device.last_seen_ms)
        for device in strangers:
            found.setdefault(device.name, _Newcomer(device.name, 0, device.last_seen_ms))
        for refusal in refused:
            if refusal.device and not self._devices.streams.is_registered(refusal.device):
                found.setdefault(refusal.device, _Newcomer(refusal.device, 0, refusal.arrival_ms))
        newest = sorted(found.values(), key=lambda newcomer: -newcomer.at_ms)
        return [replace(one, explained=await self._explain(one.id)) for one in newest[:_DECODED]] + newest[_DECODED:]

    def _strangers(self) -> Iterator[list[Device]]:
        """Devices that were heard and are not registered."""
        for some in some_at_a_time(list(self._devices.streams.devices.values()), _AT_A_TIME):
            yield [device for device in some if device.registered is None and device.last_seen_ms]
