"""Every device that the gateway knows, registered or heard, with its state at this moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from gateway.core.devices.device import Device
from gateway.core.devices.resolved import Unresolved
from gateway.core.devices.streams import Streams
from gateway.core.readings.timestamps import TimeRules
from gateway.core.status.coverage import Stand
from gateway.core.status.health import registered_devices
from gateway.core.status.silence import UNREGISTERED, Presence, Silence
from gateway.core.status.verdict import Fleet
from schemas.registry import RegisteredDevice, device_key

_LOOKED_AT_TOGETHER: Final = 200
"""Devices."""


@dataclass(slots=True)
class KnownDevices:
    """The devices, and the judge of their silence.

    :ivar areas: code → name of each area, as the active registry names them.
    """

    streams: Streams
    silence: Silence
    rules: TimeRules
    areas: Mapping[str, str] = field(default_factory=dict)

    def name_areas(self, areas: Mapping[str, str]) -> None:
        """Take the areas of a new registry."""
        self.areas = areas

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
