"""The list of devices over HTTP: searched, filtered, sorted and cut into pages, a few devices in a turn of the loop.

It begins with the worst. :class:`gateway.monitoring.status.known_devices.DeviceVerdicts` says how a device is, here as on its
page. Its last value comes from what is in memory: its register, else what its newest message says.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from heapq import merge
from itertools import islice
from math import isnan
from operator import attrgetter
from typing import Any, Final, NamedTuple

from aiohttp import web

from gateway.core.devices.device import Device
from gateway.core.message import WaitCause
from gateway.core.status.verdict import STATES, Level, is_in_state
from gateway.ingest.storage import quarantine
from gateway.ingest.storage.database import Damaged, DatabaseFault
from gateway.monitoring.reports.roster import MAIN_COUNTER
from gateway.monitoring.status.known_devices import KnownDevices, device_document
from gateway.monitoring.status.status import Status
from gateway.onboarding.explain.dry_run import TracedCore, point_documents
from gateway.runtime.pipeline.processing import processor_apart
from gateway.web.devices.device_documents import entry_document, shared_part
from gateway.web.devices.device_view import LadderTexts, verdict_document
from gateway.web.http.answers import send_list, some_at_a_time
from gateway.web.http.handlers import PAGE_ROWS, Document, Listing, ListQuery, list_query, scope_of, seen_by
from gateway.web.routing import RouteGroup, reads
from schemas.quantities import DOMAINS, HEALTH, QUANTITIES, SUM_OF
from schemas.registry import RegisteredDevice

_BESIDE: Final = frozenset({"quality", "seq", *SUM_OF.values()})


class LastValue(NamedTuple):
    """A value that a device sent, and its time."""

    field: str
    value: float | bool
    time_ms: int


class LastValues:
    """Reads the last messages of devices as the gateway would, without touching it; a maker's codec is not called."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._apart: TracedCore | None = None

    def of(self, device: Device) -> LastValue | None:
        """The last value of a device, of its main quantity if it has that; None: nothing is in memory."""
        found = next(_registers(device), None) or next(self._told(device), None)
        return None if found is None or (isinstance(found.value, float) and isnan(found.value)) else found

    def _told(self, device: Device) -> Iterator[LastValue]:
        arrival, outcome = device.last_message, device.last_outcome
        if arrival is None:
            return
        if outcome is None or not outcome.readings:
            if self._apart is None:
                streams, evaluator = self._status.devices.streams, self._status.evaluator
                self._apart = processor_apart(streams.registry, streams.profiles, evaluator.rules, deepcopy(evaluator.trust))
            outcome = self._apart.process(arrival.message, arrival.now_ms)
        points = [point for point in point_documents(outcome) if point["tags"].get("device") == device.name]
        for point in sorted(points, key=lambda point: (point["measurement"] == HEALTH, -point["time_ms"])):
            known = [field for field in QUANTITIES.get(point["measurement"], ()) if field in point["fields"]]
            for field in known:
                if field not in _BESIDE:
                    yield LastValue(field, point["fields"][field], point["time_ms"])


def _registers(device: Device) -> Iterator[LastValue]:
    """The registers of a device, the main one first."""
    registers = list(device.counters.registers()) if device.counters is not None else []
    main = MAIN_COUNTER.get(device.measures or "")
    for one in sorted(registers, key=lambda register: register.name.partition(",")[0] != main):
        if not isnan(one.value):
            yield LastValue(one.name.partition(",")[0], one.value, int(one.time_ms))


_LISTED: Final = 200
_OFFERED: Final = 20
_AT_A_TIME: Final = 200
"""Devices processed in one turn."""
_FILTERS: Final = ("search", "state", "domain")
_WORST_FIRST: Final = {Level.TROUBLE: 0, Level.ATTENTION: 1, Level.GOOD: 2}

_name: Final = attrgetter("name")
_SortKey = Callable[[Device], Any]


