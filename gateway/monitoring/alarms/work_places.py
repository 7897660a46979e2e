"""The places at which work may be planned: a mistyped one would silence nobody, and one left out the whole province."""

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple, Self

from gateway.core.alarms.alarm import AlarmState
from gateway.core.devices.device import Device
from gateway.core.devices.streams import Streams
from schemas.nearest import did_you_mean
from schemas.registry import RegisteredDevice, Registry, device_key


class WorkPlaces(NamedTuple):
    """The sites and devices that are registered or were heard.

    :ivar find: an id in any writing → the device; None: it is not known.
    """

    sites: Collection[str]
    names: Collection[str]
    find: Callable[[str], str | None]

    @classmethod
    def heard(cls, streams: Streams, find: Callable[[str], Device | None]) -> Self:
        """Those that a running gateway knows."""
        registered = streams.registry.values()
        heard = {stream.site for stream in streams.native.values()}
        heard |= {series.site for device in streams.devices.values() for series in (device.series or {}).values()}
        names = [*(device.id for device in registered), *streams.devices]
        return cls(_sites(registered) | heard, names, lambda name: _name(find(name)))

    @classmethod
    def on_file(cls, registry: Registry, active: Iterable[AlarmState]) -> Self:
        """Those of the registry, and those with an active alarm, while no gateway runs."""
        by_id, tags = registry.by_id(), [state.tags for state in active]
        known = {name: device.id for name, device in by_id.items()} | {one.device: one.device for one in tags if one.device}
        sites = _sites(registry.devices) | {one.site for one in tags if one.site}
        return cls(sites, known, lambda name: known.get(name) or known.get(device_key(name)))

    def place(self, site: str, device: str, *, everywhere: bool) -> tuple[str, str]:
        """Site and device of planned work, both empty for everywhere; ValueError: it is not one place, or nobody knows it."""
        if (bool(site), bool(device), everywhere).count(True) != 1:
            raise ValueError("place: name one: a site, a device, or everywhere")
        found = self.find(device) if device else ""
        if found is None:
            raise ValueError(f"device: {device!r} is not registered, and was not heard{did_you_mean(device, self.names)}")
        if site and site not in self.sites:
            raise ValueError(
                f"site: {site!r} is of no registered device, and none was heard there{did_you_mean(site, self.sites)}"
            )
        return site, found


def _sites(registered: Iterable[RegisteredDevice]) -> set[str]:
    return {device.site for device in registered if device.site}


def _name(device: Device | None) -> str | None:
    return None if device is None else device.name
