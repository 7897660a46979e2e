"""A device as it goes on, over HTTP: its last hours from the database, as JSON and as charts, and its events as they come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeVar

from aiohttp import web

from gateway.ingest.database.open_store import PointStore, open_store
from gateway.ingest.database.store import StoreFault
from gateway.monitoring.status.known_devices import nobody
from gateway.web.changes.commands import CommandRefused
from gateway.web.devices.device_charts import RecentSeries, SampledWindow, device_charts, recent_series, recent_window
from gateway.web.http.answers import Fresh, event_of
from gateway.web.http.handlers import Document, whole_number
from gateway.web.routing import PageParts, RouteGroup, reads
from schemas.quantities import DOMAINS, HEALTH

T = TypeVar("T")

HOURS: Final = (6, 24, 72)
"""Windows that the page offers; over HTTP any number of hours up to the last one."""
_KEPT: Final = 32
_KEPT_FOR_S: Final = 10.0
_GLANCE_S: Final = 0.2
"""Time that the page of a device waits for its small lines."""
_GLANCED_FOR_S: Final = 60.0
_AT_ONCE: Final = 2
"""Questions to the database at a time; it is there to be written to."""
_PATIENCE_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.5


class _LastHours(NamedTuple):
    window: SampledWindow
    series: list[RecentSeries]


class SeriesPages(RouteGroup):
    """The last hours of a device, and its events."""

    def __init__(self, parts: PageParts) -> None:
        super().__init__(parts)
        self._asking = asyncio.Semaphore(_AT_ONCE)
        self._kept: dict[tuple[str, int], Fresh[_LastHours]] = {}
        self._glances: set[asyncio.Future[_LastHours]] = set()

    @reads("/api/series/{device}")
    async def _series(self, request: web.Request) -> web.Response:
        """Answer with the series of the last ``hours``: 6 unless given, at most 72."""
        name = self._known(request)
        if name is None:
            raise CommandRefused(nobody(request.match_info["device"]), 404)
        try:
            found = await self._last_hours(name, _hours(request))
        except StoreFault as fault:
            raise CommandRefused(str(fault), 503) from fault
        response = web.json_response(_series_document(name, found))
        response.enable_compression()
        return response

    @reads("/devices/{device}/charts")
    async def _charts(self, request: web.Request) -> web.Response:
        """The charts of a device, to be put into its page."""
        hours, name = _hours(request), self._known(request)
        texts, formats = self._pages.language(request)
        found, fault = None, ""
        try:
            found = await self._last_hours(name, hours) if name is not None else None
        except StoreFault as error:
            fault = str(error)
        charts = device_charts(found.series, found.window, texts, formats) if found is not None else []
        return self._pages.page(request, "charts", charts=charts, fault=fault, hours=hours, choices=HOURS)

    def _known(self, request: web.Request) -> str | None:
        """The name under which the device stands in the database; None for one that nobody knows."""
        device = self._devices.find(request.match_info["device"])
        return None if device is None else device.name

    async def glance(self, name: str) -> list[RecentSeries]:
        """The last hours of a device as they were asked for a moment ago, or as far as the database answers at once."""
        if self._status.events.influxdb_trouble:
            return []
        fresh = self._fresh(name, HOURS[0])
        found = fresh.newest(_GLANCED_FOR_S)
        if found is None:
            asking = asyncio.ensure_future(fresh.get())
            self._glances.add(asking)  # the loop alone would not keep it
            asking.add_done_callback(self._end_glance)
            await asyncio.wait([asking], timeout=_GLANCE_S)
            found = fresh.newest(_GLANCED_FOR_S)
        return found.series if found is not None else []

    def _end_glance(self, asking: asyncio.Future[_LastHours]) -> None:
        """Let go of a question that nobody may wait for any more; its fault is said by the charts."""
        self._glances.discard(asking)
        if not asking.cancelled():
            asking.exception()

    async def _last_hours(self, name: str, hours: int) -> _LastHours:
        """Ask the database, or StoreFault if it refuses; what it answered serves all readers for some seconds."""
        if trouble := self._status.events.influxdb_trouble:
            raise StoreFault(trouble)  # no reader waits for what is known to be away
        return await self._fresh(name, hours).get()

    def _fresh(self, name: str, hours: int) -> Fresh[_LastHours]:
        fresh = self._kept.pop((name, hours), None) or Fresh(lambda: self._ask(name, hours), _KEPT_FOR_S)
        self._kept[name, hours] = fresh
        while len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return fresh

    async def _ask(self, name: str, hours: int) -> _LastHours:
        window = recent_window(self._clock.now_ms(), hours)
        found = await self.ask(lambda store: recent_series(store, [*DOMAINS, HEALTH], window, name))
        return _LastHours(window, found)

    async def ask(self, question: Callable[[PointStore], Awaitable[T]]) -> T:
        """Ask the database a question, two at a time; StoreFault if it does not answer."""
        if trouble := self._status.events.influxdb_trouble:
            raise StoreFault(trouble)  # no reader waits for what is known to be away
        try:
            async with (
                asyncio.timeout(_PATIENCE_S),
                self._asking,
                open_store(self._config.influxdb, self._status.link) as store,
            ):
                return await question(store)
        except TimeoutError as error:
            raise StoreFault(f"no answer within {_PATIENCE_S:g} s") from error

    @reads("/api/devices/{device}/events")
    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Say each time that a message of a device has come, or that its verdict is another."""
        name, told = request.match_info["device"], object()

        async def changed() -> bytes | None:
            nonlocal told
            before, told = told, self._state(name)
            return event_of({"now": self._clock.now_ms()}) if before != told else None

        return await self._parts.streams.answer(request, changed, _LOOK_EVERY_S)

    def _state(self, name: str) -> object:
        """A value that differs whenever the page would."""
        device = self._devices.find(name)
        if device is None:
            return None
        found = self._status.verdicts.ladder(device, self._clock.now_ms())
        codes = [(rung.code, rung.state) for rung in found.rungs]
        return device.last_seen_ms, device.setback, device.seq_missing, codes


def _hours(request: web.Request) -> int:
    """The hours that are asked for; HTTPBadRequest if they are no number."""
    return min(max(1, whole_number(request.query.get("hours")) or HOURS[0]), HOURS[-1])


def _series_document(name: str, found: _LastHours) -> Document:
    span = found.window.span
    return {
        "device": name,
        "from_ms": span.start_ms,
        "to_ms": span.end_ms,
        "step_s": found.window.step_ms / 1000,
        "series": [
            {
                "measurement": one.measurement,
                "field": one.field,
                "tags": {tag: text for tag, text in one.series._asdict().items() if text and tag != "device"},
                "points": one.points,
            }
            for one in found.series
        ],
    }