class DeviceList(RouteGroup):
    """The list of devices, as a page and as JSON."""

    @reads("/devices")
    async def _page(self, request: web.Request) -> web.Response:
        now_ms, query = self._clock.now_ms(), list_query(request, _FILTERS, "state")
        scope = scope_of(request)
        found, values = await self._find(self._seen(request), query, now_ms, query.start, PAGE_ROWS), LastValues(self._status)
        said = LadderTexts(*self._pages.language(request), now_ms)
        rows = [row | {"headline": said.rung(verdict.headline, row["id"])} for row, verdict, _ in found.rows]
        if scope is not None:  # a fault of a message may name the other devices that it came for
            rows = [shared_part(row) | {"headline": row["headline"]._replace(said="")} for row in rows]
        last = [value async for value in self._turns.each(values.of(device) for _, _, device in found.rows)]
        offered = [] if query.get("state") or scope is not None else await self._offered(_words(query))
        return self._pages.page(
            request,
            "devices",
            now_ms=now_ms,
            list=replace(found, rows=[row | {"last": value} for row, value in zip(rows, last, strict=True)]),
            offered=offered,
            most_offered=_OFFERED,
            states=STATES,
            domains=DOMAINS,
        )

    @reads("/api/devices")
    async def _list(self, request: web.Request) -> web.StreamResponse:
        """All devices by name; with a filter those that fit, strangers first, and those that wait."""
        now_ms, scope = self._clock.now_ms(), scope_of(request)
        if not request.query.keys() & set(_FILTERS):
            documents = await self._by_name(self._seen(request), now_ms)
            return await send_list(request, self._turns, "devices", documents if scope is None else map(shared_part, documents))
        query = list_query(request, _FILTERS, "state")
        listing = await self._find(self._seen(request), query, now_ms, 0, _LISTED)
        offered = [] if scope is not None else await self._offered(_words(query))
        rows = [row | {"verdict": verdict_document(verdict)} for row, verdict, _ in listing.rows]
        if scope is not None:  # rung and code tell of messages
            rows = [shared_part(row) | {"verdict": {"level": row["verdict"]["level"]}} for row in rows]
        return web.json_response({"now": now_ms, "devices": rows, "found": listing.found, "offered": offered})

    def _seen(self, request: web.Request) -> Iterator[Device]:
        is_seen = seen_by(request, self._devices)
        return (device for device in self._devices.all() if is_seen(device.name))

    async def _by_name(self, devices: Iterator[Device], now_ms: int) -> Iterator[Document]:
        """The documents of devices, each made when it is asked for."""
        parts = some_at_a_time(devices, _AT_A_TIME)
        in_order = [some async for some in self._turns.each(sorted(some, key=_name) for some in parts)]
        silence, level = self._devices.silence, self._status.verdicts.level
        return (
            device_document(device, silence, now_ms) | {"level": level(device, now_ms)}
            for device in merge(*in_order, key=_name)
        )

    async def _find(self, devices: Iterator[Device], query: ListQuery, now_ms: int, start: int, most: int) -> Listing:
        """The devices that fit, from a place in their order on, each with its ladder."""
        key, descending = self._key(query.sort.removeprefix("-"), now_ms), query.sort.startswith("-")
        in_parts = (sorted(some, key=key, reverse=descending) for some in self._fitting(devices, query, now_ms) if some)
        parts = [part async for part in self._turns.each(in_parts)]
        in_order = merge(*parts, key=key, reverse=descending)
        found, shown = sum(map(len, parts)), list[Device]()
        async for place, device in self._turns.each(enumerate(islice(in_order, start + most))):
            if place >= start:
                shown.append(device)
        ladder = self._status.verdicts.ladder
        rows = ((listed_device(device, self._devices, now_ms), ladder(device, now_ms), device) for device in shown)
        return Listing(query, [row async for row in self._turns.each(rows)], found)

    def _fitting(self, devices: Iterator[Device], query: ListQuery, now_ms: int) -> Iterator[list[Device]]:
        words, state, domain = _words(query), query.get("state"), query.get("domain")
        for some in some_at_a_time(devices, _AT_A_TIME):
            yield [
                device
                for device in some
                if (not domain or device.measures == domain)
                and (not state or is_in_state(device, state, self._devices.silence, self._status.verdicts.rules, now_ms))
                and (not words or _fits(device, words, self._devices.areas))
            ]

    def _key(self, name: str, now_ms: int) -> _SortKey:
        """The key of an order; devices that are equal in it stand by name. The worst come first where none is asked for."""
        level = self._status.verdicts.level
        keys: dict[str, _SortKey] = {
            "name": _name,
            "heard": lambda device: (device.last_seen_ms, device.name),
            "site": lambda device: (_site(device), device.name),
        }
        return keys.get(name, lambda device: (_WORST_FIRST[level(device, now_ms)], device.registered is not None, device.name))

    async def _offered(self, wanted: list[str]) -> list[Document]:
        try:
            waiting = await self._turns.read(self._database, quarantine.keys)
        except (DatabaseFault, Damaged):  # said on the start page
            return []
        return [
            {"id": key.key, "messages": key.messages, "since": key.since_ms}
            for key in waiting
            if key.cause is WaitCause.UNKNOWN_DEVICE and all(word in key.key.lower() for word in wanted)
        ]


def listed_device(device: Device, devices: KnownDevices, now_ms: int) -> Document:
    """A device as lists show it, with what the registry says of it."""
    registered = device.registered if isinstance(device.registered, RegisteredDevice) else None
    entry = entry_document(registered, devices.areas) if registered else {}
    return device_document(device, devices.silence, now_ms) | entry


def _words(query: ListQuery) -> list[str]:
    return query.get("search").lower().split()


def _site(device: Device) -> str:
    return (device.registered.site if isinstance(device.registered, RegisteredDevice) else None) or ""


def _fits(device: Device, words: list[str], areas: Mapping[str, str]) -> bool:
    """Tell if all words occur in the texts about a device."""
    entry = device.registered
    about = [device.name]
    if isinstance(entry, RegisteredDevice):
        about += [
            text
            for text in (entry.site, entry.serial, entry.model, entry.profile, entry.address, areas.get(entry.area or ""))
            if text
        ]
    text = " ".join(about).lower()
    return all(word in text for word in words)
