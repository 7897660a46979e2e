"""Points of the gateway about itself, its devices and its registry, and about what happens to it: its start, and outages.

They are outside the ledger, and dropped while InfluxDB is away. On VictoriaMetrics ``lost`` is the series ``gateway_lost``. No
figure has the name of a metric (``gateway_journal_bytes``): one VictoriaMetrics may hold both. Counts run since the process
started.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from random import random
from typing import Final

from gateway.core.batching.batch import packed
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.devices.clocks import WrongTimes, wrong_times
from gateway.core.devices.device import Device
from gateway.core.gateways.standby import PairRole
from gateway.core.readings.clock_trust import TimeRules
from gateway.core.readings.line_protocol import tag_text
from gateway.core.readings.replay import LateReadings
from gateway.core.status.health import health_lines, registered_devices
from gateway.core.status.silence import Presence, Silence
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker, Figures, SelfPoint
from gateway.ingest.delivery.influxdb import Output
from gateway.monitoring.alarms.documents import EVENT
from gateway.monitoring.reports.rollup_points import device_tags
from gateway.monitoring.reports.told_events import CLOCK_FIELDS, EVENT_EVERY_MS
from gateway.monitoring.status.status import Status
from gateway.runtime.jobs.other_gateways import UNBROKEN
from gateway.support.clock import WallClock, every, set_within
from schemas.registry import RegisteredDevice

_REPORT_EVERY_S: Final = 60.0
_FIRST_ANSWER_S: Final = 0.15
_DEVICES_TOGETHER: Final = 1000
_LOOK_EVERY_S: Final = 5.0
_REGISTRY_EVERY_MS: Final = 3_600_000
_LINES_TOGETHER: Final = 500
_EVENTS_MAX: Final = 100


class SelfReport:
    """Writes points about the gateway; they are dropped while InfluxDB is away.

    While no readings come, its answers still show if InfluxDB would accept them, and the time of its clock.
    """

    def __init__(self, influxdb: Output, breaker: CircuitBreaker, self_point: SelfPoint, status: Status) -> None:
        self._influxdb = influxdb
        self._breaker = breaker
        self._self_point = self_point
        self._status = status
        self._clocks = ClockEvents(status.devices.silence, status.devices.rules, status.evaluator.late)
        self._answered = asyncio.Event()
        self._openings = breaker.openings
        self._writes_since_ms = 0

    async def first_answer(self) -> None:
        """Wait briefly for InfluxDB's first answer: its date may show that the clock is wrong before a reading is judged."""
        await set_within(self._answered, _FIRST_ANSWER_S)

    async def run(self) -> None:
        """Write at the start and every minute until cancelled."""
        # Gateways that are switched on together must not report together forever: the first interval is shorter.
        first_s = _REPORT_EVERY_S * random()  # noqa: S311 - jitter is no secret
        await self._look()
        await every(_REPORT_EVERY_S, self._status.clock, self._look, first_s=first_s)

    async def _look(self) -> None:
        if not self._breaker.is_open:
            await self.report()

    async def report(self) -> None:
        """Write once."""
        figures = {**self_figures(self._status), **self._unbroken()}
        answer = await self._influxdb.write(self._self_point.report(figures))
        self._answered.set()
        if fate_of(answer) is Fate.WRITTEN:
            self._breaker.close()
            await self._report_devices()
        else:
            self._breaker.open(answer)

    def _unbroken(self) -> dict[str, float]:
        """For how long all that came has gone straight to the database; nothing is said while the broker is away."""
        now_ms, hears_since_ms = self._status.clock.now_ms(), self._status.events.reception.since_ms
        if self._openings != self._breaker.openings:
            self._openings, self._writes_since_ms = self._breaker.openings, now_ms
        if hears_since_ms is None:
            return {}
        return {UNBROKEN: max(0, now_ms - max(hears_since_ms, self._writes_since_ms)) / 1000}

    async def _report_devices(self) -> None:
        """Write the health of the devices it speaks of. While the broker is away write none: silence then means nothing."""
        if not self._status.events.mqtt_connected:
            return
        now_ms, known = self._status.clock.now_ms(), self._status.devices
        registered = registered_devices(known.streams)
        devices = (device for device in registered if self._speaks_of(device, now_ms))
        for lines in health_lines(devices, known.silence, now_ms, _DEVICES_TOGETHER):
            await self._influxdb.write(packed(lines))
        if not self._status.evaluator.trust.doubted and (lines := list(self._clocks.due(registered_devices(known.streams)))):
            await self._influxdb.write(packed(lines))

    def _speaks_of(self, device: Device, now_ms: int) -> bool:
        """Tell if this machine knows how a device is: the other one of its pair may have heard it until the take-over."""
        if self._status.standby is None:
            return True
        heard_from_ms, silence = self._status.events.reception.began_ms or now_ms, self._status.devices.silence
        return device.last_seen_ms >= heard_from_ms or silence.presence(device, now_ms) in {Presence.SILENT, Presence.UNKNOWN}


