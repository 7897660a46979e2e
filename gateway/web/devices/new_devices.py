"""Devices that nobody has registered yet: listed, and introduced by how often they send and what make they may be."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from heapq import nlargest
from typing import Any, Final

from aiohttp import web

from gateway.core.devices.device import Device
from gateway.core.message import StoredMessage, WaitCause
from gateway.ingest.storage import quarantine, rejects
from gateway.ingest.storage.database import Damaged, DatabaseFault
from gateway.ingest.storage.rejects import RejectFilter
from gateway.onboarding.trials.recordings import RecordedMessage
from gateway.onboarding.trials.trial import ProposedMake, measured_interval_s, propose_makes
from gateway.support.config.files import ConfigurationFault
from gateway.web.devices.device_documents import DeviceForm, is_registered_as, proposed
from gateway.web.http.answers import Fresh, some_at_a_time
from gateway.web.http.handlers import Document, language_of
from gateway.web.routing import PageParts, RouteGroup, reads
from schemas.durations import format_duration
from schemas.glossary import quantities
from schemas.registry import RegisteredDevice, device_key
from schemas.rejects import RejectReason
from schemas.topics import is_id

ExplainDevice = Callable[[str], Awaitable[Document | None]]
"""Gives the document of a device as ``/api/devices/{device}`` has it; None if nothing is known of it."""

_MAKE_UNKNOWN: Final = frozenset({RejectReason.UNKNOWN_DEVICE, RejectReason.AMBIGUOUS_PROFILE})
_REMEMBERED: Final = 16
_SHOWN: Final = 20
_DECODED: Final = 8
_FOUND: Final = 10
_REFUSED: Final = 200
"""Last rejects of unknown devices that are looked through for their senders."""
_AT_A_TIME: Final = 200
"""Devices looked at in one turn."""
_FRESH_FOR_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Introduction:
    """The facts that the messages of an unregistered device tell."""

    fields: DeviceForm = field(default_factory=dict)  # the form as it can be filled from them
    interval_s: float | None = None  # measured; None: too few messages came
    makes: list[ProposedMake] = field(default_factory=list)  # profiles that can read them, where they do not tell their make


NOTHING_KNOWN: Final = Introduction()


@dataclass(frozen=True, slots=True)
class _Newcomer:
    """A device that was heard and is not registered."""

    id: str
    messages: int  # the number of those that wait for its registration
    at_ms: int  # the time at which it began to wait, or was heard last
    explained: Document | None = None  # its document; None: it is one of many


class NewDevicePages(RouteGroup):
    """The page of devices that nobody has registered, and their introduction by their last messages."""

    def __init__(self, parts: PageParts, explain: ExplainDevice) -> None:
        super().__init__(parts)
        self._explain = explain
        self._proposing = asyncio.Lock()
        self._proposed: dict[tuple[object, ...], list[ProposedMake]] = {}
        self._newcomers = Fresh(self._look, _FRESH_FOR_S)

    @reads("/register")
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
            retired=request.query.get("retired", ""),
            quantities=quantities(language_of(request, self._config.language)),
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

    async def introduced(self, name: str, explained: Document | None) -> Introduction:
        """Introduce a device; ``explained``: its document, as ``/api/devices/{device}`` has it; None if nothing is known."""
        device = self._devices.find(name)
        interval_s, makes = await self._interval_s(name), await self._makes(name, explained)
        fields = proposed(explained, device.source if device is not None else "", name)
        fields["installed"] = self._local_day(self._clock.now_ms()).isoformat()
        if interval_s is not None:
            fields["interval"] = format_duration(timedelta(seconds=interval_s))
        if makes and (len(makes) == 1 or makes[0].measured > makes[1].measured):
            fields["profile"] = makes[0].profile
        if makes:
            fields["domain"] = next(p["measurement"] for p in makes[0].points if p["measurement"] != "device_health")
        return Introduction(fields, interval_s, makes)

    async def waiting(self, name: str) -> int:
        """Count the messages that wait for the registration of a device."""
        return len(await self._arrivals_ms(name, most=10_000))

    async def _interval_s(self, name: str) -> float | None:
        """The interval of its last messages, by those that wait, or those of the last minutes."""
        arrivals_ms: list[float] = [*await self._arrivals_ms(name)]
        device, now_ms = self._devices.find(name), self._clock.now_ms()
        if device is not None and not arrivals_ms:
            keys = device.young_keys(now_ms, self._devices.streams.field_sets)
            arrivals_ms = [now_ms - 1000 * key.age_s for key in keys]
        return measured_interval_s(arrivals_ms)

    async def _arrivals_ms(self, name: str, most: int = 50) -> list[int]:
        try:
            return await self._turns.read(self._database, quarantine.arrivals, device_key(name), WaitCause.UNKNOWN_DEVICE, most)
        except (DatabaseFault, Damaged):  # said on the start page; a device can be registered all the same
            return []

    async def _makes(self, name: str, explained: Document | None) -> list[ProposedMake]:
        """The profiles that can read a device whose messages do not tell its make; worked out once for a message."""
        recorded = _unread(explained) or await self._refused(name)
        if recorded is None:
            return []
        basis = (name, recorded.arrival_ms, self._devices.streams.profiles)
        async with self._proposing:
            if basis not in self._proposed:
                self._proposed[basis] = await asyncio.to_thread(self._propose, name, recorded)
                if len(self._proposed) > _REMEMBERED:
                    del self._proposed[next(iter(self._proposed))]
            return self._proposed[basis]

    async def _refused(self, name: str) -> RecordedMessage | None:
        """The last message that was refused since its device, or its make, is not known."""
        chosen = RejectFilter(device=name)
        try:
            rows = await self._turns.read(self._database, rejects.page, chosen, payloads=True, most=1)
        except (DatabaseFault, Damaged):
            return None
        found = [refusal for _, refusal, _ in rows if refusal.reason in _MAKE_UNKNOWN]
        return RecordedMessage(StoredMessage(found[0].topic, found[0].payload), found[0].arrival_ms) if found else None

    def _propose(self, name: str, recorded: RecordedMessage) -> list[ProposedMake]:
        try:
            return propose_makes(self._config, recorded, name)
        except ConfigurationFault:  # said at the reload
            return []


def _unread(explained: Document | None) -> RecordedMessage | None:
    """The last message of a device, if no profile was found for it; None if it was cut for the page."""
    reject: Mapping[str, Any] | None = ((explained or {}).get("result") or {}).get("reject")
    last: Mapping[str, Any] | None = (explained or {}).get("last_message")
    if not last or last["cut"] or reject is None or reject["reason"] not in _MAKE_UNKNOWN:
        return None
    payload = last["payload"].encode() if "payload" in last else bytes.fromhex(last["payload_hex"])
    return RecordedMessage(StoredMessage(last["topic"], payload), last["arrival_ms"])
