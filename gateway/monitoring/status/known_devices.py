"""Every device that the gateway knows, registered or heard: its state now, the evidence about it, and the verdict."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from math import isnan
from typing import Final

from gateway.core.devices.clocks import asked_offset, clock_off_ms
from gateway.core.devices.device import Device
from gateway.core.devices.streams import Streams
from gateway.core.message import Unresolved
from gateway.core.readings.clock_trust import ClockTrust, TimeRules
from gateway.core.status.coverage import Stand
from gateway.core.status.health import registered_devices
from gateway.core.status.ladder import Ladder, ladder
from gateway.core.status.rungs import NO_ALARMS, DeviceAlarms, DeviceEvidence
from gateway.core.status.silence import UNREGISTERED, Presence, Silence
from gateway.core.status.verdict import Fleet, Level
from gateway.ingest.delivery.delivery_log import DeliveryLog
from gateway.ingest.events import Events
from schemas.registry import RegisteredDevice, device_key

NATIVE = "native"
"""In place of a profile: the device speaks the gateway's own format."""
_CLOCK_GOOD_MS = 60_000
_LOOKED_AT_TOGETHER: Final = 200
"""Devices."""


@dataclass(frozen=True, slots=True)
class DeviceVerdicts:
    """Judges devices: the one place that says how a device is, for its page, lists and programs."""

    rules: TimeRules
    trust: ClockTrust
    silence: Silence
    events: Events
    deliveries: DeliveryLog
    alarms: Callable[[str], DeviceAlarms] = lambda _: NO_ALARMS

    def evidence(self, device: Device, now_ms: int) -> DeviceEvidence:
        """Gather what is in memory."""
        counters, last = device.counters, device.last_message
        here_ms, silent_after_ms = device.last_seen_ms, self.silence.after_ms(device)
        heard_ms = self.silence.membership.heard_ms(device)
        arrival_ms = here_ms if last is None else last.now_ms
        off_ms = clock_off_ms(device, self.rules, silent_after_ms)
        return DeviceEvidence(
            now_ms=now_ms,
            rules=self.rules,
            presence=self.silence.presence(device, now_ms),
            silent_after_ms=silent_after_ms,
            has_left=device.has_left,
            heard_ms=heard_ms,
            elsewhere=heard_ms - here_ms > silent_after_ms,
            arrival_ms=arrival_ms,
            registered=device.registered is not None,
            simulated=device.is_simulated,
            domain=device.measures,
            profile=_profile(device),
            has_readings=device.newest_ms > 0 or counters is not None or device.last_stamp_ms > 0,
            setback=device.setback,
            offset_ms=device.earlier_offset_ms if device.offset_ms is None else device.offset_ms,
            clock_off_ms=off_ms,
            clock_asked="" if off_ms is None else asked_offset(device, off_ms),
            registers=() if counters is None else tuple(counters.registers()),
            awaits_sums=counters is not None and bool(counters.awaits),
            wrong_since_ms=0 if counters is None else int(counters.past.wrong_since_ms or 0),
            whereabouts=self.deliveries.find(arrival_ms),
            not_taken_ms=device.not_taken_ms,
            flood=next((one for one in self.events.floods if one.device in {device.name, device.source}), None),
            mqtt_connected=self.events.mqtt_connected,
            clock_doubted=self.trust.doubted,
            alarms=self.alarms(device.name),
        )

    def ladder(self, device: Device, now_ms: int) -> Ladder:
        """Judge a device by what is in memory."""
        return ladder(self.evidence(device, now_ms))

    def ladder_with(self, device: Device, now_ms: int, *, profile: str | None, waiting: int) -> Ladder:
        """Judge a device by the messages that wait on disk as well, and by the profile that read its last one, if known."""
        seen = self.evidence(device, now_ms)
        return ladder(replace(seen, profile=profile or seen.profile, waiting=waiting))

    def level(self, device: Device, now_ms: int) -> Level:
        """Judge a device in a word; quick for one without any fault, as nearly all are, and for silent ones."""
        presence, events = self.silence.presence(device, now_ms), self.events
        is_due = device.registered is not None and device.last_seen_ms and events.mqtt_connected and not events.floods
        if is_due and presence is Presence.SILENT:
            return Level.TROUBLE
        is_plain = (
            device.setback is None
            and not device.not_taken_ms
            and device.registered is not None
            and device.clock is None
            and abs(device.offset_ms or device.earlier_offset_ms or 0) < _CLOCK_GOOD_MS
            and presence is Presence.ONLINE
            and not self.alarms(device.name).worst
            and (device.counters is None or not any(one.doubt or isnan(one.value) for one in device.counters.registers()))
        )
        well = is_plain and events.influxdb_up and events.mqtt_connected and not events.floods
        return Level.GOOD if well else self.ladder(device, now_ms).level


