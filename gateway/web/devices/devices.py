"""A device over HTTP: its last message and the fate of it, and the exchange of its meter."""

import asyncio
from copy import deepcopy
from typing import Final, NamedTuple
from urllib.parse import quote

from aiohttp import web

from gateway.core.devices.device import Device
from gateway.core.devices.setback import Setback
from gateway.core.message import Arrival, CodecAsk, Outcome, Refusal, StoredMessage, WaitCause
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.ingest.storage import keyvalue, quarantine, rejects
from gateway.ingest.storage.database import Damaged, DatabaseFault
from gateway.monitoring.status.known_devices import nobody
from gateway.onboarding.explain.dry_run import listed_reject
from gateway.onboarding.explain.steps import AskCodec, LastMessage, births_named_by, explain_last, is_settled
from gateway.runtime.pipeline.processing import processor_apart
from gateway.web.devices.counters import step_documents
from gateway.web.devices.device_charts import sparklines
from gateway.web.devices.device_documents import (
    FoundDevice,
    counter_documents,
    fate_of,
    mark_doubted,
    message_document,
    registry_entry,
    shared_document,
    topic_to_send_to,
)
from gateway.web.devices.device_list import listed_device
from gateway.web.devices.device_view import DeviceTexts, ladder_document
from gateway.web.devices.series import SeriesPages
from gateway.web.http.connections import BODY_MAX_BYTES
from gateway.web.http.handlers import Document, scope_of
from gateway.web.routing import PageParts, RouteGroup, reads
from schemas.registry import device_key
from schemas.rejects import RejectReason

_REJECTS: Final = 5
_RETRACED: Final = 16

_Last = tuple[Arrival, Outcome | None]
"""A message, its arrival and, if known, its outcome."""


class _StoredRows(NamedTuple):
    """Stored rows of a device; none if the disk does not answer."""

    rows: list[rejects.RejectRow]  # the last of its rejects, without their payloads
    waiting: int = 0  # number of its messages that wait for its registration
    newest: Arrival | None = None  # the last of them

    @property
    def refused(self) -> list[Refusal]:
        """The rejects."""
        return [refusal for _, refusal, _ in self.rows]


