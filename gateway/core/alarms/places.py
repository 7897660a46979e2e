"""The place of a device's alarms: name, tags and interval."""

from typing import Final

from gateway.core.alarms.alarm import AlarmTags
from gateway.core.alarms.states import Place
from gateway.core.devices.device import Device, Series
from gateway.core.status.silence import INTERVALS, WITHOUT_INTERVAL
from schemas.registry import RegisteredDevice
from schemas.topics import SIMULATED_PREFIX

_WITHOUT_INTERVAL_MS: Final = round(WITHOUT_INTERVAL.total_seconds() * 1000) // INTERVALS


def interval_ms(device: Device) -> int:
    """The interval of a device from the registry, else the one that :mod:`gateway.core.status.silence` assumes."""
    entry = device.registered
    interval = entry.interval if isinstance(entry, RegisteredDevice) else None
    return _WITHOUT_INTERVAL_MS if interval is None else max(1, round(interval.total_seconds() * 1000))


def place_of(device: Device, series: Series | None = None) -> Place:
    """The place of a device's alarms, with the tags of its series if a reading is at hand."""
    entry = device.registered
    site = series.site if series is not None else (entry.site if entry is not None else None)
    domain = series.domain if series is not None else device.measures
    tags = AlarmTags((entry.area if entry is not None else None) or "", device.name, domain or "", site or "")
    is_simulated = device.name.startswith(SIMULATED_PREFIX)
    return Place(device.name, tags, INTERVALS * interval_ms(device), entry is not None, is_simulated)