def _profile(device: Device) -> str:
    if device.streams:
        return NATIVE
    return (device.registered.profile or device.registered.model or "") if device.registered is not None else ""


@dataclass(slots=True)
class KnownDevices:
    """The devices, and the judge of their silence; ``areas``: code → name of each area, as the active registry names them."""

    streams: Streams
    silence: Silence
    rules: TimeRules
    areas: Mapping[str, str] = field(default_factory=dict)

    def all(self) -> Iterator[Device]:
        """Every registered device, with its stored state, and every other one that sent something."""
        yield from registered_devices(self.streams)
        yield from [device for device in self.streams.devices.values() if device.registered is None and not device.is_blank]

    def find(self, name: str) -> Device | None:
        """A device that was heard or is registered; its id in any spelling."""
        streams = self.streams
        for writing in (name, device_key(name)):
            if (met := streams.devices.get(writing)) is not None:
                return met
        entry = streams.registry.get(name) or streams.registry.get(device_key(name))
        if not isinstance(entry, RegisteredDevice):
            return None
        device = streams.meet(device_key(name) if entry.source is None else entry.id)
        return Device(entry.id, entry) if isinstance(device, Unresolved) else device

    def entry(self, name: str) -> RegisteredDevice | None:
        """The entry of the registry for a device; its id in any spelling."""
        device = self.find(name)
        entry = device.registered if device is not None else None
        return entry if isinstance(entry, RegisteredDevice) else None

    def stands(self, now_ms: int) -> Iterator[tuple[str, Stand]]:
        """The state of each device."""
        presence = self.silence.presence
        return ((device.name, Stand(presence(device, now_ms), device.measures)) for device in self.all())

    def registry_entries(self) -> list[RegisteredDevice]:
        """Each entry of the registry once; it may be there under two spellings of its id."""
        entries = self.streams.registry.values()
        return list({id(entry): entry for entry in entries if isinstance(entry, RegisteredDevice)}.values())

    def look_at_fleet(self, now_ms: int) -> Iterator[Fleet]:
        """Check all devices now, some at a time; yields the same fleet each time, filled further."""
        fleet, devices = Fleet(), self.all()
        while some := list(islice(devices, _LOOKED_AT_TOGETHER)):
            fleet.look_at(some, self.silence, self.rules, now_ms)
            yield fleet


def device_document(device: Device, silence: Silence, now_ms: int) -> dict[str, object]:
    """A device as it is now; where it is and how often it sends are known of registered ones."""
    registered = device.registered if isinstance(device.registered, RegisteredDevice) else None
    presence = silence.presence(device, now_ms)
    return {
        "id": device.name,
        "registered": registered is not None,
        "state": UNREGISTERED if registered is None else presence.value,
        "presence": presence.value,
        "online": presence is Presence.ONLINE,
        "last_seen": device.last_seen_ms or None,
        "silent_after_s": silence.after_ms(device) / 1000,
        "site": registered.site if registered else None,
        "domain": device.measures,
        "area": registered.area if registered else None,
        "interval_s": registered.interval.total_seconds() if registered and registered.interval else None,
        "seq_missing": device.seq_missing,
        "clock_offset_s": None if device.offset_ms is None else device.offset_ms / 1000,
    }


def nobody(name: str) -> str:
    """Say that there is no such device."""
    return f"{name[:80]!r} was never heard and is not registered; check its id and the topic that it sends to"