class DevicePages(RouteGroup):
    """A device, as a page and as JSON."""

    def __init__(self, parts: PageParts, series: SeriesPages) -> None:
        super().__init__(parts)
        self._series = series
        self._retraced: dict[str, tuple[tuple[object, ...], LastMessage]] = {}

    @reads("/devices/{device}")
    async def _device_page(self, request: web.Request) -> web.Response:
        name, now_ms = request.match_info["device"], self._clock.now_ms()
        found = await self._find(name, now_ms)
        if found is None:
            return self._pages.page(request, "device", status=404, device=name, shown=None)
        is_limited = scope_of(request) is not None
        document, keeper = shared_document(found) if is_limited else found.document, self._keeper
        alarms = [state for state in keeper.active() if state.tags.device == document["id"]]
        texts, formats = self._pages.language(request)
        recent = await self._series.glance(document["id"]) if document["result"] else []
        shown = DeviceTexts(texts, formats, now_ms, sparklines(recent)).device(document, found.ladder, alarms, keeper.rules)
        link = self._config.http.grafana
        grafana = link and link.replace("{device}", quote(document["id"], safe=""))
        if is_limited:
            return self._pages.page(request, "shared_device", device=document["id"], shown=shown, document=document)
        topic = None if document["last_seen"] else topic_to_send_to(document)
        return self._pages.page(
            request,
            "device",
            device=document["id"],
            shown=shown,
            document=document,
            topic=topic,
            grafana=grafana,
            photo=await self._parts.photos.of(document["id"]),
            photo_max_bytes=BODY_MAX_BYTES,
        )

    # One device.

    @reads("/api/devices/{device}")
    async def _device(self, request: web.Request) -> web.Response:
        name = request.match_info["device"]
        found = await self._find(name, self._clock.now_ms())
        if found is None:
            raise web.HTTPNotFound(text=nobody(name))
        response = web.json_response(_whole(found) if scope_of(request) is None else shared_document(found))
        response.enable_compression()
        return response

    async def document(self, name: str) -> Document | None:
        """The document of a device, its id in any spelling; None if it was never heard and is not registered."""
        found = await self._find(name, self._clock.now_ms())
        return None if found is None else _whole(found)

    async def _find(self, name: str, now_ms: int) -> FoundDevice | None:
        """Gather all about a device; None: nobody knows it."""
        device = self._devices.find(name)
        name = device.name if device is not None else name
        stored = await self._stored(name)
        if device is None and not stored.refused and not stored.newest:
            return None
        last = self._last_message(device, stored)
        quarantined = last is not None and last[0] is stored.newest
        device = device or _stranger(name, stored)
        document: Document = {"now": now_ms, **listed_device(device, self._devices, now_ms)}
        document["said_goodbye"] = device.has_left
        document["counters"] = counter_documents(device.counters)
        if steps := step_documents(device):
            document["steps"] = steps
        document["rejects"] = [listed_reject(*row) for row in stored.rows]
        document["waiting"] = stored.waiting
        document |= await self._told(name, last, stored.refused)
        if document["result"] is not None:
            mark_doubted(document["result"]["points"], document["counters"])
        refused = bool(stored.refused) and not document["registered"]
        document["fate"] = fate_of(document["result"], quarantined=quarantined, refused=refused)
        if not document["registered"]:
            topic = last[0].message.topic if last else None
            document["registry_entry"] = registry_entry(name, device.source, topic, document["result"])
        profile = (document["result"] or {}).get("profile")
        found = self._status.verdicts.ladder_with(device, now_ms, profile=profile, waiting=stored.waiting)
        return FoundDevice(document, found)

    async def _stored(self, name: str) -> _StoredRows:
        read, file = self._turns.read, self._database
        try:
            refused = await read(file, rejects.page, rejects.RejectFilter(device=name), most=_REJECTS)
            waiting, newest = await read(file, quarantine.newest, device_key(name), WaitCause.UNKNOWN_DEVICE)
        except (DatabaseFault, Damaged):  # said on the status page; what is in memory is shown
            return _StoredRows([])
        if newest is None:
            return _StoredRows(refused, waiting)
        message = StoredMessage(newest.topic, newest.payload, newest.retain, user_properties=newest.properties)
        return _StoredRows(refused, waiting, Arrival(message, newest.arrival_ms))

    @staticmethod
    def _last_message(device: Device | None, stored: _StoredRows) -> _Last | None:
        """The newest message of a device, with arrival and outcome. It is kept from the first request on."""
        if device is not None:
            device.watch()
            if device.last_message is not None:
                return device.last_message, device.last_outcome
        return (stored.newest, None) if stored.newest is not None else None

    async def _told(self, name: str, last: _Last | None, refused: list[Refusal]) -> Document:
        if last is None:
            return {"last_message": None, "result": None, "steps": []}
        arrival, _ = last
        found = await self._retrace(name, last, refused)
        steps = [{"what": what, "value": value} for what, value in found.steps]
        return {"last_message": message_document(arrival.message, arrival.now_ms), "result": found.result, "steps": steps}

    async def _retrace(self, name: str, last: _Last, refused: list[Refusal]) -> LastMessage:
        """Explain the last message; worked out once while it is the last one."""
        arrival, became = last
        message = arrival.message
        streams, evaluator = self._devices.streams, self._status.evaluator
        basis = (message.topic, message.payload, arrival.now_ms, is_settled(became), streams.registry, streams.profiles)
        before = self._retraced.get(name)
        if before is not None and before[0] == basis:
            return before[1]
        births = await self._births(message.topic)
        asker = self._asker(arrival.now_ms, refused)
        apart = processor_apart(streams.registry, streams.profiles, evaluator.rules, deepcopy(evaluator.trust))
        apart.payload_max_bytes = self._config.limits.payload_bytes
        found = await explain_last(apart, arrival, asker, births, became)
        if "waits" not in found.result:
            self._retraced[name] = basis, found
        if len(self._retraced) > _RETRACED:
            del self._retraced[next(iter(self._retraced))]
        return found

    async def _births(self, topic: str) -> dict[str, str]:
        run = self._database.run
        found = {name: await run(keyvalue.get, name) for name in births_named_by(topic)}
        return {name: text for name, text in found.items() if text is not None}

    def _asker(self, arrival_ms: int, refused: list[Refusal]) -> AskCodec:
        """Return the way to call a codec for a message. One that found a fault in it is not called again.

        It may have overrun, and to do so three times in a minute would suspend it for all devices.
        """
        details = [r.detail for r in refused if r.arrival_ms == arrival_ms and r.reason is RejectReason.PROFILE_ERROR]

        async def ask(call: CodecAsk) -> CodecAnswer:
            if details:
                return CodecAnswer(None, fault=details[0].rpartition("its codec: ")[2])
            answered: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
            self._status.codecs.ask(call, lambda answer: None if answered.done() else answered.set_result(answer))
            return await answered

        return ask


def _whole(found: FoundDevice) -> Document:
    return {**found.document, "ladder": ladder_document(found.ladder)}


def _stranger(name: str, stored: _StoredRows) -> Device:
    """A device that is known only from the disk."""
    device = Device(name, None)
    waited_ms = 0 if stored.newest is None else stored.newest.now_ms
    device.last_seen_ms = max([waited_ms, *(refusal.arrival_ms for refusal in stored.refused)])
    if stored.refused and not stored.waiting:
        newest = stored.refused[0]
        device.setback = Setback(newest.reason, newest.arrival_ms, newest.detail)
    return device
