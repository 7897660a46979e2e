"""Points about the registry, hourly and at each change, and about what happens to the gateway: its start, and outages.

They are outside the ledger, and dropped while InfluxDB is away.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from gateway.core.batching.batch import encode
from gateway.core.message import Reading
from gateway.core.readings.line_protocol import tag_text
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.influxdb import Writer
from gateway.monitoring.reports.exchange_points import EVENT
from gateway.monitoring.reports.rollup_points import device_tags
from gateway.monitoring.status.status import Status
from gateway.support.clock import WallClock, every
from schemas.registry import RegisteredDevice

_LOOK_EVERY_S: Final = 5.0
_REGISTRY_EVERY_MS: Final = 3_600_000
_TOGETHER: Final = 500
_EVENTS_MAX: Final = 100


def registry_lines(devices: Iterable[RegisteredDevice], areas: Mapping[str, str], now_ms: int) -> Iterator[str]:
    """The point of each registered device: where it is, and how often it sends."""
    for device in devices:
        name = areas.get(device.area or "", "")
        tags = device_tags(device, more=[("parent", device.parent or ""), ("area_name", name)])
        interval_s = None if device.interval is None else device.interval.total_seconds()
        known = {"interval_s": interval_s, "lat": device.lat, "lon": device.lon, "value": 1.0}
        fields = ",".join(f"{key}={float(value)!r}" for key, value in known.items() if value is not None)
        yield f"registry{tags} {fields} {now_ms}"


def event_line(kind: str, gateway: str, at_ms: int, took_ms: int | None = None) -> str:
    """The point of an event of the gateway, with its duration if it is over."""
    duration = "" if took_ms is None else f",duration_s={took_ms / 1000!r}"
    return f"{EVENT}{tag_text([('gateway', gateway), ('kind', kind)])} value=1.0{duration} {at_ms}"


class EventPoints:
    """Events that wait to be written; the newest hundred."""

    def __init__(self, clock: WallClock, gateway: str) -> None:
        self._gateway = gateway
        self._lines = deque([event_line("restart", gateway, clock.now_ms())], maxlen=_EVENTS_MAX)

    def outage(self, began_ms: int, ended_ms: int) -> None:
        """The broker or the database was away."""
        self._lines.append(event_line("outage", self._gateway, began_ms, max(0, ended_ms - began_ms)))

    def drain(self) -> list[str]:
        """Fetch what waits."""
        lines = list(self._lines)
        self._lines.clear()
        return lines


class RegistryReport:
    """Writes the registry, and events."""

    def __init__(self, status: Status, influxdb: Writer, breaker: CircuitBreaker, events: EventPoints) -> None:
        self._status = status
        self._influxdb = influxdb
        self._breaker = breaker
        self._events = events
        self._written: object = None
        self._next_ms = 0
        self._away_since_ms: int | None = None

    async def run(self) -> None:
        """Write what there is to say each few seconds; until cancelled."""
        await every(_LOOK_EVERY_S, WallClock(), self._look, first_s=_LOOK_EVERY_S)

    async def _look(self) -> None:
        lines = self.due()
        while some := list(islice(lines, _TOGETHER)):
            await self._influxdb.write(encode([Reading(line, "") for line in some]).gzip)

    def due(self) -> Iterator[str]:
        """The points that are due; each made when it is asked for."""
        self._watch_outages()
        if self._breaker.is_open:
            return
        yield from self._events.drain()
        now_ms, registry = self._status.clock.now_ms(), self._status.devices.streams.registry
        if not self._status.devices.silence.membership.leads:
            return
        if registry is not self._written or now_ms >= self._next_ms:
            self._written, self._next_ms = registry, now_ms + _REGISTRY_EVERY_MS
            yield from registry_lines(self._status.devices.registry_entries(), self._status.devices.areas, now_ms)

    def _watch_outages(self) -> None:
        events, now_ms = self._status.events, self._status.clock.now_ms()
        if self._breaker.is_open or not events.mqtt_connected:
            self._away_since_ms = self._away_since_ms or now_ms
        elif self._away_since_ms is not None:
            self._events.outage(self._away_since_ms, now_ms)
            self._away_since_ms = None
