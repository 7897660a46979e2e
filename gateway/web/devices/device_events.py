"""The stream of events of one device: its page is fetched again when something about it has changed."""

from typing import Final

from aiohttp import web

from gateway.monitoring.status.status import Status
from gateway.web.http.handlers import Handler
from gateway.web.http.long_answers import EventStreams, event_of

_LOOK_EVERY_S: Final = 0.5


class DeviceEvents:
    """The route ``/api/devices/{device}/events``."""

    def __init__(self, status: Status, streams: EventStreams) -> None:
        self._status = status
        self._streams = streams

    def reading(self) -> dict[str, Handler]:
        """Path → handler, for reading."""
        return {"/api/devices/{device}/events": self._events}

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Say each time that a message of a device has come, or that its verdict is another."""
        name, told = request.match_info["device"], object()

        async def changed() -> bytes | None:
            nonlocal told
            before, told = told, self._state(name)
            return event_of({"now": self._status.clock.now_ms()}) if before != told else None

        return await self._streams.answer(request, changed, _LOOK_EVERY_S)

    def _state(self, name: str) -> object:
        """A value that differs whenever the page would."""
        device = self._status.devices.find(name)
        if device is None:
            return None
        found = self._status.verdicts.ladder(device, self._status.clock.now_ms())
        codes = [(rung.code, rung.state) for rung in found.rungs]
        return device.last_seen_ms, device.setback, device.seq_missing, codes