def self_figures(status: Status) -> Figures:
    """Figures that alerts need where nobody collects metrics: field → value.

    What is not known is left out, as ``full_s`` while the journal does not grow.
    """
    ledger, journal, events = status.ledger, status.journal, status.events
    figures: dict[str, float | bool | None] = {
        "received": float(ledger.received.total()),
        "written": float(ledger.total("written")),
        "lost": float(ledger.total("lost")),
        "missing": float(journal.tally.missing),
        "expired": float(ledger.total("expired")),
        "rejects": float(sum(events.rejects.values())),
        "imbalance": float(ledger.imbalance),
        "broker_dropped": float(events.drops.dropped),
        "quarantine": float(ledger.pending["quarantine"]),
        "mqtt": events.broker_reached,
        "live": None if status.standby is None else status.standby.role is PairRole.LIVE,
        "waits": float(len(status.waits.told)),
        "limit_bytes": float(status.config.journal.max_bytes),
        "used_bytes": float(journal.used_bytes),
        "room_bytes": None if journal.room_bytes is None else float(journal.room_bytes),
        "full_s": status.seconds_to_full(),
        "oldest_s": journal.oldest_s(status.clock.now_ms()),
        "suspended_codecs": float(len(status.codecs.suspended)),
        "certificate_days": min(status.certificate_days().values(), default=None),
    }
    return {name: value for name, value in figures.items() if value is not None}


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


class ClockEvents:
    """Tells of readings at wrong times, once an hour and at the end (:mod:`gateway.monitoring.reports.told_events`)."""

    def __init__(self, silence: Silence, rules: TimeRules, late: LateReadings) -> None:
        self._silence = silence
        self._rules = rules
        self._late = late
        self._wrong: dict[str, WrongTimes] = {}

    def due(self, devices: Iterable[Device]) -> Iterator[str]:
        """The events about wrong clocks that are due. Hours that were closed before it was known are worked out again."""
        for device in devices:
            before = self._wrong.get(device.name)
            if device.registered is None or (before is None and device.clock is None):
                continue
            found = wrong_times(device, self._rules, self._silence.after_ms(device))
            is_new = before is None or found is None or found.first_ms != before.first_ms
            if is_new and before is not None and not before.is_over:
                yield _clock_line(device.registered, before._replace(is_over=True))
            if is_new:
                self._wrong.pop(device.name, None)
            if found is None or found == before:
                continue
            if is_new:
                self._late.note_since(device.name, found.first_ms)
            if is_new or found.is_over or before is None or found.last_ms // EVENT_EVERY_MS > before.last_ms // EVENT_EVERY_MS:
                yield _clock_line(device.registered, found)
            self._wrong[device.name] = found


def _clock_line(registered: RegisteredDevice, found: WrongTimes) -> str:
    told = f"{CLOCK_FIELDS[0]}={float(found.first_ms)!r},{CLOCK_FIELDS[1]}={float(found.is_over)!r}"
    return f"{EVENT}{device_tags(registered, more=[('kind', 'clock')])} {told},value=1.0 {found.last_ms}"


class RegistryReport:
    """Writes the registry, and the newest hundred events that wait to be written."""

    def __init__(self, status: Status, influxdb: Output, breaker: CircuitBreaker) -> None:
        self._status = status
        self._influxdb = influxdb
        self._breaker = breaker
        self._gateway = status.config.mqtt.machine_id
        self._events = deque([event_line("restart", self._gateway, status.clock.now_ms())], maxlen=_EVENTS_MAX)
        self._written: object = None
        self._next_ms = 0
        self._away_since_ms: int | None = None

    async def run(self) -> None:
        """Write what there is to say each few seconds; until cancelled."""
        await every(_LOOK_EVERY_S, WallClock(), self._look, first_s=_LOOK_EVERY_S)

    async def _look(self) -> None:
        lines = self.due()
        while some := list(islice(lines, _LINES_TOGETHER)):
            await self._influxdb.write(packed(some))

    def due(self) -> Iterator[str]:
        """The points that are due; each made when it is asked for."""
        self._watch_outages()
        if self._breaker.is_open:
            return
        while self._events:
            yield self._events.popleft()
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
            took_ms = max(0, now_ms - self._away_since_ms)
            self._events.append(event_line("outage", self._gateway, self._away_since_ms, took_ms))
            self._away_since_ms = None
